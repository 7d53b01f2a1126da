package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/idvgate/idvgate/host"
	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/catalog"
	"github.com/idvgate/idvgate/tests/bench/front"
)

// benchPolicy is the task, behind so many rules for other routes that it has rules in all, and behind it the same with
// remembered answers.
func benchPolicy(vendor string, rules int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"version":1,
 "providers":{"jd":{"use":"jdcloud","endpoint":%q,"allow":["plaintext","privateAddress"],
   "accessKey":{"secret":"AK"},"secretKey":{"secret":"SK"},"timeout":"30s"}},
 "subject":{"key":{"secret":"KEY"}},"state":{"key":{"secret":"KEY"}},
 "rules":[`, vendor)
	for i := range rules + 1 {
		name, path, remember := "bench", front.Path, ""
		switch {
		case i < rules-1:
			name = fmt.Sprintf("other %d", i)
			path = fmt.Sprintf("/v1/area%d/*/accounts", i)
		case i == rules:
			name, path, remember = "recalled", front.RecallPath, `"remember":{"match":"24h"},`
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":%q,"route":{"methods":["POST"],"path":%q},
   "claims":{"name":{"body":"name"},"idNumber":{"body":"idNumber"}},
   "verify":{"check":"id2","by":["jd"],"within":"30s"},"maxBody":"2MiB",%s
   "annotate":["outcome","check","provider","reference","subject"]}`, name, path, remember)
	}
	b.WriteString("]}")
	return b.String()
}

var secrets = map[string]string{"AK": front.AccessKey, "SK": front.SecretKey, "KEY": "bench subject key"}

func lookup(name string) (string, bool) { v, ok := secrets[name]; return v, ok }

// bePeer serves as one of the light peers until it is told to stop.
func bePeer(kind string) error {
	s, err := front.Read()
	if err != nil {
		return err
	}
	var h http.Handler
	switch kind {
	case "plain":
		h = front.Proxy(s.Upstream)
	case "native":
		h, err = nativeGateway(s.Upstream, benchPolicy(s.Vendor, s.Rules))
	case "authz":
		h, err = authzService(benchPolicy(s.Vendor, s.Rules))
	case "idvgate":
		h, err = wasmGateway(s, benchPolicy(s.Vendor, s.Rules))
	default:
		err = fmt.Errorf("no such peer: %s", kind)
	}
	if err != nil {
		return err
	}
	return front.Serve(kind, h)
}

// nativeGateway is the engine in front of the same proxy, without a sandbox.
func nativeGateway(upstream *url.URL, doc string) (http.Handler, error) {
	env := native.Env(lookup)
	env.Audit = func([]byte) {}
	e, err := plugin.Load([]byte(doc), catalog.List(), env)
	if err != nil {
		return nil, err
	}
	proxy, do := front.Proxy(upstream), native.NewDoer()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := &plugin.Head{Method: r.Method, Scheme: "http", Host: r.Host, Path: r.RequestURI, Client: r.RemoteAddr, NoBody: r.ContentLength == 0}
		for name, values := range r.Header {
			for _, v := range values {
				head.Header = append(head.Header, callout.Header{Name: strings.ToLower(name), Value: v})
			}
		}
		d := e.Evaluate(r.Context(), &nativeRequest{head: head, r: r}, do)
		if d.Action != policy.Allow {
			for _, h := range d.Header {
				w.Header().Set(h.Name, h.Value)
			}
			w.WriteHeader(d.Status)
			_, _ = w.Write(d.Body) // whoever left is counted by whoever sent
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

// wasmGateway is host.Gateway with the Extism guest, as `idvgate run` makes it, but for the number of requests that
// may wait in one shard: a process here has one.
func wasmGateway(s front.Setup, doc string) (http.Handler, error) {
	wasm, err := os.ReadFile(s.Guest)
	if err != nil {
		return nil, err
	}
	config := map[string]string{"policy": doc}
	for k, v := range secrets {
		config[k] = v
	}
	return host.New(context.Background(), host.Options{
		Wasm: wasm, Config: config, Upstream: s.Upstream, Audit: io.Discard, CacheDir: s.Cache, MaxFlows: 8192,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}
