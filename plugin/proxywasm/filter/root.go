package filter

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/flow"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// root is one configured plugin. It is the flow.Sink of its flows.
type root struct {
	filter *Filter
	id     uint32
	engine *plugin.Engine // nil: everything is denied
	table  *flow.Table
	timers []timer
	ticks  bool
	signed [2]metric // by the gateway, by the guest
}

// timer is a deadline of a flow that waits.
type timer struct {
	at     time.Time
	number uint64
}

func newRoot(f *Filter, id uint32) *root {
	r := &root{filter: f, id: id}
	r.table = flow.New(r, f.world.Now)
	r.signed = [2]metric{
		{gateway: f.gateway, name: "idv_sign_total.by=gateway"}, {gateway: f.gateway, name: "idv_sign_total.by=guest"},
	}
	return r
}

// Configure makes the engine of a plugin's context. False: the configuration cannot be one, wherever it is read. Every
// other fault leaves an engine that denies everything, and the gateway with a filter in its place.
func (f *Filter) Configure(context uint32) (ok bool) {
	f.enter(context)
	r := f.roots[context]
	if r == nil {
		r = newRoot(f, context)
		f.roots[context] = r
	}
	defer func() {
		if recover() != nil {
			r.engine, ok = nil, true
			f.say(abi.Error, "panic while the policy was loaded: everything is denied", where())
		}
	}()
	raw, status := f.gateway.Bytes(abi.Configuration, math.MaxInt32)
	if status != abi.OK {
		f.say(abi.Error, "the configuration cannot be had: everything is denied", "")
		return true
	}
	engine, problems, err := r.load(raw)
	f.inform(engine, problems)
	switch {
	case len(problems) > 0:
		for _, p := range problems {
			f.say(abi.Error, "the policy is refused", p)
		}
		return false
	case err != nil:
		f.say(abi.Error, "the policy cannot be loaded: everything is denied", "")
		return true
	}
	r.engine = engine
	return true
}

// load makes an engine. The problems are the configuration's own, and the same wherever it is read.
func (r *root) load(raw []byte) (engine *plugin.Engine, problems []string, err error) {
	config, err := readConfig(raw)
	if err != nil {
		return nil, []string{err.Error()}, nil
	}
	f := r.filter
	engine, err = plugin.Load(config.Policy, f.world.Providers, plugin.Env{
		Lookup: f.world.Lookup, Now: f.world.Now, Random: f.world.Random,
		Audit: f.audit, Metrics: metrics{f.gateway},
		Share: r.table.Share, Sleep: r.table.Sleep, Beside: r.table.Beside, Sign: r.sign, State: f.state,
		DenyUnmatched: config.Unmatched == "deny", Redis: f.world.Redis,
	})
	if list, ok := errors.AsType[policy.Problems](err); ok {
		for _, p := range list {
			problems = append(problems, p.String())
		}
		return nil, problems, nil
	}
	return engine, nil, err
}

// config is the plugin's configuration.
type config struct {
	Policy    json.RawMessage `json:"policy"`
	Unmatched string          `json:"unmatched"`
}

var (
	errConfig    = errors.New(`the plugin's configuration has to be a JSON object {"policy": {…}, "unmatched": "pass" or "deny"}`)
	errNoPolicy  = errors.New(`the plugin's configuration has no "policy"`)
	errUnmatched = errors.New(`the plugin's configuration: "unmatched" is "pass" or "deny"`)
)

func readConfig(raw []byte) (config, error) {
	var c config
	watch := strictjson.NewWatch([][]string{{"policy"}, {"unmatched"}})
	if watch.Scan(raw, make([]strictjson.Span, 2)) != nil { // also where one is given twice
		return c, errConfig
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if d.Decode(&c) != nil {
		return c, errConfig
	}
	switch {
	case c.Policy == nil:
		return c, errNoPolicy
	case c.Unmatched != "" && c.Unmatched != "pass" && c.Unmatched != "deny":
		return c, errUnmatched
	}
	return c, nil
}

// sign has the gateway sign where it can: it is ten times as fast, and a guest that signs stalls its worker.
func (r *root) sign(hash string, key, text []byte) ([]byte, error) {
	signature, err := r.filter.gateway.Sign(hash, key, text)
	if err != nil {
		r.signed[1].add(1)
		return nil, err
	}
	r.signed[0].add(1)
	return signature, nil
}

// audit writes the line of a decision.
func (f *Filter) audit(line []byte) {
	f.log.Reset()
	f.log.Raw(`{"audit":`)
	f.log.RawBytes(line)
	f.log.Raw("}")
	f.gateway.Log(abi.Info, f.log.Bytes())
}

// WantBody has the stream's body waited for.
func (r *root) WantBody(flow uint64, limit int) {
	s := r.filter.flows[flow]
	switch {
	case s == nil:
		r.table.Body(flow, nil, plugin.ErrGone)
	case s.promised > limit:
		r.table.Body(flow, nil, plugin.ErrTooLarge)
	default:
		s.wants, s.limit, s.since = true, limit, r.filter.world.Now()
		if r.filter.ours {
			r.filter.gateway.Foreign("idvgate_body_limit", strconv.AppendInt(nil, int64(limit), 10))
		}
		r.wakeUp()
	}
}

// WantTimer has the flow called back.
func (r *root) WantTimer(_, number uint64, after time.Duration) {
	r.timers = append(r.timers, timer{r.filter.world.Now().Add(after), number})
	r.wakeUp()
}

// Decided does with the stream what was decided, if it is still there.
func (r *root) Decided(flow uint64, d *plugin.Decision) {
	f := r.filter
	s := f.flows[flow]
	delete(f.flows, flow)
	if s != nil {
		s.flow = 0
		f.release(s)
		f.end(s, d)
	}
}

// Lost denies a flow that nothing decides any more.
func (r *root) Lost(flow uint64) {
	r.filter.say(abi.Error, "panic in a flow", "")
	d := plugin.Broken(r.filter.world.Random)
	r.Decided(flow, &d)
}

// WantCall makes a callout.
func (r *root) WantCall(_, number uint64, q *callout.Request) {
	if kind, ok := r.filter.call(r, number, q); !ok {
		r.table.Failure(number, kind)
	}
}

// inform tells the gateway what the plugin is, where it wants to know: then it is idvgate's own, and is also told how
// much of a body is wanted.
func (f *Filter) inform(engine *plugin.Engine, problems []string) {
	var b strictjson.Buffer
	plugin.About(f.world.Version, engine, problems).Append(&b)
	b.Raw("}")
	_, status := f.gateway.Foreign("idvgate_info", b.Bytes())
	f.ours = status == abi.OK
}
