package filter_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/plugin/proxywasm/filter"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// gateway plays the gateway: it keeps what the filter does in said, and answers by its fields.
type gateway struct {
	shared    map[string][]byte
	said      []string
	logs      []string
	config    string
	request   []callout.Header
	trailers  []callout.Header
	body      string
	reply     []callout.Header
	replyBody string
	token     []byte // the verified token's property
	gone      map[uint32]bool
	callout   abi.Status // of every callout
	edits     abi.Status // of every header edit
	answers   abi.Status // of every local response
	broken    bool       // the header map panics
	tokens    uint32
	sent      []callout.Header
	metrics   map[string]int64
	ids       []string
}

func (g *gateway) say(format string, args ...any) {
	g.said = append(g.said, fmt.Sprintf(format, args...))
}

func (g *gateway) Log(level abi.Level, line []byte) {
	g.logs = append(g.logs, fmt.Sprintf("%d %s", level, line))
}

func (g *gateway) SetEffective(context uint32) abi.Status {
	if g.gone[context] {
		return abi.NotFound
	}
	g.say("about %d", context)
	return abi.OK
}

func (g *gateway) Headers(m abi.Map) ([]callout.Header, abi.Status) {
	if g.broken {
		panic("broken")
	}
	switch m {
	case abi.RequestHeaders:
		return append([]callout.Header(nil), g.request...), abi.OK
	case abi.RequestTrailers:
		return g.trailers, abi.OK
	case abi.ReplyHeaders:
		return g.reply, abi.OK
	}
	return nil, abi.NotFound
}

func (g *gateway) Replace(_ abi.Map, name, value string) abi.Status {
	if name == "x-idv-decision-id" {
		value = "…"
	}
	g.say("set %s: %s", name, value)
	return g.edits
}

func (g *gateway) Remove(m abi.Map, name string) abi.Status {
	g.say("remove %s of map %d", name, m)
	return g.edits
}

func (g *gateway) Bytes(b abi.Buffer, limit int) ([]byte, abi.Status) {
	var text string
	switch b {
	case abi.RequestBody:
		text = g.body
	case abi.ReplyBody, abi.RedisReply:
		text = g.replyBody
	case abi.Configuration:
		text = g.config
	}
	return []byte(text[:min(limit, len(text))]), abi.OK
}

func (g *gateway) SetBody(body []byte) abi.Status {
	g.say("the body is %s", body)
	return g.edits
}

func (g *gateway) Property(string) ([]byte, abi.Status) {
	if g.token == nil {
		return nil, abi.NotFound
	}
	return g.token, abi.OK
}

func (g *gateway) SetProperty(path, value string) abi.Status {
	if at := strings.Index(value, "decision="); at >= 0 {
		value = value[:at] + "decision=…"
	}
	g.say("%s is %s", path, value)
	return abi.OK
}

func (g *gateway) Call(cluster string, headers []callout.Header, body []byte, ms uint32) (uint32, abi.Status) {
	if g.callout != abi.OK {
		return 0, g.callout
	}
	g.tokens++
	g.sent = headers
	g.say("call %d to %s within %d ms", g.tokens, cluster, ms)
	return g.tokens, abi.OK
}

func (g *gateway) RedisInit(cluster, user, password string, ms uint32) abi.Status {
	g.say("redis %s as %s:%s within %d ms", cluster, user, password, ms)
	return g.callout
}

func (g *gateway) Redis(cluster string, query []byte) (uint32, abi.Status) {
	g.tokens++
	g.say("query %d to %s: %q", g.tokens, cluster, query)
	return g.tokens, g.callout
}

func (g *gateway) Respond(status int, headers []callout.Header, body []byte, grpc uint32) abi.Status {
	reason := string(body)
	if _, after, ok := strings.Cut(reason, `"reason":"`); ok {
		reason, _, _ = strings.Cut(after, `"`)
	}
	g.say("respond %d %s, grpc %d", status, reason, grpc)
	return g.answers
}

func (g *gateway) Continue() abi.Status { g.say("continue"); return abi.OK }

func (g *gateway) Define(_ abi.Kind, name string) (uint32, abi.Status) {
	g.ids = append(g.ids, name)
	return uint32(len(g.ids) - 1), abi.OK
}

func (g *gateway) Increment(id uint32, by int64)  { g.metrics[g.ids[id]] += by }
func (g *gateway) Record(id uint32, value uint64) { g.metrics[g.ids[id]] = int64(value) }

func (g *gateway) Foreign(name string, arguments []byte) ([]byte, abi.Status) {
	if name == "idvgate_info" {
		g.say("info")
		return nil, abi.OK
	}
	return nil, abi.NotFound
}

func (g *gateway) Shared(key string) ([]byte, abi.Status) {
	if value, ok := g.shared[key]; ok {
		return value, abi.OK
	}
	return nil, abi.NotFound
}

func (g *gateway) Share(key string, value []byte) abi.Status {
	if g.shared == nil {
		g.shared = map[string][]byte{}
	}
	g.shared[key] = value
	return abi.OK
}

func (g *gateway) Sign(string, []byte, []byte) ([]byte, error) { return nil, abi.ErrNotSigned }

func (g *gateway) Tick(ms uint32) { g.say("tick every %d", ms) }

// want compares what was said since the last time.
func (g *gateway) want(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := strings.Join(g.said, "\n"), strings.Join(lines, "\n"); got != want {
		t.Fatalf("said\n%s\nwant\n%s", got, want)
	}
	g.said = nil
}

// wantLog looks for a line of the log.
func (g *gateway) wantLog(t *testing.T, part string) {
	t.Helper()
	for _, line := range g.logs {
		if strings.Contains(line, part) {
			return
		}
	}
	t.Fatalf("no line says %q:\n%s", part, strings.Join(g.logs, "\n"))
}

// vendor is a provider that makes one callout and takes 200 for a match. It panics where told to.
type vendor struct{ endpoint string }

func (v *vendor) Verify(ctx context.Context, do callout.Doer, _ providers.Query) (providers.Result, error) {
	r, err := do.Do(ctx, &callout.Request{Method: "POST", URL: v.endpoint + "/ask", Body: []byte("who")})
	switch {
	case err != nil:
		return providers.Result{}, &providers.Error{Provider: "vendor", Kind: providers.Unavailable, Billed: providers.BilledUnknown, Err: err}
	case r.Status == 200:
		return providers.Result{Outcome: providers.Match, Billed: providers.BilledYes}, nil
	}
	return providers.Result{Outcome: providers.Mismatch, Billed: providers.BilledYes}, nil
}

// rig is a filter with a gateway and a clock.
type rig struct {
	*gateway
	filter *filter.Filter
	now    time.Time
}

const (
	plugin1 = 1 // contexts
	stream1 = 2
	stream2 = 3
)

const policy = `{"version":1,
 "providers":{"v":{"use":"vendor","endpoint":"https://vendor.example/api","timeout":"2s"}},
 "rules":[
  {"name":"body rule","route":{"path":"/body"},"claims":{"name":{"body":"name"},"mobile":{"body":"mobile"}},"verify":{"check":"mobile2","by":["v"]},"maxBody":"200B"},
  {"name":"less","route":{"path":"/less"},"claims":{"name":{"body":"name"},"mobile":{"body":"mobile"}},"verify":{"check":"mobile2","by":["v"]},"forward":{"mobile":"last4"},"annotate":[]},
  {"name":"header rule","route":{"path":"/header"},"claims":{"name":{"header":"x-name"},"mobile":{"header":"x-mobile"}},"verify":{"check":"mobile2","by":["v"]}},
  {"name":"token rule","route":{"path":"/token"},"claims":{"name":{"jwt":"user.name"},"mobile":{"jwt":"user.mobile"}},"verify":{"check":"mobile2","by":["v"]}},
  {"name":"beside","mode":"shadow","route":{"path":"/shadow"},"claims":{"name":{"header":"x-name"},"mobile":{"header":"x-mobile"}},"verify":{"check":"mobile2","by":["v"]}}
 ]}`

const person = `{"name":"李雷","mobile":"13800001000"}`

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

var _ io.Reader = zeros{}

func newRig(t *testing.T, limits filter.Limits) *rig {
	t.Helper()
	r := &rig{gateway: &gateway{gone: map[uint32]bool{}, metrics: map[string]int64{}}, now: time.Unix(1_800_000_000, 0)}
	r.config = `{"policy":` + policy + `}`
	list := providers.List{{
		Name: "vendor", Vendor: "Vendor", Docs: "https://vendor.example", Checks: []providers.Check{providers.Mobile2},
		Config: struct{}{},
		New:    func(_ []byte, env providers.Env) (providers.Provider, error) { return &vendor{env.Endpoint}, nil },
	}}
	r.filter = filter.New(r.gateway, filter.World{
		Version: "test", Providers: list, Lookup: func(name string) (string, bool) { return "the value of " + name, true },
		Now: func() time.Time { return r.now }, Random: zeros{}, Redis: true,
	}, limits)
	r.filter.Create(plugin1, 0)
	if !r.filter.Configure(plugin1) {
		t.Fatalf("not configured: %v", r.logs)
	}
	r.said = nil
	r.filter.Create(stream1, plugin1)
	return r
}

var wide = filter.Limits{Flows: 10, BodyBytes: 1000, FirstByte: 5 * time.Second}

// head is a request's head.
func (r *rig) head(method, path string, more ...string) {
	r.request = []callout.Header{{Name: ":method", Value: method}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "api.example"}, {Name: ":path", Value: path}}
	for i := 0; i+1 < len(more); i += 2 {
		r.request = append(r.request, callout.Header{Name: more[i], Value: more[i+1]})
	}
}

func claim() []string { return []string{"x-name", "李雷", "x-mobile", "13800001000"} }
