package identity

import "unicode"

// fail is the one way this package builds an error: a claim and a word, so that no value can get into it.
func fail(c Claim, f Fault) error { return &Error{Claim: c, Fault: f} }

// allDigits reports whether s is ASCII digits and nothing else; true for "".
func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return true
}

// foldDigits appends the digits of s to dst, up to its capacity. Full-width digits become ASCII, spaces and dashes are
// left out; anything else is FaultFormat, and a digit too many is FaultLength. The fault is "" if all is well.
func foldDigits(dst []byte, s string) ([]byte, Fault) {
	for _, r := range s {
		var d byte
		switch {
		case r >= '0' && r <= '9':
			d = byte(r)
		case r >= '０' && r <= '９':
			d = byte(r-'０') + '0'
		case isDash(r) || unicode.IsSpace(r):
			continue
		default:
			return dst, FaultFormat
		}
		if len(dst) == cap(dst) {
			return dst, FaultLength
		}
		dst = append(dst, d)
	}
	return dst, ""
}

// isDash: the hyphens and dashes people and their address books put between groups of digits.
func isDash(r rune) bool {
	switch {
	case r == '-', r >= '\u2010' && r <= '\u2015': // hyphen, non-breaking hyphen, figure, en, em dash, bar
		return true
	case r == '\u2212', r == '\uFF0D': // minus sign, full-width hyphen
		return true
	}
	return false
}
