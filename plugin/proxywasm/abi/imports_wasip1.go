//go:build wasip1

package abi

import "unsafe"

// Each is documented in the ABI's specification, version 0.2.1; what is said here is what else was seen. Results are
// a Status.

//go:wasmimport env proxy_log
func proxyLog(level uint32, text string) uint32

// It holds until the export returns. It fails with NotFound for a context that is gone.
//
//go:wasmimport env proxy_set_effective_context
func proxySetEffectiveContext(context uint32) uint32

//go:wasmimport env proxy_get_header_map_pairs
func proxyGetHeaderMapPairs(kind uint32, at *uint32, size *uint32) uint32

//go:wasmimport env proxy_replace_header_map_value
func proxyReplaceHeaderMapValue(kind uint32, name, value string) uint32

//go:wasmimport env proxy_remove_header_map_value
func proxyRemoveHeaderMapValue(kind uint32, name string) uint32

//go:wasmimport env proxy_get_buffer_bytes
func proxyGetBufferBytes(kind, start, limit uint32, at *uint32, size *uint32) uint32

// Envoy replaces from the start, and all or nothing.
//
//go:wasmimport env proxy_set_buffer_bytes
func proxySetBufferBytes(kind, start, replaced uint32, bytes unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_get_property
func proxyGetProperty(path string, at *uint32, size *uint32) uint32

//go:wasmimport env proxy_set_property
func proxySetProperty(path, value string) uint32

// It fails at once where the cluster is unknown (BadArgument) or has no endpoint (InternalFailure). Then no reply
// comes.
//
//go:wasmimport env proxy_http_call
func proxyHTTPCall(cluster string, headers string, body unsafe.Pointer, bodySize uint32, trailers string, timeoutMs uint32, token *uint32) uint32

//go:wasmimport env proxy_send_local_response
func proxySendLocalResponse(status uint32, details string, body unsafe.Pointer, bodySize uint32, headers string, grpcStatus uint32) uint32

//go:wasmimport env proxy_continue_stream
func proxyContinueStream(kind uint32) uint32

//go:wasmimport env proxy_define_metric
func proxyDefineMetric(kind uint32, name string, id *uint32) uint32

//go:wasmimport env proxy_increment_metric
func proxyIncrementMetric(id uint32, by int64) uint32

//go:wasmimport env proxy_record_metric
func proxyRecordMetric(id uint32, value uint64) uint32

//go:wasmimport env proxy_call_foreign_function
func proxyCallForeignFunction(name string, arguments unsafe.Pointer, size uint32, at *uint32, resultSize *uint32) uint32

// All virtual machines with the same vm_id see the same.
//
//go:wasmimport env proxy_get_shared_data
func proxyGetSharedData(key string, at *uint32, size *uint32, cas *uint32) uint32

//go:wasmimport env proxy_set_shared_data
func proxySetSharedData(key string, value unsafe.Pointer, size uint32, cas uint32) uint32

//go:wasmimport env proxy_set_tick_period_milliseconds
func proxySetTickPeriodMilliseconds(period uint32) uint32
