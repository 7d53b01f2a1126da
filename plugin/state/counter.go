package state

import (
	"encoding/binary"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of one store; what was used longest ago goes first.
const (
	maxCounters = 100_000
	maxNamed    = 10_000
)

// counters are of two kinds: those whose window begins with the first who takes, of which clients make as many as they
// like, and those whose key names the window, such as a budget's day. No crowd of the one pushes out the other.
type counters struct{ running, named *simplelru.LRU[Key, counter] }

func newCounters() (c counters) {
	c.running, _ = simplelru.NewLRU[Key, counter](maxCounters, nil) // fails for sizes below 1 only
	c.named, _ = simplelru.NewLRU[Key, counter](maxNamed, nil)
	return c
}

// A Counter is shared by several virtual machines of one process. Its request and reply are those of packTake, packGive
// and unpackTaken. nil: there is none.
type Counter interface{ Count(request []byte) []byte }

// counter is what was taken since the window began.
type counter struct {
	start time.Time
	count int64
}

// A Take is what was taken of what a window has.
type Take struct {
	key    Key
	amount int64
	start  time.Time
	// OK: there was room for it, and Count is what is taken now. Else Wait is how long until there may be.
	OK    bool
	Count int64
	Wait  time.Duration
}

// Take adds an amount where no more than most is taken then in this window. It is one step, so that many at once get no
// further than one after the other. The window lasts for per; 0 says that the key names it.
func (s *Store) Take(k Key, amount, most int64, per time.Duration, now time.Time) Take {
	if s.counter != nil {
		if t, ok := unpackTaken(s.counter.Count(packTake(k, amount, most, per, now))); ok {
			t.key, t.amount = k, amount
			return t
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.counters.running
	if per == 0 {
		of = s.counters.named
	}
	c, ok := of.Get(k)
	if !ok || per > 0 && (now.Sub(c.start) >= per || now.Before(c.start)) {
		c = counter{start: now}
	}
	if amount > most-c.count {
		return Take{key: k, Wait: c.start.Add(per).Sub(now)}
	}
	c.count += amount
	of.Add(k, c)
	return Take{key: k, amount: amount, start: c.start, OK: true, Count: c.count}
}

// Give gives back what was taken, if its window is still on.
func (s *Store) Give(t Take) {
	if !t.OK {
		return
	}
	if s.counter != nil && s.counter.Count(packGive(t)) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.counters.running
	if s.counters.named.Contains(t.key) {
		of = s.counters.named
	}
	c, ok := of.Get(t.key)
	if !ok || !c.start.Equal(t.start) {
		return
	}
	if c.count -= t.amount; c.count <= 0 {
		of.Remove(t.key)
		return
	}
	of.Add(t.key, c)
}

// What a shared counter is asked, numbers most significant byte first:
//
//	't' key(16) amount(8) most(8) per(8) now(8)    per in nanoseconds, 0: the key names the window; now as Unix nanoseconds
//	'g' key(16) amount(8) start(8)                 gives back
//
// and answers to the first: 1, the window's start(8), what is taken(8); or 0 and the time to wait(8). To the second: one byte.
const (
	takeWord = 't'
	giveWord = 'g'
)

func packTake(k Key, amount, most int64, per time.Duration, now time.Time) []byte {
	return packNumbers(takeWord, k, amount, most, int64(per), now.UnixNano())
}

func packGive(t Take) []byte { return packNumbers(giveWord, t.key, t.amount, t.start.UnixNano()) }

func packNumbers(word byte, k Key, numbers ...int64) []byte {
	b := append(make([]byte, 0, 1+len(k)+8*len(numbers)), word)
	b = append(b, k[:]...)
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}

func unpackTaken(b []byte) (Take, bool) {
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[1+8*i:])) }
	switch {
	case len(b) == 17 && b[0] == 1:
		return Take{OK: true, start: time.Unix(0, number(0)), Count: number(1)}, true
	case len(b) == 9 && b[0] == 0:
		return Take{Wait: time.Duration(number(0))}, true
	}
	return Take{}, false
}
