package policy

import (
	"strings"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// readSource reads the one place that the grammar has made sure is there.
func (l *loader) readSource(n *shape.Node) Source {
	for i, word := range places() {
		at := n.Get(word)
		s, ok := textOf(at)
		if !ok {
			continue
		}
		src := Source{Place: Place(i), Path: s}
		switch src.Place {
		case Body, JWTClaim:
			src.Keys = l.readKeys(at)
		case Header:
			src.Path = l.headerName(at)
		case Form, Query:
			l.printable(at)
		}
		return src
	}
	return Source{}
}

// headerName is a header's name in lower case; not one of ours, which no client can send.
func (l *loader) headerName(n *shape.Node) string {
	s, ok := textOf(n)
	if !ok {
		return ""
	}
	name := strings.ToLower(s)
	folded := []byte(name)
	for i, c := range folded {
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			l.found.Add(n, false, "no name of a header")
			return name
		}
		if !letter {
			folded[i] = '-'
		}
	}
	if strings.HasPrefix(string(folded)+"-", "x-idv-") {
		l.found.Add(n, false, "x-idv- headers belong to the gateway: a client's are removed")
	}
	return name
}

// readKeys splits a path into a JSON document at its points: plain keys and array indexes, with \ before a point, or
// another mark, that belongs to a key. Everything else gjson knows is refused.
func (l *loader) readKeys(n *shape.Node) []string {
	const marks = `*?|#@!{}[]()<>=,:;"'` + "`"
	var keys []string
	var key strings.Builder
	for i := 0; i < len(n.Text); i++ {
		c := n.Text[i]
		switch {
		case c == '\\':
			i++
			if i == len(n.Text) || strings.IndexByte(marks+`.\`, n.Text[i]) < 0 {
				l.found.Add(n, false, `a \ stands only before a point or another mark that belongs to a key`)
				return nil
			}
			key.WriteByte(n.Text[i])
		case c == '.':
			keys = append(keys, key.String())
			key.Reset()
		case c < 0x20 || c == 0x7f:
			l.found.Add(n, false, "must not hold control characters")
			return nil
		case strings.IndexByte(marks, c) >= 0 && c != ':':
			l.found.Add(n, false, shape.Quote(string(c))+" in a path is something two parsers could read differently: only keys and indexes, user.cards.0")
			return nil
		default:
			key.WriteByte(c)
		}
	}
	keys = append(keys, key.String())
	for _, k := range keys {
		if k == "" {
			l.found.Add(n, false, "a path has no empty keys")
			return nil
		}
	}
	if len(keys) >= strictjson.MaxDepth {
		l.found.Add(n, false, "a path has fewer keys than that: bodies nest at most 64 deep")
	}
	return keys
}

// oneBody reports a rule that could not read all it names from one request: a body is JSON or a form, and of keys
// that differ only in case neither is read.
func (l *loader) oneBody(r *Rule, rule *shape.Node) {
	var body, form []Source
	note := func(s Source) {
		switch s.Place {
		case Body:
			body = append(body, s)
		case Form:
			form = append(form, s)
		case Header, Query, JWTClaim:
		}
	}
	for _, c := range r.Claims {
		note(c.Source)
	}
	mixed := "claims"
	if len(body) == 0 || len(form) == 0 {
		mixed = "when and claims"
		eachLeaf(r.When, note)
	}
	if claims := rule.Get("claims"); claims.Sound(shape.Mapping) && len(body) > 0 && len(form) > 0 {
		l.found.Missing(claims, mixed+" read both body and form: a request has one or the other")
	}
	for i, a := range body {
		for _, b := range body[:i] {
			if x, y := clash(a.Keys, b.Keys); x != "" {
				l.found.Missing(rule.Get("claims"), "keys "+shape.Quote(y)+" and "+shape.Quote(x)+" differ only in case: a body with both is refused")
				return
			}
		}
	}
}

// clash is the first keys of two paths that stand in one object and differ, but only in case.
func clash(a, b []string) (string, string) {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			if strings.EqualFold(a[i], b[i]) {
				return a[i], b[i]
			}
			return "", ""
		}
	}
	return "", ""
}

func eachLeaf(c *Condition, do func(Source)) {
	if c == nil {
		return
	}
	if c.All == nil && c.Any == nil {
		do(c.Source)
	}
	for i := range c.All {
		eachLeaf(&c.All[i], do)
	}
	for i := range c.Any {
		eachLeaf(&c.Any[i], do)
	}
}
