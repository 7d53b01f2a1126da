// Package wire is what several vendors' replies have in common: JSON whose types are not as documented, and HTTP
// statuses that stand for an error. What only one vendor does stays with that vendor.
package wire

import "encoding/json"

// Text is a string, or a number as it was written: vendors write their codes as both, and numbers of 16 and more digits
// would lose some as a float64. Any other value reads as "", which is no code; a pointer tells an absent one.
type Text string

// UnmarshalJSON never fails: what is no text decides nothing.
func (t *Text) UnmarshalJSON(b []byte) error {
	s, _ := ParseText(b)
	*t = Text(s)
	return nil
}

// ParseText reads one JSON value, out of a reply that callout.Decode has checked: a string, or a number as it was
// written. null is ""; so is anything else, with false.
func ParseText(b []byte) (text string, ok bool) {
	if len(b) == 0 {
		return "", false
	}
	switch c := b[0]; {
	case c == '"':
		if json.Unmarshal(b, &text) != nil {
			return "", false
		}
		return text, true
	case c == '-' || c >= '0' && c <= '9':
		return string(b), true
	}
	return "", string(b) == "null"
}

// Object is a T where the reply has an object, and the zero T where it has anything else: beside a code that is a
// failure anything may stand.
type Object[T any] struct{ Value T }

// UnmarshalJSON fails only for an object that does not fit T.
func (o *Object[T]) UnmarshalJSON(b []byte) error {
	*o = Object[T]{}
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	return json.Unmarshal(b, &o.Value)
}
