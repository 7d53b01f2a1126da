//go:build wasip1 && higress

package main

//go:wasmexport proxy_on_redis_call_response
func OnRedisCallResponse(context, token uint32, status, size int32) {
	ready().filter.RedisResponse(context, token, int(status), int(size))
}
