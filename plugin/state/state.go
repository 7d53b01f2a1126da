// Package state is what outlives a request, and the engine that served it: a new policy in the same virtual machine
// takes the store over, so that new rules buy nobody again.
//
// No claim is in it. Keys are keyed digests (identity.Key), and what is kept of an answer has passed through
// providers.Token.
package state

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxAnswers and maxBytes bound one store; what was used longest ago goes first.
	maxAnswers = 100_000
	maxBytes   = 32 << 20
)

// A Key names a question: a digest of who is asked about, what, and of whom.
type Key [16]byte

// A Beyond is a store further out, which several virtual machines of one process share. It may forget, and what it
// gives back is not trusted to be whole.
type Beyond interface {
	Get(key string) []byte        // nil: nothing is kept
	Put(key string, value []byte) // nil: forgets
}

// A Store keeps answers. It is safe for concurrent use, and no method of it waits for anybody: the lock is never held
// across a callout. The zero Store is not usable.
type Store struct {
	mu      sync.Mutex
	answers *simplelru.LRU[Key, Answer]
	bytes   int
	beyond  Beyond

	cupboard Cupboard
	kept     *simplelru.LRU[string, []byte] // by providers
	counters counters
	counter  Counter
}

// New makes an empty Store. beyond may be nil; one that is a Counter too counts for the store, and one that is a
// Cupboard keeps for it.
func New(beyond Beyond) *Store {
	s := &Store{beyond: beyond, kept: newKept(), counters: newCounters()}
	s.counter, _ = beyond.(Counter)
	s.cupboard, _ = beyond.(Cupboard)
	s.answers, _ = simplelru.NewLRU(maxAnswers, func(_ Key, a Answer) { s.bytes -= a.size() }) // fails for sizes below 1 only
	return s
}

// Recall is the answer to a question, whatever its age; false where none is kept.
func (s *Store) Recall(k Key) (Answer, bool) {
	s.mu.Lock()
	a, ok := s.answers.Get(k)
	s.mu.Unlock()
	if ok || s.beyond == nil {
		return a, ok
	}
	a, ok = Unpack(s.beyond.Get(string(k[:])))
	if ok {
		s.keep(k, a)
	}
	return a, ok
}

// Remember keeps an answer in place of an older one.
func (s *Store) Remember(k Key, a Answer) {
	s.keep(k, a)
	if s.beyond != nil {
		s.beyond.Put(string(k[:]), a.Pack())
	}
}

// Forget drops what is kept of a question.
func (s *Store) Forget(k Key) {
	s.mu.Lock()
	s.answers.Remove(k)
	s.mu.Unlock()
	if s.beyond != nil {
		s.beyond.Put(string(k[:]), nil)
	}
}

func (s *Store) keep(k Key, a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers.Remove(k) // its bytes with it
	s.bytes += a.size()
	s.answers.Add(k, a)
	for s.bytes > maxBytes {
		s.answers.RemoveOldest()
	}
}

// Len is how many answers are kept.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers.Len()
}

// Age is how old an answer is. One from the future, by a clock that was set back, is as old as can be: it is asked anew.
func (a *Answer) Age(now time.Time) time.Duration {
	age := now.Sub(time.Unix(a.At, 0))
	if age < -time.Minute {
		return 1<<63 - 1
	}
	return max(age, 0)
}
