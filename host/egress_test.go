package host

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestMayConnect(t *testing.T) {
	for _, c := range []struct {
		address         string
		public, private bool // whether an endpoint without and with leave for private addresses may be there
	}{
		{"1.1.1.1", true, true},
		{"2606:4700:4700::1111", true, true},
		{"::ffff:1.1.1.1", true, true},
		{"64:ff9b::1.1.1.1", true, true},
		{"127.0.0.1", false, true},
		{"127.8.8.8", false, true},
		{"::1", false, true},
		{"::ffff:127.0.0.1", false, true},
		{"64:ff9b::7f00:1", false, true},
		{"::127.0.0.1", false, true},
		{"10.0.0.1", false, true},
		{"172.31.255.255", false, true},
		{"192.168.0.1", false, true},
		{"100.64.0.1", false, true},
		{"169.254.1.1", false, true},
		{"198.18.0.1", false, true},
		{"192.0.2.1", false, true},
		{"240.0.0.1", false, true},
		{"0.1.2.3", false, true},
		{"fe80::1", false, true},
		{"fe80::1%eth0", false, true},
		{"fd00::1", false, true},
		{"fec0::1", false, true},
		{"2001:db8::1", false, true},
		{"2002:7f00:1::", false, true},
		{"169.254.169.254", false, false},
		{"::ffff:169.254.169.254", false, false},
		{"64:ff9b::169.254.169.254", false, false},
		{"100.100.100.200", false, false},
		{"168.63.129.16", false, false},
		{"fd00:ec2::254", false, false},
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"224.0.0.1", false, false},
		{"ff02::1", false, false},
	} {
		a := netip.MustParseAddr(c.address)
		if mayConnect(a, false) != c.public || mayConnect(a, true) != c.private {
			t.Errorf("%s: %v and %v with leave, want %v and %v", a, mayConnect(a, false), mayConnect(a, true), c.public, c.private)
		}
	}
}

// vendor counts connections and requests.
func vendor(t *testing.T, serve http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(serve)
	t.Cleanup(s.Close)
	return s
}

func out(t *testing.T, roots *x509.CertPool, endpoints ...Endpoint) *egress {
	t.Helper()
	e, err := newEgress(endpoints, roots)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	return e
}

func ask(t *testing.T, e *egress, method, url string, h ...header) (*reply, failure) {
	t.Helper()
	return e.do(t.Context(), &call{method: method, url: url, header: h, body: []byte("q"), timeout: 10 * time.Second})
}

func TestEgressSendsOnlyWhereItIsAllowed(t *testing.T) {
	var reached atomic.Int32
	s := vendor(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	for _, c := range []struct {
		name     string
		endpoint Endpoint
		url      string
		want     failure
	}{
		{"with leave for plaintext and private addresses", Endpoint{URL: s.URL, Plaintext: true, Private: true}, s.URL + "/path?x=1", ""},
		{"its path is not looked at", Endpoint{URL: s.URL + "/base", Plaintext: true, Private: true}, s.URL + "/other", ""},
		{"a name is judged by what it resolves to", Endpoint{URL: "http://localhost" + port, Plaintext: true, Private: true}, "http://LOCALHOST" + port, ""},
		{"a private address without leave", Endpoint{URL: s.URL, Plaintext: true}, s.URL, blocked},
		{"a name that resolves to a private address, without leave", Endpoint{URL: "http://localhost" + port, Plaintext: true}, "http://localhost" + port, blocked},
		{"plaintext without leave", Endpoint{URL: s.URL, Private: true}, s.URL, blocked},
		{"another port", Endpoint{URL: "http://127.0.0.1:1", Plaintext: true, Private: true}, s.URL, blocked},
		{"another name for the same address", Endpoint{URL: s.URL, Plaintext: true, Private: true}, "http://localhost" + port, blocked},
		{"no host", Endpoint{URL: s.URL, Plaintext: true, Private: true}, "http:///path", blocked},
		{"no URL", Endpoint{URL: s.URL, Plaintext: true, Private: true}, "http://[::1", blocked},
		{"a cloud's metadata, with leave", Endpoint{URL: "http://169.254.169.254", Plaintext: true, Private: true}, "http://169.254.169.254/latest", blocked},
	} {
		before := reached.Load()
		_, fault := ask(t, out(t, nil, c.endpoint), "POST", c.url)
		if fault != c.want || (reached.Load() > before) != (c.want == "") {
			t.Errorf("%s: %q, want %q; reached: %v", c.name, fault, c.want, reached.Load() > before)
		}
	}
	if _, fault := ask(t, out(t, nil, Endpoint{URL: s.URL, Plaintext: true, Private: true}), "GET / HTTP/1.1\r\nX", s.URL); fault != blocked {
		t.Errorf("a method that is none: %q", fault)
	}
}

func TestEgressUsesNoProxyFromTheEnvironment(t *testing.T) {
	s := vendor(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI) })
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	r, fault := ask(t, out(t, nil, Endpoint{URL: s.URL, Plaintext: true, Private: true}), "POST", s.URL+"/x")
	if fault != "" || string(r.body) != "/x" {
		t.Errorf("%+v, %q", r, fault)
	}
}

func TestEgressSpeaksTLSAndHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	r, fault := ask(t, out(t, roots, Endpoint{URL: s.URL, Private: true}), "POST", s.URL)
	if fault != "" || string(r.body) != "HTTP/2.0" {
		t.Errorf("%+v, %q", r, fault)
	}
	if _, fault := ask(t, out(t, x509.NewCertPool(), Endpoint{URL: s.URL, Private: true}), "POST", s.URL); fault != unreachable {
		t.Errorf("an unknown certificate: %q", fault)
	}
}

func TestEgressSendsTheGuestsHeadersAndNothingOfItsOwnThatMatters(t *testing.T) {
	var seen http.Header
	var host string
	s := vendor(t, func(_ http.ResponseWriter, r *http.Request) { seen, host = r.Header.Clone(), r.Host })
	e := out(t, nil, Endpoint{URL: s.URL, Plaintext: true, Private: true})
	if _, fault := ask(t, e, "POST", s.URL, header{"X-A", "1"}, header{"X-A", "2"}, header{"Host", "vendor.example"},
		header{"Content-Length", "99"}, header{"Connection", "close"}, header{"Transfer-Encoding", "chunked"}); fault != "" {
		t.Fatal(fault)
	}
	if want := (http.Header{"X-A": {"1", "2"}, "Content-Length": {"1"}, "User-Agent": {"idvgate"}}); !reflect.DeepEqual(seen, want) || host != "vendor.example" {
		t.Errorf("%v to %s, want %v", seen, host, want)
	}
}

// TestEgressAsksAtMostOnce closes a kept connection under the second question: whatever the method, it must not be sent
// again, since the first copy may have been read and billed.
func TestEgressAsksAtMostOnce(t *testing.T) {
	for _, method := range []string{"GET", "POST", "HEAD", "PUT"} {
		for name, lines := range map[string][]header{"": nil, " with an idempotency key": {{"Idempotency-Key", "1"}}} {
			var requests atomic.Int32
			s := vendor(t, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				if requests.Add(1) > 1 {
					c, _, _ := http.NewResponseController(w).Hijack()
					c.(*net.TCPConn).SetLinger(0)
					c.Close()
				}
			})
			e := out(t, nil, Endpoint{URL: s.URL, Plaintext: true, Private: true})
			for i, want := range []failure{"", unreachable} {
				c := &call{method: method, url: s.URL, header: lines, timeout: 10 * time.Second}
				if method == "POST" {
					c.body = []byte("q")
				}
				if _, fault := e.do(t.Context(), c); fault != want {
					t.Errorf("%s%s, question %d: %q, want %q", method, name, i+1, fault, want)
				}
			}
			if requests.Load() != 2 {
				t.Errorf("%s%s: the vendor was asked %d times for 2 questions", method, name, requests.Load())
			}
		}
	}
}

func TestEgressTellsATimeoutFromARefusal(t *testing.T) {
	s := vendor(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	e := out(t, nil, Endpoint{URL: s.URL, Plaintext: true, Private: true}, Endpoint{URL: "http://127.0.0.1:1", Plaintext: true, Private: true})
	if _, fault := e.do(context.Background(), &call{method: "POST", url: s.URL, timeout: 20 * time.Millisecond}); fault != timeout {
		t.Errorf("silence: %q", fault)
	}
	if _, fault := ask(t, e, "POST", "http://127.0.0.1:1"); fault != unreachable {
		t.Errorf("a closed port: %q", fault)
	}
}
