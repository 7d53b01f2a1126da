package main

import (
	"slices"
	"strings"

	"github.com/idvgate/idvgate/examples/policies"
	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/plugin/policy/source"
	"github.com/idvgate/idvgate/providers"
)

func policySchema(f facts) ([]byte, error) { return source.Schema(f.list), nil }

// everything is the value of each variable and secret of the examples: the demo's where it has one.
func everything(name string) (string, bool) {
	env, err := source.ReadEnv(strings.NewReader(policies.DemoEnv))
	if err != nil {
		return "", false
	}
	if v, ok := env[name]; ok {
		return v, true
	}
	return "made-up", true
}

// policyPage is the reference of the policy language.
func policyPage(f facts) ([]byte, error) {
	r, err := readGrammar(f.list)
	if err != nil {
		return nil, err
	}
	p := newPage("The policy", "the grammar that loads it")
	p.text(r.sections[0].about + " It is written in YAML, or in JSON, which is what a guest gets. " +
		"`idvgate validate` lists every mistake with file, line and column. " +
		"The [JSON Schema](schema/policy.schema.json) is made of the same grammar, for editors; it takes whatever loads.")
	p.text("Keys are camelCase, outcomes and reasons snake_case. `${NAME}` in any text is a variable of the guest's environment, `${NAME:-default}` has a default, " +
		"and one that is not set is a mistake. A secret is only ever named. Quantities are text: `2s`, `256KiB`, `5%`, `\"0.25 CNY\"`. " +
		"Whole policies: [minimal](../examples/policies/minimal.yaml), [payments](../examples/policies/payments.yaml), " +
		"[game](../examples/policies/game.yaml), [demo](../examples/policies/demo.yaml).")
	for i, s := range r.sections {
		if i > 0 {
			p.heading(2, s.name)
			if s.about != "" {
				p.text(s.about)
			}
		}
		if err := p.fields(r, s); err != nil {
			return nil, err
		}
		for _, group := range s.oneOf {
			p.text("Exactly one of " + codes(group) + ".")
		}
		if s.name == "provider" {
			p.vendors(f.list)
		}
	}
	if err := p.vocabulary(f); err != nil {
		return nil, err
	}
	return p.bytes(), nil
}

// fields is the table of a mapping's words.
func (p *page) fields(r *reader, s section) error {
	var rows [][]string
	for _, f := range s.fields {
		if f.Refused != "" {
			rows = append(rows, []string{code(f.Name), "nothing: it " + f.Refused, "", "", ""})
			continue
		}
		example, err := r.example(s.name, f)
		if err != nil {
			return err
		}
		if f.About == "" {
			return unknown("policy word", s.name+"."+f.Name, "its About in the grammar")
		}
		about := f.About
		for _, no := range refusals(f.Type) {
			about += " Not " + code(no.Word) + ": " + no.Because + "."
		}
		rows = append(rows, []string{code(f.Name), takes(f.Type, f.Name), required(f), strings.ReplaceAll(about, "*", `\*`), code(example)})
	}
	p.table([]string{"word", "takes", "required", "meaning", "example"}, rows)
	return nil
}

func required(f shape.Field) string {
	if f.Required {
		return "yes"
	}
	return ""
}

// refusals are the words one could take for allowed, and why they are not.
func refusals(t shape.Type) []shape.Refusal {
	for t.Elem != nil {
		t = *t.Elem
	}
	var all []shape.Refusal
	for _, r := range t.Refused {
		if !slices.Contains(t.Words, r.Word) {
			all = append(all, r)
		}
	}
	return all
}

// vendors points to the fields that a provider has besides, by its vendor.
func (p *page) vendors(list providers.List) {
	var links []string
	for _, i := range list {
		links = append(links, "["+i.Name+"](providers.md#"+anchor(i.Name)+")")
	}
	p.text("Each vendor adds fields of its own: " + strings.Join(links, ", ") + ".")
}

// vocabulary is the words that stand as values.
func (p *page) vocabulary(f facts) error {
	about, err := f.comments("providers")
	if err != nil {
		return err
	}
	p.heading(2, "Checks")
	p.text("What is proven, and the claims it needs.")
	var rows [][]string
	for _, c := range providers.Checks() {
		var claims []string
		for _, claim := range c.Claims() {
			claims = append(claims, claim.String())
		}
		rows = append(rows, []string{code(string(c)), about[string(c)], codes(claims), vendorsOf(f.list, c)})
	}
	p.table([]string{"check", "proves that", "claims", "answered by"}, rows)
	p.heading(2, "Outcomes")
	p.text("What a provider answered. In a chain match, mismatch, invalid_input and pending are final; no_record, limited and unanswered ask the next " +
		"provider, and at the chain's end the least certain wins: unanswered, then limited, then no_record.")
	rows = nil
	for _, o := range providers.Outcomes() {
		meaning := about[o.String()]
		if meaning == "" {
			return unknown("outcome", o.String(), "the comment of its constant")
		}
		rows = append(rows, []string{code(o.String()), sentence(meaning)})
	}
	p.table([]string{"outcome", "meaning"}, rows)
	return nil
}

func vendorsOf(list providers.List, c providers.Check) string {
	var names []string
	for _, i := range list {
		for _, can := range i.Checks {
			if can == c {
				names = append(names, i.Name)
			}
		}
	}
	return codes(names)
}
