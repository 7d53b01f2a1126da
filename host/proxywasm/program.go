// Package proxywasm drives a guest that speaks proxy-wasm's ABI 0.2.1, straight on wazero, with Envoy's semantics.
//
// A Program is a compiled guest, a VM one instance with one configured plugin, a Stream one HTTP exchange in it. A
// Stream is what Envoy's filter manager is around one filter: it calls the guest, holds what the guest has paused, and
// keeps what has passed. What a guest asks of its host besides (callouts, ticks, metrics, the log) goes to an Embedder.
//
//	what a guest returns     what happens
//	headers: 0               they pass
//	headers: 1               they wait; the body is still handed to the guest, if Options.StopIteration is set, as Envoy's
//	                         allow_on_headers_stop_iteration; else as any other value
//	headers: else            they wait, and the body waits too until the guest lets the stream go on
//	body, trailers: 0        what was held passes, headers before it
//	body, trailers: else     the body is held; the next callback is told its whole size
//
// A trap ends the VM: its runtime is broken. Nothing a guest does panics the host.
package proxywasm

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Options say how a guest is compiled and run.
type Options struct {
	Configuration []byte            // of the plugin
	VMConfig      []byte            // of the virtual machine
	Env           map[string]string // the guest's environment
	// StopIteration hands bodies over while headers wait: Envoy's allow_on_headers_stop_iteration.
	StopIteration bool
	// Strict answers WASI as Envoy does: few functions, and poll_oneoff is not one of them.
	Strict bool
	// Cache keeps compiled code. nil: none is kept.
	Cache wazero.CompilationCache
	// Memory is how linear memory is had; nil: wazero's way.
	Memory func(context.Context) context.Context
	// Workers is how many goroutines compile; 0: one.
	Workers int
	// MemoryPages is the most linear memory of a VM, in pages of 64 KiB; 0: 8192.
	MemoryPages uint32
	// Shared is the data of all VMs; nil: each program has its own.
	Shared *Shared
	Stdout io.Writer // nil: dropped
	Stderr io.Writer // nil: dropped
}

// ErrNotGuest says that the bytes are not WebAssembly, or not a guest of this ABI.
var ErrNotGuest = errors.New("not a guest of proxy-wasm's ABI 0.2.1")

// ErrRefused says that a guest has refused its configuration. Why is in its log.
var ErrRefused = errors.New("the guest refuses its configuration")

// A Program is a compiled guest. It is safe for concurrent use.
type Program struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	options  Options
}

// Is reports whether a module is a guest of this kind, by what it exports.
func Is(wasm []byte) bool { return slices.Contains(exported(wasm), "proxy_abi_version_0_2_1") }

// exportSection is where a module lists what it exports.
const exportSection = 7

// exported is the names that a module exports, nil where it cannot be read.
func exported(wasm []byte) []string {
	if len(wasm) < 8 || string(wasm[:4]) != "\x00asm" {
		return nil
	}
	for b := wasm[8:]; len(b) > 0; {
		id := b[0]
		size, n := binary.Uvarint(b[1:])
		if n <= 0 || size > uint64(len(b)-1-n) {
			return nil
		}
		section := b[1+n : 1+n+int(size)]
		if id == exportSection {
			return names(section)
		}
		b = b[1+n+int(size):]
	}
	return nil
}

func names(section []byte) (list []string) {
	count, n := binary.Uvarint(section)
	if n <= 0 {
		return nil
	}
	for b := section[n:]; count > 0; count-- {
		size, n := binary.Uvarint(b)
		if n <= 0 || size >= uint64(len(b)-n) {
			return nil
		}
		list = append(list, string(b[n:n+int(size)]))
		b = b[n+int(size)+1:] // and its kind
		if _, n = binary.Uvarint(b); n <= 0 {
			return nil
		}
		b = b[n:]
	}
	return list
}

// Compile makes a program of a guest's bytes.
func Compile(ctx context.Context, wasm []byte, o Options) (*Program, error) {
	if o.MemoryPages == 0 {
		o.MemoryPages = 8192
	}
	if o.Shared == nil {
		o.Shared = NewShared()
	}
	if o.Memory == nil {
		o.Memory = func(ctx context.Context) context.Context { return ctx }
	}
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(o.MemoryPages)
	if o.Cache != nil {
		config = config.WithCompilationCache(o.Cache)
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
		return fmt.Errorf("proxywasm: not a WebAssembly module: %w", ErrNotGuest)
	}
	var err error
	if p.compiled, err = p.runtime.CompileModule(ctx, wasm); err != nil {
		return fmt.Errorf("proxywasm: compile: %w", err)
	}
	exports := p.compiled.ExportedFunctions()
	_, version := exports["proxy_abi_version_0_2_1"]
	_, older := exports["proxy_abi_version_0_2_0"]
	_, room := exports["proxy_on_memory_allocate"]
	_, malloc := exports["malloc"]
	if !version && !older || !room && !malloc || len(p.compiled.ExportedMemories()) == 0 {
		return fmt.Errorf("proxywasm: %w", ErrNotGuest)
	}
	if err := provideWASI(ctx, p.runtime, p.options.Strict); err != nil {
		return fmt.Errorf("proxywasm: wasi: %w", err)
	}
	env := p.runtime.NewHostModuleBuilder("env")
	for _, f := range imports {
		env.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(f.call()), f.params(), i32Result).Export(f.name)
	}
	if _, err := env.Instantiate(ctx); err != nil {
		return fmt.Errorf("proxywasm: imports: %w", err)
	}
	return nil
}

// Close ends all VMs and frees the program.
func (p *Program) Close(ctx context.Context) error { return p.runtime.Close(ctx) }

// NewVM makes a VM, and has the guest read its configuration. The error is ErrRefused where it does not take it.
func (p *Program) NewVM(ctx context.Context, e Embedder) (*VM, error) {
	v := &VM{program: p, embedder: e, contexts: map[uint32]*Context{}, calls: map[uint32]*Context{}}
	v.ctx = context.WithValue(context.WithoutCancel(ctx), vmKey{}, v)
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize", "_start").
		WithSysWalltime().WithSysNanotime().WithSysNanosleep().WithRandSource(rand.Reader)
	if p.options.Stdout != nil {
		config = config.WithStdout(p.options.Stdout)
	}
	if p.options.Stderr != nil {
		config = config.WithStderr(p.options.Stderr)
	}
	for name, value := range p.options.Env {
		config = config.WithEnv(name, value)
	}
	module, err := p.runtime.InstantiateModule(p.options.Memory(v.ctx), p.compiled, config)
	if err != nil {
		return nil, fmt.Errorf("proxywasm: start: %w", err)
	}
	v.enter(module)
	if err := v.configure(); err != nil {
		v.Close() // the first error is told
		return nil, err
	}
	return v, nil
}
