package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"

	"github.com/idvgate/idvgate/host"
	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/catalog"
)

// benchPolicy has one rule, one signed vendor call.
const benchPolicy = `{"version":1,
 "providers":{"jd":{"use":"jdcloud","endpoint":"VENDOR","allow":["plaintext","privateAddress"],
   "accessKey":{"secret":"AK"},"secretKey":{"secret":"SK"},"timeout":"10s"}},
 "subject":{"key":{"secret":"KEY"}},
 "rules":[{"name":"bench","route":{"methods":["POST"],"path":"/v1/id2"},
   "claims":{"name":{"body":"name"},"idNumber":{"body":"idNumber"}},
   "verify":{"check":"id2","by":["jd"],"within":"20s"},
   "annotate":["outcome","check","provider","reference","subject"]}]}`

var secrets = map[string]string{"AK": "BENCHACCESSKEY", "SK": "bench-secret-key", "KEY": "bench subject key"}

func lookup(name string) (string, bool) { v, ok := secrets[name]; return v, ok }

// bePeer serves as one peer until it is killed. It prints its address.
func bePeer(kind, guest string) error {
	upstream, err := url.Parse(os.Getenv("BENCH_UPSTREAM"))
	if err != nil {
		return err
	}
	doc := strings.Replace(benchPolicy, "VENDOR", os.Getenv("BENCH_VENDOR"), 1)
	var h http.Handler
	switch kind {
	case "plain":
		h = proxyTo(upstream)
	case "native":
		h, err = nativeGateway(upstream, doc)
	case "idvgate":
		h, err = wasmGateway(upstream, doc, guest)
	default:
		err = fmt.Errorf("no such peer: %s", kind)
	}
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: h}
	profile := func() {}
	if name := os.Getenv("BENCH_PROFILE"); name != "" { // a folder: each peer leaves a CPU profile there
		f, err := os.Create(name + "/" + kind + ".prof")
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		profile = pprof.StopCPUProfile
	}
	go func() { <-ctx.Done(); profile(); os.Exit(0) }()
	return server.Serve(l)
}

func proxyTo(upstream *url.URL) *httputil.ReverseProxy {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.MaxIdleConns, transport.DisableCompression = 4096, 0, true
	return &httputil.ReverseProxy{
		Transport: transport, BufferPool: pool{},
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream); r.SetXForwarded() },
	}
}

type pool struct{}

var buffers = make(chan []byte, 4096)

func (pool) Get() []byte {
	select {
	case b := <-buffers:
		return b
	default:
		return make([]byte, 32<<10)
	}
}

func (pool) Put(b []byte) {
	select {
	case buffers <- b:
	default:
	}
}

// nativeGateway is the engine in front of the same proxy, without a sandbox.
func nativeGateway(upstream *url.URL, doc string) (http.Handler, error) {
	env := native.Env(lookup)
	env.Audit = func([]byte) {}
	e, err := plugin.Load([]byte(doc), catalog.List(), env)
	if err != nil {
		return nil, err
	}
	proxy, do := proxyTo(upstream), native.NewDoer()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := &plugin.Head{Method: r.Method, Scheme: "http", Host: r.Host, Path: r.RequestURI, Client: r.RemoteAddr, NoBody: r.ContentLength == 0}
		for name, values := range r.Header {
			for _, v := range values {
				head.Header = append(head.Header, callout.Header{Name: strings.ToLower(name), Value: v})
			}
		}
		q := &nativeRequest{head: head, r: r}
		d := e.Evaluate(r.Context(), q, do)
		if d.Action != policy.Allow {
			for _, h := range d.Header {
				w.Header().Set(h.Name, h.Value)
			}
			w.WriteHeader(d.Status)
			w.Write(d.Body)
			return
		}
		for _, name := range d.Remove {
			r.Header.Del(name)
		}
		for _, h := range d.Set {
			r.Header.Add(h.Name, h.Value)
		}
		proxy.ServeHTTP(w, r)
	}), nil
}

type nativeRequest struct {
	head *plugin.Head
	r    *http.Request
}

func (q *nativeRequest) Head() *plugin.Head { return q.head }

func (q *nativeRequest) Body(limit int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(q.r.Body, int64(limit)+1))
	if err != nil {
		return nil, plugin.ErrGone
	}
	if len(body) > limit {
		return nil, plugin.ErrTooLarge
	}
	q.r.Body = io.NopCloser(strings.NewReader(string(body)))
	return body, nil
}

// wasmGateway is host.Gateway with the Extism guest, as idvgate run makes it.
func wasmGateway(upstream *url.URL, doc, guest string) (http.Handler, error) {
	wasm, err := os.ReadFile(guest)
	if err != nil {
		return nil, err
	}
	config := map[string]string{"policy": doc}
	for k, v := range secrets {
		config[k] = v
	}
	return host.New(context.Background(), host.Options{
		Wasm: wasm, Config: config, Upstream: upstream, Audit: io.Discard,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
}
