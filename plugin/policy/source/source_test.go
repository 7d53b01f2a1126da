package source_test

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/policy/source"
)

func TestPositionsAreLinesAndColumnsOfTheFile(t *testing.T) {
	text := "# 注释\nversion: 1\nproviders:\n  jd: { use: \"名\", list: [a,\n    b] }\nrules:\n  - name: x\n    route:\n      path: |\n        /v1\n  - - deep\n"
	d, err := source.Parse("p.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		path         policy.Path
		key          bool
		line, column int
	}{
		{"the document begins with its first key", nil, false, 2, 1},
		{"a value", policy.Path{"version"}, false, 2, 10},
		{"a key", policy.Path{"version"}, true, 2, 1},
		{"a flow mapping", policy.Path{"providers", "jd"}, false, 4, 7},
		{"inside a flow mapping", policy.Path{"providers", "jd", "list"}, true, 4, 19},
		{"columns count characters, not bytes", policy.Path{"providers", "jd", "list", "0"}, false, 4, 26},
		{"an item on the next line", policy.Path{"providers", "jd", "list", "1"}, false, 5, 5},
		{"an item has no key", policy.Path{"rules", "0"}, true, 7, 5},
		{"a block mapping begins with its first key", policy.Path{"rules", "0", "route"}, false, 9, 7},
		{"the key of a block mapping", policy.Path{"rules", "0", "route"}, true, 8, 5},
		{"what is not there is where it would be", policy.Path{"rules", "0", "route", "hosts", "3"}, false, 8, 5},
		{"a list in a list", policy.Path{"rules", "1", "0"}, false, 11, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			line, column := d.Position(c.path, c.key)
			if line != c.line || column != c.column {
				t.Errorf("%d:%d, want %d:%d", line, column, c.line, c.column)
			}
		})
	}
}

func TestYAMLBecomesTheJSONItMeans(t *testing.T) {
	for _, c := range []struct{ name, yaml, json string }{
		{"keys stay in order", "b: 1\na: 2", `{"b":1,"a":2}`},
		{"a key of digits is text", "codes: {10: x, '011': y}", `{"codes":{"10":"x","011":"y"}}`},
		{"numbers as they are written", "a: [1, -2, 0.25, 1.5e3, 900719925474099301]", `{"a":[1,-2,0.25,1.5e3,900719925474099301]}`},
		{"words in quotes are text", `a: ["yes", 'no', "20:00", "1", 'null']`, `{"a":["yes","no","20:00","1","null"]}`},
		{"quotes and escapes", `a: ["\u4e2d\n", 'it''s']`, `{"a":["中\n","it's"]}`},
		{"several lines", "a: |\n  x\n  y\nb: >-\n  x\n  y", `{"a":"x\ny\n","b":"x y"}`},
		{"nothing", "a:\nb: ~", `{"a":null,"b":null}`},
		{"empty mappings and lists", "a: {}\nb: []", `{"a":{},"b":[]}`},
		{"JSON", "{\"a\": [true, {\"b\": \"\\u00e9\"}]}", `{"a":[true,{"b":"é"}]}`},
		{"comments anywhere", "# x\na: # y\n  # z\n  b: 1 # q\n", `{"a":{"b":1}}`},
		{"a byte order mark and Windows lines", "\uFEFFa: 1\r\nb: x\r\n", `{"a":1,"b":"x"}`},
		{"an end mark", "---\na: 1\n...\n", `{"a":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := source.Parse("p.yaml", []byte(c.yaml))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(d.JSON()); got != c.json {
				t.Errorf("%s, want %s", got, c.json)
			}
		})
	}
}

func TestParseSaysEveryFaultOfTheText(t *testing.T) {
	_, err := source.Parse("p.yaml", []byte("a: 1\na: 2\nb: yes\n"))
	var all source.Mistakes
	if !errors.As(err, &all) || len(all) != 2 {
		t.Fatalf("%v", err)
	}
	want := "p.yaml:2:1: duplicate key \"a\", first in line 1\np.yaml:3:4: \"yes\" is text to some readers of YAML and true or false to others: put it in quotes"
	if all.Error() != want {
		t.Errorf("%s", all.Error())
	}
}

func TestReadEnv(t *testing.T) {
	got, err := source.ReadEnv(strings.NewReader("\uFEFF# x\n\nA=1\nexport B = two words \nC='it # is'\nD=\"a\\n\\\"b\\\\\"\nE=\nF=a=b\r\n"))
	want := map[string]string{"A": "1", "B": "two words", "C": "it # is", "D": "a\n\"b\\", "E": "", "F": "a=b"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReadEnvNamesEachBadLineAndNoValue(t *testing.T) {
	_, err := source.ReadEnv(strings.NewReader("A=1\nhunter2\n9=hunter2\nA=hunter2\nB=\"hunter2\nC='x'y'\n"))
	want := "line 2: NAME=value is due\n" +
		"line 3: a name is letters, digits and _, and begins with no digit\n" +
		"line 4: A is set twice\n" +
		"line 5: the value of B begins with a quote that does not end it\n" +
		"line 6: the value of C begins with a quote that does not end it"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("version: 1\nproviders: {a: {use: acme, key: {secret: KEY}}}\nrules: [{name: x, route: {path: /}}]"))
	f.Add([]byte("a: &b [*b, ? {}: 1, !!x y, |\n  z\n]"))
	f.Add([]byte("- - - -\n  x: \"\\ud800\"\n--- >+2\n\t#"))
	f.Add([]byte("version: 1\nproviders: {a: {use: acme, key: {secret: KEY}, timeout: 1m.5s}}\n" +
		"rules: [{name: x, route: {path: /}, claims: {name: {body: n}, idNumber: {jwt: i}}, verify: {check: id2, by: [a]}}]"))
	schema := compileSchema(f, fakes())
	f.Fuzz(func(t *testing.T, text []byte) {
		p, lines, doc := source.Load("p.yaml", text, fakes(), variables)
		if (p == nil) == (lines == nil) || (p == nil) != (doc == nil) {
			t.Fatalf("policy %v, lines %q", p != nil, lines)
		}
		if p == nil {
			return
		}
		again, problems := policy.Load(doc, fakes(), variables)
		if problems != nil || again.Digest != p.Digest {
			t.Fatalf("its JSON does not load: %v", problems)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Fatalf("the schema refuses what loads: %v", err)
		}
	})
}
