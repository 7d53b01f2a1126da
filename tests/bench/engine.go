package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/tests/bench/front"
)

// atOnce is a provider whose vendor takes no time.
type atOnce struct{}

func (atOnce) Verify(context.Context, callout.Doer, providers.Query) (providers.Result, error) {
	return providers.Result{Outcome: providers.Match, Billed: providers.BilledYes, Reference: "r-1"}, nil
}

const enginePolicy = `{"version":1,
 "providers":{"v":{"use":"atonce"}},
 "subject":{"key":{"secret":"KEY"}},"state":{"key":{"secret":"KEY"}},
 "rules":[{"name":"bench","route":{"methods":["POST"],"path":"` + front.Path + `"},
   "claims":{"name":{"body":"name"},"idNumber":{"body":"idNumber"}},
   "verify":{"check":"id2","by":["v"]},
   "annotate":["outcome","check","provider","reference","subject"]},
  {"name":"recalled","route":{"methods":["POST"],"path":"` + front.RecallPath + `"},
   "claims":{"name":{"body":"name"},"idNumber":{"body":"idNumber"}},
   "verify":{"check":"id2","by":["v"]},"remember":{"match":"24h"},
   "annotate":["outcome","check","provider","reference","subject"]}]}`

// engine measures the engine alone, in this process, without gateway, sandbox or vendor.
func engine(r *results) error {
	progress("the engine alone")
	list := providers.List{{
		Name: "atonce", Checks: providers.Checks(), Endpoint: "https://vendor.example.cn", Config: struct{}{},
		New: func([]byte, providers.Env) (providers.Provider, error) { return atOnce{}, nil },
	}}
	e, err := plugin.Load([]byte(enginePolicy), list, plugin.Env{Lookup: lookup, Now: time.Now, Random: rand.Reader, Audit: func([]byte) {}})
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name   string
		q      request
		nanos  float64
		allocs float64
	}{
		{"a request no rule is for", pass(leiLi, 0), 300, 2},
		{"a matched one, without vendor time", ask(leiLi, 0), 6000, 40},
		{"a remembered match", again(leiLi), 6000, 40},
	} {
		request := &native.Request{
			RequestHead: &plugin.Head{Method: "POST", Scheme: "http", Host: "127.0.0.1:8080", Path: c.q.path, Client: "127.0.0.1", ID: "q1", Header: []callout.Header{
				{Name: "accept", Value: "*/*"}, {Name: "content-length", Value: "49"}, {Name: "content-type", Value: "application/json"}, {Name: "user-agent", Value: "bench/1"},
			}},
			Content: []byte(c.q.body),
		}
		if d := e.Evaluate(context.Background(), request, nil); d.Action != policy.Allow {
			return fmt.Errorf("engine: %s is not allowed: %s", c.name, d.Reason)
		}
		b := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Evaluate(context.Background(), request, nil)
			}
		})
		perRequest := float64(b.T.Nanoseconds()) / float64(b.N)
		r.add(figure{Group: groupEngine, Name: c.name, Value: perRequest, Unit: "ns"}.atMost(c.nanos))
		r.add(figure{Group: groupEngine, Name: c.name, Value: float64(b.AllocsPerOp()), Unit: "allocs"}.atMost(c.allocs))
	}
	return nil
}
