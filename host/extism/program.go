// Package extism drives a guest built with an Extism plug-in kit, straight on wazero.
//
// It implements the imports of extism:host/env itself, on the call's stack and without reflection, so that an empty
// call costs what wazero costs. A guest that also exports buffer and step is spoken to through its own memory; any
// other through Extism's input and output. A bad offset, a full memory or a refused request traps the guest: the call
// fails, and the VM has to be given up. Nothing a guest does panics the host.
package extism

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

const (
	// defaultMemoryPages is the most linear memory a guest gets, in pages of 64 KiB: 512 MiB.
	defaultMemoryPages = 8192
	// maxOutputBytes is the longest output of one call.
	maxOutputBytes = 32 << 20
	// maxInputBytes is the longest input of one call by buffer and step.
	maxInputBytes = 256 << 20
	// keptRoomBytes is the largest buffer a guest is left with after a small input.
	keptRoomBytes = 1 << 20
)

// Options say how a guest is run.
type Options struct {
	// Config is Extism's config: what config_get answers.
	Config map[string]string
	// Fetch serves http_request; nil refuses each one, which traps the call.
	Fetch func(ctx context.Context, r *Request) (*Reply, error)
	// Vars is what var_get and var_set reach, shared by all VMs. nil: each VM has its own, of limited size.
	Vars Vars
	// Log takes what the guest logs and writes to its standard output and error. nil: slog.Default().
	Log *slog.Logger
	// Cache keeps compiled code. nil: none is kept.
	Cache *Cache
	// Workers is how many goroutines compile; 0: one.
	Workers int
	// MemoryPages is the most linear memory of a VM, in pages of 64 KiB; 0: 8192.
	MemoryPages uint32
}

// Vars keeps variables of guests. It is safe for concurrent use.
type Vars interface {
	Get(name string) []byte        // nil: there is none
	Put(name string, value []byte) // nil: there is none any more. The value is not kept
}

// A Request is what a guest asks for by http_request.
type Request struct {
	Method string
	URL    string
	Header map[string]string
	Body   []byte
}

// A Reply answers a Request.
type Reply struct {
	Status int
	Header map[string]string
	Body   []byte
}

// A Cache keeps compiled code between programs, and in a directory between processes.
type Cache struct{ cache wazero.CompilationCache }

// NewCache opens the cache in a directory, which is made where it is missing; "" keeps it in memory only. Whoever can
// write to the directory can replace the code that runs.
func NewCache(dir string) (*Cache, error) {
	if dir == "" {
		return &Cache{wazero.NewCompilationCache()}, nil
	}
	c, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("extism: compilation cache: %w", err)
	}
	return &Cache{c}, nil
}

// Compiled is the code itself, for guests of other kinds.
func (c *Cache) Compiled() wazero.CompilationCache { return c.cache }

// Close frees the compiled code. Programs made with the cache have to be closed before.
func (c *Cache) Close(ctx context.Context) error { return c.cache.Close(ctx) }

// A Program is a compiled guest from which VMs are made. It is safe for concurrent use.
type Program struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	options  Options
	direct   bool // it exports buffer and step
}

// ErrNotGuest says that the bytes are not WebAssembly, or not a guest of this kind.
var ErrNotGuest = errors.New("not an Extism guest with info and begin, resume, cancel (or buffer, step)")

// Compile makes a program of a guest's bytes. It fails where they are not WebAssembly or lack the exports.
func Compile(ctx context.Context, wasm []byte, o Options) (*Program, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.MemoryPages == 0 {
		o.MemoryPages = defaultMemoryPages
	}
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(o.MemoryPages)
	if o.Cache != nil {
		config = config.WithCompilationCache(o.Cache.cache)
	}
	ctx = experimental.WithCompilationWorkers(ctx, max(o.Workers, 1))
	p := &Program{runtime: wazero.NewRuntimeWithConfig(ctx, config), options: o}
	if err := p.compile(ctx, wasm); err != nil {
		p.runtime.Close(ctx)
		return nil, err
	}
	return p, nil
}

func (p *Program) compile(ctx context.Context, wasm []byte) error {
	if len(wasm) < 8 || string(wasm[:4]) != "\x00asm" {
		return fmt.Errorf("extism: not a WebAssembly module: %w", ErrNotGuest)
	}
	compiled, err := p.runtime.CompileModule(ctx, wasm)
	if err != nil {
		return fmt.Errorf("extism: compile: %w", err)
	}
	p.compiled = compiled
	exports := compiled.ExportedFunctions()
	p.direct = has(exports, "buffer", []api.ValueType{i32}, []api.ValueType{i32}) &&
		has(exports, "step", []api.ValueType{i32, i32}, []api.ValueType{i64})
	stepped := exports["begin"] != nil && exports["resume"] != nil && exports["cancel"] != nil
	if exports["info"] == nil || (!p.direct && !stepped) || len(compiled.ExportedMemories()) == 0 {
		return fmt.Errorf("extism: %w", ErrNotGuest)
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, p.runtime); err != nil {
		return fmt.Errorf("extism: wasi: %w", err)
	}
	env := p.runtime.NewHostModuleBuilder("extism:host/env")
	for _, f := range imports {
		env.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(f.call), f.params, f.results).Export(f.name)
	}
	if _, err := env.Instantiate(ctx); err != nil {
		return fmt.Errorf("extism: imports: %w", err)
	}
	return nil
}

func has(exports map[string]api.FunctionDefinition, name string, params, results []api.ValueType) bool {
	f := exports[name]
	return f != nil && string(f.ParamTypes()) == string(params) && string(f.ResultTypes()) == string(results)
}

// Direct reports whether the guest is spoken to through its own memory.
func (p *Program) Direct() bool { return p.direct }

// NewVM makes a VM and runs the guest's _initialize. Each has a memory, a clock and randomness of its own, the last two
// the machine's real ones: what wazero gives by default is a frozen clock and the same bytes for everybody.
func (p *Program) NewVM(ctx context.Context) (*VM, error) {
	v := &VM{program: p, kernel: newKernel(), calls: map[string]api.Function{}}
	v.ctx = context.WithValue(context.WithoutCancel(ctx), vmKey{}, v)
	start := MappedMemory(v.ctx)
	out := &lines{log: p.options.Log, stream: "stdout"}
	fault := &lines{log: p.options.Log, stream: "stderr"}
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").
		WithSysWalltime().WithSysNanotime().WithSysNanosleep().WithRandSource(rand.Reader).
		WithStdout(out).WithStderr(fault)
	mod, err := p.runtime.InstantiateModule(start, p.compiled, config)
	if err != nil {
		return nil, fmt.Errorf("extism: start: %w", err)
	}
	v.module, v.memory = mod, mod.Memory()
	if p.direct {
		v.buffer, v.step = mod.ExportedFunction("buffer"), mod.ExportedFunction("step")
	}
	return v, nil
}

// Close ends all VMs and frees the program.
func (p *Program) Close(ctx context.Context) error { return p.runtime.Close(ctx) }
