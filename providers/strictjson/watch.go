package strictjson

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// A Watch is a set of paths to find while scanning. Each path is a list of keys; a key of digits is also an index
// where it meets an array. The zero Watch has no path. A Watch is read only and safe for concurrent use.
type Watch struct{ nodes []node }

// node is a place on a path: the edges that lead on, and the paths that end here.
type node struct {
	edges []edge
	paths []int
}

type edge struct {
	key   string
	fold  uint64
	index int // the key as an array index, or -1
	node  int
}

// NewWatch makes a Watch of the paths; Scan notes path i in found[i].
func NewWatch(paths [][]string) *Watch {
	w := &Watch{nodes: []node{{}}}
	for i, p := range paths {
		at := 0
		for _, key := range p {
			at = w.child(at, key)
		}
		w.nodes[at].paths = append(w.nodes[at].paths, i)
	}
	return w
}

func (w *Watch) child(at int, key string) int {
	for _, e := range w.nodes[at].edges {
		if e.key == key {
			return e.node
		}
	}
	index, err := strconv.Atoi(key)
	if err != nil || strconv.Itoa(index) != key {
		index = -1
	}
	w.nodes = append(w.nodes, node{})
	to := len(w.nodes) - 1
	w.nodes[at].edges = append(w.nodes[at].edges, edge{key: key, fold: fold([]byte(key), true), index: index, node: to})
	return to
}

func (w *Watch) root() int {
	if len(w.nodes) == 0 {
		return -1
	}
	return 0
}

// element is the node of element i of an array at node at, or -1.
func (w *Watch) element(at, i int) int {
	if at < 0 {
		return -1
	}
	for _, e := range w.nodes[at].edges {
		if e.index == i {
			return e.node
		}
	}
	return -1
}

// key takes the key at data[i:end] (with its quotes) of the watched object top, refuses it if another key of this
// object or of a path could be taken for it, and returns the node it leads to, or -1.
func (s *scanner) key(top *frame, i, end int, plain bool) (int, error) {
	raw := s.data[i+1 : end-1]
	h := fold(raw, plain)
	for _, k := range s.keys[top.keys:s.held] {
		if k == h {
			return 0, &Error{Ambiguous, i}
		}
	}
	if s.held < len(s.keys) {
		s.keys[s.held] = h
		s.held++
	} else if !s.addLarge(h) {
		return 0, &Error{Ambiguous, i}
	}
	for _, e := range s.w.nodes[top.node].edges {
		if e.fold != h {
			continue
		}
		if !equals(raw, plain, e.key) {
			return 0, &Error{Ambiguous, i}
		}
		return e.node, nil
	}
	return -1, nil
}

// addLarge notes a key of the innermost object for which keys has no room; false if it was there already.
func (s *scanner) addLarge(h uint64) bool {
	if s.large == nil {
		s.large = make(map[int]map[uint64]struct{})
	}
	at := s.depth - 1
	if s.large[at] == nil {
		s.large[at] = make(map[uint64]struct{})
	}
	if _, dup := s.large[at][h]; dup {
		return false
	}
	s.large[at][h] = struct{}{}
	return true
}

// equals reports whether the key's text is exactly want.
func equals(raw []byte, plain bool, want string) bool {
	if plain {
		return string(raw) == want
	}
	for len(raw) > 0 {
		r, n := next(raw, plain)
		wr, wn := utf8.DecodeRuneInString(want)
		if len(want) == 0 || r != wr {
			return false
		}
		raw, want = raw[n:], want[wn:]
	}
	return want == ""
}

// fold is a hash (FNV-1a) of the key's text under Unicode simple case folding, as encoding/json matches keys: each
// rune is replaced by the smallest of its orbit, so K (U+212A) is k and ſ is s.
func fold(raw []byte, plain bool) uint64 {
	const prime = 1099511628211
	h := uint64(14695981039346656037)
	for len(raw) > 0 {
		if c := raw[0]; c < utf8.RuneSelf && c != '\\' {
			if c >= 'a' && c <= 'z' {
				c -= 'a' - 'A'
			}
			h = (h ^ uint64(c)) * prime
			raw = raw[1:]
			continue
		}
		r, n := next(raw, plain)
		raw = raw[n:]
		for f := unicode.SimpleFold(r); ; f = unicode.SimpleFold(f) {
			if f <= r {
				r = f
				break
			}
		}
		for ; r >= utf8.RuneSelf; r >>= 8 {
			h = (h ^ uint64(r&0xff|0x100)) * prime
		}
		h = (h ^ uint64(r)) * prime
	}
	return h
}

// next is the first rune of a key's text that the scanner has accepted, and its length in raw.
func next(raw []byte, plain bool) (rune, int) {
	if plain || raw[0] != '\\' {
		return utf8.DecodeRune(raw)
	}
	switch raw[1] {
	case 'u':
		r, _ := hex4(raw, 2)
		if r >= 0xd800 && r <= 0xdbff {
			low, _ := hex4(raw, 8)
			return (r-0xd800)<<10 | (low - 0xdc00) + 0x10000, 12
		}
		return r, 6
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	return rune(raw[1]), 2
}
