//go:build wasip1

// Command bare is the least that a guest in Go can do in Envoy: it exports the callbacks that ours exports, reads the
// head and lets it pass. What it costs no guest in Go can do without.
package main

import "unsafe"

func main() {}

var (
	room     []byte
	at, size uint32
)

//go:wasmimport env proxy_get_header_map_pairs
func proxyGetHeaderMapPairs(kind uint32, at *uint32, size *uint32) uint32

//go:wasmexport proxy_abi_version_0_2_1
func ABIVersion() {}

//go:wasmexport proxy_on_memory_allocate
func OnMemoryAllocate(size uint32) uint32 {
	room = make([]byte, max(size, 1))
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(room))))
}

//go:wasmexport proxy_on_context_create
func OnContextCreate(uint32, uint32) {}

//go:wasmexport proxy_on_configure
func OnConfigure(uint32, uint32) uint32 { return 1 }

//go:wasmexport proxy_on_request_headers
func OnRequestHeaders(uint32, uint32, uint32) uint32 { return proxyGetHeaderMapPairs(0, &at, &size) }

//go:wasmexport proxy_on_request_body
func OnRequestBody(uint32, uint32, uint32) uint32 { return 0 }

//go:wasmexport proxy_on_request_trailers
func OnRequestTrailers(uint32, uint32) uint32 { return 0 }

//go:wasmexport proxy_on_delete
func OnDelete(uint32) {}
