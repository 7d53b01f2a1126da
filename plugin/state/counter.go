package state

import (
	"encoding/binary"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxCounters bounds the counters of one store; what was used longest ago goes first.
const maxCounters = 100_000

// A Counter is shared by several virtual machines of one process. Its request and reply are those of packTake, packGive
// and unpackTaken. nil: there is none.
type Counter interface{ Count(request []byte) []byte }

// counter counts tries in a window that begins with the first of them.
type counter struct {
	start time.Time
	count int
}

// A Take is a try that was counted.
type Take struct {
	key   Key
	start time.Time
	// OK: there was room for it. Else Wait is how long until there may be.
	OK   bool
	Wait time.Duration
}

// Take counts a try, where fewer than most have been counted in this window. It is one step, so that many at once get no
// further than one after the other.
func (s *Store) Take(k Key, most int, per time.Duration, now time.Time) Take {
	if s.counter != nil {
		if t, ok := unpackTaken(k, s.counter.Count(packTake(k, most, per, now))); ok {
			return t
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.counters.Get(k)
	if !ok || now.Sub(c.start) >= per || now.Before(c.start) {
		c = counter{start: now}
	}
	if c.count >= most {
		return Take{key: k, Wait: c.start.Add(per).Sub(now)}
	}
	c.count++
	s.counters.Add(k, c)
	return Take{key: k, start: c.start, OK: true}
}

// Give takes a try back, if its window is still on.
func (s *Store) Give(t Take) {
	if !t.OK {
		return
	}
	if s.counter != nil && s.counter.Count(packGive(t)) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.counters.Get(t.key)
	if !ok || !c.start.Equal(t.start) {
		return
	}
	if c.count--; c.count <= 0 {
		s.counters.Remove(t.key)
		return
	}
	s.counters.Add(t.key, c)
}

func newCounters() *simplelru.LRU[Key, counter] {
	counters, _ := simplelru.NewLRU[Key, counter](maxCounters, nil) // fails for sizes below 1 only
	return counters
}

// What a shared counter is asked, numbers most significant byte first:
//
//	't' key(16) most(8) per(8) now(8)    a try: per in nanoseconds, now as Unix nanoseconds
//	'g' key(16) start(8)                 a try back
//
// and answers: 1 and the window's start(8), or 0 and the time to wait(8); to a try back, one byte.
const (
	takeWord = 't'
	giveWord = 'g'
)

func packTake(k Key, most int, per time.Duration, now time.Time) []byte {
	b := append(make([]byte, 0, 1+len(k)+3*8), takeWord)
	b = append(b, k[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(most))
	b = binary.BigEndian.AppendUint64(b, uint64(per))
	return binary.BigEndian.AppendUint64(b, uint64(now.UnixNano()))
}

func packGive(t Take) []byte {
	b := append(make([]byte, 0, 1+len(t.key)+8), giveWord)
	b = append(b, t.key[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(t.start.UnixNano()))
}

func unpackTaken(k Key, b []byte) (Take, bool) {
	if len(b) != 9 || b[0] > 1 {
		return Take{}, false
	}
	n := int64(binary.BigEndian.Uint64(b[1:]))
	if b[0] == 1 {
		return Take{key: k, OK: true, start: time.Unix(0, n)}, true
	}
	return Take{key: k, Wait: time.Duration(n)}, true
}
