//go:build wasip1

// Command proxywasm is the guest for gateways that host proxy-wasm filters: Envoy, and what is built on it. It is thin:
// the engine is package plugin, what a stream may do when is package filter, the ABI package abi.
//
// Built with the tag higress it asks Redis by Higress's own calls too, which other gateways refuse.
//
// It exports only the callbacks that it uses, since a gateway calls each one it finds.
package main

import (
	"crypto/rand"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/plugin/proxywasm/filter"
	"github.com/idvgate/idvgate/providers/catalog"
)

// version is set when the guest is built.
var version = "dev"

// guest is the one instance of this virtual machine.
var guest *instance

func main() {}

// instance is the gateway, and the filter that serves it.
type instance struct {
	host   abi.Host
	filter *filter.Filter
}

// gcPercent lets the heap grow further than Go would between collections. What lives in a guest is small (a few MB), and
// a collection stops every stream of the worker.
const gcPercent = 400

// ready is the instance, made at the first call.
func ready() *instance {
	if guest == nil {
		debug.SetGCPercent(gcPercent)
		guest = &instance{}
		guest.filter = filter.New(&guest.host, filter.World{
			Version: version, Providers: catalog.List(), Lookup: syscall.Getenv, Now: time.Now, Random: &random{}, Redis: abi.HasRedis,
		}, filter.Limits{Flows: maxFlows, BodyBytes: maxBodyBytes, FirstByte: firstByte})
	}
	return guest
}

// random is randomness by the piece: each question of the gateway is dear, and most are for 16 bytes.
type random struct {
	piece [512]byte
	left  int // bytes at the end of piece that nobody has had yet
}

func (r *random) Read(b []byte) (int, error) {
	if len(b) > len(r.piece)/8 {
		return rand.Read(b)
	}
	if r.left < len(b) {
		if _, err := rand.Read(r.piece[:]); err != nil {
			return 0, err
		}
		r.left = len(r.piece)
	}
	from := r.piece[len(r.piece)-r.left:][:len(b)]
	copy(b, from)
	clear(from) // nobody has it twice
	r.left -= len(b)
	return len(b), nil
}

// What may wait in one worker of a gateway; beyond, requests are answered 503.
const (
	maxFlows     = 10_000
	maxBodyBytes = 64 << 20
	firstByte    = 5 * time.Second // for a body that the head has announced to begin
)

//go:wasmexport proxy_abi_version_0_2_1
func ABIVersion() {}

//go:wasmexport proxy_on_memory_allocate
func OnMemoryAllocate(size uint32) uint32 { return ready().host.Allocate(size) }

//go:wasmexport proxy_on_context_create
func OnContextCreate(context, parent uint32) { ready().filter.Create(context, parent) }

//go:wasmexport proxy_on_vm_start
func OnVMStart(uint32, uint32) uint32 { return 1 }

//go:wasmexport proxy_on_configure
func OnConfigure(context, _ uint32) uint32 {
	if ready().filter.Configure(context) {
		return 1
	}
	return 0
}

//go:wasmexport proxy_on_request_headers
func OnRequestHeaders(context, _, last uint32) uint32 {
	return ready().filter.RequestHeaders(context, last != 0)
}

//go:wasmexport proxy_on_request_body
func OnRequestBody(context, size, last uint32) uint32 {
	return ready().filter.RequestBody(context, int(size), last != 0)
}

//go:wasmexport proxy_on_request_trailers
func OnRequestTrailers(context, _ uint32) uint32 { return ready().filter.RequestTrailers(context) }

//go:wasmexport proxy_on_http_call_response
func OnHTTPCallResponse(context, token, headers, size, _ uint32) {
	ready().filter.CalloutResponse(context, token, int(headers), int(size))
}

//go:wasmexport proxy_on_tick
func OnTick(context uint32) { ready().filter.Tick(context) }

//go:wasmexport proxy_on_delete
func OnDelete(context uint32) { ready().filter.Delete(context) }
