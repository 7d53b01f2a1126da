package host

import "encoding/binary"

// countPrefix begins the name of a variable of the Extism guest that counts when it is read: one step, so that shards
// that count at the same moment do not lose a try.
const countPrefix = "idvgate.count:"

// counter is the tries of one key since start, Unix nanoseconds.
type counter struct{ start, count int64 }

// The forms of a request, after its first byte, and of the reply:
//
//	't' key(16) most(8) per(8) now(8)    a try: 1 and the window's start(8), or 0 and the time until there is room(8)
//	'g' key(16) start(8)                 a try back, if its window is still on: one byte
//
// Numbers have their most significant byte first; times are in nanoseconds.
const (
	takeBytes = 1 + memoryKeyBytes + 3*8
	giveBytes = 1 + memoryKeyBytes + 8
)

// count serves one request. nil: it is none.
func (m *memory) count(b []byte) []byte {
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[1+memoryKeyBytes+8*i:])) }
	switch {
	case len(b) == takeBytes && b[0] == 't':
		return m.take(string(b[1:1+memoryKeyBytes]), number(0), number(1), number(2))
	case len(b) == giveBytes && b[0] == 'g':
		m.giveBack(string(b[1:1+memoryKeyBytes]), number(0))
		return []byte{1}
	}
	return nil
}

// take counts a try where fewer than most have been counted since the first of the window.
func (m *memory) take(key string, most, per, now int64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.counters.Get(key)
	if !ok || now-c.start >= per || now < c.start {
		c = counter{start: now}
	}
	if c.count >= most {
		return binary.BigEndian.AppendUint64([]byte{0}, uint64(c.start+per-now))
	}
	c.count++
	m.counters.Add(key, c)
	return binary.BigEndian.AppendUint64([]byte{1}, uint64(c.start))
}

func (m *memory) giveBack(key string, start int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.counters.Get(key)
	if !ok || c.start != start {
		return
	}
	if c.count--; c.count <= 0 {
		m.counters.Remove(key)
		return
	}
	m.counters.Add(key, c)
}
