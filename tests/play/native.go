package play

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/catalog"
)

// NativeRuntime runs the engine in this process.
type NativeRuntime struct{}

// Name is native.
func (NativeRuntime) Name() string { return Native }

// Start loads the policy.
func (NativeRuntime) Start(doc []byte, vars map[string]string, _ *Stage, record *Record) (Gateway, error) {
	g := &nativeGateway{do: native.NewDoer()}
	env := native.Env(func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
	env.Audit, env.Metrics = record.Audit, counts{record}
	env.DenyUnmatched = vars["idvgate.unmatched"] == "deny"
	env.Beside = func(ctx context.Context, do callout.Doer, run func(context.Context, callout.Doer)) {
		g.beside.Go(func() { run(context.WithoutCancel(ctx), do) })
	}
	var err error
	g.engine, err = plugin.Load(doc, catalog.List(), env)
	return g, err
}

// counts is a Record as the engine's metrics.
type counts struct{ record *Record }

func (c counts) Counter(name string, labels ...string) plugin.Add {
	return func(value float64) { c.record.Count(name, value, labels...) }
}

func (c counts) Histogram(name string, labels ...string) plugin.Add {
	return func(value float64) { c.record.Observe(name, value, labels...) }
}

func (c counts) Gauge(name string, labels ...string) plugin.Add {
	return func(value float64) { c.record.Set(name, value, labels...) }
}

type nativeGateway struct {
	engine *plugin.Engine
	do     callout.Doer
	beside sync.WaitGroup
}

func (g *nativeGateway) Play(r *Request) (Seen, error) {
	own := &nativeRequest{head: head(r), body: r.Body}
	d := g.engine.Evaluate(context.Background(), own, g.do)
	seen := Seen{BodyRead: &own.read}
	seen.Status, seen.Body, seen.Header = d.Status, d.Body, map[string][]string{}
	for _, h := range d.Header {
		seen.Header[h.Name] = append(seen.Header[h.Name], h.Value)
	}
	if d.Action == policy.Allow {
		seen.Status, seen.Upstream = 200, Forward(r, d.Remove, pairs(d.Set), d.Body)
	}
	return seen, nil
}

func (g *nativeGateway) Close() error {
	g.beside.Wait()
	return nil
}

// nativeRequest notes whether its body is asked for.
type nativeRequest struct {
	head *plugin.Head
	body []byte
	read bool
}

func (r *nativeRequest) Head() *plugin.Head { return r.head }

func (r *nativeRequest) Body(limit int) ([]byte, error) {
	r.read = true
	if len(r.body) > limit {
		return nil, plugin.ErrTooLarge
	}
	return r.body, nil
}

// head is the request as the engine gets it.
func head(r *Request) *plugin.Head {
	h := &plugin.Head{
		ID: "request-1", Method: r.Method, Scheme: "http", Host: r.Host, Path: r.Path, Client: r.Client, JWT: r.JWT,
		NoBody: !r.HasBody, Upgrade: r.Upgrade,
	}
	for _, pair := range r.Headers {
		h.Header = append(h.Header, callout.Header{Name: strings.ToLower(pair[0]), Value: pair[1]})
	}
	return h
}

func pairs(headers []callout.Header) [][2]string {
	list := make([][2]string, 0, len(headers))
	for _, h := range headers {
		list = append(list, [2]string{h.Name, h.Value})
	}
	return list
}

// Forward does to the request what an allowing decision says: headers are removed, then others added, and a body that
// it has takes the place of the client's.
func Forward(r *Request, remove []string, set [][2]string, body []byte) *Forwarded {
	f := &Forwarded{Headers: map[string][]string{}, Body: r.Body}
	if len(body) > 0 {
		f.Body = body
	}
	for _, h := range r.Headers {
		name := strings.ToLower(h[0])
		f.Headers[name] = append(f.Headers[name], h[1])
	}
	maps.DeleteFunc(f.Headers, func(name string, _ []string) bool {
		return slices.ContainsFunc(remove, func(s string) bool { return strings.EqualFold(s, name) })
	})
	for _, h := range set {
		f.Headers[h[0]] = append(f.Headers[h[0]], h[1])
	}
	return f
}
