package host

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxReplyBytes is the longest reply a guest is given.
	maxReplyBytes = 1 << 20
	// maxCallTime bounds what a guest asks for.
	maxCallTime = 2 * time.Minute
	// syncCallTime is for http_request, which names no time.
	syncCallTime = 30 * time.Second
	// idleConns is how many connections to one endpoint wait for the next call.
	idleConns = 512
)

// An Endpoint is where callouts may go: the same scheme, host and port.
type Endpoint struct {
	Provider  string `json:"provider"`
	URL       string `json:"url"`       // its path is not looked at
	Target    string `json:"target"`    // another gateway's name for it
	Plaintext bool   `json:"plaintext"` // http is allowed
	Private   bool   `json:"private"`   // addresses that are not public are allowed, a cloud's metadata apart
}

func (p Endpoint) String() string {
	s := p.URL
	if p.Plaintext {
		s += " plaintext"
	}
	if p.Private {
		s += " private"
	}
	return s + " (" + p.Provider + ")"
}

// failure is why there is no reply, in the guest's words; "" where there is one.
type failure string

const (
	unreachable failure = "unreachable" // no connection, or it broke
	timeout     failure = "timeout"
	tooLarge    failure = "too_large"
	blocked     failure = "blocked" // never sent
)

// call is one callout.
type call struct {
	method  string
	url     string
	header  []header
	body    []byte
	timeout time.Duration
}

// reply answers a call.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// egress is the only way out for a guest.
type egress struct {
	endpoints []Endpoint
	allowed   map[string]http.RoundTripper // by origin
	pools     [2]*http.Transport
}

// newEgress allows the endpoints. Each has to be an absolute URL, and http only where plaintext is allowed.
func newEgress(endpoints []Endpoint, roots *x509.CertPool) (*egress, error) {
	e := &egress{endpoints: endpoints, allowed: map[string]http.RoundTripper{}}
	for i, private := range []bool{false, true} {
		d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: control(private)}
		e.pools[i] = &http.Transport{
			DialContext:         d.DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2:   true,
			DisableCompression:  true, // the guest is given the vendor's bytes, and no bomb
			MaxIdleConnsPerHost: idleConns,
			IdleConnTimeout:     30 * time.Second,

			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	for _, p := range endpoints {
		u, err := url.Parse(p.URL)
		if err != nil || origin(u) == "" {
			return nil, fmt.Errorf("host: endpoint of %s: not http(s)://host:port", p.Provider)
		}
		if u.Scheme == "http" && !p.Plaintext {
			continue // it stays blocked
		}
		pool := e.pools[0]
		if p.Private {
			pool = e.pools[1]
		}
		e.allowed[origin(u)] = pool
	}
	return e, nil
}

// origin is scheme, host and port of a URL, in one spelling; "" where it has none.
func origin(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if host == "" || u.User != nil || u.Opaque != "" {
		return ""
	}
	port := u.Port()
	switch {
	case u.Scheme == "http" && port == "":
		port = "80"
	case u.Scheme == "https" && port == "":
		port = "443"
	case u.Scheme != "http" && u.Scheme != "https":
		return ""
	}
	return u.Scheme + "://" + net.JoinHostPort(host, port)
}

// covers reports whether a callout to the URL may be made at all.
func (e *egress) covers(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && e.allowed[origin(u)] != nil
}

// do makes a callout: at most once, without redirects, cookies and proxies.
func (e *egress) do(ctx context.Context, c *call) (*reply, failure) {
	ctx, cancel := context.WithTimeout(ctx, min(c.timeout, maxCallTime))
	defer cancel()
	u, err := url.Parse(c.url)
	if err != nil {
		return nil, blocked
	}
	pool := e.allowed[origin(u)]
	if pool == nil || !isToken(c.method) || c.method == http.MethodConnect {
		return nil, blocked
	}
	r := &http.Request{
		Method: c.method, URL: u, Host: u.Host, Header: make(http.Header, len(c.header)+1),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	for _, h := range c.header {
		switch h.name {
		case "Host":
			r.Host = h.value
		case "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Trailer", "Te", "Keep-Alive", "Expect":
		case "Idempotency-Key", "X-Idempotency-Key":
			// In this spelling net/http does not take it as a leave to repeat.
			name := strings.ToLower(h.name)
			r.Header[name] = append(r.Header[name], h.value)
		default:
			r.Header[h.name] = append(r.Header[h.name], h.value)
		}
	}
	if r.Header["User-Agent"] == nil {
		r.Header["User-Agent"] = []string{"idvgate"}
	}
	once(r, c.body)
	res, err := pool.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, why(ctx, err)
	}
	defer res.Body.Close()
	return read(ctx, res)
}

// once gives the request its body such that net/http sends it at most once: each question may be billed. A POST it
// repeats only where not a byte was written on a connection that turned out dead; a GET it would repeat after a broken
// reply too, unless it cannot tell that there is no body.
func once(r *http.Request, body []byte) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		return
	}
	r.ContentLength = int64(len(body))
	if len(body) == 0 {
		r.Body = http.NoBody
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}

func read(ctx context.Context, res *http.Response) (*reply, failure) {
	if res.ContentLength > maxReplyBytes {
		return nil, tooLarge
	}
	if res.StatusCode < 200 || res.StatusCode > 599 {
		return nil, unreachable
	}
	var body bytes.Buffer
	body.Grow(int(min(max(res.ContentLength, 512), 64<<10)) + bytes.MinRead)
	if _, err := body.ReadFrom(io.LimitReader(res.Body, maxReplyBytes+1)); err != nil {
		return nil, why(ctx, err)
	}
	if body.Len() > maxReplyBytes {
		return nil, tooLarge
	}
	return &reply{res.StatusCode, res.Header, body.Bytes()}, ""
}

func why(ctx context.Context, err error) failure {
	var net net.Error
	switch {
	case errors.Is(err, errBlocked):
		return blocked
	case ctx.Err() != nil, errors.As(err, &net) && net.Timeout():
		return timeout
	}
	return unreachable
}

func (e *egress) close() {
	for _, p := range e.pools {
		p.CloseIdleConnections()
	}
}
