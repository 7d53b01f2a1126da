package extism

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"math"

	"github.com/tetratelabs/wazero/api"
)

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
)

// maxVarBytes bounds what var_set keeps in one VM.
const maxVarBytes = 1 << 20

// imported is one function of extism:host/env. Parameters are read from the stack and the result is left in it.
type imported struct {
	name            string
	params, results []api.ValueType
	call            func(ctx context.Context, _ api.Module, stack []uint64)
}

type types = []api.ValueType

// on makes a host function of one that takes the VM.
func on(f func(v *VM, s []uint64)) func(context.Context, api.Module, []uint64) {
	return func(ctx context.Context, _ api.Module, stack []uint64) {
		f(ctx.Value(vmKey{}).(*VM), stack)
	}
}

// imports is the whole of extism:host/env as go-pdk 1.1.3 and its siblings import it.
var imports = []imported{
	{"input_length", nil, types{i64}, on(func(v *VM, s []uint64) { s[0] = uint64(len(v.input)) })},
	{"input_load_u8", types{i64}, types{i32}, on(func(v *VM, s []uint64) {
		if s[0] >= uint64(len(v.input)) {
			panic(trap("input_load_u8: offset outside"))
		}
		s[0] = uint64(v.input[s[0]])
	})},
	{"input_load_u64", types{i64}, types{i64}, on(func(v *VM, s []uint64) { s[0] = load8("input_load_u64", v.input, s[0]) })},

	{"alloc", types{i64}, types{i64}, on(func(v *VM, s []uint64) { s[0] = v.kernel.alloc(s[0]) })},
	{"free", types{i64}, nil, on(func(v *VM, s []uint64) { v.kernel.free(s[0]) })},
	{"length", types{i64}, types{i64}, on(func(v *VM, s []uint64) { s[0] = v.kernel.length(s[0]) })},
	{"length_unsafe", types{i64}, types{i64}, on(func(v *VM, s []uint64) { s[0] = v.kernel.length(s[0]) })},
	{"load_u8", types{i64}, types{i32}, on(func(v *VM, s []uint64) { s[0] = uint64(v.kernel.at("load_u8", s[0], 1)[0]) })},
	{"load_u64", types{i64}, types{i64}, on(func(v *VM, s []uint64) {
		s[0] = binary.LittleEndian.Uint64(v.kernel.at("load_u64", s[0], 8))
	})},
	{"store_u8", types{i64, i32}, nil, on(func(v *VM, s []uint64) { v.kernel.at("store_u8", s[0], 1)[0] = byte(s[1]) })},
	{"store_u64", types{i64, i64}, nil, on(func(v *VM, s []uint64) {
		binary.LittleEndian.PutUint64(v.kernel.at("store_u64", s[0], 8), s[1])
	})},

	{"output_set", types{i64, i64}, nil, on(setOutput)},
	{"error_set", types{i64}, nil, on(func(v *VM, s []uint64) { v.problem = cut(v.kernel.block("error_set", s[0])) })},
	{"config_get", types{i64}, types{i64}, on(func(v *VM, s []uint64) {
		s[0] = v.kernel.put([]byte(v.program.options.Config[string(v.kernel.block("config_get", s[0]))]))
	})},
	{"var_get", types{i64}, types{i64}, on(func(v *VM, s []uint64) {
		name := string(v.kernel.block("var_get", s[0]))
		if shared := v.program.options.Vars; shared != nil {
			s[0] = v.kernel.put(shared.Get(name))
			return
		}
		s[0] = v.kernel.put(v.vars[name])
	})},
	{"var_set", types{i64, i64}, nil, on(setVar)},

	{"http_request", types{i64, i64}, types{i64}, on(fetch)},
	{"http_status_code", nil, types{i32}, on(func(v *VM, s []uint64) { s[0] = uint64(uint32(v.status)) })},
	{"http_headers", nil, types{i64}, on(func(v *VM, s []uint64) { s[0] = v.kernel.put(v.headers) })},

	{"log_trace", types{i64}, nil, logAt(levelTrace)},
	{"log_debug", types{i64}, nil, logAt(slog.LevelDebug)},
	{"log_info", types{i64}, nil, logAt(slog.LevelInfo)},
	{"log_warn", types{i64}, nil, logAt(slog.LevelWarn)},
	{"log_error", types{i64}, nil, logAt(slog.LevelError)},
	{"get_log_level", nil, types{i32}, on(func(v *VM, s []uint64) { s[0] = uint64(v.logLevel()) })},
}

func setOutput(v *VM, s []uint64) {
	if s[1] == 0 {
		v.output = nil
		return
	}
	if s[1] > maxOutputBytes {
		panic(trap("output_set: too long"))
	}
	v.output = v.kernel.at("output_set", s[0], s[1])
}

func setVar(v *VM, s []uint64) {
	name := string(v.kernel.block("var_set", s[0]))
	if shared := v.program.options.Vars; shared != nil {
		var value []byte
		if s[1] != 0 {
			value = v.kernel.block("var_set", s[1])
		}
		shared.Put(name, value)
		return
	}
	v.varSize -= len(v.vars[name])
	if s[1] == 0 {
		delete(v.vars, name)
		return
	}
	value := v.kernel.block("var_set", s[1])
	if v.varSize+len(value) > maxVarBytes || len(v.vars) >= 1000 {
		panic(trap("var_set: too much is kept"))
	}
	if v.vars == nil {
		v.vars = map[string][]byte{}
	}
	v.vars[name] = append([]byte(nil), value...)
	v.varSize += len(value)
}

// fetch serves http_request. No answer traps the call: Extism has no way to say so.
func fetch(v *VM, s []uint64) {
	var meta struct {
		URL     string            `json:"url"`
		Method  string            `json:"method"`
		Headers map[string]string `json:"headers"`
	}
	if err := json.Unmarshal(v.kernel.block("http_request", s[0]), &meta); err != nil {
		panic(trap("http_request: the request is no JSON"))
	}
	if v.program.options.Fetch == nil {
		panic(trap("http_request: refused"))
	}
	if meta.Method == "" {
		meta.Method = "GET"
	}
	reply, err := v.program.options.Fetch(v.ctx, &Request{
		Method: meta.Method, URL: meta.URL, Header: meta.Headers, Body: v.kernel.block("http_request", s[1]),
	})
	if err != nil {
		panic(trap("http_request: " + err.Error()))
	}
	v.status = int32(min(reply.Status, math.MaxInt32))
	v.headers, _ = json.Marshal(reply.Header) // strings alone: it cannot fail
	s[0] = v.kernel.put(reply.Body)
}
