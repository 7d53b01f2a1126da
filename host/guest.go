package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"

	"github.com/idvgate/idvgate/host/extism"
	"github.com/idvgate/idvgate/host/proxywasm"
)

// A Kind says what the input of a step is for.
type Kind = extism.Kind

// Begin, Resume and Cancel are a request that starts, something that was wanted, and a client that has left.
const (
	Begin  = extism.Begin
	Resume = extism.Resume
	Cancel = extism.Cancel
)

// A Guest is a compiled guest, of any kind.
type Guest interface {
	// NewVM makes one instance. It may be called from several goroutines.
	NewVM(ctx context.Context) (VM, error)
	// Close ends all instances.
	Close(ctx context.Context) error
}

// A VM is one instance of a guest. Calls are one at a time. After an error it is closed and given up. It speaks the
// messages of docs/schema/messages.schema.json.
type VM interface {
	// Info is the guest's info message.
	Info() ([]byte, error)
	// Begin takes the head of a request, and returns messages as Step does.
	Begin(h *head) ([]byte, error)
	// Step takes messages (line and raw, one behind the other) and returns messages, which are valid until the next call.
	Step(kind Kind, line, raw []byte) ([]byte, error)
	// MemoryBytes is the size of its memory.
	MemoryBytes() int
	Close() error
}

// open compiles a guest, of the kind that its exports say it is.
func (gen *generation) open(ctx context.Context, o *Options) (Guest, error) {
	g := gen.gateway
	if !proxywasm.Is(o.Wasm) {
		program, err := extism.Compile(ctx, o.Wasm, extism.Options{
			Config: extismConfig(o.Config), Fetch: gen.fetch, Log: g.log, Cache: g.cache, Vars: g.memory,
			Workers: runtime.GOMAXPROCS(0),
		})
		return extismGuest{program}, notGuest(err, extism.ErrNotGuest)
	}
	configuration, env := proxyConfig(o.Config)
	program, err := proxywasm.Compile(ctx, o.Wasm, proxywasm.Options{
		Configuration: configuration, Env: env, StopIteration: true, Cache: g.cache.Compiled(), Memory: extism.MappedMemory,
		Workers: runtime.GOMAXPROCS(0), Stdout: &guestOutput{log: g.log}, Stderr: &guestOutput{log: g.log},
	})
	return proxyGuest{program: program, log: g.log, memory: g.memory, egress: func() *egress { return gen.egress }}, notGuest(err, proxywasm.ErrNotGuest)
}

// extismConfig is the guest's configuration with a word that variables are shared here.
func extismConfig(config map[string]string) map[string]string {
	config = maps.Clone(config)
	if config == nil {
		config = map[string]string{}
	}
	config["idvgate.vars"] = "shared"
	return config
}

func notGuest(err, kind error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kind):
		return fmt.Errorf("host: %w: %w", ErrNotGuest, err)
	}
	return fmt.Errorf("host: %w", err)
}

// extismGuest is a guest in Extism's form.
type extismGuest struct{ program *extism.Program }

func (g extismGuest) NewVM(ctx context.Context) (VM, error) {
	v, err := g.program.NewVM(ctx)
	if err != nil {
		return nil, err
	}
	return extismVM{v}, nil
}

func (g extismGuest) Close(ctx context.Context) error { return g.program.Close(ctx) }

type extismVM struct{ *extism.VM }

func (v extismVM) Begin(h *head) ([]byte, error) { return v.Step(Begin, h.line, nil) }

func (v extismVM) Info() ([]byte, error) { return v.Call("info", nil) }
