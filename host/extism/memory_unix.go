//go:build unix

package extism

import (
	"context"
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// MappedMemory has linear memory mapped once, at its largest size: the kernel gives pages as they are touched. wazero's
// own way copies the memory at each growth, and the copies are garbage of the gateway.
func MappedMemory(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(
		func(size, most uint64) experimental.LinearMemory {
			if b, err := syscall.Mmap(-1, 0, int(most), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON); err == nil {
				return &mapped{b}
			}
			return &kept{make([]byte, 0, size)}
		}))
}

// mapped is memory from the kernel. What points into it must not be used after the VM is closed.
type mapped struct{ whole []byte }

func (m *mapped) Reallocate(size uint64) []byte { return m.whole[:size] }

func (m *mapped) Free() {
	if m.whole != nil {
		syscall.Munmap(m.whole) //nolint:errcheck // it was mapped whole
		m.whole = nil
	}
}

// kept is memory of the gateway's heap, where the kernel gives no room.
type kept struct{ b []byte }

func (k *kept) Reallocate(size uint64) []byte {
	if n := int(size) - len(k.b); n > 0 {
		k.b = append(k.b, make([]byte, n)...)
	}
	return k.b
}

func (k *kept) Free() { k.b = nil }
