package policy

import (
	"encoding/json"
	"strings"

	"github.com/idvgate/idvgate/plugin/policy/shape"
)

// expand puts variables into every text: ${NAME}, ${NAME:-default} where unset or empty means the default, and $${ for
// a ${ that stays. What a variable holds is not expanded again. Keys are left alone.
func (l *loader) expand(n *shape.Node) {
	if n.Kind == shape.Text && strings.Contains(n.Text, "${") {
		n.Text = l.expandText(n)
	}
	for _, item := range n.Items {
		l.expand(item)
	}
	for _, m := range n.Members {
		l.expand(m.Value)
	}
}

func (l *loader) expandText(n *shape.Node) string {
	var b strings.Builder
	rest := n.Written
	for {
		before, after, ok := strings.Cut(rest, "${")
		if !ok {
			b.WriteString(rest)
			return b.String()
		}
		if kept, escaped := strings.CutSuffix(before, "$"); escaped {
			b.WriteString(kept + "${")
			rest = after
			continue
		}
		inside, after, ok := strings.Cut(after, "}")
		name, otherwise, hasDefault := strings.Cut(inside, ":-")
		if !ok || !shape.Variable(name) {
			l.found.Add(n, false, "a variable is written ${NAME} or ${NAME:-default}; $${ stands for a ${ of its own")
			return n.Text
		}
		value, set := l.lookup(name)
		switch {
		case hasDefault && value == "":
			value = otherwise
		case !set:
			l.found.Add(n, false, "unset variable "+name+", asked for by "+n.Path.String())
		}
		b.WriteString(before + value)
		rest = after
	}
}

// secret is the values of {secret: NAME} or {secret: [NAME, OLD_NAME]}. The first has to be there; of the rest, those
// that are.
func (l *loader) secret(n *shape.Node) []string {
	if !n.Sound(shape.Mapping) {
		return nil
	}
	name := n.Get("secret")
	if !name.Sound(shape.Text) && !name.Sound(shape.List) {
		return nil
	}
	names := []*shape.Node{name}
	if name.Kind == shape.List {
		names = name.Items
	}
	var values []string
	for i, one := range names {
		if !one.Sound(shape.Text) {
			return nil
		}
		value, _ := l.lookup(one.Text)
		switch {
		case value != "":
			values = append(values, value)
		case i == 0:
			l.found.Add(one, false, "missing secret "+one.Text+", asked for by "+n.Path.String())
			return nil
		}
	}
	return values
}

// config is a provider's own configuration as JSON, with secrets filled in.
func (l *loader) config(n *shape.Node, fields []shape.Field) json.RawMessage {
	own := &shape.Node{Kind: shape.Mapping}
	for _, f := range fields {
		if v := n.Get(f.Name); v != nil {
			own.Members = append(own.Members, shape.Member{Key: f.Name, Value: l.filled(v, f.Type)})
		}
	}
	return own.JSON()
}

// filled is a copy of n in which each secret is the list of its values.
func (l *loader) filled(n *shape.Node, t shape.Type) *shape.Node {
	out := *n
	switch {
	case t.Kind == shape.ASecret:
		out = shape.Node{Kind: shape.List}
		for _, v := range l.secret(n) {
			out.Items = append(out.Items, &shape.Node{Kind: shape.Text, Text: v})
		}
	case n.Kind == shape.List && t.Kind == shape.AList:
		out.Items = nil
		for _, item := range n.Items {
			out.Items = append(out.Items, l.filled(item, *t.Elem))
		}
	case n.Kind == shape.Mapping && (t.Kind == shape.AMap || t.Kind == shape.AnObject):
		out.Members = nil
		for _, m := range n.Members {
			elem := shape.Type{}
			if t.Kind == shape.AMap {
				elem = *t.Elem
			} else {
				for _, f := range t.Object.Fields {
					if f.Name == m.Key {
						elem = f.Type
					}
				}
			}
			out.Members = append(out.Members, shape.Member{Key: m.Key, Value: l.filled(m.Value, elem)})
		}
	}
	return &out
}
