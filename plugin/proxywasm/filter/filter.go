// Package filter is idvgate as a filter of HTTP streams in a proxy-wasm gateway: it knows the callbacks of the ABI and
// what they may do when, and leaves everything else to the engine.
//
//	callback           what happens
//	Configure          a policy becomes an engine. What is not the configuration's own fault succeeds with an engine
//	                   that denies everything: a gateway may skip a filter that fails to configure
//	RequestHeaders     strip and route by the head; most requests end here. Else the flow begins
//	RequestBody        the size is looked at as it comes; when it is whole, the flow goes on
//	RequestTrailers    stripped on every route; they end a body as its last piece does
//	CalloutResponse    a flow goes on, and with it those that waited for the same question
//	Tick               deadlines of those that wait, and bodies that never come
//	Delete             the stream has gone. Its flow goes on: what was asked is paid
//
// A Filter is one virtual machine's. Its callbacks run one at a time, never one within another.
package filter

import (
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// Gateway is the ABI, as abi.Host has it.
type Gateway interface {
	Log(level abi.Level, line []byte)
	SetEffective(context uint32) abi.Status
	Headers(m abi.Map) ([]callout.Header, abi.Status)
	Replace(m abi.Map, name, value string) abi.Status
	Remove(m abi.Map, name string) abi.Status
	Bytes(b abi.Buffer, limit int) ([]byte, abi.Status)
	SetBody(body []byte) abi.Status
	Property(path string) ([]byte, abi.Status)
	SetProperty(path, value string) abi.Status
	Call(cluster string, headers []callout.Header, body []byte, timeoutMs uint32) (token uint32, status abi.Status)
	RedisInit(cluster, user, password string, timeoutMs uint32) abi.Status
	Redis(cluster string, query []byte) (token uint32, status abi.Status)
	Respond(status int, headers []callout.Header, body []byte, grpc uint32) abi.Status
	Continue() abi.Status
	Define(k abi.Kind, name string) (id uint32, status abi.Status)
	Increment(id uint32, by int64)
	Record(id uint32, value uint64)
	Foreign(name string, arguments []byte) ([]byte, abi.Status)
	Shared(key string) ([]byte, abi.Status)
	Share(key string, value []byte) abi.Status
	Sign(hash string, key, text []byte) ([]byte, error)
	Tick(ms uint32)
}

// World is what the filter gets besides the gateway.
type World struct {
	Version   string
	Providers providers.List
	Lookup    func(name string) (string, bool) // variables and secrets
	Now       func() time.Time
	Random    io.Reader
	Redis     bool // the gateway asks Redis itself
}

// Limits bound what waits in one virtual machine. Beyond, requests are answered 503.
type Limits struct {
	Flows     int           // suspended requests
	BodyBytes int           // of bodies that are waited for
	FirstByte time.Duration // how long a body that was announced may not begin
}

// What a callback tells the gateway to do with the stream.
const (
	Continue uint32 = 0
	Pause    uint32 = 1 // headers wait, the body comes to us; the body is held
	StopAll  uint32 = 4 // of headers: the body waits too, at the client's
)

// A Filter serves the streams of one virtual machine.
type Filter struct {
	gateway Gateway
	world   World
	limits  Limits
	roots   map[uint32]*root
	streams map[uint32]*stream
	flows   map[uint64]*stream // by flow, until it is decided; nil: its stream has gone
	calls   map[uint32]call    // by the gateway's number
	queries map[uint32]call    // to Redis, as calls
	redises map[string]string  // by cluster, as whom it is asked
	last    uint64             // flow
	held    int                // bytes of bodies that are waited for
	// The context that calls to the gateway are about: that of the callback, until it is set to another.
	effective uint32
	at        time.Time // of the callback, once it was asked for: nothing in one waits, and the gateway's clock is dear
	log       strictjson.Buffer
	state     *state.Store // outlives each policy
	full      time.Time    // when it was last said that there is no room
	ours      bool         // the gateway is idvgate's own
}

// New makes a Filter.
func New(gateway Gateway, world World, limits Limits) *Filter {
	now := world.Now
	f := &Filter{
		gateway: gateway, world: world, limits: limits,
		roots: map[uint32]*root{}, streams: map[uint32]*stream{}, flows: map[uint64]*stream{}, calls: map[uint32]call{},
		queries: map[uint32]call{}, redises: map[string]string{},
	}
	f.world.Now = func() time.Time {
		if f.at.IsZero() {
			f.at = now()
		}
		return f.at
	}
	f.state = state.New(beyond{f})
	return f
}

// beyond is what idvgate's own gateway keeps for all its virtual machines. Another gateway has nothing of the kind: what
// proxy-wasm guests share there can't be dropped again.
type beyond struct{ filter *Filter }

func (b beyond) Get(key string) []byte {
	if !b.filter.ours {
		return nil
	}
	value, _ := b.filter.gateway.Foreign("idvgate_recall", []byte(key))
	return value
}

func (b beyond) Put(key string, value []byte) {
	if b.filter.ours {
		b.filter.gateway.Foreign("idvgate_remember", append([]byte(key), value...))
	}
}

// Kept is what providers keep. Another gateway has for it what proxy-wasm guests share, which outlives the virtual
// machine and is one for all workers. That can't be dropped again, so answers never go there.
func (b beyond) Kept(key string) []byte {
	if b.filter.ours {
		return b.Get(key)
	}
	value, _ := b.filter.gateway.Shared(sharedName + key)
	return value
}

// Keep keeps it.
func (b beyond) Keep(key string, value []byte) {
	if b.filter.ours {
		b.Put(key, value)
		return
	}
	b.filter.gateway.Share(sharedName+key, value)
}

// sharedName begins our names among what all guests of a gateway share.
const sharedName = "idvgate."

// Create makes a context: a plugin's (parent 0) or a stream's.
func (f *Filter) Create(context, parent uint32) {
	if parent == 0 {
		f.roots[context] = newRoot(f, context)
		return
	}
	f.streams[context] = &stream{id: context, root: f.roots[parent]}
}

// Delete ends a context. A stream's flow goes on: what was asked is paid, and others may wait for it.
func (f *Filter) Delete(context uint32) {
	f.enter(context)
	defer f.rescue(nil, nil)
	if r := f.roots[context]; r != nil {
		f.close(r)
		return
	}
	s := f.streams[context]
	if s == nil {
		return
	}
	delete(f.streams, context)
	f.leave(s)
}

// leave has a stream's flow go on without it.
func (f *Filter) leave(s *stream) {
	flow, wanted := s.flow, s.wants
	f.release(s)
	s.flow = 0
	if flow == 0 {
		return
	}
	f.flows[flow] = nil
	if wanted {
		s.root.table.Body(flow, nil, plugin.ErrGone)
	}
}

// close ends a plugin's context. Replies to its callouts come no more.
func (f *Filter) close(r *root) {
	delete(f.roots, r.id)
	for _, calls := range []map[uint32]call{f.calls, f.queries} {
		for token, c := range calls {
			if c.root == r {
				delete(calls, token)
			}
		}
	}
	r.table.Close()
}

func (b beyond) Count(request []byte) []byte {
	if !b.filter.ours {
		return nil
	}
	reply, _ := b.filter.gateway.Foreign("idvgate_count", request)
	return reply
}

// enter begins a callback.
func (f *Filter) enter(context uint32) { f.effective, f.at = context, time.Time{} }

// about makes what follows be about a context. False: it has gone.
func (f *Filter) about(context uint32) bool {
	if f.effective == context {
		return true
	}
	if f.gateway.SetEffective(context) != abi.OK {
		return false
	}
	f.effective = context
	return true
}

// rescue is what becomes of a panic in a callback: the stream that it was about is answered 503, since no result of a
// callback denies. Others never hear of it. What was panicked with may hold a claim, so only the place is told.
func (f *Filter) rescue(s *stream, action *uint32) {
	if recover() == nil {
		return
	}
	f.say(abi.Error, "panic", where())
	if s != nil {
		f.refuse(s)
		*action = Pause
	}
}

// where is the file and line of the innermost frame that is ours, after a panic.
func where() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "github.com/idvgate/") {
			return f.File[strings.LastIndexByte(f.File, '/')+1:] + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return "somewhere"
		}
	}
}

// say writes a line to the gateway's log.
func (f *Filter) say(level abi.Level, what, detail string) {
	f.log.Reset()
	f.log.Raw(`{"log":`)
	f.log.Text(what)
	f.log.Member("detail", detail)
	f.log.Raw("}")
	f.gateway.Log(level, f.log.Bytes())
}
