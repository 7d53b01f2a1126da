package source

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/idvgate/idvgate/plugin/policy"
)

// A reader turns the parser's tree into JSON and notes where each value stands.
type reader struct {
	doc     *Document
	found   []mistake
	refused map[string]bool // paths of values that could not be read, so that nothing else is said about them
}

func (r *reader) refuse(t *token.Token, path policy.Path, message string) {
	r.wrong(t, message)
	r.refused[pathKey(path)] = true
}

func (r *reader) wrong(t *token.Token, message string) {
	r.found = append(r.found, mistake{placeOf(t), message})
}

// value appends n as JSON. What is refused is reported and becomes null, or its first reading where that is clear.
func (r *reader) value(b []byte, n ast.Node, path policy.Path) []byte {
	r.doc.values[pathKey(path)] = r.begin(n)
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.mapping(b, n.Values, path)
	case *ast.MappingValueNode:
		return r.mapping(b, []*ast.MappingValueNode{n}, path)
	case *ast.SequenceNode:
		b = append(b, '[')
		for i, item := range n.Values {
			if i > 0 {
				b = append(b, ',')
			}
			b = r.value(b, item, path.Index(i))
		}
		return append(b, ']')
	case *ast.StringNode:
		if n.Token.Type == token.StringType {
			r.plain(n.Token, path, n.Value)
		}
		return r.text(b, n.Token, path, n.Value)
	case *ast.LiteralNode:
		return r.text(b, n.Start, path, n.Value.Value)
	case *ast.BoolNode:
		if v := n.Token.Value; v != "true" && v != "false" {
			r.wrong(n.Token, "write "+strings.ToLower(v)+", or put it in quotes if text is meant")
		}
		if n.Value {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case *ast.IntegerNode:
		return r.number(b, n.Token, path)
	case *ast.FloatNode:
		return r.number(b, n.Token, path)
	case *ast.NullNode:
		return append(b, "null"...)
	case *ast.AnchorNode:
		r.wrong(n.Start, noAnchors)
		return r.value(b, n.Value, path)
	case *ast.AliasNode:
		r.refuse(n.Start, path, noAnchors)
	case *ast.TagNode:
		r.wrong(n.Start, "tags are not read here")
		return r.value(b, n.Value, path)
	case nil:
	default:
		r.refuse(n.GetToken(), path, "not read here: write a mapping, a list, text, a number, true or false")
	}
	return append(b, "null"...)
}

const noAnchors = "anchors, aliases and merge keys are not read here: write the value out"

// begin is where a value begins: a mapping with its first key.
func (r *reader) begin(n ast.Node) place {
	switch n := n.(type) {
	case nil:
		return place{1, 1}
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return r.begin(n.Values[0])
		}
	case *ast.MappingValueNode:
		if n.Key != nil {
			return placeOf(n.Key.GetToken())
		}
	}
	return placeOf(n.GetToken())
}

func (r *reader) mapping(b []byte, members []*ast.MappingValueNode, path policy.Path) []byte {
	b = append(b, '{')
	lineOf := make(map[string]int)
	for _, m := range members {
		key, ok := r.key(m.Key, path)
		if !ok {
			continue
		}
		at := placeOf(m.Key.GetToken())
		if first, twice := lineOf[key]; twice {
			r.wrong(m.Key.GetToken(), "duplicate key "+quote(key)+", first in line "+itoa(first))
			continue
		}
		if len(lineOf) > 0 {
			b = append(b, ',')
		}
		lineOf[key] = at.line
		r.doc.keys[pathKey(path.Key(key))] = at
		b = append(appendText(b, key), ':')
		b = r.value(b, m.Value, path.Key(key))
	}
	return append(b, '}')
}

// key is a key's text. Numbers are keys as they are written: a vendor's code 0 is "0".
func (r *reader) key(k ast.MapKeyNode, in policy.Path) (string, bool) {
	switch k := k.(type) {
	case *ast.StringNode:
		if k.Token.Type == token.StringType {
			r.plain(k.Token, in.Key(k.Value), k.Value)
		}
		if strings.ContainsRune(k.Value, 0) {
			r.refuse(k.Token, in, "must not hold NUL")
			return "", false
		}
		return k.Value, true
	case *ast.IntegerNode:
		if !decimal.MatchString(k.Token.Value) {
			r.number(nil, k.Token, in.Key(k.Token.Value))
		}
		return k.Token.Value, true
	case *ast.MergeKeyNode:
		r.refuse(k.GetToken(), in, noAnchors)
	case *ast.BoolNode, *ast.NullNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		r.wrong(k.GetToken(), "a key is text: put it in quotes")
	default:
		r.wrong(k.GetToken(), "a key is plain text")
	}
	return "", false
}

// text appends text; not NUL, which only an escape can bring in and the JSON reader would refuse without saying where.
func (r *reader) text(b []byte, t *token.Token, path policy.Path, s string) []byte {
	if strings.ContainsRune(s, 0) {
		r.refuse(t, path, "must not hold NUL")
		s = ""
	}
	return appendText(b, s)
}

// plain refuses text without quotes that other readers of YAML take for something else.
func (r *reader) plain(t *token.Token, path policy.Path, s string) {
	switch strings.ToLower(s) {
	case "yes", "no", "on", "off":
		r.refuse(t, path, quote(s)+" is text to some readers of YAML and true or false to others: put it in quotes")
		return
	}
	if ambiguous.MatchString(s) {
		r.refuse(t, path, quote(s)+" is text to some readers of YAML and a number or a date to others: put it in quotes")
	}
}

// ambiguous is numbers in base 60 (20:00), with underscores, in other bases, with a sign or a bare point, and dates.
var ambiguous = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$` +
	`|^[-+]?[0-9][0-9_]*$|^[-+]?0[xXoObB][0-9a-fA-F_]+$|^[-+]?(\.[0-9_]+|[0-9][0-9_]*\.[0-9_]*)([eE][-+]?[0-9]+)?$` +
	`|^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?$`)

// decimal is the numbers that YAML and JSON write alike.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// number appends a number that JSON writes the same way.
func (r *reader) number(b []byte, t *token.Token, path policy.Path) []byte {
	if !decimal.MatchString(t.Value) {
		r.refuse(t, path, quote(t.Value)+" is a number that readers of YAML read differently: write it in plain decimal, or in quotes if text is meant")
		return append(b, '0')
	}
	return append(b, t.Value...)
}

func appendText(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil { // a string always marshals
		return append(b, `""`...)
	}
	return append(b, text...)
}

// badByte finds the first byte that no policy holds: not UTF-8, or a control character that is no white space.
func badByte(text []byte) (place, bool) {
	at := place{1, 1}
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		if c == utf8.RuneError && size == 1 || c < 0x20 && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			return at, false
		}
		if at.column++; c == '\n' {
			at = place{at.line + 1, 1}
		}
		i += size
	}
	return at, true
}
