package proxywasm

import (
	"encoding/binary"
	"errors"
)

// A Pair is a header: its name in lower case, and its value.
type Pair struct{ Name, Value string }

// Pairs is a header map, in order.
type Pairs []Pair

// Get is the first value of a name.
func (p Pairs) Get(name string) (string, bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i].Value, true
		}
	}
	return "", false
}

// without is p but for a name's values.
func (p Pairs) without(name string) Pairs {
	kept := p[:0:0]
	for _, h := range p {
		if h.Name != name {
			kept = append(kept, h)
		}
	}
	return kept
}

// with sets a name's value where its first one stood, else at the end.
func (p Pairs) with(name, value string) Pairs {
	var out Pairs
	set := false
	for _, h := range p {
		switch {
		case h.Name != name:
			out = append(out, h)
		case !set:
			out, set = append(out, Pair{name, value}), true
		}
	}
	if !set {
		out = append(out, Pair{name, value})
	}
	return out
}

// append writes p as the ABI does: how many, the sizes of each name and value, then each with a NUL behind it.
func (p Pairs) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
	for i := range p {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[i].Name)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[i].Value)))
	}
	for i := range p {
		b = append(append(b, p[i].Name...), 0)
		b = append(append(b, p[i].Value...), 0)
	}
	return b
}

var errPairs = errors.New("proxywasm: a header map that is cut")

// readPairs reads what append writes.
func readPairs(b []byte) (Pairs, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) < 4 {
		return nil, errPairs
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	sizes := b[4:]
	if n > uint64(len(sizes)/8) {
		return nil, errPairs
	}
	data := sizes[8*n:]
	take := func(at uint64) (string, bool) {
		size := uint64(binary.LittleEndian.Uint32(sizes[at:]))
		if size+1 > uint64(len(data)) {
			return "", false
		}
		s := string(data[:size])
		data = data[size+1:]
		return s, true
	}
	list := make(Pairs, n)
	for i := range n {
		name, ok := take(8 * i)
		value, also := "", false
		if ok {
			value, also = take(8*i + 4)
		}
		if !also {
			return nil, errPairs
		}
		list[i] = Pair{name, value}
	}
	return list, nil
}
