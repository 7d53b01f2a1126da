//go:build wasip1

// Command guest is a guest on the public SDK for Go, which nobody here wrote: its memory, its context table and its
// reading of the ABI are the SDK's. What it does with a request its path says. Its module's own examples are modules
// that the SDK's does not hold, so these are made after what they show.
package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() { proxywasm.SetVMContext(&vm{}) }

type vm struct{ types.DefaultVMContext }

func (*vm) NewPluginContext(uint32) types.PluginContext { return &plugin{} }

type plugin struct {
	types.DefaultPluginContext
	counter   proxywasm.MetricCounter
	histogram proxywasm.MetricHistogram
	asleep    []uint32 // streams that a tick lets go on
	last      uint32   // the stream that came last
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	config, err := proxywasm.GetPluginConfiguration()
	if err != nil && err != types.ErrorStatusNotFound {
		return types.OnPluginStartStatusFailed
	}
	if string(config) == "refuse" {
		proxywasm.LogCritical("this configuration is refused")
		return types.OnPluginStartStatusFailed
	}
	p.counter = proxywasm.DefineCounterMetric("requests")
	p.histogram = proxywasm.DefineHistogramMetric("sizes")
	return types.OnPluginStartStatusOK
}

func (p *plugin) OnTick() {
	for _, id := range p.asleep {
		if err := proxywasm.SetEffectiveContext(id); err != nil {
			proxywasm.LogWarn("gone")
			continue
		}
		_ = proxywasm.AddHttpRequestHeader("x-woken", "yes")
		_ = proxywasm.ResumeHttpRequest()
	}
	p.asleep = nil
	_ = proxywasm.SetTickPeriodMilliSeconds(0)
}

func (p *plugin) NewHttpContext(id uint32) types.HttpContext {
	p.last = id
	return &stream{plugin: p, id: id}
}

type stream struct {
	types.DefaultHttpContext
	plugin  *plugin
	id      uint32
	path    string
	waiting int
}

var call = [][2]string{{":method", "GET"}, {":path", "/uuid"}, {":authority", "vendor"}, {"accept", "*/*"}}

func (s *stream) OnHttpRequestHeaders(int, bool) types.Action {
	s.path, _ = proxywasm.GetHttpRequestHeader(":path")
	s.plugin.counter.Increment(1)
	switch s.path {
	case "/headers":
		_ = proxywasm.AddHttpRequestHeader("x-added", "one")
		_ = proxywasm.AddHttpRequestHeader("x-added", "two")
		_ = proxywasm.ReplaceHttpRequestHeader("x-replaced", "new")
		_ = proxywasm.RemoveHttpRequestHeader("x-removed")
		all, err := proxywasm.GetHttpRequestHeaders()
		if err != nil {
			return types.ActionPause
		}
		_ = proxywasm.AddHttpRequestHeader("x-count", strconv.Itoa(len(all)))
	case "/body", "/hold":
		return types.ActionPause
	case "/auth", "/three", "/leave":
		n := 1
		if s.path == "/three" {
			n = 3
		}
		for range n {
			if _, err := proxywasm.DispatchHttpCall("vendor", call, []byte("who"), nil, 500, s.answered); err != nil {
				_ = proxywasm.SendHttpResponse(500, nil, []byte("not sent"), -1)
				return types.ActionPause
			}
			s.waiting++
		}
		return types.ActionPause
	case "/shared":
		for {
			value, cas, err := proxywasm.GetSharedData("count")
			n, _ := strconv.Atoi(string(value))
			if err == types.ErrorStatusNotFound {
				cas = 0
			}
			err = proxywasm.SetSharedData("count", []byte(strconv.Itoa(n+1)), cas)
			if err == types.ErrorStatusCasMismatch {
				continue
			}
			_ = proxywasm.AddHttpRequestHeader("x-count", strconv.Itoa(n+1))
			return types.ActionContinue
		}
	case "/metrics":
		s.plugin.histogram.Record(7)
		_ = proxywasm.AddHttpRequestHeader("x-count", strconv.FormatUint(s.plugin.counter.Value(), 10))
	case "/sleep":
		s.plugin.asleep = append(s.plugin.asleep, s.id)
		_ = proxywasm.SetTickPeriodMilliSeconds(100)
		return types.ActionPause
	case "/property":
		value, err := proxywasm.GetProperty([]string{"source", "address"})
		if err != nil {
			value = []byte(err.Error())
		}
		_ = proxywasm.SetProperty([]string{"mark"}, value)
	case "/foreign":
		_, err := proxywasm.CallForeignFunction("nobody", []byte("x"))
		_ = proxywasm.AddHttpRequestHeader("x-error", err.Error())
	case "/deny":
		_ = proxywasm.SendHttpResponse(403, [][2]string{{"x-why", "because"}}, []byte("no"), -1)
		return types.ActionPause
	case "/panic":
		var none *plugin
		none.last = 1
	case "/clock":
		_ = proxywasm.AddHttpRequestHeader("x-clock", strconv.FormatInt(time.Now().Unix(), 10))
	}
	return types.ActionContinue
}

func (s *stream) OnHttpRequestBody(size int, last bool) types.Action {
	switch {
	case s.path == "/hold" && !last:
		return types.ActionPause
	case s.path == "/body" && last:
		body, err := proxywasm.GetHttpRequestBody(0, size)
		if err != nil {
			return types.ActionPause
		}
		_ = proxywasm.RemoveHttpRequestHeader("content-length")
		_ = proxywasm.ReplaceHttpRequestBody([]byte("[" + strings.ToUpper(string(body)) + "]"))
		_ = proxywasm.AppendHttpRequestBody([]byte("."))
	case s.path == "/body":
		return types.ActionPause
	}
	return types.ActionContinue
}

func (s *stream) OnHttpRequestTrailers(int) types.Action {
	_ = proxywasm.RemoveHttpRequestTrailer("x-removed")
	return types.ActionContinue
}

func (s *stream) answered(headers, size, _ int) {
	s.waiting--
	status := "none"
	if all, err := proxywasm.GetHttpCallResponseHeaders(); err == nil {
		for _, h := range all {
			if h[0] == ":status" {
				status = h[1]
			}
		}
	}
	body, _ := proxywasm.GetHttpCallResponseBody(0, size)
	if status != "200" {
		_ = proxywasm.SendHttpResponse(503, nil, []byte("vendor says "+status), -1)
		return
	}
	_ = proxywasm.AddHttpRequestHeader("x-answer", string(body))
	if s.waiting == 0 {
		_ = proxywasm.ResumeHttpRequest()
	}
}

func (s *stream) OnHttpResponseHeaders(int, bool) types.Action {
	_ = proxywasm.AddHttpResponseHeader("x-seen", "yes")
	return types.ActionContinue
}

func (s *stream) OnHttpResponseBody(_ int, last bool) types.Action {
	if !last {
		return types.ActionPause
	}
	_ = proxywasm.PrependHttpResponseBody([]byte("> "))
	return types.ActionContinue
}

func (s *stream) OnHttpStreamDone() { proxywasm.LogInfo("done " + s.path) }
