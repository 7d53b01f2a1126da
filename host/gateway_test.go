package host

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestDecisions(t *testing.T) {
	g := newRig(t, nil)
	for _, c := range []struct {
		name, path string
		status     int
		body       string
		header     map[string]string
	}{
		{"a denial is sent as the guest says it", "/deny", 403, "denied", map[string]string{"Content-Type": "text/plain", "X-Said": "no", "Content-Length": "6"}},
		{"a challenge is sent as the guest says it", "/challenge", 303, "", map[string]string{"Location": "https://page.example.cn/", "Content-Length": "0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := g.send("POST", c.path, "hello")
			if a.status != c.status || a.body != c.body {
				t.Errorf("%d %q, want %d %q", a.status, a.body, c.status, c.body)
			}
			for name, want := range c.header {
				if a.header.Get(name) != want {
					t.Errorf("%s is %q, want %q", name, a.header.Get(name), want)
				}
			}
		})
	}
	for name, path := range map[string]string{
		"an unknown action is a 503": "/odd-action", "a status that denies nothing is a 503": "/odd-status",
		"a header that would split in two is a 503": "/odd-header",
	} {
		t.Run(name, func(t *testing.T) { g.send("POST", path, "").isProblem(t, 503, "verification_unavailable") })
	}
	t.Run("unknown messages and those for unknown flows are ignored", func(t *testing.T) {
		g.send("GET", "/unknown-message", "").upstreamSaw(t)
	})
}

func TestWhatPassesIsForwardedAsItCame(t *testing.T) {
	g := newRig(t, nil)
	a := g.send("PUT", "/a%2Fb//c/../d;x=1?b=2&a=1;c&%zz", "the body", "X-Thing: one", "X-Thing: two", "Host: ignored").upstreamSaw(t)
	if a.Method != "PUT" || a.URI != "/a%2Fb//c/../d;x=1?b=2&a=1;c&%zz" || a.Body != "the body" || !reflect.DeepEqual(a.Header["X-Thing"], []string{"one", "two"}) {
		t.Errorf("%+v", a)
	}
	if want := strings.TrimPrefix(g.server.URL, "http://"); a.Host != want {
		t.Errorf("host %q, want %q", a.Host, want)
	}
	if len(a.Header["X-Request-Id"]) != 1 || len(a.Header.Get("X-Request-Id")) != 22 || a.Header.Get("X-Forwarded-For") != "127.0.0.1" {
		t.Errorf("headers %v", a.Header)
	}
	if a := g.send("GET", "/", "", "X-Request-Id: abc-1", "X-Forwarded-For: 8.8.8.8").upstreamSaw(t); a.Header.Get("X-Request-Id") != "abc-1" || a.Header.Get("X-Forwarded-For") != "127.0.0.1" {
		t.Errorf("headers %v", a.Header)
	}
	if a := g.send("GET", "/", "", "X-Request-Id: a b").upstreamSaw(t); len(a.Header.Get("X-Request-Id")) != 22 {
		t.Errorf("an id with a space was kept: %v", a.Header)
	}
}

func TestTheGuestReadsTheHeadAsItCame(t *testing.T) {
	g := newRig(t, func(o *Options) { o.TrustedHops = 1 })
	a := g.send("POST", "/head?q=%41", "x", "X-Two: a", "X-Two: \"b\\\té", "X_IDV_Outcome: match", "X-Forwarded-For: 9.9.9.9, 2001:db8::1", "X-Request-Id: r1")
	var h struct {
		ID, Method, Host, Path, Client string
		Headers                        [][2]string
		NoBody, Upgrade                bool
	}
	if err := json.Unmarshal([]byte(a.body), &h); err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for _, line := range h.Headers {
		lines[line[0]] += line[1] + "|"
	}
	if h.ID != "r1" || h.Method != "POST" || h.Path != "/head?q=%41" || h.Client != "2001:db8::1" || h.NoBody || h.Upgrade ||
		lines["x-two"] != "a|\"b\\\té|" || lines["x_idv_outcome"] != "match|" || lines["content-length"] != "1|" {
		t.Errorf("%+v", h)
	}
	if a := g.send("GET", "/head", ""); !strings.Contains(a.body, `"noBody":true`) {
		t.Errorf("no body was not said: %s", a.body)
	}
	if a := g.send("GET", "/head", "", "Connection: Upgrade", "Upgrade: websocket"); !strings.Contains(a.body, `"upgrade":true`) {
		t.Errorf("an upgrade was not said: %s", a.body)
	}
	if a := g.send("GET", "/head", "", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA"); strings.Contains(a.body, `"upgrade":true`) || strings.Contains(a.body, "h2c") {
		t.Errorf("h2c was not taken off: %s", a.body)
	}
}

func TestClientAddress(t *testing.T) {
	for _, c := range []struct {
		name  string
		hops  int
		chain []string
		want  string
	}{
		{"without trusted proxies the list is not read", 0, []string{"1.1.1.1"}, "7.7.7.7"},
		{"one proxy: the last of the list", 1, []string{"1.1.1.1, 2.2.2.2"}, "2.2.2.2"},
		{"two proxies: the one before", 2, []string{"1.1.1.1, 2.2.2.2"}, "1.1.1.1"},
		{"two proxies over two lines", 2, []string{"1.1.1.1", "2.2.2.2"}, "1.1.1.1"},
		{"a list that is too short: the connection's", 3, []string{"1.1.1.1, 2.2.2.2"}, "7.7.7.7"},
		{"no list: the connection's", 1, nil, "7.7.7.7"},
		{"no address: the connection's", 1, []string{"1.1.1.1, unknown"}, "7.7.7.7"},
		{"IPv4 in IPv6 is IPv4", 1, []string{"::ffff:1.2.3.4"}, "1.2.3.4"},
	} {
		r := &http.Request{RemoteAddr: "7.7.7.7:99", Header: http.Header{"X-Forwarded-For": c.chain}}
		if got := clientAddress(r, c.hops); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAnnotationsAreTheGatewaysAlone(t *testing.T) {
	g := newRig(t, nil)
	a := g.send("POST", "/set", "", "X-IDV-Outcome: spoofed", "X_IDV_Outcome: spoofed", "Connection: x-idv-outcome, x-idv-check", "X-IDV-Check: spoofed").upstreamSaw(t)
	if !reflect.DeepEqual(a.Header["X-Idv-Outcome"], []string{"match"}) || !reflect.DeepEqual(a.Header["X-Idv-Check"], []string{"id2"}) || a.Header["X_idv_outcome"] != nil {
		t.Errorf("headers %v", a.Header)
	}
}

func TestAHeadThatIsNotUTF8IsRefused(t *testing.T) {
	g := newRig(t, nil)
	c, err := net.Dial("tcp", g.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Name: caf\xe9\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	got{res.StatusCode, res.Header, string(body)}.isProblem(t, 400, "invalid_request")
}

func TestAnUpstreamThatIsDownIsA502(t *testing.T) {
	g := newRig(t, nil)
	g.upstream.Close()
	g.send("GET", "/secret?name=x", "").isProblem(t, 502, "upstream_unavailable")
	if log := g.log.String(); !strings.Contains(log, "the upstream does not answer") || strings.Contains(log, "secret") {
		t.Errorf("log: %s", log)
	}
}

func TestATunnelIsRefused(t *testing.T) {
	g := newRig(t, nil)
	c, err := net.Dial("tcp", g.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 405 {
		t.Fatalf("%v, %v", res, err)
	}
}

func TestAnAllowedWebsocketIsUpgraded(t *testing.T) {
	g := newRig(t, nil)
	g.upstream.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		line, _ := buffered.ReadString('\n')
		io.WriteString(c, "you said "+line)
	})
	c, err := net.Dial("tcp", g.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("%v, %v", res, err)
	}
	fmt.Fprintf(c, "hello\n")
	if line, err := in.ReadString('\n'); line != "you said hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}
