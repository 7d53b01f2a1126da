package strictjson

import (
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// A Buffer is JSON being written, from left to right. The zero Buffer is empty and ready.
//
// Its methods are calls on purpose, and write into their receiver: an append written in place is some 500 bytes of
// machine code in a guest, and an audit line has fifty of them, each run once: it was 52 KB. Fetching that code took
// longer than what it did.
type Buffer struct{ b []byte }

// Bytes is what was written, valid until the next change.
func (b *Buffer) Bytes() []byte { return b.b }

// Reset forgets what was written and keeps the memory.
func (b *Buffer) Reset() { b.b = b.b[:0] }

// Raw appends s as it is.
//
//go:noinline
func (b *Buffer) Raw(s string) { b.b = append(b.b, s...) }

// RawBytes appends s as it is.
func (b *Buffer) RawBytes(s []byte) { b.Raw(unsafe.String(unsafe.SliceData(s), len(s))) }

// Text appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func (b *Buffer) Text(s string) {
	if !isPlain(s) {
		b.b = appendEscaped(b.b, s)
		return
	}
	n := len(b.b)
	to := slices.Grow(b.b, len(s)+2)[:n+len(s)+2]
	to[n] = '"'
	copy(to[n+1:], s)
	to[len(to)-1] = '"'
	b.b = to
}

// Name appends a comma and a member's name, which is written as it is.
func (b *Buffer) Name(name string) {
	n := len(b.b)
	to := slices.Grow(b.b, len(name)+4)[:n+len(name)+4]
	to[n], to[n+1] = ',', '"'
	copy(to[n+2:], name)
	to[len(to)-2], to[len(to)-1] = '"', ':'
	b.b = to
}

// Member appends a further member with a string, unless it is empty.
func (b *Buffer) Member(name, value string) {
	if value != "" {
		b.Name(name)
		b.Text(value)
	}
}

// Number appends a whole number.
//
//go:noinline
func (b *Buffer) Number(n int64) { b.b = strconv.AppendInt(b.b, n, 10) }

// Millionths appends n/1e6 with as many decimals as it needs. Floats are five times as dear in a guest.
func (b *Buffer) Millionths(n int64) {
	if n < 0 {
		b.Raw("-")
		n = -n
	}
	b.Number(n / 1e6)
	rest := n % 1e6
	if rest == 0 {
		return
	}
	digits := [7]byte{0: '.'}
	for i := 6; i > 0; i-- {
		digits[i] = byte('0' + rest%10)
		rest /= 10
	}
	end := len(digits)
	for digits[end-1] == '0' {
		end--
	}
	b.b = append(b.b, digits[:end]...)
}

// AppendString appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func AppendString(to []byte, s string) []byte {
	b := Buffer{to}
	b.Text(s)
	return b.b
}

// isPlain reports whether s can stand in a JSON string as it is, and is ASCII.
func isPlain(s string) bool { return Ordinary(s, 0) == len(s) }

// Ordinary is where the first byte of s at or after i stands that is a quote, a backslash, a control character or not
// ASCII; len(s) if there is none. It looks at eight bytes at once, since a loop's every turn is dear in a guest.
func Ordinary(s string, i int) int {
	for len(s)-i >= 8 && ordinary(eight(s, i)) {
		i += 8
	}
	if len(s) >= 8 && len(s)-i < 8 && ordinary(eight(s, len(s)-8)) {
		return len(s)
	}
	for i < len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
		i++
	}
	return i
}

// eight is the bytes s[i:i+8], which must be there, in the machine's order. encoding/binary would load them one by one
// in a guest: the compiler joins such loads on other machines only.
func eight(s string, i int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.StringData(s)), i))
}

// appendEscaped is Text for a string that is not plain.
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			if c == '"' || c == '\\' {
				b = append(b, '\\', c)
			} else {
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
			start = i + 1
		}
		i += n
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
