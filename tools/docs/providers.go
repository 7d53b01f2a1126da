package main

import (
	"reflect"
	"strings"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
)

// providersPage is every vendor: what it is asked, how it is set up, what its codes mean.
func providersPage(f facts) ([]byte, error) {
	about, err := f.comments("providers")
	if err != nil {
		return nil, err
	}
	r, err := readGrammar(f.list)
	if err != nil {
		return nil, err
	}
	p := newPage("The providers", "`Info` of each provider")
	p.text("A provider is our adapter for one vendor. A policy sets one up under a name of its own, with the fields that " +
		"[every provider](policy.md#provider) has and those below. The vendors' services were not called: the adapters are written from their pages, " +
		"and each table says where a line comes from. What no page says is marked as assumed.")
	var rows [][]string
	for _, i := range f.list {
		rows = append(rows, []string{"[" + i.Name + "](#" + anchor(i.Name) + ")", i.Vendor, codes(checks(i))})
	}
	p.table([]string{"`use`", "vendor", "checks"}, rows)
	p.text("A code that stands in no table is never taken for a yes. It is an error of the kind malformed (JD Cloud says yes or no beside its codes: there it is a no), and is " +
		"counted in `idv_unknown_codes_total`. Where the outcome is unanswered the table names the kind of error:")
	rows = nil
	for _, k := range []providers.ErrorKind{providers.Unavailable, providers.Busy, providers.Refused, providers.Malformed} {
		if about[k.String()] == "" {
			return nil, unknown("kind of error", k.String(), "the comment of its constant")
		}
		rows = append(rows, []string{code(k.String()), sentence(about[k.String()])})
	}
	p.table([]string{"kind", "meaning"}, rows)
	for _, i := range f.list {
		if err := p.provider(f, r, i); err != nil {
			return nil, err
		}
	}
	return p.bytes(), nil
}

func checks(i providers.Info) []string {
	var all []string
	for _, c := range i.Checks {
		all = append(all, string(c))
	}
	return all
}

func (p *page) provider(f facts, r *reader, i providers.Info) error {
	p.heading(2, i.Name)
	endpoint := "none: the policy must name one"
	if i.Endpoint != "" {
		endpoint = code(i.Endpoint)
	}
	docs := i.Docs
	if strings.HasPrefix(docs, "http") {
		docs = "<" + docs + ">"
	}
	p.text(sentence(i.Vendor) + " Described at: " + docs + ". Checks: " + codes(checks(i)) + ". Endpoint without one in the policy: " + endpoint + ".")
	comment, err := f.packageComment("providers/"+i.Name, 3)
	if err == nil {
		p.text(comment)
	}
	p.heading(3, "Fields of "+i.Name)
	var rows [][]string
	if err := settings(r, i.Name, "", shape.Config(i.Config), defaults(reflect.TypeOf(i.Config), ""), &rows); err != nil {
		return err
	}
	p.table([]string{"field", "takes", "required", "default", "meaning", "example"}, rows)
	p.heading(3, "Codes of "+i.Name)
	rows = nil
	for _, c := range i.Codes {
		outcome := code(c.Outcome.String())
		if c.Kind != "" {
			outcome += ", " + c.Kind
		}
		rows = append(rows, []string{code(c.Code), c.Meaning, outcome, c.Billed.String(), c.Source})
	}
	p.table([]string{"code", "meaning", "outcome", "billed", "source"}, rows)
	return nil
}

// settings appends a row for each field, and for the fields below it.
func settings(r *reader, name, path string, fields []shape.Field, without map[string]string, rows *[][]string) error {
	for _, f := range fields {
		section := name
		if path != "" {
			section += "." + strings.TrimSuffix(path, ".")
		}
		example, err := r.example(section, f)
		if err != nil {
			return err
		}
		full := path + f.Name
		inner := objectOf(f.Type)
		what := "a mapping, see below"
		if inner == nil {
			what = takes(f.Type, f.Name)
		}
		*rows = append(*rows, []string{code(full), what, required(f), code(without[full]), f.About, code(example)})
		if inner != nil {
			if err := settings(r, name, full+".", inner.Fields, without, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// defaults are the default= of a configuration's jsonschema tags, by path.
func defaults(t reflect.Type, path string) map[string]string {
	all := map[string]string{}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return all
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		for _, part := range strings.Split(f.Tag.Get("jsonschema"), ",") {
			if value, ok := strings.CutPrefix(part, "default="); ok {
				all[path+name] = value
			}
		}
		for full, value := range defaults(f.Type, path+name+".") {
			all[full] = value
		}
	}
	return all
}
