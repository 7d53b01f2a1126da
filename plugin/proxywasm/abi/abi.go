// Package abi is proxy-wasm's ABI 0.2.1 as a guest in Go sees it: only what idvgate uses.
//
// Every byte that leaves goes through one gate (gate.go): a header, a path or a property with a control byte in it is
// refused here, whatever the gateway would do with it, and a log line has none. The imports stand in one file with a
// stub beside it, so that all else builds and is tested natively.
package abi

import (
	"unsafe"

	"github.com/idvgate/idvgate/providers/callout"
)

// Status is what a call to the gateway came to.
type Status uint32

// The statuses that make a difference here.
const (
	OK              Status = 0
	NotFound        Status = 1 // no such property, context, foreign function or header map
	BadArgument     Status = 2 // also: no such cluster, and what the gate refuses
	InternalFailure Status = 10
	Unimplemented   Status = 12
)

// Map is one of the header maps. It is only there during the callback that it belongs to, or while its stream waits.
type Map uint32

// The maps.
const (
	RequestHeaders  Map = 0
	RequestTrailers Map = 1
	ReplyHeaders    Map = 6 // of the callout whose reply has come
)

// Buffer is one of the buffers.
type Buffer uint32

// The buffers.
const (
	RequestBody   Buffer = 0
	ReplyBody     Buffer = 4 // of the callout whose reply has come
	Configuration Buffer = 7 // of the plugin
	RedisReply    Buffer = 9 // of the query whose reply has come, on Higress
)

// Level is how grave a log line is.
type Level uint32

// The levels.
const (
	Info  Level = 2
	Warn  Level = 3
	Error Level = 4
)

// Kind is what a metric is.
type Kind uint32

// The kinds.
const (
	Counter   Kind = 0
	Gauge     Kind = 1
	Histogram Kind = 2
)

// Host is the gateway. The zero Host is ready; there is one in a virtual machine.
type Host struct {
	room []byte // what the gateway last asked for room for
	// Where imports write. They are not on a stack: while the gateway asks for room, that of the caller may move.
	at, size, number uint32
	line             []byte // a log line, made clean
	pairs            []byte // headers, as they go out
}

// Allocate is proxy_on_memory_allocate: room for what an import is about to return.
func (h *Host) Allocate(size uint32) (at uint32) {
	h.room = make([]byte, max(size, 1))
	return address(h.room)
}

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// taken is what the gateway has written: into the room it asked for, or nothing.
func (h *Host) taken(status uint32) ([]byte, Status) {
	room := h.room
	h.room = nil
	if status != uint32(OK) {
		return nil, Status(status)
	}
	if h.size == 0 {
		return nil, OK
	}
	if address(room) != h.at || int(h.size) > len(room) {
		return nil, InternalFailure
	}
	return room[:h.size], OK
}

// Log writes a line.
func (h *Host) Log(level Level, line []byte) {
	h.line = appendLine(h.line[:0], line)
	proxyLog(uint32(level), text(h.line))
}

// SetEffective makes what follows be about that context, until the export returns. NotFound: it is gone.
func (h *Host) SetEffective(context uint32) Status { return Status(proxySetEffectiveContext(context)) }

// Headers is a whole map, in order. The strings share memory that nobody writes again.
func (h *Host) Headers(m Map) ([]callout.Header, Status) {
	h.at, h.size = 0, 0
	raw, status := h.taken(proxyGetHeaderMapPairs(uint32(m), &h.at, &h.size))
	if status != OK {
		return nil, status
	}
	list, ok := Pairs(raw)
	if !ok {
		return nil, InternalFailure
	}
	return list, OK
}

// Replace sets a header, whatever values it had.
func (h *Host) Replace(m Map, name, value string) Status {
	if !cleanName(name) || !clean(value) {
		return BadArgument
	}
	return Status(proxyReplaceHeaderMapValue(uint32(m), name, value))
}

// Remove takes off every header of that name.
func (h *Host) Remove(m Map, name string) Status {
	return Status(proxyRemoveHeaderMapValue(uint32(m), name))
}

// Bytes is what is in a buffer, from its start, at most limit bytes.
func (h *Host) Bytes(b Buffer, limit int) ([]byte, Status) {
	h.at, h.size = 0, 0
	return h.taken(proxyGetBufferBytes(uint32(b), 0, uint32(limit), &h.at, &h.size))
}

// SetBody puts a body in place of the request's. Its content-length is gone with it, since what is left of a longer body
// would be the next request: who knows the new one sets it.
func (h *Host) SetBody(body []byte) Status {
	if status := h.Remove(RequestHeaders, "content-length"); status != OK {
		return status
	}
	return Status(proxySetBufferBytes(uint32(RequestBody), 0, wholeBuffer, unsafe.Pointer(unsafe.SliceData(body)), uint32(len(body))))
}

// wholeBuffer is more than any holds.
const wholeBuffer = 1<<31 - 1

// Property is a value by its path, parts with a NUL between them.
func (h *Host) Property(path string) ([]byte, Status) {
	h.at, h.size = 0, 0
	return h.taken(proxyGetProperty(path, &h.at, &h.size))
}

// SetProperty sets a value of the effective context. Envoy keeps it in the filter state, as wasm.PATH.
func (h *Host) SetProperty(path, value string) Status {
	if !clean(value) {
		return BadArgument
	}
	return Status(proxySetProperty(path, value))
}

// Call sends a request to a cluster and returns the number that its reply will come with. It is made on behalf of the
// plugin, not of a stream: the reply comes even when the stream has gone. Headers hold :method, :path, :authority and
// :scheme too.
func (h *Host) Call(cluster string, headers []callout.Header, body []byte, timeoutMs uint32) (token uint32, status Status) {
	if !clean(cluster) || !cleanAll(headers) {
		return 0, BadArgument
	}
	h.pairs = AppendPairs(h.pairs[:0], headers)
	h.number = 0
	status = Status(proxyHTTPCall(cluster, text(h.pairs), unsafe.Pointer(unsafe.SliceData(body)), uint32(len(body)), none, timeoutMs, &h.number))
	return h.number, status
}

// RedisInit says who asks a cluster of Redis, and how long a query may take.
func (h *Host) RedisInit(cluster, user, password string, timeoutMs uint32) Status {
	if !clean(cluster) {
		return BadArgument
	}
	return Status(proxyRedisInit(cluster, user, password, timeoutMs))
}

// Redis sends a query to a cluster of Redis, in its own protocol, and returns the number that its reply will come with.
func (h *Host) Redis(cluster string, query []byte) (token uint32, status Status) {
	h.number = 0
	status = Status(proxyRedisCall(cluster, unsafe.Pointer(unsafe.SliceData(query)), uint32(len(query)), &h.number))
	return h.number, status
}

// none is a map without headers: the number of them, 0.
const none = "\x00\x00\x00\x00"

// Respond answers the effective context's request here; the upstream does not see it. grpc is the status of gRPC
// requests.
func (h *Host) Respond(status int, headers []callout.Header, body []byte, grpc uint32) Status {
	if !cleanAll(headers) {
		return BadArgument
	}
	h.pairs = AppendPairs(h.pairs[:0], headers)
	return Status(proxySendLocalResponse(uint32(status), "idvgate", unsafe.Pointer(unsafe.SliceData(body)), uint32(len(body)), text(h.pairs), grpc))
}

// Continue lets the effective context's request go on.
func (h *Host) Continue() Status { return Status(proxyContinueStream(0)) }

// Define makes a metric, or finds it.
func (h *Host) Define(k Kind, name string) (id uint32, status Status) {
	if !clean(name) {
		return 0, BadArgument
	}
	h.number = 0
	status = Status(proxyDefineMetric(uint32(k), name, &h.number))
	return h.number, status
}

// Increment adds to a counter or gauge.
func (h *Host) Increment(id uint32, by int64) { proxyIncrementMetric(id, by) }

// Record has a histogram observe a value.
func (h *Host) Record(id uint32, value uint64) { proxyRecordMetric(id, value) }

// Foreign calls a function that the gateway has beyond the ABI. NotFound: it has not.
func (h *Host) Foreign(name string, arguments []byte) ([]byte, Status) {
	h.at, h.size = 0, 0
	return h.taken(proxyCallForeignFunction(name, unsafe.Pointer(unsafe.SliceData(arguments)), uint32(len(arguments)), &h.at, &h.size))
}

// Shared is what guests of the gateway share under the key. NotFound: nothing.
func (h *Host) Shared(key string) ([]byte, Status) {
	h.at, h.size = 0, 0
	return h.taken(proxyGetSharedData(key, &h.at, &h.size, &h.number))
}

// Share sets it, whatever it was.
func (h *Host) Share(key string, value []byte) Status {
	return Status(proxySetSharedData(key, unsafe.Pointer(unsafe.SliceData(value)), uint32(len(value)), 0))
}

// Tick has proxy_on_tick called every so many milliseconds; 0: not any more.
func (h *Host) Tick(ms uint32) { proxySetTickPeriodMilliseconds(ms) }

// text is b without a copy. It is only passed on while b does not change.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
