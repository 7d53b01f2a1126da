package host

import (
	"bytes"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxMemoryValues and maxMemoryBytes bound what a gateway keeps for its guests; what was used longest ago goes first.
	maxMemoryValues = 200_000
	maxMemoryBytes  = 64 << 20
	maxMemoryNamed  = 20_000
	// maxMemoryValue is the longest value, with its key, in bytes.
	maxMemoryValue = 64 << 10
	// memoryOverhead is about what a value takes besides its bytes.
	memoryOverhead = 160
)

// memory is what guests keep beyond one virtual machine: all shards share it, and it outlives a reload. It is safe for
// concurrent use.
type memory struct {
	mu     sync.Mutex
	values *simplelru.LRU[string, []byte]
	bytes  int

	running, named *simplelru.LRU[string, counter] // counters, see count
}

func newMemory() *memory {
	m := &memory{}
	m.running, _ = simplelru.NewLRU[string, counter](maxMemoryValues, nil)
	m.named, _ = simplelru.NewLRU[string, counter](maxMemoryNamed, nil)
	m.values, _ = simplelru.NewLRU(maxMemoryValues, func(key string, value []byte) { m.bytes -= sizeInMemory(key, value) }) // fails for sizes below 1 only
	return m
}

func sizeInMemory(key string, value []byte) int { return memoryOverhead + len(key) + len(value) }

// Get is the value of a key, which must not be changed; nil where there is none. A key that begins with countPrefix counts.
func (m *memory) Get(key string) []byte {
	if request, ok := strings.CutPrefix(key, countPrefix); ok {
		return m.count([]byte(request))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	value, _ := m.values.Get(key)
	return value
}

// Put keeps a copy of a value; nil drops it. What is too long is not kept.
func (m *memory) Put(key string, value []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values.Remove(key)
	if len(value) == 0 || len(key)+len(value) > maxMemoryValue {
		return
	}
	m.bytes += sizeInMemory(key, value)
	m.values.Add(key, bytes.Clone(value))
	for m.bytes > maxMemoryBytes {
		m.values.RemoveOldest()
	}
}
