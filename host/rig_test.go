package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idvgate/idvgate/host/internal/fakeguest"
)

var (
	guestWasm []byte
	guestDir  string // compiled code, for all tests
)

func TestMain(m *testing.M) {
	code := 1
	var err error
	if guestWasm, err = fakeguest.Build(true); err == nil {
		if guestDir, err = os.MkdirTemp("", "compiled"); err == nil {
			code = m.Run()
			err = os.RemoveAll(guestDir)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// rig is a gateway between a client and an upstream, with a vendor.
type rig struct {
	t        *testing.T
	gateway  *Gateway
	server   *httptest.Server
	upstream *httptest.Server
	vendor   *httptest.Server
	audit    *record
	log      *record
	slow     chan struct{} // the vendor's /slow answers when it is closed
	arrived  chan struct{} // one for each call of /slow
}

// record keeps what is written to it.
type record struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{}
}

func newRecord() *record { return &record{wrote: make(chan struct{}, 1)} }

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text.Write(b)
	select {
	case r.wrote <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// await waits until the text is there.
func (r *record) await(t *testing.T, text string) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for !strings.Contains(r.String(), text) {
		select {
		case <-r.wrote:
		case <-limit:
			t.Fatalf("%q did not come: %s", text, r)
		}
	}
}

// awaits waits until something is so.
func awaits(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if idle(ctx, so) != nil {
		t.Fatalf("never: %s", what)
	}
}

// seen is what the upstream was sent.
type seen struct {
	Method, URI, Host, Body string
	Header, Trailer         http.Header
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(599)
		return
	}
	json.NewEncoder(w).Encode(seen{r.Method, r.RequestURI, r.Host, string(body), r.Header, r.Trailer})
}

func (g *rig) ask(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // only then is it noticed that the other side has left
	switch r.URL.Path {
	case "/answer":
		fmt.Fprintf(w, "you said %s", body)
	case "/slow":
		g.arrived <- struct{}{}
		select {
		case <-g.slow:
			io.WriteString(w, "at last")
		case <-r.Context().Done():
		}
	case "/redirect":
		http.Redirect(w, r, "/answer", http.StatusFound)
	case "/big":
		w.Header().Set("Content-Length", "1048577")
		w.Write(make([]byte, maxReplyBytes+1))
	case "/big-chunked":
		for range 40 {
			w.Write(make([]byte, 64<<10))
		}
	case "/largest":
		w.Write(make([]byte, maxReplyBytes))
	case "/reset":
		c, _, _ := http.NewResponseController(w).Hijack()
		c.Close()
	case "/cut":
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "only this")
	case "/odd-header":
		w.Header()["X-Odd"] = []string{"caf\xe9 \"quoted\""}
	}
}

func newRig(t *testing.T, change func(o *Options)) *rig {
	t.Helper()
	g := &rig{t: t, audit: newRecord(), log: newRecord(), slow: make(chan struct{}), arrived: make(chan struct{}, 10_000)}
	g.upstream = httptest.NewServer(http.HandlerFunc(echo))
	g.vendor = httptest.NewServer(http.HandlerFunc(g.ask))
	to, _ := url.Parse(g.upstream.URL)
	o := Options{
		Wasm: guestWasm, CacheDir: guestDir, Upstream: to, Shards: 1, Audit: g.audit,
		Log: slog.New(slog.NewTextHandler(g.log, nil)),
		Config: map[string]string{
			"vendor":    g.vendor.URL,
			"endpoints": `[{"provider":"v","url":"` + g.vendor.URL + `","target":"v","plaintext":true,"private":true}]`,
		},
	}
	if change != nil {
		change(&o)
	}
	var err error
	if g.gateway, err = New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	g.server = httptest.NewUnstartedServer(g.gateway)
	g.server.Config.Protocols = new(http.Protocols)
	g.server.Config.Protocols.SetHTTP1(true)
	g.server.Config.Protocols.SetUnencryptedHTTP2(true)
	g.server.Start()
	t.Cleanup(func() {
		if err := g.gateway.Close(); err != nil {
			t.Error(err)
		}
		g.server.Close()
		g.vendor.CloseClientConnections()
		g.vendor.Close()
		g.upstream.Close()
	})
	return g
}

// got is what the client got.
type got struct {
	status int
	header http.Header
	body   string
}

// send sends a request with header lines "name: value".
func (g *rig) send(method, path, body string, lines ...string) got {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.server.URL+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return g.do(r)
}

func (g *rig) do(r *http.Request) got {
	g.t.Helper()
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		g.t.Error(err)
		return got{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Error(err)
	}
	return got{res.StatusCode, res.Header, string(body)}
}

// upstreamSaw reads the upstream's answer.
func (a got) upstreamSaw(t *testing.T) seen {
	t.Helper()
	var s seen
	if a.status != 200 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// isProblem checks a problem of the gateway's own.
func (a got) isProblem(t *testing.T, status int, reason string) {
	t.Helper()
	var p struct {
		Type, Title, Reason, Instance string
		Status                        int
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != status {
		t.Errorf("status %d, body %q; want the problem %d %s", a.status, a.body, status, reason)
		return
	}
	retry := ""
	if status == 503 {
		retry = "5"
	}
	if p.Type != "urn:idvgate:problem:"+reason || p.Reason != reason || p.Status != status || p.Title == "" || len(p.Instance) != 22 ||
		a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("Retry-After") != retry {
		t.Errorf("problem %+v, headers %v", p, a.header)
	}
}

// recorder is what the admin port answers.
type recorder struct {
	status int
	header http.Header
	body   strings.Builder
}

func (r *recorder) get(g *Gateway, path string) {
	w := httptest.NewRecorder()
	g.Admin().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	r.status, r.header = w.Code, w.Header()
	r.body.Write(w.Body.Bytes())
}
