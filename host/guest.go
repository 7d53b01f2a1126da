package host

import (
	"context"

	"github.com/idvgate/idvgate/host/extism"
)

// A Kind says what the input of a step is for.
type Kind = extism.Kind

// Begin, Resume and Cancel are a request that starts, something that was wanted, and a client that has left.
const (
	Begin  = extism.Begin
	Resume = extism.Resume
	Cancel = extism.Cancel
)

// A Guest is a compiled guest, of any kind. It speaks the messages of docs/schema/messages.schema.json.
type Guest interface {
	// NewVM makes one instance. It may be called from several goroutines.
	NewVM(ctx context.Context) (VM, error)
	// Close ends all instances.
	Close(ctx context.Context) error
}

// A VM is one instance of a guest. Calls are one at a time. After an error it is closed and given up.
type VM interface {
	// Info is the guest's info message.
	Info() ([]byte, error)
	// Step takes messages (line and raw, one behind the other) and returns messages, which are valid until the next call.
	Step(kind Kind, line, raw []byte) ([]byte, error)
	// MemoryBytes is the size of its memory.
	MemoryBytes() int
	Close() error
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

func (v extismVM) Info() ([]byte, error) { return v.Call("info", nil) }
