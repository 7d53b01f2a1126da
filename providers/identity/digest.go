package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"sync"
)

// Domains keep digests of different meaning apart under one key. A change of what is digested needs a new number.
const (
	personDomain   = "idvgate.person.1"
	subjectDomain  = "idvgate.subject.1"
	questionDomain = "idvgate.question.1"
)

// digestBytes of the 32 that HMAC-SHA-256 gives are kept in a text: 128 bits, 22 characters.
const digestBytes = 16

// A Key makes keyed digests (HMAC-SHA-256). Claims have so few possible values that a plain hash of one is as good as
// the claim; only who holds the key can find a person by a digest. It is safe for concurrent use.
type Key struct {
	states sync.Pool // of *state
}

// NewKey takes a secret of any length; 32 random bytes are right. It keeps a copy.
func NewKey(secret []byte) *Key {
	secret = append([]byte(nil), secret...)
	return &Key{states: sync.Pool{New: func() any { return &state{mac: hmac.New(sha256.New, secret)} }}}
}

// Person is the digest of all claims the person makes: equal for equal persons, however their claims were written, and
// different for all others, also for the same value in another claim. 22 characters of base64url.
func (k *Key) Person(p Person) string {
	s := k.begin(personDomain)
	defer k.states.Put(s)
	for c := ClaimName; c <= ClaimUserID; c++ {
		if text := p.text(c); text != "" {
			s.claim(c, text)
		}
	}
	return s.text()
}

// Subject is the digest of who the person is, whatever else is claimed: by ID number, else by user id, else by mobile;
// "" without any of them. It is never equal to a Person digest. 22 characters of base64url.
func (k *Key) Subject(p Person) string {
	c := ClaimIDNumber
	switch {
	case p.Has(ClaimIDNumber):
	case p.Has(ClaimUserID):
		c = ClaimUserID
	case p.Has(ClaimMobile):
		c = ClaimMobile
	default:
		return ""
	}
	s := k.begin(subjectDomain)
	defer k.states.Put(s)
	s.claim(c, p.text(c))
	return s.text()
}

// Question is the digest of a question about the person: of what it is about, and of all claims the person makes. No two
// of different meaning have the same.
func (k *Key) Question(p Person, about ...string) (digest [digestBytes]byte) {
	s := k.begin(questionDomain)
	defer k.states.Put(s)
	s.length(len(about))
	for _, a := range about {
		s.part(a)
	}
	for c := ClaimName; c <= ClaimUserID; c++ {
		if text := p.text(c); text != "" {
			s.claim(c, text)
		}
	}
	s.finish()
	copy(digest[:], s.sum[:])
	return digest
}

// Sum is the HMAC of the domain and the parts, each with its length before it, so that no two lists give the same
// bytes. Domains that begin with "idvgate." belong to this project: name a new one for each new meaning.
func (k *Key) Sum(domain string, parts ...[]byte) [sha256.Size]byte {
	s := k.begin(domain)
	defer k.states.Put(s)
	for _, p := range parts {
		s.length(len(p))
		s.mac.Write(p)
	}
	s.finish()
	return s.sum
}

func (k *Key) begin(domain string) *state {
	s := k.states.Get().(*state)
	s.mac.Reset()
	s.part(domain)
	return s
}

// A state is one digest being made. It is kept for the next: a keyed hash is dear to set up, and its arrays are here so
// that none is allocated.
type state struct {
	mac   hash.Hash
	chunk [256]byte
	sum   [sha256.Size]byte
}

// claim adds two parts: the claim's number, one byte, and its text.
func (s *state) claim(c Claim, text string) {
	s.length(1)
	s.chunk[0] = byte(c)
	s.mac.Write(s.chunk[:1])
	s.part(text)
}

// part adds a text with its length before it.
func (s *state) part(text string) {
	s.length(len(text))
	for text != "" {
		n := copy(s.chunk[:], text)
		s.mac.Write(s.chunk[:n])
		text = text[n:]
	}
}

// length adds 8 bytes, most significant first.
func (s *state) length(n int) {
	binary.BigEndian.PutUint64(s.chunk[:8], uint64(n))
	s.mac.Write(s.chunk[:8])
}

func (s *state) finish() { s.mac.Sum(s.sum[:0]) }

func (s *state) text() string {
	s.finish()
	n := base64.RawURLEncoding.EncodedLen(digestBytes)
	base64.RawURLEncoding.Encode(s.chunk[:n], s.sum[:digestBytes])
	return string(s.chunk[:n])
}
