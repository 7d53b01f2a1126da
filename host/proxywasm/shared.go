package proxywasm

import "sync"

// Shared is the data that all virtual machines of a process see. It is safe for concurrent use.
type Shared struct {
	mu     sync.Mutex
	values map[string]sharedValue
	cas    uint32
}

type sharedValue struct {
	value []byte
	cas   uint32
}

// maxShared bounds how much is kept.
const maxShared = 100_000

// NewShared makes an empty Shared.
func NewShared() *Shared { return &Shared{values: map[string]sharedValue{}} }

func (s *Shared) get(key string) (value []byte, cas uint32, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[key]
	return v.value, v.cas, ok
}

// set stores a value, if cas is 0 or that of the value there is.
func (s *Shared) set(key string, value []byte, cas uint32) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.values[key]
	switch {
	case cas != 0 && (!ok || cas != old.cas):
		return CasMismatch
	case !ok && len(s.values) >= maxShared:
		return InternalFailure
	}
	if s.cas++; s.cas == 0 {
		s.cas = 1
	}
	s.values[key] = sharedValue{append([]byte(nil), value...), s.cas}
	return OK
}
