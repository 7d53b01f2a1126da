package proxywasm

import (
	"context"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"
)

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
)

var i32Result = []api.ValueType{i32}

// imported is one function of env. Its parameters are on the stack; its result is a Status.
type imported struct {
	name  string
	types string // of parameters: i for 32 bits, l for 64
	run   func(v *VM, s []uint64) Status
}

func (f imported) params() []api.ValueType {
	types := make([]api.ValueType, len(f.types))
	for i := range types {
		types[i] = i32
		if f.types[i] == 'l' {
			types[i] = i64
		}
	}
	return types
}

func (f imported) call() func(context.Context, api.Module, []uint64) {
	return func(ctx context.Context, m api.Module, s []uint64) {
		v := ctx.Value(vmKey{}).(*VM)
		if v.module == nil { // the guest starts
			v.enter(m)
		}
		s[0] = uint64(f.run(v, s))
	}
}

// bytes is a part of the guest's memory.
func (v *VM) bytes(at, size uint64) ([]byte, bool) {
	if uint32(size) == 0 {
		return nil, true
	}
	return v.memory.Read(uint32(at), uint32(size))
}

func (v *VM) text(at, size uint64) (string, bool) {
	b, ok := v.bytes(at, size)
	return string(b), ok
}

// give puts a value into room that the guest makes, and says where.
func (v *VM) give(value []byte, at, size uint64) Status {
	var where uint64
	if len(value) > 0 {
		stack := [1]uint64{uint64(len(value))}
		if err := v.exports.allocate.CallWithStack(v.ctx, stack[:]); err != nil {
			panic(err) // the guest has trapped in the middle of its own call: so does that
		}
		if where = stack[0]; where == 0 || !v.memory.Write(uint32(where), value) {
			return InvalidMemory
		}
	}
	return v.put(at, uint32(where), size, uint32(len(value)))
}

// put writes two numbers.
func (v *VM) put(at uint64, a uint32, next uint64, b uint32) Status {
	if !v.memory.WriteUint32Le(uint32(at), a) || !v.memory.WriteUint32Le(uint32(next), b) {
		return InvalidMemory
	}
	return OK
}

func (v *VM) putOne(at uint64, a uint32) Status {
	if !v.memory.WriteUint32Le(uint32(at), a) {
		return InvalidMemory
	}
	return OK
}

// imports is the ABI. Results are statuses; where memory lies outside of the guest's, InvalidMemory.
var imports = []imported{
	{"proxy_log", "iii", func(v *VM, s []uint64) Status {
		line, ok := v.text(s[1], s[2])
		if !ok {
			return InvalidMemory
		}
		v.embedder.Log(uint32(s[0]), line)
		return OK
	}},
	{"proxy_get_log_level", "i", func(v *VM, s []uint64) Status { return v.putOne(s[0], 2) }},
	{"proxy_set_effective_context", "i", setEffective},
	{"proxy_get_current_time_nanoseconds", "i", func(v *VM, s []uint64) Status {
		if !v.memory.WriteUint64Le(uint32(s[0]), uint64(time.Now().UnixNano())) {
			return InvalidMemory
		}
		return OK
	}},
	{"proxy_set_tick_period_milliseconds", "i", func(v *VM, s []uint64) Status { v.embedder.Tick(uint32(s[0])); return OK }},
	{"proxy_done", "", func(*VM, []uint64) Status { return OK }},

	{"proxy_get_header_map_pairs", "iii", func(v *VM, s []uint64) Status {
		m := v.headers(uint32(s[0]))
		if m == nil {
			return NotFound
		}
		return v.give(m.append(nil), s[1], s[2])
	}},
	{"proxy_set_header_map_pairs", "iii", func(v *VM, s []uint64) Status {
		m := v.headers(uint32(s[0]))
		raw, ok := v.bytes(s[1], s[2])
		list, err := readPairs(raw)
		switch {
		case !ok:
			return InvalidMemory
		case err != nil, m == nil:
			return BadArgument
		}
		*m = list
		return OK
	}},
	{"proxy_get_header_map_value", "iiiii", func(v *VM, s []uint64) Status {
		m := v.headers(uint32(s[0]))
		name, ok := v.text(s[1], s[2])
		switch {
		case !ok:
			return InvalidMemory
		case m == nil:
			return BadArgument
		}
		value, ok := m.Get(strings.ToLower(name))
		if !ok {
			return NotFound
		}
		return v.give([]byte(value), s[3], s[4])
	}},
	{"proxy_get_header_map_size", "ii", func(v *VM, s []uint64) Status {
		m := v.headers(uint32(s[0]))
		if m == nil {
			return NotFound
		}
		size := 0
		for _, h := range *m {
			size += len(h.Name) + len(h.Value)
		}
		return v.putOne(s[1], uint32(size))
	}},
	{"proxy_add_header_map_value", "iiiii", edit(func(m Pairs, name, value string) Pairs { return append(m[:len(m):len(m)], Pair{name, value}) })},
	{"proxy_replace_header_map_value", "iiiii", edit(Pairs.with)},
	{"proxy_remove_header_map_value", "iii", func(v *VM, s []uint64) Status {
		m := v.headers(uint32(s[0]))
		name, ok := v.text(s[1], s[2])
		switch {
		case !ok:
			return InvalidMemory
		case m == nil:
			return BadArgument
		}
		*m = m.without(strings.ToLower(name))
		return OK
	}},

	{"proxy_get_buffer_status", "iii", func(v *VM, s []uint64) Status {
		b := v.buffer(uint32(s[0]))
		if b == nil {
			return NotFound
		}
		return v.put(s[1], uint32(len(*b)), s[2], 0)
	}},
	{"proxy_get_buffer_bytes", "iiiii", func(v *VM, s []uint64) Status {
		b := v.buffer(uint32(s[0]))
		if b == nil {
			return NotFound
		}
		size := uint64(len(*b))
		from := min(uint64(uint32(s[1])), size)
		return v.give((*b)[from:min(from+uint64(uint32(s[2])), size)], s[3], s[4])
	}},
	{"proxy_set_buffer_bytes", "iiiii", func(v *VM, s []uint64) Status {
		b := v.buffer(uint32(s[0]))
		value, ok := v.bytes(s[3], s[4])
		switch {
		case !ok:
			return InvalidMemory
		case b == nil:
			return NotFound
		}
		size := uint64(len(*b))
		from := min(uint64(uint32(s[1])), size)
		to := min(from+uint64(uint32(s[2])), size)
		*b = append(append(append([]byte(nil), (*b)[:from]...), value...), (*b)[to:]...)
		v.edited(uint32(s[0]))
		return OK
	}},

	{"proxy_get_property", "iiii", getProperty},
	{"proxy_set_property", "iiii", func(v *VM, s []uint64) Status {
		path, ok := v.text(s[0], s[1])
		value, also := v.text(s[2], s[3])
		if !ok || !also {
			return InvalidMemory
		}
		c := v.effective()
		if c == nil {
			return BadArgument
		}
		c.Set(path, []byte(value))
		return OK
	}},

	{"proxy_http_call", "iiiiiiiiii", httpCall},
	// Higress's own, which only guests made for it import.
	{"proxy_redis_init", "iiiiiii", func(v *VM, s []uint64) Status {
		cluster, ok := v.text(s[0], s[1])
		user, also := v.text(s[2], s[3])
		password, third := v.text(s[4], s[5])
		if !ok || !also || !third {
			return InvalidMemory
		}
		if e, ok := v.embedder.(RedisEmbedder); ok {
			return e.RedisInit(cluster, user, password, uint32(s[6]))
		}
		return Unimplemented
	}},
	{"proxy_redis_call", "iiiii", func(v *VM, s []uint64) Status {
		cluster, ok := v.text(s[0], s[1])
		query, also := v.bytes(s[2], s[3])
		if !ok || !also {
			return InvalidMemory
		}
		e, ok := v.embedder.(RedisEmbedder)
		if !ok {
			return Unimplemented
		}
		token := v.nextToken()
		if status := e.Redis(token, cluster, append([]byte(nil), query...)); status != OK {
			return status
		}
		return v.putOne(s[4], token)
	}},
	{"proxy_send_local_response", "iiiiiiii", sendLocalResponse},
	{"proxy_continue_stream", "i", func(v *VM, s []uint64) Status {
		c := v.effective()
		if c == nil || c.stream == nil || c.stream.Reply != nil {
			return BadArgument
		}
		switch uint32(s[0]) {
		case 0:
			c.stream.resume(&c.stream.Request)
		case 1:
			c.stream.resume(&c.stream.Response)
		default:
			return Unimplemented
		}
		return OK
	}},
	{"proxy_close_stream", "i", func(*VM, []uint64) Status { return Unimplemented }},

	{"proxy_get_shared_data", "iiiii", func(v *VM, s []uint64) Status {
		key, ok := v.text(s[0], s[1])
		if !ok {
			return InvalidMemory
		}
		value, cas, ok := v.program.options.Shared.get(key)
		if !ok {
			return NotFound
		}
		if status := v.give(value, s[2], s[3]); status != OK {
			return status
		}
		return v.putOne(s[4], cas)
	}},
	{"proxy_set_shared_data", "iiiii", func(v *VM, s []uint64) Status {
		key, ok := v.text(s[0], s[1])
		value, also := v.bytes(s[2], s[3])
		if !ok || !also {
			return InvalidMemory
		}
		return v.program.options.Shared.set(key, value, uint32(s[4]))
	}},
	{"proxy_register_shared_queue", "iii", func(*VM, []uint64) Status { return Unimplemented }},
	{"proxy_resolve_shared_queue", "iiiii", func(*VM, []uint64) Status { return Unimplemented }},
	{"proxy_dequeue_shared_queue", "iii", func(*VM, []uint64) Status { return Unimplemented }},
	{"proxy_enqueue_shared_queue", "iii", func(*VM, []uint64) Status { return Unimplemented }},

	{"proxy_define_metric", "iiii", func(v *VM, s []uint64) Status {
		name, ok := v.text(s[1], s[2])
		if !ok {
			return InvalidMemory
		}
		id, status := v.embedder.Define(uint32(s[0]), name)
		if status != OK {
			return status
		}
		return v.putOne(s[3], id)
	}},
	{"proxy_increment_metric", "il", func(v *VM, s []uint64) Status { return v.embedder.Count(uint32(s[0]), int64(s[1])) }},
	{"proxy_record_metric", "il", func(v *VM, s []uint64) Status { return v.embedder.Record(uint32(s[0]), s[1]) }},
	{"proxy_get_metric", "ii", func(v *VM, s []uint64) Status {
		value, status := v.embedder.Value(uint32(s[0]))
		if status == OK && !v.memory.WriteUint64Le(uint32(s[1]), value) {
			return InvalidMemory
		}
		return status
	}},

	{"proxy_call_foreign_function", "iiiiii", func(v *VM, s []uint64) Status {
		name, ok := v.text(s[0], s[1])
		arguments, also := v.bytes(s[2], s[3])
		if !ok || !also {
			return InvalidMemory
		}
		result, status := v.embedder.Foreign(v.effective(), name, arguments)
		if status != OK {
			return status
		}
		return v.give(result, s[4], s[5])
	}},
}

func setEffective(v *VM, s []uint64) Status {
	c := v.contexts[uint32(s[0])]
	if c == nil {
		return BadArgument
	}
	v.active = c
	return OK
}

// edit changes a header map.
func edit(do func(m Pairs, name, value string) Pairs) func(*VM, []uint64) Status {
	return func(v *VM, s []uint64) Status {
		m := v.headers(uint32(s[0]))
		name, ok := v.text(s[1], s[2])
		value, also := v.text(s[3], s[4])
		switch {
		case !ok || !also:
			return InvalidMemory
		case m == nil:
			return BadArgument
		}
		*m = do(*m, strings.ToLower(name), value)
		return OK
	}
}

func getProperty(v *VM, s []uint64) Status {
	path, ok := v.text(s[0], s[1])
	if !ok {
		return InvalidMemory
	}
	c := v.effective()
	if c == nil {
		return NotFound
	}
	value, ok := c.properties[path]
	if !ok {
		value, ok = v.embedder.Property(c, strings.Split(path, "\x00"))
	}
	if !ok {
		return NotFound
	}
	return v.give(value, s[2], s[3])
}

func httpCall(v *VM, s []uint64) Status {
	cluster, ok := v.text(s[0], s[1])
	rawHeaders, also := v.bytes(s[2], s[3])
	body, third := v.bytes(s[4], s[5])
	rawTrailers, fourth := v.bytes(s[6], s[7])
	if !ok || !also || !third || !fourth {
		return InvalidMemory
	}
	headers, err := readPairs(rawHeaders)
	trailers, cut := readPairs(rawTrailers)
	if err != nil || cut != nil || cluster == "" {
		return BadArgument
	}
	for _, name := range []string{":method", ":path", ":authority"} {
		if value, ok := headers.Get(name); !ok || value == "" {
			return BadArgument
		}
	}
	c := v.effective()
	if c == nil {
		return BadArgument
	}
	call := &Callout{
		Token: v.nextToken(), Context: c, Cluster: cluster, Headers: headers, Body: append([]byte(nil), body...),
		Trailers: trailers, TimeoutMs: uint32(s[8]),
	}
	if status := v.embedder.Call(call); status != OK {
		return status
	}
	v.calls[call.Token] = c
	return v.putOne(s[9], call.Token)
}

// nextToken numbers callouts and queries. 0 is none.
func (v *VM) nextToken() uint32 {
	if v.token++; v.token == 0 {
		v.token = 1
	}
	return v.token
}

func sendLocalResponse(v *VM, s []uint64) Status {
	details, ok := v.text(s[1], s[2])
	body, also := v.bytes(s[3], s[4])
	raw, third := v.bytes(s[5], s[6])
	if !ok || !also || !third {
		return InvalidMemory
	}
	headers, err := readPairs(raw)
	c := v.effective()
	if err != nil || c == nil || c.stream == nil {
		return BadArgument
	}
	if c.stream.Reply == nil {
		c.stream.Reply = &Reply{
			Status: int(uint32(s[0])), Details: details, Headers: headers, Body: append([]byte(nil), body...), GRPC: uint32(s[7]),
		}
		v.touched = append(v.touched, c.stream)
	}
	return OK
}
