package state

import (
	"context"
	"crypto/sha256"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxKept bounds what providers keep in one store; what was used longest ago goes first.
const maxKept = 10_000

// A Cupboard is where what providers keep outlives the virtual machine, if not with the answers. Nothing is ever dropped
// from it, so that only little may go there.
type Cupboard interface {
	Kept(key string) []byte        // nil: nothing is kept
	Keep(key string, value []byte) // empty: it counts as nothing
}

// keptKey is the name, further out, of what a provider keeps: 16 bytes, as an answer's.
func keptKey(key string) string {
	sum := sha256.Sum256([]byte("idvgate.keep.1\x00" + key))
	return string(sum[:16])
}

func newKept() *simplelru.LRU[string, []byte] {
	kept, _ := simplelru.NewLRU[string, []byte](maxKept, nil) // fails for sizes below 1 only
	return kept
}

// Get is what a provider has kept: with Put, the store is a providers.Keeper. Nothing of a person may be in a key or a
// value.
func (s *Store) Get(_ context.Context, key string) ([]byte, bool) {
	s.mu.Lock()
	value, ok := s.kept.Get(key)
	s.mu.Unlock()
	switch {
	case ok:
		return value, true
	case s.cupboard != nil:
		value = s.cupboard.Kept(keptKey(key))
	case s.beyond != nil:
		value = s.beyond.Get(keptKey(key))
	}
	return value, len(value) > 0
}

// Put keeps a value in place of an older one; an empty one forgets it.
func (s *Store) Put(_ context.Context, key string, value []byte) {
	s.mu.Lock()
	if len(value) == 0 {
		s.kept.Remove(key)
	} else {
		s.kept.Add(key, value)
	}
	s.mu.Unlock()
	switch {
	case s.cupboard != nil:
		s.cupboard.Keep(keptKey(key), value)
	case s.beyond != nil:
		s.beyond.Put(keptKey(key), value)
	}
}
