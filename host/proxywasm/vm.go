package proxywasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"
)

// An Embedder is what a VM's host has for its guest. Its methods run while the guest does; none may call the VM.
type Embedder interface {
	// Log takes a line of the guest.
	Log(level uint32, line string)
	// Call sends a callout; its reply is handed in by VM.Reply, once this call of the guest has ended. The status is
	// the guest's: what cannot be sent is told at once.
	Call(c *Callout) Status
	// Tick says how often VM.Tick is to be called; 0: not any more.
	Tick(milliseconds uint32)
	// Define makes a metric, or finds it.
	Define(kind uint32, name string) (id uint32, status Status)
	// Count adds to a counter or gauge, Record sets a gauge or has a histogram observe.
	Count(id uint32, by int64) Status
	Record(id uint32, value uint64) Status
	// Value is a counter's or gauge's.
	Value(id uint32) (uint64, Status)
	// Foreign is a function beyond the ABI; NotFound: there is none of that name.
	Foreign(c *Context, name string, arguments []byte) (result []byte, status Status)
	// Property is a value that the VM does not know itself; false: there is none.
	Property(c *Context, path []string) (value []byte, ok bool)
}

// A RedisEmbedder has for its guest what Higress has beyond the ABI.
type RedisEmbedder interface {
	// RedisInit says as whom a cluster of Redis is asked, and for how long.
	RedisInit(cluster, user, password string, timeoutMs uint32) Status
	// Redis sends a query in Redis's own protocol; its reply is handed in by VM.RedisReply, once this call of the guest
	// has ended.
	Redis(token uint32, cluster string, query []byte) Status
}

// A Callout is a request that a guest wants to have sent.
type Callout struct {
	Token     uint32
	Context   *Context // on whose behalf
	Cluster   string
	Headers   Pairs
	Body      []byte
	Trailers  Pairs
	TimeoutMs uint32 // 0: none
}

// A VM is one instance of a guest, with one configured plugin. It serves one call at a time and is not safe for
// concurrent use. After a call has failed it must be closed.
type VM struct {
	program  *Program
	embedder Embedder
	module   api.Module
	memory   api.Memory
	ctx      context.Context
	exports  exports
	stack    [5]uint64

	root     *Context
	last     uint32 // context
	token    uint32 // of callouts
	contexts map[uint32]*Context
	calls    map[uint32]*Context // by token: who is told
	current  *Context            // whose callback runs
	active   *Context            // the effective context
	reply    reply               // of the callout that is told
	config   []byte              // what a configuration's buffer holds
	touched  []*Stream           // that the guest has answered or let go on, in other callbacks than their own
}

type vmKey struct{}

// exports are the guest's functions, looked up once. nil: it has none of that name.
type exports struct {
	allocate, create, vmStart, configure            api.Function
	requestHeaders, requestBody, requestTrailers    api.Function
	responseHeaders, responseBody, responseTrailers api.Function
	httpCallResponse, redisCallResponse             api.Function
	tick, done, log, delete                         api.Function
}

// enter notes the instance, as soon as there is one.
func (v *VM) enter(m api.Module) {
	v.module, v.memory = m, m.Memory()
	v.lookUp()
}

func (v *VM) lookUp() {
	find := v.module.ExportedFunction
	e := &v.exports
	if e.allocate = find("proxy_on_memory_allocate"); e.allocate == nil {
		e.allocate = find("malloc")
	}
	e.create, e.vmStart, e.configure = find("proxy_on_context_create"), find("proxy_on_vm_start"), find("proxy_on_configure")
	e.requestHeaders, e.requestBody, e.requestTrailers = find("proxy_on_request_headers"), find("proxy_on_request_body"), find("proxy_on_request_trailers")
	e.responseHeaders, e.responseBody, e.responseTrailers = find("proxy_on_response_headers"), find("proxy_on_response_body"), find("proxy_on_response_trailers")
	e.httpCallResponse, e.tick = find("proxy_on_http_call_response"), find("proxy_on_tick")
	e.redisCallResponse = find("proxy_on_redis_call_response")
	e.done, e.log, e.delete = find("proxy_on_done"), find("proxy_on_log"), find("proxy_on_delete")
}

// call runs a callback about a context. What the guest does not export returns 0.
func (v *VM) call(c *Context, f api.Function, args ...uint64) (uint32, error) {
	if f == nil {
		return 0, nil
	}
	n := len(f.Definition().ParamTypes())
	if n > len(args) {
		return 0, fmt.Errorf("proxywasm: %s takes %d parameters, not %d", f.Definition().Name(), n, len(args))
	}
	v.current, v.active = c, nil
	v.stack = [5]uint64{}
	copy(v.stack[:], args[:n])
	err := f.CallWithStack(v.ctx, v.stack[:])
	v.current, v.active = nil, nil
	if err != nil {
		return 0, fmt.Errorf("proxywasm: %w", err)
	}
	return uint32(v.stack[0]), nil
}

func (v *VM) configure() error {
	v.last++
	v.root = &Context{vm: v, id: v.last, properties: map[string][]byte{}}
	v.contexts[v.root.id] = v.root
	if _, err := v.call(v.root, v.exports.create, uint64(v.root.id), 0); err != nil {
		return err
	}
	for _, step := range []struct {
		f      api.Function
		config []byte
	}{{v.exports.vmStart, v.program.options.VMConfig}, {v.exports.configure, v.program.options.Configuration}} {
		if step.f == nil {
			continue
		}
		v.config = step.config
		ok, err := v.call(v.root, step.f, uint64(v.root.id), uint64(len(step.config)))
		v.config = nil
		if err != nil {
			return err
		}
		if ok == 0 {
			return fmt.Errorf("proxywasm: %w", ErrRefused)
		}
	}
	return nil
}

// Root is the plugin's context.
func (v *VM) Root() *Context { return v.root }

// Tick calls the guest back, as it has asked for.
func (v *VM) Tick() error {
	_, err := v.call(v.root, v.exports.tick, uint64(v.root.id))
	return err
}

// reply is of a callout.
type reply struct {
	headers, trailers Pairs
	body              []byte
}

// errToken says that nobody waits for a reply.
var errToken = errors.New("proxywasm: no callout has that token")

// Reply hands in the reply to a callout. Without headers there is none. It comes to the plugin's context even where the
// stream that asked has gone.
func (v *VM) Reply(token uint32, headers Pairs, body []byte, trailers Pairs) error {
	return v.Answer(token, headers, body, len(body), trailers)
}

// Answer is Reply with another size of the body than there is of it: that of one too large to be handed in.
func (v *VM) Answer(token uint32, headers Pairs, body []byte, size int, trailers Pairs) error {
	c := v.calls[token]
	if c == nil {
		return errToken
	}
	delete(v.calls, token)
	v.reply = reply{headers, trailers, body}
	_, err := v.call(v.root, v.exports.httpCallResponse, uint64(v.root.id), uint64(token), uint64(len(headers)), uint64(size), uint64(len(trailers)))
	v.reply = reply{}
	return err
}

// RedisReply hands in the reply to a query; ok false: there is none.
func (v *VM) RedisReply(token uint32, body []byte, ok bool) error {
	status := uint64(0)
	if !ok {
		status, body = 1, nil
	}
	v.reply = reply{body: body}
	_, err := v.call(v.root, v.exports.redisCallResponse, uint64(v.root.id), uint64(token), status, uint64(len(body)))
	v.reply = reply{}
	return err
}

// Touched is the streams that the guest has answered, or let go on from outside of their own callbacks, since it was
// last asked.
func (v *VM) Touched() []*Stream {
	touched := v.touched
	v.touched = nil
	return touched
}

// Waiting is how many callouts are on their way.
func (v *VM) Waiting() int { return len(v.calls) }

// MemoryBytes is the size of the guest's linear memory. It never shrinks.
func (v *VM) MemoryBytes() int { return int(v.memory.Size()) }

// Close ends the VM.
func (v *VM) Close() error { return v.module.Close(v.ctx) }
