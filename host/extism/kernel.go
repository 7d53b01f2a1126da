package extism

import (
	"encoding/binary"
	"slices"
	"sort"
)

const (
	// kernelStart keeps offset 0 free: it means nothing.
	kernelStart = 8
	// maxKernelBytes bounds what one call allocates.
	maxKernelBytes = 64 << 20
	// keptKernelBytes is the largest arena kept for the next call.
	keptKernelBytes = 1 << 20
)

// trap is a guest's fault. Thrown inside a host function, wazero makes it the error of the call.
type trap string

func (t trap) Error() string { return "extism: " + string(t) }

// kernel is the memory that Extism's guest and host share: an arena of blocks, emptied at each call. Every offset a
// guest names is checked against it.
type kernel struct {
	arena  []byte
	blocks []block // by ascending offset
}

type block struct{ offset, length uint64 }

func newKernel() kernel { return kernel{arena: make([]byte, kernelStart, 4096)} }

func (k *kernel) reset() {
	if cap(k.arena) > keptKernelBytes {
		*k = newKernel()
		return
	}
	k.arena, k.blocks = k.arena[:kernelStart], k.blocks[:0]
}

// alloc makes a block of n bytes, at a multiple of 8. 0 for none.
func (k *kernel) alloc(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	if n > maxKernelBytes || uint64(len(k.arena))+n+7 > maxKernelBytes {
		panic(trap("alloc: the call's memory is full"))
	}
	at := len(k.arena)
	size := int(n+7) &^ 7
	k.arena = slices.Grow(k.arena, size)[:at+size]
	k.blocks = append(k.blocks, block{uint64(at), n})
	return uint64(at)
}

// put makes a block that holds b.
func (k *kernel) put(b []byte) uint64 {
	at := k.alloc(uint64(len(b)))
	if at != 0 {
		copy(k.arena[at:], b)
	}
	return at
}

func (k *kernel) find(offset uint64) int {
	i := sort.Search(len(k.blocks), func(i int) bool { return k.blocks[i].offset >= offset })
	if i < len(k.blocks) && k.blocks[i].offset == offset {
		return i
	}
	return -1
}

// free forgets a block. Only the last one's room is used again in the same call.
func (k *kernel) free(offset uint64) {
	i := k.find(offset)
	if i < 0 {
		return
	}
	if i == len(k.blocks)-1 {
		k.arena, k.blocks = k.arena[:offset], k.blocks[:i]
		return
	}
	k.blocks[i].length = 0
}

// length is how long the block at the offset is, 0 where none starts there.
func (k *kernel) length(offset uint64) uint64 {
	if i := k.find(offset); i >= 0 {
		return k.blocks[i].length
	}
	return 0
}

// block is what the block at the offset holds. Offset 0 is nothing; any other that is no block traps.
func (k *kernel) block(of string, offset uint64) []byte {
	if offset == 0 {
		return nil
	}
	i := k.find(offset)
	if i < 0 {
		panic(trap(of + ": no block at this offset"))
	}
	return k.arena[offset : offset+k.blocks[i].length]
}

// at is n bytes of the arena.
func (k *kernel) at(of string, offset, n uint64) []byte {
	if size := uint64(len(k.arena)); offset < kernelStart || offset > size || n > size-offset {
		panic(trap(of + ": offset outside of the call's memory"))
	}
	return k.arena[offset : offset+n]
}

// load8 is 8 bytes of b, little-endian; it traps beyond the end.
func load8(of string, b []byte, offset uint64) uint64 {
	if size := uint64(len(b)); offset > size || size-offset < 8 {
		panic(trap(of + ": offset outside"))
	}
	return binary.LittleEndian.Uint64(b[offset:])
}
