package message

import (
	"unicode/utf8"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// scanner reads one message's line from left to right. It is small because it is on every request's way; what it does
// not understand makes it bad, once and for all. It copies the line once and cuts all strings from that copy.
//
// An object or array is read as
//
//	for s.open('['); s.next(']'); {
//		… // one element
//	}
type scanner struct {
	s     string
	i     int
	bad   bool
	fresh bool // an object or array has just been opened
	depth int
}

// maxDepth bounds what is skipped: far more than any message nests.
const maxDepth = 64

func (s *scanner) fail() { s.bad = true; s.i = len(s.s) }

// peek is the next byte that is not white space, 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.s) {
		c := s.s[s.i]
		if c != ' ' && c != '\t' && c != '\r' {
			return c
		}
		s.i++
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

// open begins an object or an array.
func (s *scanner) open(c byte) {
	if !s.take(c) {
		s.fail()
	}
	s.fresh = true
}

// next reports whether there is another element before the closing byte, and leaves the scanner at it.
func (s *scanner) next(close byte) bool {
	c, first := s.peek(), s.fresh
	s.fresh = false
	switch {
	case c == close:
		s.i++
		return false
	case first && !s.bad:
		return true
	case c == ',':
		s.i++
		return true
	}
	s.fail()
	return false
}

// key reads a member's name, with the scanner then at its value.
func (s *scanner) key() string {
	k := s.text()
	if !s.take(':') {
		s.fail()
	}
	return k
}

// text reads a string.
func (s *scanner) text() string {
	if !s.take('"') {
		s.fail()
		return ""
	}
	start := s.i
	for {
		s.i = strictjson.Ordinary(s.s, s.i)
		if s.i == len(s.s) {
			s.fail()
			return ""
		}
		switch c := s.s[s.i]; {
		case c == '"':
			t := s.s[start:s.i]
			s.i++
			return t
		case c == '\\':
			return s.escaped(start)
		case c < 0x20:
			s.fail()
			return ""
		}
		s.i++ // not ASCII
	}
}

// escaped reads on in a string that has an escape at s.i.
func (s *scanner) escaped(start int) string {
	b := append(make([]byte, 0, len(s.s[start:s.i])+32), s.s[start:s.i]...)
	for s.i < len(s.s) {
		c := s.s[s.i]
		s.i++
		switch {
		case c == '"':
			return string(b)
		case c < 0x20:
			s.fail()
			return ""
		case c != '\\':
			b = append(b, c)
			continue
		}
		if s.i == len(s.s) {
			break
		}
		c = s.s[s.i]
		s.i++
		switch c {
		case '"', '\\', '/':
			b = append(b, c)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			b = utf8.AppendRune(b, s.unicode())
		default:
			s.fail()
			return ""
		}
	}
	s.fail()
	return ""
}

// unicode reads what follows \u, a second half too where the first is one of a pair.
func (s *scanner) unicode() rune {
	r := s.hex4()
	if r < 0xd800 || r > 0xdfff {
		return r
	}
	if r > 0xdbff || len(s.s)-s.i < 6 || s.s[s.i] != '\\' || s.s[s.i+1] != 'u' {
		s.fail()
		return 0
	}
	s.i += 2
	low := s.hex4()
	if low < 0xdc00 || low > 0xdfff {
		s.fail()
		return 0
	}
	return (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
}

func (s *scanner) hex4() rune {
	var r rune
	for range 4 {
		if s.i == len(s.s) {
			s.fail()
			return 0
		}
		c := s.s[s.i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			s.fail()
			return 0
		}
		r = r<<4 | rune(c)
		s.i++
	}
	return r
}

// number reads a whole number of at most 15 digits.
func (s *scanner) number() uint64 {
	s.peek()
	start := s.i
	var n uint64
	for s.i < len(s.s) && s.s[s.i] >= '0' && s.s[s.i] <= '9' {
		n = n*10 + uint64(s.s[s.i]-'0')
		s.i++
	}
	if s.i == start || s.i-start > 15 {
		s.fail()
	}
	return n
}

// word reads true, false or null, or a string, as its text.
func (s *scanner) word() string {
	if s.peek() == '"' {
		return s.text()
	}
	start := s.i
	for s.i < len(s.s) && s.s[s.i] >= 'a' && s.s[s.i] <= 'z' {
		s.i++
	}
	switch w := s.s[start:s.i]; w {
	case "true", "false", "null":
		return w
	}
	s.fail()
	return ""
}

// raw is the text of the next value, which is skipped.
func (s *scanner) raw() string {
	s.peek()
	start := s.i
	s.skip()
	return s.s[start:s.i]
}

func (s *scanner) skip() {
	if s.depth == maxDepth {
		s.fail()
		return
	}
	s.depth++
	switch c := s.peek(); {
	case c == '{':
		for s.open('{'); s.next('}'); {
			s.key()
			s.skip()
		}
	case c == '[':
		for s.open('['); s.next(']'); {
			s.skip()
		}
	case c == '"':
		s.text()
	case c == '-' || c >= '0' && c <= '9':
		for s.i < len(s.s) && (s.s[s.i] >= '0' && s.s[s.i] <= '9' || s.s[s.i] == '-' || s.s[s.i] == '+' || s.s[s.i] == '.' || s.s[s.i]|0x20 == 'e') {
			s.i++
		}
	default:
		s.word()
	}
	s.depth--
}

// head reads a request's head.
func (s *scanner) head() *plugin.Head {
	h := &plugin.Head{}
	for s.open('{'); s.next('}'); {
		switch s.key() {
		case "id":
			h.ID = s.text()
		case "method":
			h.Method = s.text()
		case "scheme":
			h.Scheme = s.text()
		case "host":
			h.Host = s.text()
		case "path":
			h.Path = s.text()
		case "headers":
			h.Header = s.headers()
		case "client":
			h.Client = s.text()
		case "jwt":
			if s.peek() != '{' {
				s.fail()
			}
			h.JWT = []byte(s.raw())
		case "noBody":
			h.NoBody = s.word() == "true"
		case "upgrade":
			h.Upgrade = s.word() == "true"
		default:
			s.skip()
		}
	}
	if h.Method == "" {
		s.fail()
	}
	return h
}

// headers reads a list of [name, value].
func (s *scanner) headers() []callout.Header {
	list := make([]callout.Header, 0, 16)
	for s.open('['); s.next(']'); {
		var h callout.Header
		if s.take('[') {
			h.Name = s.text()
		}
		if h.Name == "" || !s.take(',') {
			s.fail()
		}
		h.Value = s.text()
		if !s.take(']') {
			s.fail()
		}
		list = append(list, h)
	}
	return list
}
