package extism

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"github.com/tetratelabs/wazero/api"
)

// Kind says what an input is for.
type Kind uint32

const (
	Begin  Kind = iota // a request starts
	Resume             // something that was wanted
	Cancel             // a client has left
)

func (k Kind) String() string {
	switch k {
	case Begin:
		return "begin"
	case Resume:
		return "resume"
	case Cancel:
		return "cancel"
	}
	return "unknown"
}

// A VM is one instance of a guest. It serves one call at a time and is not safe for concurrent use. After a call has
// failed it must be closed: a guest's runtime is broken after a trap.
type VM struct {
	program *Program
	module  api.Module
	memory  api.Memory
	ctx     context.Context
	buffer  api.Function
	step    api.Function
	calls   map[string]api.Function // looked up once
	stack   [2]uint64

	roomAt   uint32 // the guest's buffer
	roomSize int    // 0: not asked for yet

	kernel  kernel
	joined  []byte // input made of two parts
	input   []byte
	output  []byte
	problem string // by error_set
	status  int32  // of the last http_request
	headers []byte // of the last http_request, JSON; nil: none
	vars    map[string][]byte
	varSize int
}

type vmKey struct{}

// Step gives the guest messages (line and raw, one behind the other) and returns its output, which is valid until the
// next call.
func (v *VM) Step(kind Kind, line, raw []byte) ([]byte, error) {
	if !v.program.direct {
		v.joined = append(append(v.joined[:0], line...), raw...)
		return v.Call(kind.String(), v.joined)
	}
	v.kernel.reset()
	n := len(line) + len(raw)
	if err := v.room(n); err != nil {
		return nil, err
	}
	to, ok := v.memory.Read(v.roomAt, uint32(n))
	if !ok {
		return nil, errors.New("extism: buffer: outside of the guest's memory")
	}
	copy(to[copy(to, line):], raw)
	v.stack[0], v.stack[1] = uint64(kind), uint64(n)
	if err := v.step.CallWithStack(v.ctx, v.stack[:]); err != nil {
		return nil, fmt.Errorf("extism: step %s: %w", kind, err)
	}
	if int64(v.stack[0]) < 0 {
		return nil, fmt.Errorf("extism: step %s: the guest calls the input malformed", kind)
	}
	at, length := uint32(v.stack[0]>>32), uint32(v.stack[0])
	if length == 0 {
		return nil, nil
	}
	if length > maxOutputBytes {
		return nil, fmt.Errorf("extism: step %s: output of %d bytes, at most %d", kind, length, maxOutputBytes)
	}
	out, ok := v.memory.Read(at, length)
	if !ok {
		return nil, fmt.Errorf("extism: step %s: output outside of the guest's memory", kind)
	}
	return out, nil
}

// room makes sure that the guest's buffer holds n bytes. What buffer returned stays good until it is called again, so it
// is called only for more, and for less after a large one.
func (v *VM) room(n int) error {
	if n <= v.roomSize && (v.roomSize <= keptRoomBytes || n > keptRoomBytes) {
		return nil
	}
	if n > maxInputBytes {
		return fmt.Errorf("extism: input of %d bytes, at most %d", n, maxInputBytes)
	}
	size := max(4096, 1<<bits.Len(uint(n)))
	v.stack[0] = uint64(size)
	if err := v.buffer.CallWithStack(v.ctx, v.stack[:]); err != nil {
		return fmt.Errorf("extism: buffer: %w", err)
	}
	v.roomAt, v.roomSize = uint32(v.stack[0]), size
	return nil
}

// Call runs an export by Extism's input and output. The output is valid until the next call. The error is the guest's
// own where the export returned anything but 0.
func (v *VM) Call(export string, input []byte) ([]byte, error) {
	f := v.calls[export]
	if f == nil {
		if f = v.module.ExportedFunction(export); f == nil {
			return nil, fmt.Errorf("extism: the guest does not export %s", export)
		}
		d := f.Definition()
		if len(d.ParamTypes()) != 0 || len(d.ResultTypes()) > 1 {
			return nil, fmt.Errorf("extism: %s is no Extism export", export)
		}
		v.calls[export] = f
	}
	v.kernel.reset()
	v.input, v.output, v.problem, v.status, v.headers = input, nil, "", 0, nil
	v.stack[0] = 0
	err := f.CallWithStack(v.ctx, v.stack[:])
	v.input = nil
	if err != nil {
		return nil, fmt.Errorf("extism: %s: %w", export, err)
	}
	if len(f.Definition().ResultTypes()) == 1 && uint32(v.stack[0]) != 0 {
		return nil, fmt.Errorf("extism: %s: returned %d: %s", export, int32(v.stack[0]), v.problem)
	}
	return v.output, nil
}

// MemoryBytes is the size of the guest's linear memory. It never shrinks.
func (v *VM) MemoryBytes() int { return int(v.memory.Size()) }

// Close ends the VM. What Step returned must not be used any more.
func (v *VM) Close() error { return v.module.Close(v.ctx) }
