//go:build wasip1

// Command extism is the guest for gateways that host Extism plugins. It is thin: the engine is package plugin, the
// protocol package message, the suspending package flow.
//
// Exports: info, evaluate (one request at a time, callouts through Extism's own http_request), begin, resume and
// cancel (many requests at once, the host makes the callouts), and for hosts that can reach the guest's memory buffer
// and step, the same without Extism's byte-wise copies.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime/debug"
	"strings"
	"time"
	"unsafe"

	"github.com/extism/go-pdk"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/extism/message"
	"github.com/idvgate/idvgate/plugin/flow"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/catalog"
)

// version is set when the guest is built.
var version = "dev"

// guest is the one instance of this virtual machine.
var guest *instance

func main() {}

// instance is the engine with what it needs to serve flows. Without an engine it denies everything.
type instance struct {
	engine *plugin.Engine
	errors []string
	table  *flow.Table
	out    message.Writer
	buffer []byte
}

// gcPercent lets the heap grow further than Go would between collections. What lives in a guest is small (a few MB), and
// a collection stops every flow of the machine.
const gcPercent = 400

// ready is the instance, made at the first call: configuration can only be read while the host calls.
func ready() *instance {
	if guest != nil {
		return guest
	}
	debug.SetGCPercent(gcPercent)
	g := &instance{}
	g.table = flow.New(&g.out, time.Now)
	doc, _ := pdk.GetConfig("policy")
	unmatched, _ := pdk.GetConfig("idvgate.unmatched")
	var beyond state.Beyond
	if kept, _ := pdk.GetConfig("idvgate.vars"); kept == "shared" {
		beyond = vars{}
	}
	engine, err := plugin.Load([]byte(doc), catalog.List(), plugin.Env{
		Lookup: pdk.GetConfig,
		Now:    time.Now,
		Random: rand.Reader,
		Audit:  g.out.Audit, Metrics: &g.out,
		Share: g.table.Share, Sleep: g.table.Sleep, Beside: g.table.Beside, State: state.New(beyond),
		DenyUnmatched: unmatched == "deny",
	})
	g.engine, g.errors = engine, explain(err)
	guest = g
	return g
}

func explain(err error) []string {
	if err == nil {
		return nil
	}
	problems, ok := errors.AsType[policy.Problems](err)
	if !ok {
		return []string{err.Error()}
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.String())
	}
	return lines
}

//go:wasmexport info
func Info() int32 {
	g := ready()
	g.out.Reset()
	g.out.Info(plugin.About(version, g.engine, g.errors))
	pdk.Output(g.out.Bytes())
	return 0
}

//go:wasmexport begin
func Begin() int32 { return exchange((*instance).begin) }

//go:wasmexport resume
func Resume() int32 { return exchange((*instance).resume) }

//go:wasmexport cancel
func Cancel() int32 { return exchange((*instance).cancel) }

//go:wasmexport evaluate
func Evaluate() int32 { return exchange((*instance).whole) }

// exchange reads the messages of the input, hands each to take, and sends what came of it.
func exchange(take func(*instance, *message.In)) int32 {
	out, ok := ready().run(pdk.Input(), take)
	if !ok {
		pdk.SetErrorString("idvgate: malformed message")
		return 1
	}
	pdk.Output(out)
	return 0
}

func (g *instance) run(input []byte, take func(*instance, *message.In)) (out []byte, ok bool) {
	g.out.Reset()
	for len(input) > 0 {
		m, rest, err := message.Read(input)
		if err != nil {
			return nil, false
		}
		take(g, &m)
		input = rest
	}
	return g.out.Bytes(), true
}

func (g *instance) begin(m *message.In) {
	if m.Head == nil {
		return
	}
	visit, d, decided := g.route(m.Head)
	if decided {
		g.out.Decided(m.Flow, &d)
		return
	}
	g.table.Begin(m.Flow, m.Head, visit.Evaluate)
}

// route is the engine's. Without an engine everything is denied.
func (g *instance) route(head *plugin.Head) (visit *plugin.Visit, d plugin.Decision, decided bool) {
	if g.engine == nil {
		return nil, plugin.Decision{Reason: plugin.Unavailable, Status: 503}, true
	}
	visit = g.engine.Route(head, &d)
	return visit, d, visit == nil
}

func (g *instance) resume(m *message.In) {
	switch {
	case m.Body == "true":
		g.table.Body(m.Flow, append([]byte(nil), m.Bytes...), nil)
	case m.Body == "too_large":
		g.table.Body(m.Flow, nil, plugin.ErrTooLarge)
	case m.Body != "":
		g.table.Body(m.Flow, nil, plugin.ErrGone)
	case m.Timer != 0:
		g.table.Timer(m.Timer)
	case m.Error != "":
		g.table.Failure(m.CallID, callout.ParseKind(m.Error))
	case m.CallID != 0:
		g.table.Reply(m.CallID, &callout.Response{Status: m.Status, Header: m.Header, Body: append([]byte(nil), m.Bytes...)})
	}
}

// cancel needs nothing: a flow whose client has left goes on, so that an answer that was paid for is not lost.
func (g *instance) cancel(*message.In) {}

// whole is evaluate: the body is at hand, callouts go through Extism, nothing is suspended.
func (g *instance) whole(m *message.In) {
	if m.Head == nil {
		return
	}
	visit, d, decided := g.route(m.Head)
	if !decided {
		d = visit.Evaluate(context.Background(), &wholeRequest{m.Head, append([]byte(nil), m.Bytes...)}, extismDoer{})
	}
	g.out.Decided(m.Flow, &d)
}

type wholeRequest struct {
	head *plugin.Head
	body []byte
}

func (r *wholeRequest) Head() *plugin.Head { return r.head }

func (r *wholeRequest) Body(limit int) ([]byte, error) {
	if len(r.body) > limit {
		return nil, plugin.ErrTooLarge
	}
	return r.body, nil
}

// extismDoer calls out through Extism's http_request. The host bounds its time; where it cannot connect it traps.
type extismDoer struct{}

var extismMethods = [...]pdk.HTTPMethod{pdk.MethodGet, pdk.MethodPost, pdk.MethodPut, pdk.MethodDelete}

func (extismDoer) Do(_ context.Context, r *callout.Request) (*callout.Response, error) {
	for _, method := range extismMethods {
		if method.String() != r.Method {
			continue
		}
		request := pdk.NewHTTPRequest(method, r.URL)
		for _, h := range r.Header {
			request.SetHeader(h.Name, h.Value)
		}
		request.SetBody(r.Body)
		response := request.Send()
		if response.Status() == 0 {
			return nil, &callout.Error{Kind: callout.Unreachable}
		}
		reply := &callout.Response{Status: int(response.Status()), Body: response.Body()}
		for name, value := range response.Headers() {
			reply.Header = append(reply.Header, callout.Header{Name: strings.ToLower(name), Value: value})
		}
		return reply, nil
	}
	return nil, &callout.Error{Kind: callout.Blocked}
}

// vars is Extism's variables, where the host says that all its virtual machines share them. Elsewhere they are one
// machine's, and each answer would be kept twice.
type vars struct{}

func (vars) Get(key string) []byte        { return pdk.GetVar(key) }
func (vars) Put(key string, value []byte) { pdk.SetVar(key, value) }

// Count reads a variable that counts when it is read.
func (vars) Count(request []byte) []byte { return pdk.GetVar("idvgate.count:" + string(request)) }

// Buffer is room for size bytes of input, for Step.
//
//go:wasmexport buffer
func Buffer(size int32) int32 {
	g := ready()
	if cap(g.buffer) < int(size) || cap(g.buffer) > 1<<20 && size < 1<<16 {
		g.buffer = make([]byte, max(size, 4096))
	}
	return int32(uintptr(unsafe.Pointer(unsafe.SliceData(g.buffer))))
}

// Step is Begin (0), Resume (1) or Cancel (2) on length bytes of Buffer. The result is where the output is (upper half)
// and how long (lower half); -1 if a message is malformed.
//
//go:wasmexport step
func Step(kind, length int32) int64 {
	g := ready()
	take := [...]func(*instance, *message.In){(*instance).begin, (*instance).resume, (*instance).cancel}
	if kind < 0 || int(kind) >= len(take) || length < 0 || int(length) > len(g.buffer) {
		return -1
	}
	out, ok := g.run(g.buffer[:length], take[kind])
	if !ok {
		return -1
	}
	return int64(uintptr(unsafe.Pointer(unsafe.SliceData(out))))<<32 | int64(len(out))
}
