package jdcloud

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/providers/callout"
)

// Signature JDCLOUD2-HMAC-SHA256, as the vendor's SDK makes it. What is signed:
//
//	canonical = METHOD \n path \n query \n name:value \n … \n \n names joined by ; \n hex(sha256(body))
//	text      = JDCLOUD2-HMAC-SHA256 \n date \n scope \n hex(sha256(canonical))
//	scope     = yyyymmdd/region/service/jdcloud2_request
//	key       = HMAC chain over "JDCLOUD2"+secret, yyyymmdd, region, service, "jdcloud2_request"
//
// SHA-256 is what a signature costs, in a guest some 2 µs a block. So whatever stays the same for a day, a second or a
// check is hashed once and its state kept: a request of mobile3 takes 8 blocks instead of 30.
const (
	algorithm   = "JDCLOUD2-HMAC-SHA256"
	terminator  = "jdcloud2_request"
	dateHeader  = "x-jdcloud-date"
	nonceHeader = "x-jdcloud-nonce"
	dateLayout  = "20060102T150405Z" // in UTC
	dayLength   = len("20060102")
)

type credential struct{ accessKey, secretKey, region, service string }

// target is the part of a request that never changes.
type target struct {
	method  string
	path    string           // as on the wire
	query   string           // as on the wire, without ?
	headers []callout.Header // host among them, where it is signed; without date and nonce
}

// A signer signs requests to one target. It is safe for concurrent use.
type signer struct {
	credential
	before, between, after string // the canonical request around date and nonce, up to the body's digest
	names                  string // the signed headers' names
	day                    atomic.Pointer[day]
	second                 atomic.Pointer[second]
}

// day is what stays for a date: the two halves of the HMAC with the derived key, and the head of the Authorization.
type day struct {
	date          string
	inner, outer  []byte // SHA-256 states after the padded key
	scope         string
	authorization string
}

// second is what stays for a second: states with everything hashed up to the first thing that is new.
type second struct {
	unix      int64
	date      string
	day       *day
	canonical []byte // up to the nonce
	text      []byte // inner half, up to the canonical request's digest
}

func newSigner(c credential, t target) *signer {
	lines := map[string]string{dateHeader: "", nonceHeader: ""}
	for _, h := range t.headers {
		key := strings.ToLower(h.Name)
		if slices.Contains([]string{"authorization", "user-agent", "x-jdcloud-request-id"}, key) {
			continue // never signed (SDK)
		}
		if value, again := lines[key]; again {
			lines[key] = value + "," + h.Value
		} else {
			lines[key] = h.Value
		}
	}
	names := make([]string, 0, len(lines))
	for key := range lines {
		names = append(names, key)
	}
	slices.Sort(names)
	s := &signer{credential: c, names: strings.Join(names, ";")}
	path := t.path
	if path == "" {
		path = "/"
	}
	part := t.method + "\n" + path + "\n" + t.query + "\n"
	for _, key := range names {
		switch key {
		case dateHeader:
			s.before, part = part+key+":", "\n"
		case nonceHeader:
			s.between, part = part+key+":", "\n"
		default:
			part += squeeze(key+":"+lines[key]) + "\n"
		}
	}
	s.after = part + "\n" + s.names + "\n"
	return s
}

// squeeze trims spaces around a header's line and makes each run of them one. A value's leading spaces follow the colon,
// so one is left of them, which the wire drops: such a value cannot be verified (SDK).
func squeeze(line string) string {
	line = strings.Trim(line, " ")
	for strings.Contains(line, "  ") {
		line = strings.ReplaceAll(line, "  ", " ")
	}
	return line
}

// sign is the date and the Authorization for a body, of whose first `hashed` bytes state is the SHA-256 state (nil and
// 0: none).
func (s *signer) sign(d *digest, now time.Time, nonce string, state, body []byte, hashed int) (date, authorization string) {
	sec := s.second.Load()
	if sec == nil || sec.unix != now.Unix() {
		sec = s.newSecond(d, now)
		s.second.Store(sec)
	}
	d.start(state)
	d.write(body[hashed:])
	d.buffer = append(append(append(d.buffer[:0], nonce...), s.after...), d.hex()...)

	d.start(sec.canonical)
	d.write(d.buffer)
	canonicalDigest := d.hex()

	d.start(sec.text)
	d.write(canonicalDigest)
	inner := d.sum()
	d.start(sec.day.outer)
	d.write(inner)
	d.buffer = append(append(d.buffer[:0], sec.day.authorization...), d.hex()...)
	return sec.date, string(d.buffer)
}

func (s *signer) newSecond(d *digest, now time.Time) *second {
	date := now.UTC().Format(dateLayout)
	today := s.day.Load()
	if today == nil || today.date != date[:dayLength] {
		today = s.newDay(d, date[:dayLength])
		s.day.Store(today)
	}
	return &second{
		unix:      now.Unix(),
		date:      date,
		day:       today,
		canonical: d.state(nil, s.before+date+s.between),
		text:      d.state(today.inner, algorithm+"\n"+date+"\n"+today.scope+"\n"),
	}
}

func (s *signer) newDay(d *digest, date string) *day {
	key := []byte("JDCLOUD2" + s.secretKey)
	for _, part := range []string{date, s.region, s.service, terminator} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	var inner, outer [sha256.BlockSize]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range inner {
		inner[i] ^= 0x36 // RFC 2104
		outer[i] ^= 0x5c
	}
	scope := date + "/" + s.region + "/" + s.service + "/" + terminator
	return &day{
		date:          date,
		inner:         d.state(nil, string(inner[:])),
		outer:         d.state(nil, string(outer[:])),
		scope:         scope,
		authorization: algorithm + " Credential=" + s.accessKey + "/" + scope + ", SignedHeaders=" + s.names + ", Signature=",
	}
}

// escapePath percent-escapes all but A-Za-z0-9-._~/ (SDK).
func escapePath(path string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// digest is a SHA-256 that can go on from a kept state, with the memory one signature needs. Not for concurrent use.
type digest struct {
	hash   hash.Hash
	from   encoding.BinaryUnmarshaler // hash itself
	to     encoding.BinaryMarshaler   // hash itself
	out    [sha256.Size]byte
	text   [2 * sha256.Size]byte
	buffer []byte
}

func newDigest() digest {
	h := sha256.New()
	// crypto/sha256 says that New's Hash implements both.
	return digest{hash: h, from: h.(encoding.BinaryUnmarshaler), to: h.(encoding.BinaryMarshaler), buffer: make([]byte, 0, 512)}
}

// start goes on from state; nil: from the beginning.
func (d *digest) start(state []byte) {
	if state == nil {
		d.hash.Reset()
		return
	}
	if err := d.from.UnmarshalBinary(state); err != nil {
		panic("jdcloud: a hash refuses its own state") // cannot happen
	}
}

func (d *digest) write(p []byte) { d.hash.Write(p) } // never fails

// sum is the digest, good until the next sum or hex.
func (d *digest) sum() []byte { return d.hash.Sum(d.out[:0]) }

// hex is the digest as lower-case hex, good until the next hex.
func (d *digest) hex() []byte {
	hex.Encode(d.text[:], d.sum())
	return d.text[:]
}

// state is the state after text, which follows what state from has seen.
func (d *digest) state(from []byte, text string) []byte {
	d.start(from)
	d.write([]byte(text))
	state, err := d.to.MarshalBinary()
	if err != nil {
		panic("jdcloud: a hash cannot give its state") // cannot happen
	}
	return state
}
