//go:build e2e

package hosts

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/idvgate/idvgate/tests/play"
)

// TestGateways tries the gateways with a guest that does what the path says: their egress rules, their limits, and that
// a guest that fails is replaced and lets nobody through.
func TestGateways(t *testing.T) {
	for _, on := range built.runtimes {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			tryGateway(t, on)
		})
	}
}

// vendor is a server with ways to misbehave. followed counts requests that only a redirect leads to.
func vendor(t *testing.T) (url string, followed *atomic.Int32) {
	t.Helper()
	followed = new(atomic.Int32)
	mux := http.NewServeMux()
	mux.HandleFunc("/answer", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("yes")) }) // seen by the test
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/followed", http.StatusFound) })
	mux.HandleFunc("/followed", func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1<<20+1)) }) // it is not read to its end
	mux.HandleFunc("/whole", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1<<20)) })   // seen by the test
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for tick := time.NewTicker(10 * time.Millisecond); r.Context().Err() == nil; <-tick.C {
			w.Write([]byte("."))                  // until it has left
			http.NewResponseController(w).Flush() // until it has left
		}
	})
	mux.HandleFunc("/reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	server := httptest.NewServer(mux)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL, followed
}

func tryGateway(t *testing.T, on *runtime) {
	good, followed := vendor(t)
	other, _ := vendor(t)
	tls, _ := vendor(t)
	public := strings.Replace(good, "127.0.0.1", "127.0.0.2", 1)
	endpoint := func(url string, plaintext, private bool) map[string]any {
		return map[string]any{"provider": "p", "url": url, "target": "t", "plaintext": plaintext, "private": private}
	}
	endpoints, err := json.Marshal([]any{
		endpoint(good, true, true), endpoint(public, true, false), endpoint(tls, false, true), endpoint("http://169.254.169.254", true, true),
	})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := open(t, on, built.probe, []byte("p1"), map[string]string{"vendor": good, "endpoints": string(endpoints)})

	const denied = http.StatusServiceUnavailable
	for _, c := range []struct {
		name, path string
		headers    [][2]string
		body       string
		status     int
		answer     string // what the client gets, in part
		outcome    string // x-idv-outcome at the upstream; "": it sees nothing
	}{
		{name: "a vendor answers", path: "/call?answer", status: 200, outcome: "200"},
		{name: "a reply of just a mebibyte is read", path: "/call?whole", status: 200, outcome: "200"},
		{name: "a longer one is not", path: "/call?large", status: denied, answer: "too_large"},
		{name: "a redirect is an answer", path: "/call?redirect", status: 200, outcome: "302"},
		{name: "a vendor that is silent", path: "/call-short?slow", status: denied, answer: "timeout"},
		{name: "a vendor that drips", path: "/call-short?drip", status: denied, answer: "timeout"},
		{name: "a connection that breaks", path: "/call?reset", status: denied, answer: "unreachable"},
		{name: "a place that is no endpoint", path: "/call-to?" + other + "/answer", status: denied, answer: "blocked"},
		{name: "an endpoint with somebody's name before it", path: "/call-to?" + strings.Replace(good, "//", "//a@", 1) + "/answer", status: denied, answer: "blocked"},
		{name: "a private address where the policy does not allow one", path: "/call-to?" + public + "/answer", status: denied, answer: "blocked"},
		{name: "plaintext where the policy does not allow it", path: "/call-to?" + tls + "/answer", status: denied, answer: "blocked"},
		{name: "a cloud's metadata", path: "/call-to?http://169.254.169.254/answer", status: denied, answer: "blocked"},
		{name: "what is no URL", path: "/call-to?nowhere", status: denied, answer: "blocked"},

		{name: "a timer", path: "/timer", status: 200, outcome: "timer"},
		{name: "a body within the limit", path: "/body?4", body: "four", status: 200, outcome: "true"},
		{name: "a body over the limit goes on whole", path: "/body?4", body: "fives", status: 200, outcome: "too_large"},
		{name: "no body", path: "/body?4", status: 200, outcome: "true"},
		{name: "a decision with a body that is wanted beside it", path: "/deny-shadow-body", body: "beside", status: 403, answer: "denied"},
		{name: "messages nobody knows", path: "/unknown-message", status: 200, outcome: "none"},

		{name: "an action nobody knows", path: "/odd-action", status: denied},
		{name: "a status that is none of a denial", path: "/odd-status", status: denied},
		{name: "a header that holds another", path: "/odd-header", status: denied},
		{name: "a header that is no UTF-8", path: "/set", headers: [][2]string{{"x-odd", "\xff"}}, status: 400},
		{name: "a second host", path: "/set", headers: [][2]string{{"Host", "other.example.cn"}}, status: 400},
		{name: "two framings", path: "/set", body: "body", headers: [][2]string{{"Transfer-Encoding", "chunked"}}, status: 400},
		{name: "a header's line without a colon", path: "/set", headers: [][2]string{{"x-idv-outcome", "1\r\nspoofed"}}, status: 400},

		{name: "the guest panics", path: "/panic", status: denied},
		{name: "and a fresh one serves", path: "/set", status: 200, outcome: "match"},
		{name: "the guest overflows its stack", path: "/overflow", status: denied},
		{name: "the guest says what is no message", path: "/garbage", status: denied},
		{name: "the guest's message is cut", path: "/cut", status: denied},
		{name: "and a fresh one serves after them", path: "/set", status: 200, outcome: "match"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &play.Request{Method: "GET", Host: "play.example.cn", Path: c.path, Headers: c.headers}
			if c.body != "" {
				r.Method, r.HasBody, r.Body = "POST", true, []byte(c.body)
			}
			seen, err := p.Play(r)
			if err != nil {
				t.Fatal(err)
			}
			if seen.Status != c.status || !strings.Contains(string(seen.Body), c.answer) {
				t.Errorf("%d %s, not %d %s", seen.Status, seen.Body, c.status, c.answer)
			}
			switch {
			case (seen.Upstream != nil) != (c.outcome != ""):
				t.Fatalf("the upstream saw %+v", seen.Upstream)
			case c.outcome == "" || c.outcome == "none":
			case strings.Join(seen.Upstream.Headers["x-idv-outcome"], "|") != c.outcome:
				t.Errorf("x-idv-outcome is %q, not %s", seen.Upstream.Headers["x-idv-outcome"], c.outcome)
			}
			if seen.Upstream != nil && string(seen.Upstream.Body) != c.body {
				t.Errorf("the upstream got the body %q, not %q", seen.Upstream.Body, c.body)
			}
		})
	}
	if n := followed.Load(); n > 0 {
		t.Errorf("%d redirects were followed", n)
	}

	t.Run("what waits in a guest that dies is answered at once", func(t *testing.T) {
		waiting := make(chan play.Seen)
		go func() {
			seen, _ := (&play.Remote{Address: p.Address, Admin: p.Admin, Stage: p.Stage, Record: play.NewRecord()}).Play(&play.Request{Method: "GET", Host: "a.cn", Path: "/wait"})
			waiting <- seen
		}()
		for {
			if _, err := p.Play(&play.Request{Method: "GET", Host: "a.cn", Path: "/panic"}); err != nil {
				t.Fatal(err)
			}
			select {
			case seen := <-waiting:
				if seen.Status != denied {
					t.Errorf("status %d", seen.Status)
				}
				return
			default: // it was not there yet
			}
		}
	})
}
