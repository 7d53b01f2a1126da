package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"
)

// proxies forward requests. Each request in flight has a ReverseProxy of its own, taken from a pool, so that Rewrite
// knows the decision without another copy of the request.
type proxies struct {
	gateway   *Gateway
	transport *http.Transport
	pool      sync.Pool
}

// proxy is a ReverseProxy and the request it is for.
type proxy struct {
	httputil.ReverseProxy
	exchange *exchange
}

func (p *proxies) open(g *Gateway) {
	p.gateway = g
	p.transport = &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   1024,
		IdleConnTimeout:       60 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	log := slog.NewLogLogger(g.log.Handler(), slog.LevelDebug)
	p.pool.New = func() any {
		one := &proxy{}
		one.ReverseProxy = httputil.ReverseProxy{
			Transport: p.transport, BufferPool: copyBuffers{}, ErrorLog: log, Rewrite: one.rewrite, ModifyResponse: one.answer, ErrorHandler: one.failed,
		}
		return one
	}
}

func (p *proxies) serve(e *exchange) {
	one := p.pool.Get().(*proxy)
	one.exchange = e
	one.ServeHTTP(e.w, e.r)
	// Not where it panics: then it may still be in use.
	one.exchange = nil
	p.pool.Put(one)
}

// rewrite makes the upstream's request. It runs after headers that the client named in Connection are gone, so what the
// gateway adds stays.
func (p *proxy) rewrite(pr *httputil.ProxyRequest) {
	e := p.exchange
	o := &e.gateway.options
	pr.SetURL(o.Upstream)
	pr.Out.Host = pr.In.Host
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery // as it came: what the guest has read is what the upstream reads
	forwarded(pr, o.TrustedHops)
	h := pr.Out.Header
	h["X-Request-Id"] = pr.In.Header["X-Request-Id"]
	d := &e.flow.decision
	for _, name := range d.remove {
		delete(h, name)
	}
	for _, line := range d.set {
		h[line.name] = append(h[line.name], line.value)
	}
	if e.started {
		delete(h, "Expect") // the client was told to go on
	}
	if e.whole && len(e.held.bytes) > 0 {
		body := e.held.bytes
		if d.body != nil {
			body = d.body
			pr.Out.Body = io.NopCloser(bytes.NewReader(body))
			if pr.Out.ContentLength >= 0 { // else it goes on as it came, in chunks
				pr.Out.ContentLength = int64(len(body))
			}
		}
		pr.Out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	trailers(pr)
}

// answer adds to the upstream's response what the guest has for the client.
func (p *proxy) answer(r *http.Response) error {
	for _, line := range p.exchange.flow.decision.header {
		r.Header[line.name] = []string{line.value}
	}
	return nil
}

// forwarded tells the upstream where the request comes from. What the client itself says of that is dropped, unless
// proxies in front are trusted.
func forwarded(pr *httputil.ProxyRequest, trustedHops int) {
	if trustedHops > 0 {
		if chain := pr.In.Header["X-Forwarded-For"]; chain != nil {
			pr.Out.Header["X-Forwarded-For"] = []string{strings.Join(chain, ", ")}
		}
	}
	pr.SetXForwarded()
	if trustedHops > 0 {
		for _, name := range []string{"X-Forwarded-Proto", "X-Forwarded-Host"} {
			if said := pr.In.Header[name]; said != nil {
				pr.Out.Header[name] = said
			}
		}
	}
}

// trailers lets the client's trailers through, but for those that only the gateway may send, announced or not.
func trailers(pr *httputil.ProxyRequest) {
	out := pr.Out.Trailer
	for name := range out {
		if reserved(name) {
			delete(out, name)
		}
	}
	if len(out) == 0 {
		pr.Out.Trailer = nil
		return
	}
	if pr.Out.Body != nil {
		pr.Out.Body = &trailed{ReadCloser: pr.Out.Body, in: pr.In, out: out}
	}
}

// trailed is a body that hands on the values of announced trailers at its end, which is when they come.
type trailed struct {
	io.ReadCloser
	in  *http.Request
	out http.Header
}

func (t *trailed) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	if err == io.EOF {
		for name := range t.out {
			t.out[name] = t.in.Trailer[name]
		}
	}
	return n, err
}

// failed answers where the upstream does not.
func (p *proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		faultUpstream.answer(w) // nobody is there to read it
		return
	}
	g := p.exchange.gateway
	g.metrics.upstream.Inc()
	g.log.Warn("the upstream does not answer", "upstream", g.options.Upstream.Host, "error", cause(err))
	faultUpstream.answer(w)
}

// cause is an error in words that hold nothing of the request.
func cause(err error) string {
	var op *net.OpError
	switch {
	case errors.As(err, &op):
		return op.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed"
	}
	return "the exchange broke off"
}

// copyBuffers are for copying replies.
type copyBuffers struct{}

const copyBufferBytes = 32 << 10

var copyPool = sync.Pool{New: func() any { return new([copyBufferBytes]byte) }}

func (copyBuffers) Get() []byte { return copyPool.Get().(*[copyBufferBytes]byte)[:] }

func (copyBuffers) Put(b []byte) {
	if len(b) == copyBufferBytes {
		copyPool.Put((*[copyBufferBytes]byte)(b))
	}
}
