package session

import (
	"encoding/binary"
	"time"
)

// A token is one granted token. It is replaced, never changed.
type token struct {
	value      string
	renew      time.Time // from here on a new one is fetched
	expires    time.Time // from here on it is not used at all
	generation uint64    // counts this session's tokens from 1
}

// number is the token's generation, 0 for none.
func (t *token) number() uint64 {
	if t == nil {
		return 0
	}
	return t.generation
}

// pack writes a token for those who wait for it: when it is to be renewed and when it expires, in 8 bytes each of
// nanoseconds since 1970, and the value.
func (t *token) pack() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 16+len(t.value)), uint64(t.renew.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, uint64(t.expires.UnixNano()))
	return append(b, t.value...)
}

// unpack reads what pack wrote. Anything else is a token that has expired already.
func unpack(b []byte, generation uint64) *token {
	if len(b) < 16 {
		return &token{generation: generation}
	}
	return &token{
		value:      string(b[16:]),
		renew:      time.Unix(0, int64(binary.BigEndian.Uint64(b))),
		expires:    time.Unix(0, int64(binary.BigEndian.Uint64(b[8:]))),
		generation: generation,
	}
}
