//go:build wasip1

// Command bomb is the proxy-wasm guest with one vendor besides, bomb, which does what the name that it is asked about
// says: it panics, or kills its virtual machine. And where the environment says so, it refuses its configuration in
// every virtual machine but the first of the process, as a worker does that breaks after the main thread has agreed.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"syscall"
	"time"

	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/plugin/proxywasm/filter"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/catalog"
)

func main() {}

type instance struct {
	host   abi.Host
	filter *filter.Filter
}

var guest *instance

func ready() *instance {
	if guest == nil {
		guest = &instance{}
		list := append(catalog.List(), providers.Info{
			Name: "bomb", Vendor: "nobody", Checks: []providers.Check{providers.Mobile2}, Config: struct{}{},
			New: func(_ []byte, env providers.Env) (providers.Provider, error) { return bomb{env.Endpoint}, nil },
		})
		guest.filter = filter.New(&guest.host, filter.World{
			Version: "bomb", Providers: list, Lookup: syscall.Getenv, Now: time.Now, Random: rand.Reader,
		}, filter.Limits{Flows: 10_000, BodyBytes: 64 << 20, FirstByte: 5 * time.Second})
	}
	return guest
}

type bomb struct{ endpoint string }

func (b bomb) Verify(ctx context.Context, do callout.Doer, q providers.Query) (providers.Result, error) {
	switch q.Person.Name.String() {
	case "王恐慌":
		var none *instance
		none.filter = nil
	case "王溢出":
		return providers.Result{}, errors.New(string(rune(deep(1 << 40))))
	}
	if _, err := do.Do(ctx, &callout.Request{Method: "GET", URL: b.endpoint + "/"}); err != nil {
		return providers.Result{}, &providers.Error{Provider: "bomb", Kind: providers.Unavailable, Billed: providers.BilledNo, Err: err}
	}
	return providers.Result{Outcome: providers.Match, Billed: providers.BilledNo}, nil
}

// deep calls itself until there is no stack left.
func deep(n int) int {
	if n == 0 {
		return 0
	}
	var room [64]int
	room[n%64] = n
	return deep(n-1) + room[(n+1)%64]
}

//go:wasmimport env proxy_get_shared_data
func proxyGetSharedData(key string, at, size, cas *uint32) uint32

//go:wasmimport env proxy_set_shared_data
func proxySetSharedData(key, value string, cas uint32) uint32

var numbers [3]uint32

// first reports whether this is the first virtual machine of the process that is configured.
func first() bool {
	if proxyGetSharedData("configured", &numbers[0], &numbers[1], &numbers[2]) == 0 {
		return false
	}
	proxySetSharedData("configured", "yes", 0)
	return true
}

//go:wasmexport proxy_abi_version_0_2_1
func ABIVersion() {}

//go:wasmexport proxy_on_memory_allocate
func OnMemoryAllocate(size uint32) uint32 { return ready().host.Allocate(size) }

//go:wasmexport proxy_on_context_create
func OnContextCreate(context, parent uint32) { ready().filter.Create(context, parent) }

//go:wasmexport proxy_on_configure
func OnConfigure(context, _ uint32) uint32 {
	if mode, _ := syscall.Getenv("BOMB_REFUSE"); mode != "" && !first() {
		return 0
	}
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
