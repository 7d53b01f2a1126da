//go:build wasip1

package main

import (
	"bytes"
	"context"

	"github.com/extism/go-pdk"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/extism/otoroshi"
)

// Access is Otoroshi's access validator.
//
//go:wasmexport access
func Access() int32 { return inOtoroshi(otoroshi.Access) }

// TransformRequest is Otoroshi's request transformer.
//
//go:wasmexport transform_request
func TransformRequest() int32 { return inOtoroshi(otoroshi.Transform) }

func inOtoroshi(serve func([]byte, otoroshi.Evaluate) []byte) int32 {
	g := ready()
	g.out.Reset()
	pdk.Output(serve(pdk.Input(), g.judge))
	// Otoroshi reads one JSON document and no messages: audit lines and counts go to Extism's log.
	for line := range bytes.Lines(g.out.Bytes()) {
		text := pdk.AllocateBytes(bytes.TrimSpace(line))
		logInfo(text.Offset())
		text.Free()
	}
	g.out.Reset()
	return 0
}

// judge is the whole way of one request, with callouts through Extism. Without an engine everything is denied.
func (g *instance) judge(r plugin.Request) plugin.Decision {
	if g.engine == nil {
		return plugin.Decision{Reason: plugin.Unavailable, Status: 503}
	}
	return g.engine.Evaluate(context.Background(), r, extismDoer{})
}

// logInfo is imported here, because pdk.Log also imports what older hosts lack.
//
//go:wasmimport extism:host/env log_info
func logInfo(offset uint64)
