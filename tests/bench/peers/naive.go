package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"

	"github.com/idvgate/idvgate/tests/bench/front"
)

// poolSize is how many instances of the naive guest there are: how many requests can be with the vendor at once.
const poolSize = 32

// naive is a pool of plugins on the public SDK in front of the proxy.
func naive(s front.Setup) error {
	wasm, err := os.ReadFile(s.Guest)
	if err != nil {
		return err
	}
	cache, err := wazero.NewCompilationCacheWithDir(s.Cache)
	if err != nil {
		return err
	}
	ctx := context.Background()
	config, err := json.Marshal(map[string][]string{"accessKey": {front.AccessKey}, "secretKey": {front.SecretKey}})
	if err != nil {
		return err
	}
	manifest := extism.Manifest{
		Wasm: []extism.Wasm{extism.WasmData{Data: wasm}}, AllowedHosts: []string{"127.0.0.1"},
		Config: map[string]string{"vendor": s.Vendor, "jdcloud": string(config)},
	}
	compiled, err := extism.NewCompiledPlugin(ctx, manifest, extism.PluginConfig{
		EnableWasi: true, RuntimeConfig: wazero.NewRuntimeConfig().WithCompilationCache(cache),
	}, nil)
	if err != nil {
		return err
	}
	idle := make(chan *extism.Plugin, poolSize)
	for range poolSize {
		p, err := compiled.Instance(ctx, extism.PluginInstanceConfig{
			ModuleConfig: wazero.NewModuleConfig().WithSysWalltime().WithSysNanotime().WithRandSource(rand.Reader),
		})
		if err != nil {
			return err
		}
		idle <- p
	}
	proxy := front.Proxy(s.Upstream)
	return front.Serve("naive", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		a, err := ask(idle, r, body)
		switch {
		case err != nil:
			fmt.Fprintln(os.Stderr, "naive: "+err.Error())
			w.WriteHeader(http.StatusServiceUnavailable)
		case !a.Allow:
			w.WriteHeader(http.StatusForbidden)
		default:
			forward(proxy, w, r, body, a.Outcome)
		}
	}))
}

type naiveAnswer struct {
	Allow   bool
	Outcome string
}

func ask(idle chan *extism.Plugin, r *http.Request, body []byte) (a naiveAnswer, err error) {
	in, err := json.Marshal(map[string]string{"Method": r.Method, "Path": r.URL.Path, "Body": string(body)})
	if err != nil {
		return a, err
	}
	p := <-idle
	defer func() { idle <- p }()
	_, out, err := p.Call("check", in)
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(out, &a)
}

// forward hands the request on, with the outcome where there is one.
func forward(proxy http.Handler, w http.ResponseWriter, r *http.Request, body []byte, outcome string) {
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	r.Header.Del(front.OutcomeHeader)
	if outcome != "" {
		r.Header.Set(front.OutcomeHeader, outcome)
	}
	proxy.ServeHTTP(w, r)
}
