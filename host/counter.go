package host

import "encoding/binary"

// countPrefix begins the name of a variable of the Extism guest that counts when it is read: one step, so that shards
// that count at the same moment do not lose a try.
const countPrefix = "idvgate.count:"

// counter is what was taken of one key since start, Unix nanoseconds.
type counter struct{ start, count int64 }

// The forms of a request, and of the reply:
//
//	't' key(16) amount(8) most(8) per(8) now(8)    takes: 1, the window's start(8), what is taken then(8); or 0 and the time until there is room(8)
//	'g' key(16) amount(8) start(8)                 gives back, if its window is still on: one byte
//
// Numbers have their most significant byte first; times are in nanoseconds. A window lasts for per; 0 says that the key
// names it, as a budget's day does, and no crowd of the others pushes such a counter out.
const (
	takeBytes = 1 + memoryKeyBytes + 4*8
	giveBytes = 1 + memoryKeyBytes + 2*8
)

// count serves one request. nil: it is none.
func (m *memory) count(b []byte) []byte {
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[1+memoryKeyBytes+8*i:])) }
	switch {
	case len(b) == takeBytes && b[0] == 't':
		return m.take(string(b[1:1+memoryKeyBytes]), number(0), number(1), number(2), number(3))
	case len(b) == giveBytes && b[0] == 'g':
		m.giveBack(string(b[1:1+memoryKeyBytes]), number(0), number(1))
		return []byte{1}
	}
	return nil
}

// take adds an amount where no more than most is taken then since the first of the window.
func (m *memory) take(key string, amount, most, per, now int64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.running
	if per == 0 {
		of = m.named
	}
	c, ok := of.Get(key)
	if !ok || per > 0 && (now-c.start >= per || now < c.start) {
		c = counter{start: now}
	}
	if amount > most-c.count {
		return binary.BigEndian.AppendUint64([]byte{0}, uint64(c.start+per-now))
	}
	c.count += amount
	of.Add(key, c)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{1}, uint64(c.start)), uint64(c.count))
}

func (m *memory) giveBack(key string, amount, start int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.running
	if m.named.Contains(key) {
		of = m.named
	}
	c, ok := of.Get(key)
	if !ok || c.start != start {
		return
	}
	if c.count -= amount; c.count <= 0 {
		of.Remove(key)
		return
	}
	of.Add(key, c)
}
