package plugin_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// atOnce is a provider whose vendor takes no time.
type atOnce struct{}

func (atOnce) Verify(context.Context, callout.Doer, providers.Query) (providers.Result, error) {
	return providers.Result{Outcome: providers.Match, Billed: providers.BilledYes, Reference: "r-1"}, nil
}

func atOnceList() providers.List {
	return providers.List{{
		Name: "atonce", Checks: providers.Checks(), Endpoint: "https://vendor.example.cn", Config: struct{}{},
		New: func([]byte, providers.Env) (providers.Provider, error) { return atOnce{}, nil },
	}}
}

const benchPolicy = `{"version":1,
	"providers":{"v":{"use":"atonce"}},
	"subject":{"key":{"secret":"KEY"}},
	"rules":[{"name":"r","route":{"methods":["POST"],"path":"/v1/*/realname"},
		"claims":{"name":{"body":"name"},"idNumber":{"body":"idNumber"},"mobile":{"body":"mobile"}},
		"verify":{"check":"mobile3","by":["v"]},
		"annotate":["outcome","check","provider","reference","subject","ageBand"]}]}`

func benchEngine(tb testing.TB, audit func([]byte)) *plugin.Engine {
	tb.Helper()
	e, err := plugin.Load([]byte(benchPolicy), atOnceList(), plugin.Env{
		Lookup: func(string) (string, bool) { return "a key of the tests", true },
		Now:    time.Now, Random: rand.Reader, Audit: audit,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func benchRequest(path string) *native.Request {
	return &native.Request{
		RequestHead: &plugin.Head{
			Method: "POST", Scheme: "https", Host: "play.example.cn", Path: path, Client: "192.0.2.7", ID: "q1",
			Header: []callout.Header{
				{Name: "accept", Value: "*/*"},
				{Name: "content-type", Value: "application/json"},
				{Name: "content-length", Value: "87"},
				{Name: "user-agent", Value: "test/1.0"},
				{Name: "x-request-id", Value: "q1"},
			},
		},
		Content: []byte(`{"name":"李雷","idNumber":"110101199003070003","mobile":"13800001000"}`),
	}
}

func TestWhatARequestCosts(t *testing.T) {
	e := benchEngine(t, func([]byte) {})
	for _, c := range []struct {
		name, path string
		action     policy.Action
		reason     plugin.Reason
		allocs     float64
	}{
		{"a request no rule is for", "/v1/7/other", policy.Allow, plugin.ReasonNoRule, 2},
		{"a request that is verified", "/v1/7/realname", policy.Allow, "match", 40},
	} {
		r := benchRequest(c.path)
		d := e.Evaluate(context.Background(), r, nil)
		if d.Action != c.action || d.Reason != c.reason {
			t.Fatalf("%s: %+v", c.name, d)
		}
		if n := testing.AllocsPerRun(200, func() { e.Evaluate(context.Background(), r, nil) }); n > c.allocs {
			t.Errorf("%s: %v allocations, want at most %v", c.name, n, c.allocs)
		} else {
			t.Logf("%s: %v allocations", c.name, n)
		}
	}
}

func BenchmarkEvaluateUnmatched(b *testing.B) { benchmark(b, "/v1/7/other") }

func BenchmarkEvaluateMatched(b *testing.B) { benchmark(b, "/v1/7/realname") }

func benchmark(b *testing.B, path string) {
	e, r := benchEngine(b, func([]byte) {}), benchRequest(path)
	b.ReportAllocs()
	for b.Loop() {
		e.Evaluate(context.Background(), r, nil)
	}
}
