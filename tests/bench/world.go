package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/host/sandbox"
	"github.com/idvgate/idvgate/tests/bench/front"
)

// world is the upstream and the vendor, which run in this process.
type world struct {
	upstream, vendor *httptest.Server
	delay            atomic.Int64 // of the vendor, in nanoseconds
	proof            atomic.Bool  // the vendor's sandbox answers: it checks signatures and knows people
	held             atomic.Int64 // questions about the held person that wait
	release          atomic.Value // of chan struct{}: closed, it lets them go
}

// match is what the vendor answers when it is not the sandbox.
const match = `{"requestId":"r1","result":{"success":true,"hasException":false,"code":"0","message":"","detail":"{\"chargeFlag\":\"1\"}"}}`

func newWorld() (*world, error) {
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		return nil, err
	}
	w := &world{}
	w.hold()
	strict := s.Handler()
	w.upstream = httptest.NewServer(http.HandlerFunc(upstream))
	w.vendor = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.proof.Load() || !strings.HasPrefix(r.URL.Path, "/jdcloud") {
			strict.ServeHTTP(rw, r)
			return
		}
		body, _ := io.ReadAll(r.Body) // what broke off names nobody
		if strings.Contains(string(body), held.idNumber) {
			w.held.Add(1)
			defer w.held.Add(-1)
			select {
			case <-w.release.Load().(chan struct{}):
			case <-r.Context().Done():
			}
		}
		if d := time.Duration(w.delay.Load()); d > 0 {
			time.Sleep(d)
		}
		if !strings.HasPrefix(r.Header.Get("Authorization"), "JDCLOUD2-HMAC-SHA256 ") {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, match) // whoever left is counted by whoever sent
	}))
	return w, nil
}

// hold makes the vendor keep questions about the held person, until letGo.
func (w *world) hold() { w.release.Store(make(chan struct{})) }

func (w *world) letGo() { close(w.release.Load().(chan struct{})) }

// vendorURL is the vendor's endpoint as the sandbox has it.
func (w *world) vendorURL() string { return w.vendor.URL + "/jdcloud" }

func (w *world) close() {
	w.upstream.CloseClientConnections()
	w.vendor.CloseClientConnections()
	w.upstream.Close()
	w.vendor.Close()
}

// upstream says whether it was told that the person is verified.
func upstream(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	answer := "passed"
	if r.Header.Get(front.OutcomeHeader) == "match" {
		answer = "verified"
	}
	_, _ = io.WriteString(w, answer) // whoever left is counted by whoever sent
}
