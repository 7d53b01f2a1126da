package abi

import (
	"encoding/binary"
	"unsafe"

	"github.com/idvgate/idvgate/providers/callout"
)

// Pairs reads a header map as the gateway writes it: how many there are, the sizes of each name and value, then each
// with a NUL behind it. The strings are raw's own memory, which must not change any more.
func Pairs(raw []byte) ([]callout.Header, bool) {
	if len(raw) == 0 {
		return nil, true
	}
	if len(raw) < 4 {
		return nil, false
	}
	n := int(binary.LittleEndian.Uint32(raw))
	sizes := raw[4:]
	if n < 0 || n > len(sizes)/8 {
		return nil, false
	}
	data := sizes[8*n:]
	all := unsafe.String(unsafe.SliceData(data), len(data))
	take := func(size uint32) (string, bool) {
		if uint64(size)+1 > uint64(len(all)) {
			return "", false
		}
		s := all[:size]
		all = all[size+1:]
		return s, true
	}
	list := make([]callout.Header, n)
	for i := range list {
		name, ok := take(binary.LittleEndian.Uint32(sizes[8*i:]))
		if !ok {
			return nil, false
		}
		value, ok := take(binary.LittleEndian.Uint32(sizes[8*i+4:]))
		if !ok {
			return nil, false
		}
		list[i] = callout.Header{Name: name, Value: value}
	}
	return list, true
}

// AppendPairs writes a header map as Pairs reads it.
func AppendPairs(b []byte, list []callout.Header) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(list)))
	for i := range list {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(list[i].Name)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(list[i].Value)))
	}
	for i := range list {
		b = append(append(b, list[i].Name...), 0)
		b = append(append(b, list[i].Value...), 0)
	}
	return b
}
