package play

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
)

// A Gate stands before a stage's vendors: it counts callouts, and keeps them waiting while it is shut.
type Gate struct {
	Calls  atomic.Int64
	URL    string
	Open   func() // lets through who waits, and all who come
	server *httptest.Server
}

// NewGate makes one; shut says that nobody gets through before Open.
func NewGate(stage *Stage, shut bool) *Gate {
	g, gate := &Gate{}, make(chan struct{})
	g.Open = sync.OnceFunc(func() { close(gate) })
	if !shut {
		g.Open()
	}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.Calls.Add(1)
		<-gate
		pass(w, r, stage.Vendors.URL)
	}))
	g.URL = g.server.URL
	return g
}

// Close lets through who waits and ends it.
func (g *Gate) Close() {
	g.Open()
	g.server.Close()
}

// pass asks the vendor as the gateway did, host and signed headers included.
func pass(w http.ResponseWriter, r *http.Request, to string) {
	const failed = 599
	out, err := http.NewRequestWithContext(r.Context(), r.Method, to+r.URL.RequestURI(), r.Body)
	if err != nil {
		w.WriteHeader(failed)
		return
	}
	out.Header, out.Host = r.Header, r.Host
	reply, err := http.DefaultClient.Do(out)
	if err != nil {
		w.WriteHeader(failed)
		return
	}
	defer reply.Body.Close()
	w.WriteHeader(reply.StatusCode)
	_, _ = io.Copy(w, reply.Body)
}
