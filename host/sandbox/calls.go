package sandbox

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// maxCalls is how many calls are kept one by one; older ones are dropped. The totals count all.
const maxCalls = 50_000

// A call is one request a vendor got.
type call struct {
	Vendor string    `json:"vendor"`
	Step   string    `json:"step"`   // login, account, verify or certificate
	Person string    `json:"person"` // as listed, or unknown
	Answer string    `json:"answer"` // as in the list of people; a refusal's own code
	Billed bool      `json:"billed"`
	At     time.Time `json:"at"` // by the sandbox's clock, UTC
}

// total counts one vendor's calls.
type total struct {
	Verify int `json:"verify"` // refused ones too
	Login  int `json:"login"`
	Billed int `json:"billed"`
}

// callLog keeps what was asked. A call is there before its answer is on the way, so who has an answer finds it.
type callLog struct {
	mu     sync.Mutex
	calls  []call
	totals map[string]total
}

func (l *callLog) add(c call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.totals == nil {
		l.totals = map[string]total{}
	}
	if len(l.calls) >= 2*maxCalls {
		l.calls = append(make([]call, 0, 2*maxCalls), l.calls[maxCalls:]...)
	}
	l.calls = append(l.calls, c)
	t := l.totals[c.Vendor]
	switch c.Step {
	case stepVerify:
		t.Verify++
	case stepLogin:
		t.Login++
	}
	if c.Billed {
		t.Billed++
	}
	l.totals[c.Vendor] = t
}

// read is the newest maxCalls calls, oldest first, and the totals of every vendor, called or not.
func (l *callLog) read() ([]call, map[string]total) {
	l.mu.Lock()
	defer l.mu.Unlock()
	totals := make(map[string]total, len(vendors))
	for _, v := range vendors {
		totals[v] = l.totals[v]
	}
	kept := l.calls[max(0, len(l.calls)-maxCalls):]
	return append(make([]call, 0, len(kept)), kept...), totals
}

func (l *callLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.totals = nil, nil
}

func (s *Sandbox) getCalls(w http.ResponseWriter, _ *http.Request) {
	calls, totals := s.calls.read()
	writeJSON(w, http.StatusOK, map[string]any{"calls": calls, "totals": totals})
}

func (s *Sandbox) deleteCalls(w http.ResponseWriter, _ *http.Request) {
	s.calls.clear()
	w.WriteHeader(http.StatusNoContent)
}

// writeJSON answers a control request.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}

// writeError answers a control request that cannot be done.
func writeError(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, map[string]string{"error": text})
}
