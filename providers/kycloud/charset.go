package kycloud

import (
	"errors"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// charset is what text becomes on the wire: UTF-8, or GBK where gbk is set. It never substitutes a character.
type charset struct{ gbk bool }

var (
	errEncode = errors.New("request holds a character outside the charset")
	errDecode = errors.New("reply is not in the charset that was asked for")
)

// String is the vendor's word.
func (c charset) String() string {
	if c.gbk {
		return "gbk"
	}
	return "utf-8"
}

// holds reports whether the charset can write s and read the same back.
func (c charset) holds(s string) bool {
	if !c.gbk {
		return utf8.ValidString(s)
	}
	b, err := c.encode(s)
	if err != nil {
		return false
	}
	back, err := c.decode(b)
	return err == nil && string(back) == s
}

// encode is s in the charset.
func (c charset) encode(s string) ([]byte, error) {
	if !c.gbk || ascii(s) {
		return []byte(s), nil
	}
	b, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(s))
	if err != nil {
		return nil, errEncode
	}
	return b, nil
}

// decode is b in UTF-8. GBK's second bytes include the backslash, so a reply is decoded before JSON is looked for.
// Whether UTF-8 is valid is left to the JSON scan.
func (c charset) decode(b []byte) ([]byte, error) {
	if !c.gbk || ascii(b) {
		return b, nil
	}
	s, err := simplifiedchinese.GBK.NewDecoder().Bytes(b)
	if err != nil {
		return nil, errDecode
	}
	// The decoder writes U+FFFD for what is no GBK, and GBK has no character of that number.
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError {
			return nil, errDecode
		}
		i += n
	}
	return s, nil
}

func ascii[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
