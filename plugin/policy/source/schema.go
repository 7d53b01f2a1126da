package source

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
)

// Schema is the JSON Schema (2020-12) of a policy that may use these providers, for editors. It is made of the same
// grammar as loading, and accepts whatever loads; what only a look at the whole policy tells is left to loading.
func Schema(list providers.List) []byte {
	s := schema{defs: map[string]any{}}
	root := s.object(policy.Grammar(list))
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "urn:idvgate:schema:policy:1"
	root["title"] = "idvgate policy"
	root["$defs"] = s.defs
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil { // maps of texts, numbers and lists always marshal
		return nil
	}
	return append(text, '\n')
}

type schema struct{ defs map[string]any }

type node = map[string]any

// withVariable is what text may be instead of its usual form: one with a variable in it.
const withVariable = `\$\{`

func (s *schema) of(t shape.Type) node {
	switch t.Kind {
	case shape.Anything:
		return node{}
	case shape.AText:
		return s.text(t)
	case shape.AWhole:
		return whole(t)
	case shape.ANumber:
		return node{"type": "number"}
	case shape.ABool:
		return node{"type": "boolean"}
	case shape.AScalar:
		return node{"type": []string{"string", "number", "boolean"}}
	case shape.ADuration:
		return pattern(`^[0-9]([0-9.]*(ns|us|µs|μs|ms|s|m|h))+$`, "2s")
	case shape.ASize:
		return pattern(`^[0-9]{1,9}(B|KiB|MiB)$`, "256KiB")
	case shape.APercent:
		return pattern(`^[0-9]{1,3}(\.[0-9]{1,6})?%$`, "5%")
	case shape.APrice:
		return pattern(`^[0-9]{1,9}(\.[0-9]{1,6})? [A-Z]{3}$`, "0.25 CNY")
	case shape.ASecret:
		name := pattern(`^[A-Za-z_][A-Za-z0-9_]*$`, "VENDOR_KEY")
		return node{
			"description": "The name of a secret, never the secret; while rotating, a list: new, old.",
			"type":        "object", "required": []string{"secret"}, "additionalProperties": false,
			"properties": node{"secret": node{"anyOf": []node{name, {"type": "array", "minItems": 1, "items": name}}}},
		}
	case shape.AList:
		list := node{"type": "array", "items": s.of(*t.Elem)}
		if t.Min > 0 {
			list["minItems"] = t.Min
		}
		return list
	case shape.AMap:
		return node{"type": "object", "additionalProperties": s.of(*t.Elem)}
	case shape.AnObject:
		return s.ref(t.Object)
	case shape.AWordOrObject:
		return node{"anyOf": []node{s.text(t), s.ref(t.Object)}}
	}
	return node{}
}

func (s *schema) text(t shape.Type) node {
	if t.Words != nil {
		return node{"anyOf": []node{{"enum": t.Words}, {"type": "string", "pattern": withVariable}}}
	}
	text := node{"type": "string"}
	if t.Min > 0 {
		text["minLength"] = 1
	}
	return text
}

func whole(t shape.Type) node {
	n := node{"type": "integer"}
	if t.Words != nil {
		var values []int64
		for _, w := range t.Words {
			if v, err := strconv.ParseInt(w, 10, 64); err == nil {
				values = append(values, v)
			}
		}
		n["enum"] = values
		return n
	}
	if t.Min != math.MinInt64 {
		n["minimum"] = t.Min
	}
	if t.Max != 0 {
		n["maximum"] = t.Max
	}
	return n
}

func pattern(p, example string) node {
	return node{"type": "string", "pattern": p + "|" + withVariable, "examples": []string{example}}
}

// ref is an object: written in place, or a reference to its definition if it has a name.
func (s *schema) ref(o *shape.Object) node {
	if o.Name == "" {
		return s.object(o)
	}
	if s.defs[o.Name] == nil {
		s.defs[o.Name] = node{} // so that a tree refers to itself
		s.defs[o.Name] = s.object(o)
	}
	return node{"$ref": "#/$defs/" + o.Name}
}

func (s *schema) object(o *shape.Object) node {
	if o.Switch != "" {
		return s.cases(o)
	}
	n := s.fields(o.Fields)
	if o.About != "" {
		n["description"] = o.About
	}
	var groups []node
	for _, names := range o.OneOf {
		var one []node
		for _, name := range names {
			one = append(one, node{"required": []string{name}})
		}
		groups = append(groups, node{"oneOf": one})
	}
	if both, _ := n["allOf"].([]node); groups != nil {
		n["allOf"] = append(both, groups...)
	}
	return n
}

func (s *schema) fields(fields []shape.Field) node {
	properties, required := node{}, []string{}
	var either []node
	for _, f := range fields {
		if f.Refused != "" {
			continue
		}
		p := s.of(f.Type)
		if f.About != "" {
			p["description"] = f.About
		}
		properties[f.Name] = p
		switch {
		case f.Required && f.Unless == nil:
			required = append(required, f.Name)
		case f.Required:
			either = append(either, node{"anyOf": []node{{"required": []string{f.Name}}, below(f.Unless)}})
		}
	}
	n := node{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		n["required"] = required
	}
	if either != nil {
		n["allOf"] = either
	}
	return n
}

// below is an object that has something at the path.
func below(path []string) node {
	n := node{"required": path[:1]}
	if len(path) > 1 {
		n["properties"] = node{path[0]: below(path[1:])}
	}
	return n
}

// cases is an object whose switch picks one whole definition.
func (s *schema) cases(o *shape.Object) node {
	var all []node
	var words []string
	for _, c := range o.Cases {
		name := o.Name + "-" + c.Word
		def := s.fields(append(o.Fields[:len(o.Fields):len(o.Fields)], c.Fields...))
		def["description"] = c.About
		s.defs[name] = def
		words = append(words, c.Word)
		all = append(all, node{
			"if":   node{"properties": node{o.Switch: node{"const": c.Word}}},
			"then": node{"$ref": "#/$defs/" + name},
		})
	}
	n := node{
		"type": "object", "description": o.About, "required": []string{o.Switch},
		"properties": node{o.Switch: s.text(shape.Type{Words: words})},
	}
	if all != nil {
		n["allOf"] = all
	}
	return n
}
