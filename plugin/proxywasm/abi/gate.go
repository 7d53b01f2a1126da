package abi

import (
	"strings"

	"github.com/idvgate/idvgate/providers/callout"
)

// clean reports whether a value may leave: it has no control byte, which somebody behind the gateway would read as the
// end of a header.
func clean(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// cleanName reports whether a header's name may leave: printable ASCII without a space, and a colon only in front.
func cleanName(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' && i > 0 {
			return false
		}
	}
	return s != ""
}

// cleanAll is for whole maps. A :path has no space in it either: it would end there on the wire.
func cleanAll(list []callout.Header) bool {
	for i := range list {
		h := &list[i]
		if !cleanName(h.Name) || !clean(h.Value) {
			return false
		}
		if h.Name == ":path" && strings.IndexByte(h.Value, ' ') >= 0 {
			return false
		}
	}
	return true
}

// appendLine appends a line for the log: a control byte becomes a space, so that nobody starts a line of their own.
func appendLine(to, line []byte) []byte {
	from := len(to)
	to = append(to, line...)
	for i := from; i < len(to); i++ {
		if to[i] < ' ' || to[i] == 0x7f {
			to[i] = ' '
		}
	}
	return to
}
