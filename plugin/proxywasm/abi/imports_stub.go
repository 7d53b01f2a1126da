//go:build !wasip1

package abi

import "unsafe"

// Outside of a gateway there is nobody to call: everything says so.

func proxyLog(uint32, string) uint32                           { return uint32(Unimplemented) }
func proxySetEffectiveContext(uint32) uint32                   { return uint32(Unimplemented) }
func proxyGetHeaderMapPairs(uint32, *uint32, *uint32) uint32   { return uint32(Unimplemented) }
func proxyReplaceHeaderMapValue(uint32, string, string) uint32 { return uint32(Unimplemented) }
func proxyRemoveHeaderMapValue(uint32, string) uint32          { return uint32(Unimplemented) }
func proxyGetBufferBytes(uint32, uint32, uint32, *uint32, *uint32) uint32 {
	return uint32(Unimplemented)
}

func proxySetBufferBytes(uint32, uint32, uint32, unsafe.Pointer, uint32) uint32 {
	return uint32(Unimplemented)
}
func proxyGetProperty(string, *uint32, *uint32) uint32 { return uint32(Unimplemented) }
func proxySetProperty(string, string) uint32           { return uint32(Unimplemented) }
func proxyHTTPCall(string, string, unsafe.Pointer, uint32, string, uint32, *uint32) uint32 {
	return uint32(Unimplemented)
}

func proxySendLocalResponse(uint32, string, unsafe.Pointer, uint32, string, uint32) uint32 {
	return uint32(Unimplemented)
}
func proxyContinueStream(uint32) uint32                           { return uint32(Unimplemented) }
func proxyDefineMetric(uint32, string, *uint32) uint32            { return uint32(Unimplemented) }
func proxyIncrementMetric(uint32, int64) uint32                   { return uint32(Unimplemented) }
func proxyRecordMetric(uint32, uint64) uint32                     { return uint32(Unimplemented) }
func proxySetTickPeriodMilliseconds(uint32) uint32                { return uint32(Unimplemented) }
func proxyGetSharedData(string, *uint32, *uint32, *uint32) uint32 { return uint32(Unimplemented) }
func proxySetSharedData(string, unsafe.Pointer, uint32, uint32) uint32 {
	return uint32(Unimplemented)
}

func proxyCallForeignFunction(string, unsafe.Pointer, uint32, *uint32, *uint32) uint32 {
	return uint32(Unimplemented)
}
