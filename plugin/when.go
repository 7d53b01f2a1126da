package plugin

import (
	"math"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/idvgate/idvgate/plugin/policy"
)

// applies reports whether the rule's condition holds. What cannot be read makes the rule apply: a body that is not
// JSON, a number where text was written, a field given twice. What is plainly absent is no match for equals, in and
// above.
func (r *reading) applies() bool { return r.rule.When == nil || r.holds(r.rule.When) }

func (r *reading) holds(c *policy.Condition) bool {
	switch {
	case c.All != nil:
		for i := range c.All {
			if !r.holds(&c.All[i]) {
				return false
			}
		}
		return true
	case c.Any != nil:
		for i := range c.Any {
			if r.holds(&c.Any[i]) {
				return true
			}
		}
		return false
	}
	v, f := r.value(&c.Source)
	if f != nil {
		return true
	}
	if c.Op == policy.Exists {
		return v.there == c.Want
	}
	if !v.there {
		return false
	}
	switch c.Op {
	case policy.Above:
		n, ok := v.number()
		return !ok || n > c.Number
	case policy.Equals, policy.In:
		for i := range c.Values {
			if same, ok := v.same(&c.Values[i]); same || !ok {
				return true
			}
		}
	case policy.Exists:
	}
	return false
}

// number is the value as a number; false where it is none.
func (v *value) number() (float64, bool) {
	text := v.text
	if !v.isText {
		if v.json.Type != gjson.Number {
			return 0, false
		}
		text = v.json.Raw
	} else if v.json.Type == gjson.String {
		return 0, false // "600" in quotes: upstreams differ in what they make of it
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !math.IsNaN(n) && exact(text, n)
}

// exactDigits is how many significant digits a float64 holds, whatever they are.
const exactDigits = 15

// exact reports whether the number as written is n to those upstreams, too, that compute in decimals: 500 followed by
// twenty zeros and a one is above 500 to them.
func exact(text string, n float64) bool {
	digits, zeros := 0, 0
	for i := 0; i < len(text) && text[i]|0x20 != 'e'; i++ {
		switch c := text[i]; {
		case c == '0':
			if digits > 0 {
				zeros++
			}
		case c >= '1' && c <= '9':
			digits += zeros + 1
			zeros = 0
		}
	}
	return digits <= exactDigits && (n != 0 || digits == 0)
}

// same compares with a scalar of the policy. ok is false where the value is of another type, so that nobody knows.
func (v *value) same(s *policy.Scalar) (same, ok bool) {
	inJSON := v.json.Raw != ""
	switch s.Kind {
	case policy.TextKind:
		return v.isText && v.text == s.Text, v.isText
	case policy.NumberKind:
		n, ok := v.number()
		return ok && n == s.Number, ok
	case policy.BoolKind:
		if !inJSON {
			return v.text == strconv.FormatBool(s.Bool), v.text == "true" || v.text == "false"
		}
		return v.json.IsBool() && v.json.Bool() == s.Bool, v.json.IsBool()
	}
	return false, false
}
