//go:build wasip1 && higress

package abi

import "unsafe"

// Higress's own, beyond the ABI; another gateway would refuse a guest that imports them. The user and the time stay with
// the cluster until it is initialised anew.

// HasRedis reports whether the gateway asks Redis itself.
const HasRedis = true

//go:wasmimport env proxy_redis_init
func proxyRedisInit(cluster, user, password string, timeoutMs uint32) uint32

//go:wasmimport env proxy_redis_call
func proxyRedisCall(cluster string, query unsafe.Pointer, size uint32, token *uint32) uint32
