package source_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/policy/source"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/catalog"
)

const examples = "../../../examples/policies/"

func demoEnv(t *testing.T) func(string) (string, bool) {
	t.Helper()
	f, err := os.Open(examples + "demo.env")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	vars, err := source.ReadEnv(f)
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func exampleFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(examples + "*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	return files
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEveryExampleLoadsWithTheSandboxsCredentials(t *testing.T) {
	for _, file := range exampleFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, lines, doc := source.Load(filepath.Base(file), readFile(t, file), catalog.List(), demoEnv(t))
			if p == nil {
				t.Fatalf("%q", lines)
			}
			again, problems := policy.Load(doc, catalog.List(), demoEnv(t))
			if problems != nil || again.Digest != p.Digest {
				t.Errorf("the JSON a guest gets loads differently: %v", problems)
			}
		})
	}
}

func TestTheDemoServesItsRoutes(t *testing.T) {
	p, lines, _ := source.Load("demo.yaml", readFile(t, examples+"demo.yaml"), catalog.List(), demoEnv(t))
	if p == nil {
		t.Fatalf("%q", lines)
	}
	want := [][3]string{
		{"/v1/id2", "id2", "jd"},
		{"/v1/mobile2", "mobile2", "jd"},
		{"/v1/mobile3", "mobile3", "jd"},
		{"/v1/bank3", "bank3", "jd"},
		{"/v1/bank4", "bank4", "jd"},
		{"/v1/face3", "face3", "jd"},
		{"/v1/celerity/mobile3", "mobile3", "phone"},
		{"/v1/kycloud/id2", "id2", "lookup"},
		{"/v1/glodon/mobile3", "mobile3", "page"},
		{"/v1/chain/mobile3", "mobile3", "phone jd"},
		{"/v1/adults/mobile3", "mobile3", "phone"},
	}
	var got [][3]string
	for _, r := range p.Rules {
		var path, by string
		for _, s := range r.Route.Path {
			path += "/" + s.Text
		}
		for i, b := range r.Verify.By {
			if i > 0 {
				by += " "
			}
			by += p.Providers[b].Name
		}
		got = append(got, [3]string{path, string(r.Verify.Check), by})
	}
	if len(got) != len(want) {
		t.Fatalf("rules %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("rule %d is %v, want %v", i, got[i], want[i])
		}
	}
	if adults := p.Rules[10].Require.MinAge; adults != 18 {
		t.Errorf("adults are %d", adults)
	}
}

func compileSchema(t testing.TB, list providers.List) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(source.Schema(list)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSchemaTakesEveryExample(t *testing.T) {
	s := compileSchema(t, catalog.List())
	for _, file := range exampleFiles(t) {
		d, err := source.Parse(file, readFile(t, file))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.JSON()))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestTheSchemaRefusesWhatIsWrongInShape(t *testing.T) {
	s := compileSchema(t, fakes())
	for _, name := range []string{
		"misspelt-fields", "misspelt-words", "wrong-types", "missing-fields", "top-level-missing", "empty-lists",
		"misplaced-words", "quantities", "conditions", "decisions",
	} {
		d, err := source.Parse(name, readFile(t, "testdata/bad/"+name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.JSON()))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(doc) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// A second reader of YAML, the library's own decoder, must see the same values in an example.
func TestExamplesReadTheSameAsByTheLibrarysDecoder(t *testing.T) {
	for _, file := range exampleFiles(t) {
		text := readFile(t, file)
		d, err := source.Parse(file, text)
		if err != nil {
			t.Fatal(err)
		}
		other, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := canonical(t, d.JSON()), canonical(t, other); got != want {
			t.Errorf("%s: got %s\nwant %s", file, got, want)
		}
	}
}

func canonical(t *testing.T, doc []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
