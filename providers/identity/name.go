package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a name, in characters (code points), separators counted.
const (
	minNameRunes = 2
	maxNameRunes = 50
)

// A Name is a person's name in the one form that is compared, sent and digested.
//
//	in                    String()
//	" 张三 "              "张三"
//	"阿卜杜拉•买买提"     "阿卜杜拉·买买提"   • U+2022, ‧ U+2027, ・ U+30FB and . become · U+00B7
//	"𠮷野"                "𠮷野"             every plane of the Han script
//	"MARY-ANN O'NEIL"     as it is, Latin()  only with a foreigner's ID number: Person.Check
//
// No other normalisation is done. Compatibility ideographs, some of which GBK holds as characters of their own, stay as
// they were written, because a register that holds one would not find its unified twin. Latin letters keep their case.
// The zero Name is no name.
type Name struct {
	s     string
	latin bool
	rare  bool
}

// String is the name as it is sent; "" for no name.
func (n Name) String() string { return n.s }

// IsZero reports whether there is no name.
func (n Name) IsZero() bool { return n.s == "" }

// Latin reports whether the name is in Latin letters, as only a foreigner's may be.
func (n Name) Latin() bool { return n.latin }

// Rare reports whether the name holds a private-use code point: a rare character from the time when GBK and GB 18030
// had no place for it. Registers may hold it otherwise, so a mismatch is to be expected and not the person's fault.
func (n Name) Rare() bool { return n.rare }

// ParseName reads a name: 2 to 50 characters of the Han script, or of Latin letters, not both. Between two Han
// characters one · may stand, between two Latin letters one space, ·, ' or -. Space around the name is dropped.
//
// Faults: missing, length, format.
func ParseName(s string) (Name, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Name{}, fail(ClaimName, FaultMissing)
	}
	if len(s) > maxNameRunes*utf8.UTFMax {
		return Name{}, fail(ClaimName, FaultLength)
	}
	n := Name{s: s}
	var (
		runes     int
		han, fold bool
		spaced    bool   // a separator that only Latin names may have
		separated = true // the character before was one, or there was none
	)
	for _, r := range s {
		runes++
		switch {
		case isHan(r):
			han, separated = true, false
			continue
		case isLatin(r):
			n.latin, separated = true, false
			continue
		case isPrivate(r):
			han, separated = true, false
			n.rare = true
			continue
		}
		// What is left are separators: never first, never two, and never last, which is seen after the loop.
		switch r {
		case '·':
		case '•', '‧', '・', '.':
			fold = true
		case ' ', '\'', '-':
			spaced = true
		default:
			return Name{}, fail(ClaimName, FaultFormat)
		}
		if separated {
			return Name{}, fail(ClaimName, FaultFormat)
		}
		separated = true
	}
	if separated || han && (n.latin || spaced) {
		return Name{}, fail(ClaimName, FaultFormat)
	}
	if runes < minNameRunes || runes > maxNameRunes {
		return Name{}, fail(ClaimName, FaultLength)
	}
	if fold {
		n.s = strings.Map(foldSeparator, s)
	}
	return n, nil
}

// foldSeparator is · U+00B7 for each sign that people write in its place.
func foldSeparator(r rune) rune {
	switch r {
	case '•', '‧', '・', '.':
		return '·'
	}
	return r
}

// isHan: the Han script in all planes, and 〇. Extensions I and J are younger than the Unicode tables of some Go
// releases, so they are named here (Unicode 15.1 and 17.0).
func isHan(r rune) bool {
	switch {
	case r < 0x2E80:
		return false
	case r >= 0x4E00 && r <= 0x9FFF, r >= 0x3400 && r <= 0x4DBF, r == 0x3007:
		return true
	case r >= 0x2EBF0 && r <= 0x2EE5D, r >= 0x323B0 && r <= 0x33479:
		return true
	}
	return unicode.Is(unicode.Han, r)
}

// isLatin: ASCII letters and the precomposed letters with marks (Latin-1, Extended-A and -B, Extended Additional).
// Combining marks, full-width letters and ligatures are none: they would be a second spelling of the same name.
func isLatin(r rune) bool {
	switch {
	case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z':
		return true
	case r >= 0xC0 && r <= 0x24F:
		return r != '×' && r != '÷'
	}
	return r >= 0x1E00 && r <= 0x1EFF
}

// isPrivate: the private-use areas of planes 0, 15 and 16.
func isPrivate(r rune) bool {
	return r >= 0xE000 && r <= 0xF8FF || r >= 0xF0000 && r <= 0xFFFFD || r >= 0x100000 && r <= 0x10FFFD
}
