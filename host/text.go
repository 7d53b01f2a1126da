package host

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plainByte says which bytes stand for themselves in a JSON string, those of longer runes apart.
var plainByte = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendText writes s as a JSON string. False where s is not UTF-8; b is then of no use.
func appendText(b []byte, s string) ([]byte, bool) {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plainByte[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				return b, false
			}
			i += size
			continue
		}
		b = append(b, s[start:i]...)
		if c == '"' || c == '\\' {
			b = append(b, '\\', c)
		} else {
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"'), true
}

// appendRepaired is appendText for what a vendor sent: bytes that are no UTF-8 become U+FFFD.
func appendRepaired(b []byte, s string) []byte {
	at := len(b)
	b, ok := appendText(b, s)
	if !ok {
		b, _ = appendText(b[:at], strings.ToValidUTF8(s, "\uFFFD"))
	}
	return b
}

// appendLower writes a header name, which is a token, as a JSON string in lower case. False where it is no token.
func appendLower(b []byte, name string) ([]byte, bool) {
	b = append(b, '"')
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !tokenByte[c] {
			return b, false
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return append(b, '"'), len(name) > 0
}

// tokenByte says which bytes a header name may hold (RFC 9110, 5.6.2).
var tokenByte = func() (t [256]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		t[c] = true
	}
	return t
}()

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s can go into a header: no control character but the tab.
func isFieldValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// reserved reports whether a name, with all but letters and digits dropped and case folded, begins with xidv, or is what
// a client brings for the gateway alone: neither is the client's to say to the upstream.
//
//	X-Idv-Outcome, x_idv_outcome, x.idv.check, Idv-Assertion   true
//	x-id                                                       false
func reserved(name string) bool {
	folded := strings.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		}
		return -1
	}, name)
	return strings.HasPrefix(folded, "xidv") || folded == "idvassertion" || folded == "idvpending"
}
