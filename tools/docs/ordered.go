package main

import (
	"bytes"
	"encoding/json"
	"errors"
)

// A member is one key of a JSON object with its value.
type member struct {
	key   string
	value json.RawMessage
}

// An object is a JSON object whose members keep their order.
type object []member

func (o *object) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("an object is due"), err)
	}
	*o = nil
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		name, _ := key.(string)
		*o = append(*o, member{name, value})
	}
	return nil
}

// A schema is what the documents need of a JSON Schema.
type schema struct {
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Type        string            `json:"type"`
	Format      string            `json:"format"`
	Ref         string            `json:"$ref"`
	Enum        []json.RawMessage `json:"enum"`
	Const       json.RawMessage   `json:"const"`
	Pattern     string            `json:"pattern"`
	Required    []string          `json:"required"`
	Properties  object            `json:"properties"`
	Items       json.RawMessage   `json:"items"` // a schema, or false
	Values      json.RawMessage   `json:"additionalProperties"`
	OneOf       []schema          `json:"oneOf"`
}
