package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	messagesFile = "docs/schema/messages.schema.json"
	messagesID   = "urn:idvgate:schema:messages:1"
)

// A protocol is the schema of the messages: its definitions in order, and what judges a message by one of them.
type protocol struct {
	about schema
	defs  []string
	by    map[string]schema
	judge *jsonschema.Compiler
}

func (f facts) protocol() (*protocol, error) {
	text, err := fs.ReadFile(f.tree, messagesFile)
	if err != nil {
		return nil, err
	}
	var whole struct {
		schema
		Defs object `json:"$defs"`
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, fmt.Errorf("%s: %w", messagesFile, err)
	}
	p := &protocol{about: whole.schema, by: map[string]schema{}, judge: jsonschema.NewCompiler()}
	for _, d := range whole.Defs {
		var s schema
		if err := json.Unmarshal(d.value, &s); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", messagesFile, d.key, err)
		}
		p.defs = append(p.defs, d.key)
		p.by[d.key] = s
	}
	loaded, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return p, p.judge.AddResource(messagesID, loaded)
}

// conforms reports why an example is not what the definition says.
func (p *protocol) conforms(def, text string) error {
	s, err := p.judge.Compile(messagesID + "#/$defs/" + def)
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(text, "\n")
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(first))
	if err != nil {
		return err
	}
	if err := s.Validate(v); err != nil {
		return fmt.Errorf("the example of %s: %w", def, err)
	}
	return nil
}

// messagesPage is the protocol between the Extism guest and whoever hosts it.
func messagesPage(f facts) ([]byte, error) {
	schemas, err := f.protocol()
	if err != nil {
		return nil, err
	}
	exports, err := f.packageComment("plugin/extism", 3)
	if err != nil {
		return nil, err
	}
	p := newPage(schemas.about.Title, code(messagesFile))
	p.text(schemas.about.Description)
	p.text("The [JSON Schema](schema/messages.schema.json) is what every test judges every message by. Below, each message with an example, of one exchange " +
		"that was played: request 7 logs in at the vendor and passes, request 8 waits for the same login, and its vendor is then silent, request 9 has a wrong check digit.")
	p.heading(2, "Exports")
	p.text(exports)
	p.text("Input and output go through Extism's `input` and `output`; a call that fails says so with its error and status 1, and its instance is to be discarded. " +
		"For `step`: `buffer(size)` answers where the input is to be written, `step(kind, length)` takes begin (0), resume (1) or cancel (2) and answers where the output is " +
		"(upper 32 bits) and how long (lower 32 bits), or -1 for a malformed message.")
	p.text("The guest's configuration: `policy` is the document as JSON, each variable and secret that it names stands under its name, and `idvgate.unmatched` is `allow` " +
		"(if absent) or `deny`, for requests that no rule is for.")
	for _, name := range schemas.defs {
		s := schemas.by[name]
		if s.Title == "" {
			continue // a part of others
		}
		if err := p.message(schemas, f.played, name, s); err != nil {
			return nil, err
		}
	}
	p.heading(2, "Parts")
	for _, name := range schemas.defs {
		s := schemas.by[name]
		if s.Title != "" || s.Description == "" || name == "audit" {
			continue
		}
		p.heading(3, name)
		p.text(s.Description)
		if len(s.Properties) > 0 {
			if err := p.properties(s); err != nil {
				return nil, err
			}
		}
	}
	return p.bytes(), nil
}

func (p *page) message(schemas *protocol, played *examples, name string, s schema) error {
	p.heading(2, name)
	p.text(strings.TrimSpace(sentence(s.Title) + " " + s.Description))
	if err := p.properties(s); err != nil {
		return err
	}
	var shown []string
	for _, text := range []string{played.sent[name], played.said[name]} {
		if text != "" {
			shown = append(shown, text)
		}
	}
	if name == "decided" {
		shown = append(shown, played.said["denied"])
	}
	if len(shown) == 0 {
		return errors.New("no example of the message " + name + ": play it in tools/docs/example.go")
	}
	for _, text := range shown {
		if err := schemas.conforms(name, text); err != nil {
			return err
		}
	}
	p.code("", strings.Join(shown, "\n\n"))
	return nil
}

// properties is the table of an object's members.
func (p *page) properties(s schema) error {
	var rows [][]string
	for _, m := range s.Properties {
		var of schema
		if err := json.Unmarshal(m.value, &of); err != nil {
			return fmt.Errorf("%s: %w", m.key, err)
		}
		must := ""
		if slices.Contains(s.Required, m.key) {
			must = "yes"
		}
		rows = append(rows, []string{code(m.key), kind(of), must, of.Description})
	}
	p.table([]string{"member", "is", "required", "meaning"}, rows)
	return nil
}

// kind says what a value is, in words.
func kind(s schema) string {
	switch {
	case s.Ref != "":
		name := strings.TrimPrefix(s.Ref, "#/$defs/")
		if name == "audit" {
			return "an [audit line](audit.md)"
		}
		return "[" + name + "](#" + anchor(name) + ")"
	case s.Const != nil:
		return code(string(s.Const))
	case s.Enum != nil:
		var words []string
		for _, e := range s.Enum {
			words = append(words, strings.Trim(string(e), `"`))
		}
		return oneOfWords(words)
	case s.Format == "date-time":
		return "a time"
	}
	switch s.Type {
	case "string":
		return "text"
	case "integer":
		return "a whole number"
	case "number":
		return "a number"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	}
	return ""
}

func oneOfWords(words []string) string {
	if len(words) == 1 {
		return codes(words)
	}
	return "one of " + codes(words)
}
