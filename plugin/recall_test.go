package plugin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/flow"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// oracle is a provider that asks once and takes the reply's body for its answer.
type oracle struct{}

func (oracle) Verify(ctx context.Context, do callout.Doer, q providers.Query) (providers.Result, error) {
	reply, err := do.Do(ctx, &callout.Request{Method: "POST", URL: "https://vendor.example.cn/" + string(q.Check)})
	if err != nil {
		return providers.Result{}, providers.FromCallout("oracle", err)
	}
	word := string(reply.Body)
	if word == "panic" {
		panic("a provider breaks")
	}
	o, ok := providers.ParseOutcome(word)
	switch {
	case !ok:
		return providers.Result{}, &providers.Error{Provider: "oracle", Kind: providers.Malformed, Billed: providers.BilledYes}
	case o == providers.Pending:
		return providers.Result{Outcome: o, Pending: &providers.Continuation{URL: "https://page.example.cn/"}}, nil
	}
	return providers.Result{Outcome: o, Billed: providers.BilledYes, Reference: "r-1"}, nil
}

func oracles() providers.List {
	return providers.List{{
		Name: "oracle", Checks: providers.Checks(), Endpoint: "https://vendor.example.cn",
		Config: struct {
			Region string            `json:"region,omitempty"`
			Key    providers.Secret  `json:"key,omitempty"`
			More   map[string]string `json:"more,omitempty"`
		}{},
		New: func([]byte, providers.Env) (providers.Provider, error) { return oracle{}, nil },
	}}
}

// memo is one guest: an engine whose flows wait until a test answers.
type memo struct {
	gauges  gauges
	t       *testing.T
	now     time.Time
	store   *state.Store
	engine  *plugin.Engine
	table   *flow.Table
	env     map[string]string
	calls   []uint64 // callouts that nobody has answered yet
	timers  map[uint64]time.Time
	asked   int
	flows   uint64
	decided map[uint64]plugin.Decision
	lines   []map[string]any // audit
}

func newMemo(t *testing.T, doc string) *memo {
	m := &memo{
		t: t, now: time.Unix(1_800_000_000, 0), store: state.New(nil), env: map[string]string{"KEY": "the key of the tests", "NEW": "another key"},
		decided: map[uint64]plugin.Decision{}, timers: map[uint64]time.Time{}, gauges: gauges{},
	}
	m.table = flow.New(m, m.clock)
	m.push(doc)
	return m
}

// gauges is plugin.Metrics of which only gauges are kept, by name and labels.
type gauges map[string]float64

func (gauges) Counter(string, ...string) plugin.Add   { return func(float64) {} }
func (gauges) Histogram(string, ...string) plugin.Add { return func(float64) {} }
func (g gauges) Gauge(name string, labels ...string) plugin.Add {
	return func(value float64) { g[name+" "+strings.Join(labels, " ")] = value }
}

func (m *memo) clock() time.Time { return m.now }

// push loads a policy in place of the one there is.
func (m *memo) push(doc string) {
	m.t.Helper()
	e, err := plugin.Load([]byte(doc), oracles(), plugin.Env{
		Lookup: func(name string) (string, bool) { v, ok := m.env[name]; return v, ok },
		Now:    m.clock, Random: strings.NewReader(strings.Repeat("r", 1<<20)), Audit: m.audit,
		Share: m.table.Share, Sleep: m.table.Sleep, Beside: m.table.Beside, State: m.store, Metrics: m.gauges,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.engine = e
}

func (m *memo) audit(line []byte) {
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		m.t.Errorf("audit line %s: %v", line, err)
	}
	m.lines = append(m.lines, fields)
}

func (m *memo) WantBody(uint64, int) { m.t.Error("no rule here reads a body") }

func (m *memo) WantCall(_, call uint64, _ *callout.Request) {
	m.calls = append(m.calls, call)
	m.asked++
}

func (m *memo) WantTimer(_, timer uint64, after time.Duration) { m.timers[timer] = m.now.Add(after) }

func (m *memo) Decided(flow uint64, d *plugin.Decision) { m.decided[flow] = *d }

func (m *memo) Lost(flow uint64) { m.t.Errorf("flow %d is lost", flow) }

// ask begins a request for the person, whose number says how the ID number ends.
func (m *memo) ask(path, person string) uint64 {
	m.flows++
	head := &plugin.Head{
		Method: "POST", Scheme: "https", Host: "a", Path: path,
		Header: []callout.Header{{Name: "x-name", Value: "张三"}, {Name: "x-id", Value: person}},
	}
	m.table.Begin(m.flows, head, m.engine.Evaluate)
	return m.flows
}

// reply answers every callout that waits.
func (m *memo) reply(word string) {
	waiting := m.calls
	m.calls = nil
	for _, call := range waiting {
		m.table.Reply(call, &callout.Response{Status: 200, Body: []byte(word)})
	}
}

// fail has every callout that waits fail.
func (m *memo) fail(kind callout.Kind) {
	waiting := m.calls
	m.calls = nil
	for _, call := range waiting {
		m.table.Failure(call, kind)
	}
}

// later lets time pass, and timers run out.
func (m *memo) later(d time.Duration) {
	m.now = m.now.Add(d)
	var due []uint64
	for timer, at := range m.timers {
		if !at.After(m.now) {
			due = append(due, timer)
		}
	}
	slices.Sort(due)
	for _, timer := range due {
		delete(m.timers, timer)
		m.table.Timer(timer)
	}
}

// want checks what became of a flow, and of how many callouts were made in all.
func (m *memo) want(flow uint64, decision, reason, cache string, asked int) {
	m.t.Helper()
	d, ok := m.decided[flow]
	if !ok {
		m.t.Fatalf("flow %d is not decided", flow)
	}
	line := m.lines[len(m.lines)-1]
	if d.Action.String() != decision || string(d.Reason) != reason || line["cache"] != cache || m.asked != asked {
		m.t.Errorf("%s %s, cache %v, asked %d; not %s %s, %s, %d", d.Action, d.Reason, line["cache"], m.asked, decision, reason, cache, asked)
	}
}

const (
	someone = "110101199003070003"
	another = "110101199003080009"
)

func memoPolicy(remember string) string {
	return `{"version":1,"providers":{"v":{"use":"oracle"},"w":{"use":"oracle","endpoint":"https://second.example.cn"}},
		"state":{"key":{"secret":"KEY"}},
		"rules":[` + memoRule("r", "v", remember, "") + `]}`
}

func memoRule(name, by, remember, more string) string {
	if remember != "" {
		more += `,"remember":` + remember
	}
	return fmt.Sprintf(`{"name":"%s","route":{"path":"/%s"},"claims":{"name":{"header":"x-name"},"idNumber":{"header":"x-id"}},"verify":{"check":"id2","by":["%s"],"within":"4s"}%s}`,
		name, name, by, more)
}

const day = 24 * time.Hour

func TestAnAnswerHoldsAsLongAsTheRuleSays(t *testing.T) {
	m := newMemo(t, memoPolicy(`{"match":"24h","mismatch":"10m"}`))
	m.want(m.answered("match"), "allow", "match", "miss", 1)
	m.later(day)
	m.want(m.ask("/r", someone), "allow", "match", "hit", 1)
	m.later(time.Second)
	m.want(m.answered("mismatch"), "deny", "identity_not_verified", "miss", 2)
	m.later(10 * time.Minute)
	m.want(m.ask("/r", someone), "deny", "identity_not_verified", "hit", 2)
	m.later(time.Second)
	m.want(m.answered("match"), "allow", "match", "miss", 3)
}

// answered asks about someone, and the vendor says word.
func (m *memo) answered(word string) uint64 {
	f := m.ask("/r", someone)
	m.reply(word)
	return f
}

func TestTenThousandAtOnceAreAskedAboutOnce(t *testing.T) {
	m := newMemo(t, memoPolicy(`{"match":"24h"}`))
	first := m.ask("/r", someone)
	for range 9_999 {
		m.ask("/r", someone)
	}
	if m.asked != 1 || len(m.decided) != 0 {
		t.Fatalf("asked %d times, %d decided", m.asked, len(m.decided))
	}
	m.reply("match")
	if len(m.decided) != 10_000 || m.asked != 1 || m.table.Parked() != 0 {
		t.Fatalf("%d decided, asked %d times, %d parked", len(m.decided), m.asked, m.table.Parked())
	}
	for f, d := range m.decided {
		if d.Action.String() != "allow" || d.Reason != "match" {
			t.Fatalf("flow %d: %s %s", f, d.Action, d.Reason)
		}
	}
	billed := 0
	for _, line := range m.lines {
		if line["attempts"].([]any)[0].(map[string]any)["billed"] == "yes" {
			billed++
		}
	}
	if billed != 1 || m.decided[first].Rule != "r" {
		t.Errorf("%d are billed", billed)
	}
}

func TestAVendorsErrorIsTheAnswerOfAllWhoWaitAndOfNobodyLater(t *testing.T) {
	m := newMemo(t, memoPolicy(`{"match":"24h"}`))
	a, b := m.ask("/r", someone), m.ask("/r", someone)
	m.fail(callout.Unreachable)
	for _, f := range []uint64{a, b} {
		if d := m.decided[f]; d.Status != 503 {
			t.Errorf("%d: %d %s", f, d.Status, d.Reason)
		}
	}
	m.want(m.answered("match"), "allow", "match", "miss", 2)
}

func TestAPendingAnswerIsEachOnesOwn(t *testing.T) {
	m := newMemo(t, memoPolicy(`{"match":"24h"}`))
	a, b := m.ask("/r", someone), m.ask("/r", someone)
	m.reply("pending") // the leader's
	m.reply("pending") // the other's
	if m.decided[a].Action.String() != "challenge" || m.decided[b].Action.String() != "challenge" || m.asked != 2 {
		t.Errorf("%s, %s, asked %d times", m.decided[a].Action, m.decided[b].Action, m.asked)
	}
}

func TestWhoHasMoreTimeAsksAnewWhereTheAskersRanOut(t *testing.T) {
	m := newMemo(t, `{"version":1,"providers":{"v":{"use":"oracle","timeout":"3s"}},"state":{"key":{"secret":"KEY"}},"rules":[`+
		strings.Replace(memoRule("short", "v", `{"match":"1h"}`, ""), `"4s"`, `"100ms"`, 1)+`,`+memoRule("long", "v", `{"match":"1h"}`, "")+`]}`)
	short, long := m.ask("/short", someone), m.ask("/long", someone)
	m.later(100 * time.Millisecond)
	m.fail(callout.Timeout)
	if m.decided[short].Status != 503 {
		t.Errorf("the hurried one: %+v", m.decided[short])
	}
	m.reply("match")
	m.want(long, "allow", "match", "miss", 2)
}

func TestAWaiterWhoseTimeIsOverDoesNotWaitOn(t *testing.T) {
	m := newMemo(t, `{"version":1,"providers":{"v":{"use":"oracle","timeout":"3s"}},"state":{"key":{"secret":"KEY"}},"rules":[`+
		strings.Replace(memoRule("short", "v", `{"match":"1h"}`, ""), `"4s"`, `"100ms"`, 1)+`,`+memoRule("long", "v", `{"match":"1h"}`, "")+`]}`)
	long, short := m.ask("/long", someone), m.ask("/short", someone)
	m.later(100 * time.Millisecond)
	m.want(short, "deny", "verification_unavailable", "joined", 1)
	m.reply("match")
	m.want(long, "allow", "match", "miss", 1)
}

func TestALeaderThatBreaksHandsOver(t *testing.T) {
	m := newMemo(t, memoPolicy(`{"match":"24h"}`))
	a, b := m.ask("/r", someone), m.ask("/r", someone)
	m.reply("panic")
	if m.decided[a].Status != 503 {
		t.Errorf("the broken one: %+v", m.decided[a])
	}
	m.reply("match")
	m.want(b, "allow", "match", "miss", 2)
}

func TestAShadowRulesQuestionBindsNobody(t *testing.T) {
	m := newMemo(t, `{"version":1,"providers":{"v":{"use":"oracle"}},"state":{"key":{"secret":"KEY"}},"rules":[`+
		memoRule("looks", "v", `{"match":"1h"}`, `,"mode":"shadow"`)+`,`+memoRule("r", "v", `{"match":"1h"}`, "")+`]}`)
	m.ask("/looks", someone)
	f := m.ask("/r", someone)
	if len(m.calls) != 2 {
		t.Fatalf("asked %d times: an enforcing rule waits for a shadow rule", len(m.calls))
	}
	m.table.Failure(m.calls[0], callout.Unreachable)
	m.table.Reply(m.calls[1], &callout.Response{Status: 200, Body: []byte("match")})
	m.calls = nil
	m.want(f, "allow", "match", "miss", 2)
}

func TestAnOldMatchServesWhileEveryProviderIsDown(t *testing.T) {
	m := newMemo(t, memoPolicy(`{"match":"1h","mismatch":"1h","staleFor":"24h"}`))
	m.answered("match")
	m.later(2 * time.Hour)
	f := m.ask("/r", someone)
	m.fail(callout.Unreachable)
	m.want(f, "allow", "match", "miss", 2)
	attempts := m.lines[len(m.lines)-1]["attempts"].([]any)
	if last := attempts[len(attempts)-1].(map[string]any); len(attempts) != 2 || last["cache"] != "stale" {
		t.Errorf("attempts: %v", attempts)
	}
	m.later(23 * time.Hour)
	f = m.ask("/r", someone)
	m.fail(callout.Unreachable)
	m.want(f, "allow", "match", "miss", 3)
	m.later(time.Second)
	f = m.ask("/r", someone)
	m.fail(callout.Unreachable)
	m.want(f, "deny", "verification_unavailable", "miss", 4)
}

func TestAnOldMismatchNeverServes(t *testing.T) {
	m := newMemo(t, memoPolicy(`{"match":"1h","mismatch":"1h","staleFor":"24h"}`))
	m.answered("mismatch")
	m.later(2 * time.Hour)
	f := m.ask("/r", someone)
	m.fail(callout.Unreachable)
	m.want(f, "deny", "verification_unavailable", "miss", 2)
}

func TestAnOldMatchEndsWithANewerNo(t *testing.T) {
	m := newMemo(t, memoPolicy(`{"match":"1h","staleFor":"24h"}`)) // a mismatch is not remembered, and yet it counts
	m.answered("match")
	m.later(2 * time.Hour)
	m.want(m.answered("mismatch"), "deny", "identity_not_verified", "miss", 2)
	f := m.ask("/r", someone)
	m.fail(callout.Unreachable)
	m.want(f, "deny", "verification_unavailable", "miss", 3)
}

func TestAnOldMatchDoesNotServeWhereSomebodyAnswered(t *testing.T) {
	m := newMemo(t, strings.Replace(memoPolicy(`{"match":"1h","staleFor":"24h"}`), `"by":["v"]`, `"by":["v","w"]`, 1))
	m.answered("match")
	m.later(2 * time.Hour)
	f := m.ask("/r", someone)
	m.reply("no_record") // v
	m.fail(callout.Unreachable)
	m.want(f, "deny", "verification_unavailable", "miss", 3)
}

func TestAPolicyPushForgetsNothingButWhatMeansSomethingElse(t *testing.T) {
	doc := memoPolicy(`{"match":"24h"}`)
	for name, c := range map[string]struct {
		old, new string
		cache    string
	}{
		"the same":              {"", "", "hit"},
		"another rule's name":   {`"name":"r"`, `"name":"renamed"`, "hit"},
		"another name":          {`"v"`, `"vendor"`, "hit"},
		"another time-out":      {`"use":"oracle"}`, `"use":"oracle","timeout":"1s"}`, "hit"},
		"another key's name":    {`"use":"oracle"}`, `"use":"oracle","key":{"secret":"NEW"}}`, "hit"},
		"a shorter lifetime":    {`24h`, `1h`, "hit"},
		"too short a lifetime":  {`24h`, `1s`, "miss"},
		"another address":       {`"use":"oracle"}`, `"use":"oracle","endpoint":"https://other.example.cn"}`, "miss"},
		"another setting":       {`"use":"oracle"}`, `"use":"oracle","region":"north"}`, "miss"},
		"another check":         {`id2`, `mobile2`, "miss"},
		"another tenant":        {`"KEY"}}`, `"KEY"},"tenant":"b"}`, "miss"},
		"another key":           {`{"secret":"KEY"}`, `{"secret":"NEW"}`, "miss"},
		"a new key and the old": {`{"secret":"KEY"}`, `{"secret":["NEW","KEY"]}`, "hit"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemo(t, doc)
			m.answered("match")
			m.later(time.Minute)
			next := strings.ReplaceAll(doc, c.old, c.new)
			if c.old == "" {
				next = doc
			}
			if c.new == "mobile2" {
				next = strings.ReplaceAll(strings.ReplaceAll(next, `"idNumber":{"header":"x-id"}`, `"mobile":{"header":"x-mobile"}`), `x-mobile`, `x-number`)
			}
			m.push(next)
			m.flows++
			m.table.Begin(m.flows, &plugin.Head{
				Method: "POST", Scheme: "https", Host: "a", Path: "/r",
				Header: []callout.Header{{Name: "x-name", Value: "张三"}, {Name: "x-id", Value: someone}, {Name: "x-number", Value: "13800001000"}},
			}, m.engine.Evaluate)
			m.reply("match")
			asked := map[string]int{"hit": 1, "miss": 2}[c.cache]
			m.want(m.flows, "allow", "match", c.cache, asked)
		})
	}
}

func TestWhatWasReadUnderTheOldKeyIsThenKeptUnderTheNewOne(t *testing.T) {
	m := newMemo(t, memoPolicy(`{"match":"24h"}`))
	m.answered("match")
	m.push(strings.Replace(memoPolicy(`{"match":"24h"}`), `"KEY"`, `["NEW","KEY"]`, 1))
	m.want(m.ask("/r", someone), "allow", "match", "hit", 1)
	m.push(strings.Replace(memoPolicy(`{"match":"24h"}`), `"KEY"`, `"NEW"`, 1))
	m.want(m.ask("/r", someone), "allow", "match", "hit", 1)
}

func TestAnotherPersonIsAnotherQuestion(t *testing.T) {
	m := newMemo(t, memoPolicy(`{"match":"24h"}`))
	m.answered("match")
	f := m.ask("/r", another)
	m.reply("mismatch")
	m.want(f, "deny", "identity_not_verified", "miss", 2)
}

// The native engine, in goroutines: nobody is asked twice there either.
func TestGoroutinesShareAQuestion(t *testing.T) {
	env := native.Env(func(string) (string, bool) { return "a key", true })
	e, err := plugin.Load([]byte(memoPolicy(`{"match":"24h"}`)), oracles(), env)
	if err != nil {
		t.Fatal(err)
	}
	asked, release, done := make(chan struct{}, 100), make(chan struct{}), make(chan string)
	do := doerFunc(func(context.Context, *callout.Request) (*callout.Response, error) {
		asked <- struct{}{}
		<-release
		return &callout.Response{Status: 200, Body: []byte("match")}, nil
	})
	for range 50 {
		go func() {
			d := e.Evaluate(context.Background(), &native.Request{RequestHead: &plugin.Head{
				Method: "POST", Host: "a", Path: "/r", Header: []callout.Header{{Name: "x-name", Value: "张三"}, {Name: "x-id", Value: someone}},
			}}, do)
			done <- d.Action.String()
		}()
	}
	<-asked
	close(release)
	for range 50 {
		if got := <-done; got != "allow" {
			t.Errorf("%s", got)
		}
	}
	if len(asked) != 0 {
		t.Errorf("asked %d times more", len(asked))
	}
}

type doerFunc func(context.Context, *callout.Request) (*callout.Response, error)

func (f doerFunc) Do(ctx context.Context, r *callout.Request) (*callout.Response, error) {
	return f(ctx, r)
}
