//go:build !wasip1 || !higress

package abi

import "unsafe"

// HasRedis reports whether the gateway asks Redis itself.
const HasRedis = false

func proxyRedisInit(string, string, string, uint32) uint32 { return uint32(Unimplemented) }

func proxyRedisCall(string, unsafe.Pointer, uint32, *uint32) uint32 { return uint32(Unimplemented) }
