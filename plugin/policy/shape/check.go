package shape

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Check reports everything in which n is not what t takes. A value that is Faulty already is left alone.
func Check(n *Node, t Type, found *Problems) {
	if n.Faulty {
		return
	}
	switch t.Kind {
	case Anything:
	case AText:
		checkText(n, t, found)
	case AWhole:
		checkWhole(n, t, found)
	case ANumber:
		is(n, Number, "a number", found)
	case ABool:
		is(n, Bool, "true or false", found)
	case AScalar:
		if n.Kind != Text && n.Kind != Number && n.Kind != Bool {
			due(n, "text, a number, or true or false", found)
		}
	case ADuration:
		checkDuration(n, t, found)
	case ASize:
		checkSize(n, t, found)
	case APercent:
		if is(n, Text, "a share such as 5%", found) {
			if _, ok := ParsePercent(n.Text); !ok {
				found.Add(n, false, Quote(n.Written)+" is no share: write 5% or 0.5%, above 0% and at most 100%")
			}
		}
	case APrice:
		if is(n, Text, "a price such as 0.25 CNY", found) {
			if _, _, ok := ParsePrice(n.Text); !ok {
				found.Add(n, false, Quote(n.Written)+" is no price: write an amount and a currency, 0.25 CNY")
			}
		}
	case ASecret:
		checkSecret(n, found)
	case AList:
		if is(n, List, "a list", found) {
			if int64(len(n.Items)) < t.Min {
				found.Add(n, false, "must not be empty")
			}
			for _, item := range n.Items {
				Check(item, *t.Elem, found)
			}
		}
	case AMap:
		if is(n, Mapping, "a mapping", found) {
			for _, m := range n.Members {
				Check(m.Value, *t.Elem, found)
			}
		}
	case AnObject:
		if is(n, Mapping, "a mapping", found) {
			checkObject(n, t.Object, found)
		}
	case AWordOrObject:
		switch n.Kind {
		case Text:
			checkText(n, t, found)
		case Mapping:
			checkObject(n, t.Object, found)
		case Null, Number, Bool, List:
			due(n, strings.Join(t.Words, ", ")+" or a mapping", found)
		}
	}
}

// is reports a value of another kind; what is the kind in words.
func is(n *Node, kind NodeKind, what string, found *Problems) bool {
	if n.Kind != kind {
		due(n, what, found)
	}
	return n.Kind == kind
}

func due(n *Node, what string, found *Problems) {
	message := what + " is due, not " + n.Kind.String()
	if n.Kind == Number && strings.HasPrefix(what, "text") {
		message += ": put it in quotes"
	}
	found.Add(n, false, message)
}

func checkText(n *Node, t Type, found *Problems) {
	if !is(n, Text, "text", found) {
		return
	}
	if int64(len(n.Text)) < t.Min {
		found.Add(n, false, "must not be empty")
		return
	}
	if t.Words == nil {
		return
	}
	for _, w := range t.Words {
		if w == n.Text {
			return
		}
	}
	for _, r := range t.Refused {
		if r.Word == n.Text {
			found.Add(n, false, r.Because)
			return
		}
	}
	found.Add(n, false, "unknown word "+Quote(n.Written)+Instead(n.Text, t.Words))
}

func checkWhole(n *Node, t Type, found *Problems) {
	if !is(n, Number, "a whole number", found) {
		return
	}
	v, err := strconv.ParseInt(n.Text, 10, 64)
	switch {
	case err != nil:
		found.Add(n, false, "a whole number is due, not "+Quote(n.Text))
	case len(t.Words) == 1 && t.Words[0] != n.Text:
		found.Add(n, false, "must be "+t.Words[0]+", not "+n.Text)
	case t.Words != nil && !slices.Contains(t.Words, n.Text):
		found.Add(n, false, n.Text+" is none of "+strings.Join(t.Words, ", "))
	case t.Max != 0 && (v < t.Min || v > t.Max):
		found.Add(n, false, fmt.Sprintf("must be from %d to %d, not %d", t.Min, t.Max, v))
	case v < t.Min:
		found.Add(n, false, fmt.Sprintf("must be at least %d, not %d", t.Min, v))
	}
}

func checkDuration(n *Node, t Type, found *Problems) {
	if !is(n, Text, "a duration such as 2s", found) {
		return
	}
	d, ok := ParseDuration(n.Text)
	switch {
	case !ok:
		found.Add(n, false, Quote(n.Written)+" is no duration: write a number and its unit, 2s or 500ms")
	case d < time.Duration(t.Min) || t.Max != 0 && d > time.Duration(t.Max):
		found.Add(n, false, fmt.Sprintf("must be from %s to %s, not %s", time.Duration(t.Min), time.Duration(t.Max), n.Written))
	}
}

func checkSize(n *Node, t Type, found *Problems) {
	if !is(n, Text, "a size such as 256KiB", found) {
		return
	}
	v, ok := ParseSize(n.Text)
	switch {
	case !ok:
		found.Add(n, false, Quote(n.Written)+" is no size: write a whole number and B, KiB or MiB, 256KiB")
	case v < t.Min || v > t.Max:
		found.Add(n, false, fmt.Sprintf("must be from %s to %s, not %s", sizeText(t.Min), sizeText(t.Max), n.Written))
	}
}

func sizeText(v int64) string {
	if v >= 1<<20 && v%(1<<20) == 0 {
		return strconv.FormatInt(v>>20, 10) + "MiB"
	}
	return strconv.FormatInt(v, 10) + "B"
}

// checkSecret never shows what is written where the name of a secret is due: it may be the secret.
func checkSecret(n *Node, found *Problems) {
	const how = "secrets are only ever named: write {secret: NAME}"
	if n.Kind != Mapping {
		found.Add(n, false, how)
		return
	}
	checkObject(n, &Object{Fields: []Field{{Name: "secret", Required: true}}}, found)
	name := n.Get("secret")
	if name == nil {
		return
	}
	names := []*Node{name}
	if name.Kind == List {
		if names = name.Items; len(names) == 0 {
			found.Add(name, false, "must not be empty")
		}
	}
	for _, one := range names {
		switch {
		case one.Kind != Text:
			found.Add(one, false, "the name of a secret is due, not "+one.Kind.String())
		case !Variable(one.Text):
			found.Add(one, false, "no name of a secret: a name is letters, digits and _, and begins with no digit")
		}
	}
}

// Variable is whether s can be the name of a secret or variable.
func Variable(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9' {
			continue
		}
		return false
	}
	return s != "" && len(s) <= 128
}
