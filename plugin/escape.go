package plugin

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// unescape decodes percent-encoding once, and + as a space where plus says so. False for a broken escape.
func unescape(s string, plus bool) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if len(s)-i < 3 {
				return "", false
			}
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi < 0 || lo < 0 {
				return "", false
			}
			out = append(out, byte(hi<<4|lo))
			i += 2
		case c == '+' && plus:
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out), true
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// readField finds one field in a query or form text. n is how often it is there. False where the text could be read
// in two ways: a broken escape, a semicolon (a separator to some), NUL, bytes that are not UTF-8, or a name that a
// lenient upstream takes for this one (other case, a[b] for a.b, a_b for a.b, an element a[] or a[0], a leading ?).
func readField(text, name string) (value string, n int, ok bool) {
	if strings.IndexByte(text, ';') >= 0 {
		return "", 0, false
	}
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, good := unescape(rawKey, true)
		if !good || !sound(key) {
			return "", 0, false
		}
		if key != name {
			if sameField(key, name) {
				return "", 0, false
			}
			continue
		}
		v, good := unescape(rawValue, true)
		if !good || !sound(v) {
			return "", 0, false
		}
		if n == 0 {
			value = v
		}
		n++
	}
	return value, n, true
}

func sound(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// sameField reports whether a lenient upstream may take the field key for the field name. Signs that readers drop from
// the ends do not count: URLSearchParams drops a first ?, decoders drop a byte order mark, others drop spaces.
func sameField(key, name string) bool {
	key, name = strings.TrimFunc(key, dropped), plainField(name)
	if plainField(key) == name {
		return true
	}
	for i := 1; i < len(key); i++ {
		if key[i] == '[' && plainField(key[:i]) == name {
			return true
		}
	}
	return false
}

func dropped(r rune) bool { return r == '?' || r == '\ufeff' || r < ' ' || unicode.IsSpace(r) }

// plainField is a field name with brackets, dots, spaces and underscores as one sign, an array's [] dropped, and case
// folded.
func plainField(s string) string {
	s = strings.TrimSuffix(s, "[]")
	s = strings.Map(func(r rune) rune {
		switch r {
		case ']':
			return -1
		case '[', '.', ' ', '_', '-':
			return '_'
		}
		return r
	}, s)
	return strings.ToLower(strings.ToUpper(s))
}
