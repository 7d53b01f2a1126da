package strictjson

import (
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// MaxDepth is how deep objects and arrays may nest: far more than a request or a reply needs, far less than what
// kills a recursive parser in a guest (about 8,000).
const MaxDepth = 64

// A Fault says why a text is refused.
type Fault string

const (
	Syntax    Fault = "syntax"    // not JSON, or cut off
	Depth     Fault = "depth"     // nested deeper than MaxDepth
	Encoding  Fault = "encoding"  // invalid UTF-8, a lone surrogate, NUL
	Ambiguous Fault = "ambiguous" // two keys that one parser or another takes for the same
)

// Error says what is wrong and where, never what stands there.
type Error struct {
	Fault  Fault
	Offset int // in bytes
}

func (e *Error) Error() string {
	return "strictjson: " + string(e.Fault) + " at byte " + strconv.Itoa(e.Offset)
}

// Check reports whether data is one JSON text that everybody reads alike. It looks at no key's meaning.
func Check(data []byte) error {
	var none Watch
	return none.Scan(data, nil)
}

// A Span is where a value stands in the data; End is zero where there is none.
type Span struct{ Start, End int }

// state says what the scanner expects next.
type state uint8

const (
	wantValue      state = iota
	wantValueOrEnd       // after [
	wantKey              // after a comma in an object
	wantKeyOrEnd         // after {
	wantCommaOrEnd       // after a value inside an object or array
	wantEnd              // after the outermost value
)

// frame is one open object or array.
type frame struct {
	object bool
	node   int // of the watch, or -1: nothing below is watched
	index  int // of the current element of an array
	start  int // where the value begins
	keys   int // where this object's keys begin in scanner.keys
}

type scanner struct {
	data  []byte
	w     *Watch
	found []Span
	keys  [64]uint64                  // folded key hashes of the open watched objects
	held  int                         // how many of keys
	large map[int]map[uint64]struct{} // those there was no room for, by depth
	stack [MaxDepth]frame
	depth int
}

// Scan checks data as Check does, refuses keys that could be read in two ways in every object on a watched path, and
// notes in found (one for each path) where the watched values stand. It allocates nothing for ordinary bodies.
func (w *Watch) Scan(data []byte, found []Span) error {
	s := scanner{data: data, w: w, found: found}
	clear(found)
	return s.run()
}

func (s *scanner) run() error {
	var (
		i    = 0
		st   = wantValue
		node = s.w.root() // watch node of the value to come
	)
	for {
		for i < len(s.data) && isSpace(s.data[i]) {
			i++
		}
		if i == len(s.data) {
			if st == wantEnd {
				return nil
			}
			return &Error{Syntax, i}
		}
		c := s.data[i]
		switch st {
		case wantEnd:
			return &Error{Syntax, i}
		case wantCommaOrEnd:
			top := &s.stack[s.depth-1]
			switch {
			case c == ',' && top.object:
				st = wantKey
				i++
			case c == ',':
				top.index++
				node = s.w.element(top.node, top.index)
				st = wantValue
				i++
			case c == '}' && top.object, c == ']' && !top.object:
				i++
				st = s.close(i)
			default:
				return &Error{Syntax, i}
			}
		case wantKey, wantKeyOrEnd:
			if c == '}' && st == wantKeyOrEnd {
				i++
				st = s.close(i)
				continue
			}
			if c != '"' {
				return &Error{Syntax, i}
			}
			end, plain, err := s.str(i)
			if err != nil {
				return err
			}
			top := &s.stack[s.depth-1]
			node = -1
			if top.node >= 0 {
				if node, err = s.key(top, i, end, plain); err != nil {
					return err
				}
			}
			i = end
			for i < len(s.data) && isSpace(s.data[i]) {
				i++
			}
			if i == len(s.data) || s.data[i] != ':' {
				return &Error{Syntax, i}
			}
			i++
			st = wantValue
		case wantValue, wantValueOrEnd:
			if c == ']' && st == wantValueOrEnd {
				i++
				st = s.close(i)
				continue
			}
			if c == '{' || c == '[' {
				if s.depth == MaxDepth {
					return &Error{Depth, i}
				}
				s.stack[s.depth] = frame{object: c == '{', node: node, start: i, keys: s.held}
				s.depth++
				i++
				if c == '{' {
					st = wantKeyOrEnd
				} else {
					node = s.w.element(node, 0)
					st = wantValueOrEnd
				}
				continue
			}
			end, err := s.scalar(i)
			if err != nil {
				return err
			}
			s.note(node, i, end)
			i = end
			st = wantCommaOrEnd
			if s.depth == 0 {
				st = wantEnd
			}
		}
	}
}

// close ends the innermost object or array at end.
func (s *scanner) close(end int) state {
	s.depth--
	f := &s.stack[s.depth]
	s.held = f.keys
	if s.large != nil {
		delete(s.large, s.depth)
	}
	s.note(f.node, f.start, end)
	if s.depth == 0 {
		return wantEnd
	}
	return wantCommaOrEnd
}

func (s *scanner) note(node, start, end int) {
	if node < 0 {
		return
	}
	for _, p := range s.w.nodes[node].paths {
		s.found[p] = Span{start, end}
	}
}

// scalar scans the string, number or literal at i and returns its end.
func (s *scanner) scalar(i int) (int, error) {
	switch c := s.data[i]; {
	case c == '"':
		end, _, err := s.str(i)
		return end, err
	case c == '-' || c >= '0' && c <= '9':
		return s.number(i)
	case c == 't':
		return s.literal(i, "true")
	case c == 'f':
		return s.literal(i, "false")
	case c == 'n':
		return s.literal(i, "null")
	}
	return 0, &Error{Syntax, i}
}

func (s *scanner) literal(i int, word string) (int, error) {
	if len(s.data)-i < len(word) || string(s.data[i:i+len(word)]) != word {
		return 0, &Error{Syntax, i}
	}
	return i + len(word), nil
}

func (s *scanner) number(i int) (int, error) {
	d := s.data
	if d[i] == '-' {
		i++
	}
	switch {
	case i < len(d) && d[i] == '0':
		i++
	case i < len(d) && d[i] >= '1' && d[i] <= '9':
		i = digits(d, i)
	default:
		return 0, &Error{Syntax, i}
	}
	if i < len(d) && d[i] == '.' {
		i++
		if i == len(d) || d[i] < '0' || d[i] > '9' {
			return 0, &Error{Syntax, i}
		}
		i = digits(d, i)
	}
	if i < len(d) && (d[i] == 'e' || d[i] == 'E') {
		i++
		if i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		if i == len(d) || d[i] < '0' || d[i] > '9' {
			return 0, &Error{Syntax, i}
		}
		i = digits(d, i)
	}
	return i, nil
}

func digits(d []byte, i int) int {
	for i < len(d) && d[i] >= '0' && d[i] <= '9' {
		i++
	}
	return i
}

// str scans the string that opens at i. plain: it has no escape.
func (s *scanner) str(i int) (end int, plain bool, err error) {
	d := s.data
	text := unsafe.String(unsafe.SliceData(d), len(d))
	plain = true
	i++
	for {
		if i = Ordinary(text, i); i == len(d) {
			return 0, false, &Error{Syntax, i}
		}
		switch c := d[i]; {
		case c == '"':
			return i + 1, plain, nil
		case c < 0x20:
			return 0, false, &Error{Syntax, i}
		case c == '\\':
			plain = false
			n, err := escape(d, i)
			if err != nil {
				return 0, false, err
			}
			i += n
		default:
			r, n := utf8.DecodeRune(d[i:])
			if r == utf8.RuneError && n == 1 {
				return 0, false, &Error{Encoding, i}
			}
			i += n
		}
	}
}

// ordinary reports whether none of the eight bytes in x is a quote, a backslash, a control character or above 0x7f.
func ordinary(x uint64) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	quote := x ^ (ones * '"')
	slash := x ^ (ones * '\\')
	return ((quote-ones)&^quote|(slash-ones)&^slash|(x-ones*0x20)|x)&highs == 0
}

// escape checks the escape at i and returns its length; a surrogate pair counts as one.
func escape(d []byte, i int) (int, error) {
	if len(d)-i < 2 {
		return 0, &Error{Syntax, len(d)}
	}
	switch d[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
		r, ok := hex4(d, i+2)
		switch {
		case !ok:
			return 0, &Error{Syntax, i}
		case r == 0 || r >= 0xdc00 && r <= 0xdfff:
			return 0, &Error{Encoding, i}
		case r >= 0xd800 && r <= 0xdbff:
			if len(d)-i < 12 || d[i+6] != '\\' || d[i+7] != 'u' {
				return 0, &Error{Encoding, i}
			}
			low, ok := hex4(d, i+8)
			if !ok || low < 0xdc00 || low > 0xdfff {
				return 0, &Error{Encoding, i}
			}
			return 12, nil
		}
		return 6, nil
	}
	return 0, &Error{Syntax, i}
}

func hex4(d []byte, i int) (rune, bool) {
	if len(d)-i < 4 {
		return 0, false
	}
	var r rune
	for _, c := range d[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
