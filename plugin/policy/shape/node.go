package shape

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/idvgate/idvgate/providers/strictjson"
)

// NodeKind says what a Node is.
type NodeKind uint8

const (
	Null NodeKind = iota
	Text
	Number
	Bool
	List
	Mapping
)

// String is how a problem calls a value of the kind.
func (k NodeKind) String() string {
	switch k {
	case Null:
		return "nothing"
	case Text:
		return "text"
	case Number:
		return "a number"
	case Bool:
		return "true or false"
	case List:
		return "a list"
	case Mapping:
		return "a mapping"
	}
	return "nothing"
}

// A Node is one value of a document.
type Node struct {
	Kind    NodeKind
	Text    string // of Text: with variables expanded; of Number: its digits
	Written string // of Text: as written, which is what a problem may show
	Bool    bool
	Items   []*Node  // of List
	Members []Member // of Mapping, in the document's order
	Path    Path     // where it stands
	Faulty  bool     // a problem was reported for this very value
	order   int      // how many values begin before it
}

// A Member is one key of a Mapping with its value.
type Member struct {
	Key   string
	Value *Node
}

// Get is the value under a key of a Mapping; nil where there is none, for a nil Node, and for any other kind.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, m := range n.Members {
		if m.Key == key {
			return m.Value
		}
	}
	return nil
}

// has reports whether something is written at a path below n.
func (n *Node) has(path []string) bool {
	for _, key := range path {
		n = n.Get(key)
	}
	return len(path) > 0 && n != nil
}

// Sound is whether n is there, is of that kind and has no problem of its own.
func (n *Node) Sound(kind NodeKind) bool { return n != nil && n.Kind == kind && !n.Faulty }

// Parse reads a JSON document. Keys that occur twice are reported, the first is kept. It returns nil where the text
// is not one JSON value.
func Parse(doc []byte) (*Node, Problems) {
	var found Problems
	if err := strictjson.Check(doc); err != nil {
		fault := err.Error()
		var e *strictjson.Error
		if errors.As(err, &e) {
			fault = string(e.Fault) + " at byte " + strconv.Itoa(e.Offset)
		}
		return nil, Problems{{Message: "not one JSON value that everybody reads alike: " + fault}}
	}
	p := parser{dec: json.NewDecoder(bytes.NewReader(doc)), found: &found}
	p.dec.UseNumber()
	n, err := p.value(nil)
	if err == nil {
		if _, end := p.dec.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("more than one value")
		}
	}
	if err != nil {
		return nil, append(found, Problem{Message: "not JSON: " + err.Error()})
	}
	return n, found
}

type parser struct {
	dec   *json.Decoder
	found *Problems
	count int
}

// value reads the value that comes next. Its depth is bounded by strictjson.MaxDepth.
func (p *parser) value(path Path) (*Node, error) {
	t, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	n := &Node{Path: path, order: p.count}
	p.count++
	switch t := t.(type) {
	case nil:
	case string:
		n.Kind, n.Text, n.Written = Text, t, t
	case json.Number:
		n.Kind, n.Text = Number, t.String()
	case bool:
		n.Kind, n.Bool = Bool, t
	case json.Delim:
		if t == '[' {
			n.Kind = List
			return n, p.items(n)
		}
		n.Kind = Mapping
		return n, p.members(n)
	}
	return n, nil
}

func (p *parser) items(n *Node) error {
	for p.dec.More() {
		item, err := p.value(n.Path.Index(len(n.Items)))
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
	}
	_, err := p.dec.Token()
	return err
}

func (p *parser) members(n *Node) error {
	seen := make(map[string]bool)
	for p.dec.More() {
		t, err := p.dec.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		v, err := p.value(n.Path.Key(key))
		if err != nil {
			return err
		}
		if seen[key] {
			p.found.Add(v, true, "duplicate key "+Quote(key))
			continue
		}
		seen[key] = true
		n.Members = append(n.Members, Member{key, v})
	}
	_, err := p.dec.Token()
	return err
}

// JSON writes the value as JSON, with variables expanded.
func (n *Node) JSON() []byte { return n.append(nil) }

func (n *Node) append(b []byte) []byte {
	switch n.Kind {
	case Null:
		return append(b, "null"...)
	case Text:
		return appendText(b, n.Text)
	case Number:
		return append(b, n.Text...)
	case Bool:
		return strconv.AppendBool(b, n.Bool)
	case List:
		b = append(b, '[')
		for i, item := range n.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.append(b)
		}
		return append(b, ']')
	case Mapping:
		b = append(b, '{')
		for i, m := range n.Members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, m.Key), ':')
			b = m.Value.append(b)
		}
		return append(b, '}')
	}
	return b
}

func appendText(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil { // a string always marshals
		return append(b, `""`...)
	}
	return append(b, text...)
}
