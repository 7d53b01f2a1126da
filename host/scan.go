package host

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep JSON from a guest may nest.
const maxDepth = 64

// maxNumber is the largest flow, call or length in a message: 2^53-1.
const maxNumber = 1<<53 - 1

var errMalformed = errors.New("host: malformed message from the guest")

// A scanner reads JSON from left to right without building anything. After the first fault bad is set, and everything
// it returns is empty.
type scanner struct {
	b   []byte
	i   int
	bad bool
}

// peek is the next byte that is no white space, 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) take(c byte) {
	if s.bad || s.peek() != c {
		s.bad = true
		return
	}
	s.i++
}

// more reports whether another element of the open array or object follows, and takes what separates it. first is true
// at the first call for it.
func (s *scanner) more(first *bool, end byte) bool {
	switch c := s.peek(); {
	case s.bad:
		return false
	case c == end:
		s.i++
		return false
	case *first:
		*first = false
		return true
	}
	s.take(',')
	return !s.bad
}

// key is the next member's name. It is valid until b changes.
func (s *scanner) key() []byte {
	k := s.text()
	s.take(':')
	return k
}

// text is a string, part of b where nothing in it is escaped.
func (s *scanner) text() []byte {
	s.take('"')
	if s.bad {
		return nil
	}
	start := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if plainByte[c] || c >= utf8.RuneSelf {
			s.i++
			continue
		}
		if c == '"' {
			s.i++
			return s.b[start : s.i-1]
		}
		if c == '\\' {
			return s.escaped(start)
		}
		break
	}
	s.bad = true
	return nil
}

func (s *scanner) escaped(start int) []byte {
	out := append([]byte(nil), s.b[start:s.i]...)
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch {
		case c == '"':
			return out
		case c == '\\':
			out = s.escape(out)
		case c < 0x20:
			s.bad = true
		default:
			out = append(out, c)
		}
		if s.bad {
			return nil
		}
	}
	s.bad = true
	return nil
}

func (s *scanner) escape(out []byte) []byte {
	if s.i >= len(s.b) {
		s.bad = true
		return nil
	}
	c := s.b[s.i]
	s.i++
	switch c {
	case '"', '\\', '/':
		return append(out, c)
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'u':
		r := s.hex4()
		if utf16.IsSurrogate(r) {
			low := rune(utf8.RuneError)
			if s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
				s.i += 2
				low = s.hex4()
			}
			r = utf16.DecodeRune(r, low)
		}
		return utf8.AppendRune(out, r)
	}
	s.bad = true
	return nil
}

func (s *scanner) hex4() rune {
	if len(s.b)-s.i < 4 {
		s.bad = true
		return 0
	}
	n, err := strconv.ParseUint(string(s.b[s.i:s.i+4]), 16, 16)
	s.bad = s.bad || err != nil
	s.i += 4
	return rune(n)
}

// number is a whole number from 0 to 2^53-1.
func (s *scanner) number() int64 {
	s.peek()
	n, start := int64(0), s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' && n <= maxNumber {
		n = n*10 + int64(s.b[s.i]-'0')
		s.i++
	}
	if s.i == start || n > maxNumber || s.i < len(s.b) && (s.b[s.i] == '.' || s.b[s.i]|0x20 == 'e') {
		s.bad = true
	}
	if s.bad {
		return 0
	}
	return n
}

// raw steps over a value and returns it as written. It is valid until b changes.
func (s *scanner) raw() []byte {
	s.peek()
	start := s.i
	s.skip(maxDepth)
	if s.bad {
		return nil
	}
	return s.b[start:s.i]
}

func (s *scanner) skip(depth int) {
	if depth == 0 || s.bad {
		s.bad = true
		return
	}
	first := true
	switch c := s.peek(); c {
	case '{':
		s.i++
		for s.more(&first, '}') {
			s.key()
			s.skip(depth - 1)
		}
	case '[':
		s.i++
		for s.more(&first, ']') {
			s.skip(depth - 1)
		}
	case '"':
		s.text()
	case 't':
		s.word("true")
	case 'f':
		s.word("false")
	case 'n':
		s.word("null")
	default:
		s.float()
	}
}

func (s *scanner) word(w string) {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		s.bad = true
		return
	}
	s.i += len(w)
}

// float is any number.
func (s *scanner) float() float64 {
	s.peek()
	start := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c|0x20 != 'e' {
			break
		}
		s.i++
	}
	if start < len(s.b) && (s.b[start] == '+' || s.b[start] == '.') {
		s.bad = true
	}
	n, err := strconv.ParseFloat(string(s.b[start:s.i]), 64)
	s.bad = s.bad || err != nil
	return n
}

// end reports whether nothing but white space is left, and nothing was at fault.
func (s *scanner) end() bool { return s.peek() == 0 && s.i >= len(s.b) && !s.bad }
