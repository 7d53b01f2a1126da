package shape_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
)

func TestInsteadAdvisesTheWordThatWasMeant(t *testing.T) {
	route := []string{"hosts", "methods", "path", "ignoreCase"}
	for _, c := range []struct {
		name, word string
		known      []string
		want       string
	}{
		{"a letter is missing", "metod", route, `; did you mean "methods"?`},
		{"case apart", "IGNORECASE", route, `; did you mean "ignoreCase"?`},
		{"letters are swapped", "ptah", route, `; did you mean "path"?`},
		{"nothing is near", "colour", route, "; known here: hosts, methods, path, ignoreCase"},
		{"a short word is not near everything", "x", route, "; known here: hosts, methods, path, ignoreCase"},
		{"nothing is known", "x", nil, ""},
		{"characters, not bytes", "名字", []string{"名子", "x"}, `; did you mean "名子"?`},
		{"an endless word is not compared", string(make([]byte, 100)), route, "; known here: hosts, methods, path, ignoreCase"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := shape.Instead(c.word, c.known); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

type common struct {
	Shared string `json:"shared" jsonschema:"required"`
}

type config struct {
	common
	Plain   string           `json:"plain,omitempty" jsonschema_description:"About it."`
	Word    string           `json:"word" jsonschema:"enum=a,enum=b,default=a"`
	Key     providers.Secret `json:"key" jsonschema:"required"`
	Count   int              `json:"count"`
	Limited uint             `json:"limited" jsonschema:"minimum=1,maximum=9"`
	Share   float64          `json:"share"`
	On      *bool            `json:"on"`
	List    []string         `json:"list" jsonschema:"required,enum=x"`
	Codes   map[string]int   `json:"codes"`
	Inner   struct {
		Deep string `json:"deep"`
	} `json:"inner"`
	Raw     []byte `json:"raw"`
	Skipped string `json:"-"`
	Named   bool
	hidden  bool
}

func TestConfigReadsAStructsTags(t *testing.T) {
	text, whole := shape.Type{Kind: shape.AText}, shape.Type{Kind: shape.AWhole, Min: math.MinInt64}
	word := shape.Type{Kind: shape.AText, Words: []string{"x"}}
	want := []shape.Field{
		{Name: "shared", Required: true, Type: shape.Type{Kind: shape.AText, Min: 1}},
		{Name: "plain", Type: text, About: "About it."},
		{Name: "word", Type: shape.Type{Kind: shape.AText, Words: []string{"a", "b"}}},
		{Name: "key", Required: true, Type: shape.Type{Kind: shape.ASecret}},
		{Name: "count", Type: whole},
		{Name: "limited", Type: shape.Type{Kind: shape.AWhole, Min: 1, Max: 9}},
		{Name: "share", Type: shape.Type{Kind: shape.ANumber}},
		{Name: "on", Type: shape.Type{Kind: shape.ABool}},
		{Name: "list", Required: true, Type: shape.Type{Kind: shape.AList, Min: 1, Elem: &word}},
		{Name: "codes", Type: shape.Type{Kind: shape.AMap, Elem: &whole}},
		{Name: "inner", Type: shape.Type{Kind: shape.AnObject, Object: &shape.Object{Fields: []shape.Field{{Name: "deep", Type: text}}}}},
		{Name: "raw"},
		{Name: "Named", Type: shape.Type{Kind: shape.ABool}},
	}
	got := shape.Config(&config{hidden: true})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if shape.Config(nil) != nil || shape.Config(7) != nil {
		t.Error("what is no struct has fields")
	}
}
