package play

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Split takes an input or output of a guest apart: lines of JSON and the raw bytes that follow each.
func Split(messages []byte) (lines []json.RawMessage, raw [][]byte, err error) {
	for len(messages) > 0 {
		line, rest, _ := bytes.Cut(messages, []byte("\n"))
		var head struct {
			Bytes int `json:"bytes"`
		}
		if err := json.Unmarshal(line, &head); err != nil {
			return nil, nil, fmt.Errorf("play: message %q: %w", line, err)
		}
		if head.Bytes < 0 || head.Bytes > len(rest) {
			return nil, nil, fmt.Errorf("play: message %q: %d bytes follow", line, len(rest))
		}
		lines = append(lines, json.RawMessage(bytes.Clone(line)))
		raw = append(raw, bytes.Clone(rest[:head.Bytes]))
		messages = rest[head.Bytes:]
	}
	return lines, raw, nil
}

// A Schema judges messages by docs/schema/messages.schema.json. It is safe for concurrent use.
type Schema struct {
	in, cancel, out *jsonschema.Schema

	mu     sync.Mutex
	faults []string
	kinds  map[string]int // messages seen, by what tells them apart
}

// NewSchema reads the schema.
func NewSchema(root string) (*Schema, error) {
	const id = "urn:idvgate:schema:messages:1"
	file := filepath.Join(root, "docs", "schema", "messages.schema.json")
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	loaded, err := jsonschema.FileLoader{}.Load("file://" + filepath.ToSlash(file))
	if err != nil {
		return nil, fmt.Errorf("play: schema: %w", err)
	}
	if err := c.AddResource(id, loaded); err != nil {
		return nil, fmt.Errorf("play: schema: %w", err)
	}
	s := &Schema{kinds: map[string]int{}}
	for def, to := range map[string]**jsonschema.Schema{"in": &s.in, "cancel": &s.cancel, "out": &s.out} {
		if *to, err = c.Compile(id + "#/$defs/" + def); err != nil {
			return nil, fmt.Errorf("play: schema: %w", err)
		}
	}
	return s, nil
}

// Take judges an input or output.
func (s *Schema) Take(toGuest bool, messages []byte) {
	lines, _, err := Split(messages)
	if err != nil {
		s.fault(err.Error())
		return
	}
	for _, line := range lines {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			s.fault(err.Error())
			continue
		}
		schema := s.out
		if m, _ := v.(map[string]any); toGuest && len(m) == 1 && m["flow"] != nil {
			schema = s.cancel
		} else if toGuest {
			schema = s.in
		}
		if err := schema.Validate(v); err != nil {
			s.fault(fmt.Sprintf("%.600s\n%v", line, err))
		}
		s.count(v)
	}
}

func (s *Schema) fault(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) < 20 {
		s.faults = append(s.faults, text)
	}
}

func (s *Schema) count(v any) {
	m, _ := v.(map[string]any)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range []string{"head", "body", "status", "error", "want", "decision", "audit", "metrics"} {
		if value, ok := m[kind]; ok {
			if word, isText := value.(string); isText && kind == "want" {
				kind += ":" + word
			}
			s.kinds[kind]++
		}
	}
}

// Faults is what did not conform.
func (s *Schema) Faults() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// Seen is how many messages of a kind were judged: head, body, status, error, want:body, want:call, decision, audit,
// metrics.
func (s *Schema) Seen(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kinds[kind]
}
