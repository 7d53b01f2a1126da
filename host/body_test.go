package host

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTheBodyIsReadForTheGuestAndForwardedUnchanged(t *testing.T) {
	g := newRig(t, nil)
	for _, c := range []struct {
		name    string
		limit   int
		body    string
		chunked bool
		outcome string
		given   string
	}{
		{"a body within the limit", 100, "hello", false, "true", "hello"},
		{"a body of just the limit", 5, "hello", false, "true", "hello"},
		{"a chunked body of just the limit", 5, "hello", true, "true", "hello"},
		{"no body", 5, "", false, "true", ""},
		{"a declared length over the limit", 4, "hello", false, "too_large", ""},
		{"a chunked body over the limit", 4, "hello, and much more", true, "too_large", ""},
		{"a long chunked body over the limit", 10_000, strings.Repeat("x", 300_000), true, "too_large", ""},
		{"a long chunked body", 300_000, strings.Repeat("x", 300_000), true, "true", strings.Repeat("x", 300_000)},
		{"a long body", 300_000, strings.Repeat("x", 300_000), false, "true", strings.Repeat("x", 300_000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body io.Reader = strings.NewReader(c.body)
			if c.chunked {
				body = io.MultiReader(body)
			}
			r, _ := http.NewRequestWithContext(t.Context(), "POST", fmt.Sprintf("%s/body?%d", g.server.URL, c.limit), body)
			a := g.do(r).upstreamSaw(t)
			if a.Header.Get("X-Idv-Outcome") != c.outcome || a.Header.Get("X-Idv-Check") != c.given {
				t.Errorf("the guest was given %q %.20q", a.Header.Get("X-Idv-Outcome"), a.Header.Get("X-Idv-Check"))
			}
			if a.Body != c.body {
				t.Errorf("the upstream was given %d bytes, want %d", len(a.Body), len(c.body))
			}
		})
	}
	if held := g.gateway.bodies.held.Load(); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}

func dial(t *testing.T, g *rig, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", g.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func TestExpectContinue(t *testing.T) {
	g := newRig(t, nil)
	c, in := dial(t, g, "POST /body?100 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if line, _ := in.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q", line)
	}
	in.ReadString('\n')
	io.WriteString(c, "hello")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	if a := (got{res.StatusCode, res.Header, string(text)}).upstreamSaw(t); a.Body != "hello" {
		t.Errorf("%+v", a)
	}
	_, in = dial(t, g, "POST /deny HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if line, _ := in.ReadString('\n'); line != "HTTP/1.1 403 Forbidden\r\n" {
		t.Errorf("a denial asked for the body: %q", line)
	}
	c, in = dial(t, g, "POST /body?4 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if line, _ := in.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("allowed, though too large: %q", line)
	}
	in.ReadString('\n')
	io.WriteString(c, "hello")
	if line, _ := in.ReadString('\n'); line != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("allowed, though too large: %q", line)
	}
}

func TestABodyThatBreaksOffIsGone(t *testing.T) {
	g := newRig(t, nil)
	c, _ := dial(t, g, "POST /shadow-body HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhel")
	c.(*net.TCPConn).CloseWrite()
	g.audit.await(t, `"body":"gone"`)
}

func TestAClientThatSendsItsBodyTooSlowlyIsNotWaitedFor(t *testing.T) {
	g := newRig(t, func(o *Options) { o.BodyTimeout = 50 * time.Millisecond })
	_, in := dial(t, g, "POST /body?100 HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhel")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode < 400 {
		t.Errorf("status %d", res.StatusCode)
	}
	awaits(t, "nothing is held", func() bool { return g.gateway.bodies.held.Load() == 0 && g.gateway.suspended() == 0 })
}

func TestADenialDoesNotWaitForTheBody(t *testing.T) {
	g := newRig(t, nil)
	_, in := dial(t, g, "POST /body-timer HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhel")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(res.Body); res.StatusCode != 403 || string(text) != "too slow" {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}

func TestAShadowRuleIsGivenTheBodyThatGoesOn(t *testing.T) {
	g := newRig(t, nil)
	for body, want := range map[string]string{
		"hello":                   `{"body":"true","length":5}`,
		strings.Repeat("x", 1000): `{"body":"true","length":1000}`,
		strings.Repeat("x", 1001): `{"body":"too_large","length":0}`,
		"":                        `{"body":"true","length":0}`,
	} {
		if a := g.send("POST", "/shadow-body", body).upstreamSaw(t); a.Body != body {
			t.Errorf("the upstream was given %d bytes", len(a.Body))
		}
		g.audit.await(t, want)
	}
	if a := g.send("POST", "/deny-shadow-body", "hello"); a.status != 403 {
		t.Errorf("status %d", a.status)
	}
	g.audit.await(t, `{"body":"gone","length":0}`)
	awaits(t, "nothing is held", func() bool { return g.gateway.bodies.held.Load() == 0 && g.gateway.suspended() == 0 })
}

func TestBodiesTogetherAreBounded(t *testing.T) {
	g := newRig(t, func(o *Options) { o.MaxBodyBytes = 10_000 })
	g.send("POST", "/body?100000", strings.Repeat("x", 9_000)).upstreamSaw(t)
	g.send("POST", "/body?100000", strings.Repeat("x", 11_000)).isProblem(t, 503, "verification_unavailable")
	g.send("POST", "/body?100000", strings.Repeat("x", 9_000)).upstreamSaw(t)
}

func TestTrailersOfTheGatewaysNamesNeverReachTheUpstream(t *testing.T) {
	g := newRig(t, nil)
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	defer h2.CloseIdleConnections()
	for _, path := range []string{"/", "/body?100", "/body?2", "/set", "/shadow-body"} {
		t.Run(path+" announced, HTTP/1.1", func(t *testing.T) {
			_, in := dial(t, g, "POST "+path+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Idv-Outcome, X-Sum\r\n\r\n5\r\nhello\r\n0\r\n"+
				"X-Idv-Outcome: match\r\nx_idv_check: id2\r\nX.IDV.Outcome: match\r\nX-Sum: 1\r\n\r\n")
			checkTrailers(t, in, "X-Sum")
		})
		t.Run(path+" not announced, HTTP/1.1", func(t *testing.T) {
			_, in := dial(t, g, "POST "+path+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"+
				"X-Idv-Outcome: match\r\nx_idv_check: id2\r\nX-Idv.Outcome: match\r\n\r\n")
			checkTrailers(t, in)
		})
		t.Run(path+" HTTP/2", func(t *testing.T) {
			r, _ := http.NewRequestWithContext(t.Context(), "POST", g.server.URL+path, io.MultiReader(strings.NewReader("hello")))
			r.Trailer = http.Header{"X-Idv-Outcome": {"match"}, "X_idv_check": {"id2"}, "X-Sum": {"1"}}
			res, err := h2.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, _ := io.ReadAll(res.Body)
			a := got{res.StatusCode, res.Header, string(text)}.upstreamSaw(t)
			if res.ProtoMajor != 2 || !reflect.DeepEqual(a.Trailer, http.Header{"X-Sum": {"1"}}) || a.Body != "hello" {
				t.Errorf("%s %+v", res.Proto, a)
			}
		})
	}
}

func checkTrailers(t *testing.T, in *bufio.Reader, want ...string) {
	t.Helper()
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	a := got{res.StatusCode, res.Header, string(text)}.upstreamSaw(t)
	if len(a.Trailer) != len(want) || a.Body != "hello" {
		t.Errorf("trailers %v, body %q", a.Trailer, a.Body)
	}
	for _, name := range want {
		if a.Trailer.Get(name) != "1" {
			t.Errorf("trailer %s is %q", name, a.Trailer.Get(name))
		}
	}
}

// onceOver is a body that must not be read after its end.
type onceOver struct {
	io.Reader
	t    *testing.T
	over bool
}

func (o *onceOver) Read(p []byte) (int, error) {
	if o.over {
		o.t.Error("it was read after its end")
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := o.Reader.Read(p)
	o.over = err == io.EOF
	return n, err
}

func (o *onceOver) Close() error { return nil }

func TestABodyIsNotReadAfterItsEnd(t *testing.T) {
	for _, c := range []struct {
		name, read, rest string
		whole            bool
	}{
		{"read whole for the guest", "hello", "", true},
		{"read in part", "hello", " world", false},
		{"not read", "", "hello", false},
		{"empty", "", "", false},
	} {
		held := heldBody{bytes: []byte(c.read)}
		client := &onceOver{Reader: strings.NewReader(c.rest), t: t, over: c.whole}
		body := held.replay(client, c.whole)
		got, err := io.ReadAll(body)
		for range 2 {
			if n, again := body.Read(make([]byte, 1)); n != 0 || again != io.EOF {
				t.Errorf("%s: afterwards %d, %v", c.name, n, again)
			}
		}
		if string(got) != c.read+c.rest || err != nil {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}
