package main

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/plugin/policy/source"
	"github.com/idvgate/idvgate/providers"
)

//go:embed examples/words.yaml
var words []byte

//go:embed examples/words-higress.yaml
var wordsHigress []byte

// A section is one mapping of the language.
type section struct {
	name   string
	about  string
	fields []shape.Field
	oneOf  [][]string
}

// A reader walks the grammar, beside a policy that uses every word.
type reader struct {
	sections []section
	known    map[string]*shape.Object // by section
	examples map[string]string        // by section.field, the first in the policy
}

// nameOfObject is the section an object gets: its own name, or that of the field it stands in.
func nameOfObject(o *shape.Object, field string) string {
	if o.Name != "" {
		return o.Name
	}
	return field
}

// section adds an object and all below it, once.
func (r *reader) section(o *shape.Object, field string) error {
	name := nameOfObject(o, field)
	if other, ok := r.known[name]; ok {
		if other != o {
			return fmt.Errorf("two mappings would be called %s: give one of them a name", name)
		}
		return nil
	}
	r.known[name] = o
	r.sections = append(r.sections, section{name, o.About, o.Fields, o.OneOf})
	for _, f := range o.Fields {
		if inner := objectOf(f.Type); inner != nil && f.Refused == "" {
			if err := r.section(inner, f.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// objectOf is the mapping that a type takes, itself or as what a list or map holds; nil if it takes none.
func objectOf(t shape.Type) *shape.Object {
	for t.Elem != nil {
		t = *t.Elem
	}
	return t.Object
}

// use notes how the policy uses each field of an object.
func (r *reader) use(o *shape.Object, name string, n *shape.Node) {
	own, fields := name, o.Fields
	for _, c := range o.Cases {
		if pick := n.Get(o.Switch); pick != nil && pick.Text == c.Word {
			r.useFields(c.Word, true, c.Fields, n)
		}
	}
	r.useFields(own, false, fields, n)
}

// useFields does so for some fields. Those of a vendor are named after it, down to the last.
func (r *reader) useFields(name string, vendor bool, fields []shape.Field, n *shape.Node) {
	for _, f := range fields {
		value := n.Get(f.Name)
		if value == nil {
			continue
		}
		key := name + "." + f.Name
		if text := f.Name + ": " + oneLine(value); r.examples[key] == "" {
			r.examples[key] = text
		}
		t := f.Type
		each(value, &t, func(at *shape.Node) {
			inner := t.Object
			if inner == nil || at.Kind != shape.Mapping {
				return
			}
			if vendor {
				r.useFields(key, true, inner.Fields, at)
				return
			}
			r.use(inner, nameOfObject(inner, f.Name), at)
		})
	}
}

// each calls see for the value, or for what it holds if it is a list or map of the type.
func each(n *shape.Node, t *shape.Type, see func(*shape.Node)) {
	if t.Elem == nil {
		see(n)
		return
	}
	*t = *t.Elem
	for _, item := range n.Items {
		see(item)
	}
	for _, m := range n.Members {
		see(m.Value)
	}
}

// readGrammar reads the language for these providers.
func readGrammar(list providers.List) (*reader, error) {
	g := policy.Grammar(list)
	r := &reader{known: map[string]*shape.Object{}, examples: map[string]string{}}
	if err := r.section(g, "policy"); err != nil {
		return nil, err
	}
	for _, of := range []struct {
		name string
		text []byte
	}{{"words.yaml", words}, {"words-higress.yaml", wordsHigress}} {
		if _, wrong, _ := source.Load(of.name, of.text, list, everything); wrong != nil {
			return nil, fmt.Errorf("the policy of examples does not load:\n%s", strings.Join(wrong, "\n"))
		}
		d, err := source.Parse(of.name, of.text)
		if err != nil {
			return nil, err
		}
		root, problems := shape.Parse(d.JSON())
		if len(problems) > 0 {
			return nil, problems
		}
		r.use(g, nameOfObject(g, "policy"), root)
	}
	return r, nil
}

// example is how a field is used; the error says that nobody uses it.
func (r *reader) example(section string, f shape.Field) (string, error) {
	text := r.examples[section+"."+f.Name]
	if text == "" {
		return "", errors.New("no example of " + section + "." + f.Name + ": use it in tools/docs/examples/words.yaml")
	}
	return text, nil
}

// maxFlow is the longest example, in bytes. In what is longer the innermost values are left out.
const maxFlow = 90

// oneLine writes a value as YAML on one line.
func oneLine(n *shape.Node) string {
	text := ""
	for depth := 9; depth > 0; depth-- {
		if text = flowText(n, depth); len(text) <= maxFlow {
			break
		}
	}
	return text
}

func flowText(n *shape.Node, depth int) string {
	var parts []string
	switch n.Kind {
	case shape.Null:
		return "null"
	case shape.Text:
		return scalar(n.Text)
	case shape.Number:
		return n.Text
	case shape.Bool:
		return strconv.FormatBool(n.Bool)
	case shape.List:
		for _, item := range n.Items {
			parts = append(parts, flowText(item, depth-1))
		}
		if depth == 0 {
			parts = []string{"…"}
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case shape.Mapping:
		for _, m := range n.Members {
			parts = append(parts, m.Key+": "+flowText(m.Value, depth-1))
		}
		if depth == 0 {
			parts = []string{"…"}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return ""
}

// scalar quotes text that YAML could read as something else.
func scalar(s string) string {
	plain := s != "" && strings.Trim(s, "0123456789.") != ""
	for _, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		plain = plain && (letter || strings.ContainsRune("_-./%", c))
	}
	switch s {
	case "true", "false", "null", "yes", "no", "on", "off":
		plain = false
	}
	if plain {
		return s
	}
	return strconv.Quote(s)
}

// takes says in words what a place takes.
func takes(t shape.Type, at string) string {
	link := func(o *shape.Object) string {
		name := nameOfObject(o, at)
		return "[" + name + "](#" + anchor(name) + ")"
	}
	switch t.Kind {
	case shape.Anything:
		return "anything"
	case shape.AText:
		return oneOf(t, "text")
	case shape.AWhole:
		return wholeNumber(t)
	case shape.ANumber:
		return "a number"
	case shape.ABool:
		return "true or false"
	case shape.AScalar:
		return "text, a number, or true or false"
	case shape.ADuration:
		return "a duration" + between(t, func(v int64) string { return duration(v) })
	case shape.ASize:
		return "a size" + between(t, size)
	case shape.APercent:
		return "a share above 0% and at most 100%"
	case shape.APrice:
		return "an amount and a currency"
	case shape.ASecret:
		return "`{secret: NAME}`, or `{secret: [NEW, OLD]}`"
	case shape.AList:
		if t.Min > 0 {
			return "a list, not empty, of: " + takes(*t.Elem, at)
		}
		return "a list of: " + takes(*t.Elem, at)
	case shape.AMap:
		return "a mapping from names of your own to: " + takes(*t.Elem, at)
	case shape.AnObject:
		return link(t.Object)
	case shape.AWordOrObject:
		return codes(t.Words) + " or " + link(t.Object)
	}
	return ""
}

func oneOf(t shape.Type, otherwise string) string {
	switch len(t.Words) {
	case 0:
		return otherwise
	case 1:
		return codes(t.Words)
	}
	return "one of " + codes(t.Words)
}

func wholeNumber(t shape.Type) string {
	switch {
	case len(t.Words) > 0:
		return oneOf(t, "")
	case t.Min == math.MinInt64:
		return "a whole number"
	}
	return "a whole number" + between(t, func(v int64) string { return strconv.FormatInt(v, 10) })
}

func between(t shape.Type, text func(int64) string) string {
	if t.Max == 0 {
		return " from " + text(t.Min)
	}
	return " from " + text(t.Min) + " to " + text(t.Max)
}

func duration(ns int64) string {
	s := time.Duration(ns).String()
	if short, ok := strings.CutSuffix(s, "m0s"); ok {
		return short + "m"
	}
	return s
}

func size(bytes int64) string {
	switch {
	case bytes >= 1<<20 && bytes%(1<<20) == 0:
		return strconv.FormatInt(bytes>>20, 10) + "MiB"
	case bytes >= 1<<10 && bytes%(1<<10) == 0:
		return strconv.FormatInt(bytes>>10, 10) + "KiB"
	}
	return strconv.FormatInt(bytes, 10) + "B"
}
