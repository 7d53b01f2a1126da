// Package source reads a policy as people write it: YAML, with the line and column of every mistake. It turns it into
// the JSON that package policy loads, inside a guest or not, and describes the language as JSON Schema for editors.
// It is for the command and for tests: no guest imports it.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/idvgate/idvgate/plugin/policy"
)

const (
	maxBytes = 1 << 20 // of a policy; one with a thousand rules is a third of it
	maxDepth = 60      // of nesting, below what the JSON reader takes
)

// A Document is a policy in YAML that has been read but not yet checked.
type Document struct {
	json   []byte
	values map[string]place // by path
	keys   map[string]place // the same, of the key a value stands under
}

// place is a line and a column in the file, both from 1; columns count characters.
type place struct{ line, column int }

// A mistake is a line for the author.
type mistake struct {
	place
	message string
}

// Mistakes is everything wrong with a file, one mistake a line: policy.yaml:12:7: what.
type Mistakes []string

func (m Mistakes) Error() string { return strings.Join(m, "\n") }

// Parse reads YAML. file is the name that errors begin with. The error is Mistakes: text that is no YAML, keys that
// occur twice, and what is YAML but not read here because one reader takes it for this and another for that.
func Parse(file string, text []byte) (*Document, error) {
	r := parse(text)
	if len(r.found) > 0 {
		return nil, Mistakes(lines(file, r.found))
	}
	return r.doc, nil
}

// JSON is the document as JSON, keys in the order of the file.
func (d *Document) JSON() []byte { return d.json }

// Position is where the value at path stands, or its key; for a path that is not in the file, the nearest place that
// contains it.
func (d *Document) Position(path policy.Path, key bool) (line, column int) {
	for n := len(path); ; n-- {
		at := pathKey(path[:n])
		if key {
			if p, ok := d.keys[at]; ok {
				return p.line, p.column
			}
		}
		if p, ok := d.values[at]; ok {
			return p.line, p.column
		}
		if n == 0 {
			return 1, 1
		}
		key = true
	}
}

func pathKey(path policy.Path) string { return strings.Join(path, "\x00") }

// parse reads what it can, so that what is wrong in one place does not hide the rest. There is no document where the
// text is no YAML at all.
func parse(text []byte) *reader {
	r := &reader{refused: map[string]bool{}}
	if len(text) > maxBytes {
		return r.stop(place{1, 1}, fmt.Sprintf("a policy is at most %d bytes long", maxBytes))
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	if !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text[:len(text):len(text)], '\n') // without it the parser does not fold the last text
	}
	if at, ok := badByte(text); !ok {
		return r.stop(at, "not text in UTF-8, or a control character")
	}
	if at, ok := tooDeep(text); !ok {
		return r.stop(at, fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	f, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return r.stop(syntaxMistake(err))
	}
	body, ok := r.only(f)
	if !ok {
		return r
	}
	r.doc = &Document{values: map[string]place{}, keys: map[string]place{}}
	r.doc.json = r.value(nil, body, nil)
	return r
}

func (r *reader) stop(at place, message string) *reader {
	r.found = append(r.found, mistake{at, message})
	return r
}

func syntaxMistake(err error) (place, string) {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		return placeOf(e.GetToken()), "not YAML: " + e.GetMessage()
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return place{1, 1}, "not YAML: " + first
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}

// only is the one document of a file.
func (r *reader) only(f *ast.File) (ast.Node, bool) {
	var bodies []ast.Node
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		if _, directive := d.Body.(*ast.DirectiveNode); directive {
			r.wrong(d.Body.GetToken(), "directives are not read here")
			return nil, false
		}
		if bodies = append(bodies, d.Body); len(bodies) == 2 {
			at := d.Body.GetToken()
			if d.Start != nil {
				at = d.Start
			}
			r.wrong(at, "a second document: a policy is one")
			return nil, false
		}
	}
	if len(bodies) == 0 {
		r.stop(place{1, 1}, "the policy is empty")
		return nil, false
	}
	return bodies[0], true
}

// lines writes mistakes in the order of the file, each once.
func lines(file string, found []mistake) []string {
	sort.SliceStable(found, func(i, j int) bool {
		a, b := found[i].place, found[j].place
		return a.line < b.line || a.line == b.line && a.column < b.column
	})
	var out []string
	for i, m := range found {
		if i > 0 && m == found[i-1] {
			continue
		}
		out = append(out, fmt.Sprintf("%s:%d:%d: %s", file, m.line, m.column, m.message))
	}
	return out
}
