package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A fault strikes a whole vendor. The package comment says what its fields mean.
type fault struct {
	Fault string   `json:"fault,omitempty"`
	Rate  *float64 `json:"rate,omitempty"` // 0 to 1; nil: 1
	For   string   `json:"for,omitempty"`  // a Go duration; empty: until replaced
	QPS   int      `json:"qps,omitempty"`  // verifying calls a second; 0: no cap

	until  time.Time // zero: until replaced
	second int64     // of the calls counted against QPS, Unix time
	calls  int       // in that second
}

// faults is the one in force per vendor.
type faults struct {
	mu       sync.Mutex
	byVendor map[string]*fault
}

// draw says what strikes the next request of a vendor's step, or "".
func (f *faults) draw(vendor, step string, now time.Time) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.current(vendor, now)
	if x == nil {
		return ""
	}
	strikes := x.Fault != "" && (x.Rate == nil || rand.Float64() < *x.Rate) //nolint:gosec // a fault needs no secret dice
	if strikes && (transport(x.Fault) || step == stepVerify) {
		return x.Fault
	}
	if x.QPS == 0 || step != stepVerify {
		return ""
	}
	if x.second != now.Unix() {
		x.second, x.calls = now.Unix(), 0
	}
	if x.calls++; x.calls > x.QPS {
		return busy
	}
	return ""
}

// current is the vendor's fault, nil when none or over. The caller holds the lock.
func (f *faults) current(vendor string, now time.Time) *fault {
	x := f.byVendor[vendor]
	if x != nil && !x.until.IsZero() && !now.Before(x.until) {
		delete(f.byVendor, vendor)
		return nil
	}
	return x
}

func (f *faults) read(now time.Time) map[string]fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]fault{}
	for _, v := range vendors {
		if x := f.current(v, now); x != nil {
			all[v] = *x
		}
	}
	return all
}

func (f *faults) replace(all map[string]*fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byVendor = all
}

func (s *Sandbox) getFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.faults.read(s.now()))
}

func (s *Sandbox) putFaults(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeError(w, http.StatusRequestEntityTooLarge, "body is too large")
		return
	}
	all, err := parseFaults(body, s.now())
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	s.faults.replace(all)
	s.getFaults(w, r)
}

func (s *Sandbox) deleteFaults(w http.ResponseWriter, _ *http.Request) {
	s.faults.replace(nil)
	w.WriteHeader(http.StatusNoContent)
}

func parseFaults(body []byte, now time.Time) (map[string]*fault, error) {
	all := map[string]*fault{}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("faults: more than one JSON value")
	}
	for vendor, f := range all {
		switch {
		case !slices.Contains(vendors, vendor):
			return nil, fmt.Errorf("faults: unknown vendor %q, one of %s", vendor, strings.Join(vendors, ", "))
		case f == nil:
			delete(all, vendor)
			continue
		case f.Fault != "" && !canStrike(vendor, f.Fault):
			return nil, fmt.Errorf("faults: %s has no fault %q", vendor, f.Fault)
		case f.Rate != nil && (*f.Rate < 0 || *f.Rate > 1):
			return nil, fmt.Errorf("faults: %s: rate is not between 0 and 1", vendor)
		case f.QPS < 0:
			return nil, fmt.Errorf("faults: %s: qps is negative", vendor)
		case f.For == "":
			continue
		}
		lasts, err := time.ParseDuration(f.For)
		if err != nil || lasts <= 0 {
			return nil, fmt.Errorf("faults: %s: for is no duration such as 30s", vendor)
		}
		f.until = now.Add(lasts)
	}
	return all, nil
}

// canStrike reports whether a vendor can give the answer to everybody: what it plays, but for answers that alternate or
// belong to one person's account.
func canStrike(vendor, answer string) bool {
	return plays(vendor, answer) && answer != busyOnce && answer != registered
}
