package filter

import (
	"unicode/utf8"

	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// maxDepth bounds objects within a token.
const maxDepth = 16

// appendClaims writes a map of the gateway's metadata as JSON. The gateway says no types: a text is its bytes, a number
// eight of them, an object is a header map. What has no control byte is taken for a text, and what is neither text nor
// object becomes false: a claim that is no text is refused.
func appendClaims(b *strictjson.Buffer, raw []byte, depth int) bool {
	list, ok := abi.Pairs(raw)
	if !ok || depth > maxDepth {
		return false
	}
	b.Raw("{")
	for i := range list {
		if i > 0 {
			b.Raw(",")
		}
		if !plain(list[i].Name) {
			return false
		}
		b.Text(list[i].Name)
		b.Raw(":")
		value := list[i].Value
		switch {
		case plain(value):
			b.Text(value)
		case nested([]byte(value)):
			if !appendClaims(b, []byte(value), depth+1) {
				return false
			}
		default:
			b.Raw("false")
		}
	}
	b.Raw("}")
	return true
}

// plain reports whether a value is a text.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}

// nested reports whether a value is a map.
func nested(raw []byte) bool {
	list, ok := abi.Pairs(raw)
	if !ok {
		return false
	}
	size := 4
	for i := range list {
		size += 8 + len(list[i].Name) + 1 + len(list[i].Value) + 1
	}
	return size == len(raw)
}
