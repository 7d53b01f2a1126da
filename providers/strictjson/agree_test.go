package strictjson_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/idvgate/idvgate/providers/strictjson"
)

// watched is the paths FuzzAgree watches, as keys and as gjson writes them.
var watched = []struct {
	keys []string
	path string
}{
	{[]string{"name"}, "name"},
	{[]string{"user", "idCard"}, "user.idCard"},
	{[]string{"user", "kiss"}, "user.kiss"}, // K (U+212A) folds to k, ſ (U+017F) to s
	{[]string{"list", "1", "id"}, "list.1.id"},
}

// folded is how encoding/json reads the watched paths, without regard to case.
type folded struct {
	Name any `json:"name"`
	User struct {
		IDCard any `json:"idCard"`
		Kiss   any `json:"kiss"`
	} `json:"user"`
}

// FuzzAgree: what the scan accepts, three readers read alike at each watched path: encoding/json into a struct (any
// case, the last of two), encoding/json into a map (exact case, the last of two), and gjson (exact case, the first).
func FuzzAgree(f *testing.F) {
	for _, s := range []string{
		`{"name":"李雷","user":{"idCard":"110101199003070003","kiss":1},"list":[0,{"id":"x"}]}`,
		`{"name":"a","name":"b"}`,
		`{"name":"a","NAME":"b"}`,
		`{"n\u0061me":"\ud83d\ude00\n","user":{"\u212aiss":1,"ki\u017fs":2}}`,
		`{"user":{"idCard":"a"},"uſer":{"idCard":"b"},"USER":null}`,
		`{"user":{"other":{"x":1,"x":2}},"list":{"1":{"id":2}}}`,
		`{"list":[{"id":0},{"id":1,"ID":2}],"name":null}`,
		`[{"name":"a"}]`,
		"{\"name\":\"\\u0000\",\"\\u006eame\":1e400}",
		`{"user":{"a\/b":1,"a/b":2,"":3,"":4}}`,
	} {
		f.Add([]byte(s))
	}
	var paths [][]string
	for _, w := range watched {
		paths = append(paths, w.keys)
	}
	watch := strictjson.NewWatch(paths)
	f.Fuzz(func(t *testing.T, data []byte) {
		found := make([]strictjson.Span, len(watched))
		if err := watch.Scan(data, found); err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("an error of more than one line: %v", err)
			}
			return
		}
		if !json.Valid(data) || !gjson.ValidBytes(data) {
			t.Fatalf("accepted what another parser refuses: %q", data)
		}
		exact := decode(t, data)
		var lenient folded
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		_ = d.Decode(&lenient) // an error only says that some value is of another type
		typed := []any{lenient.Name, lenient.User.IDCard, lenient.User.Kiss}
		for i, w := range watched {
			span := data[found[i].Start:found[i].End]
			g := gjson.GetBytes(data, w.path)
			if g.Exists() != (len(span) > 0) || g.Raw != string(span) {
				t.Fatalf("%s: found %q, gjson finds %q: %q", w.path, span, g.Raw, data)
			}
			want, there := at(exact, w.keys)
			if there != (len(span) > 0) {
				t.Fatalf("%s: found %q, encoding/json says there: %v: %q", w.path, span, there, data)
			}
			if !there {
				want = nil
			} else if got := decode(t, span); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: found %q, encoding/json reads %v: %q", w.path, span, want, data)
			}
			if i < len(typed) && !reflect.DeepEqual(typed[i], want) {
				t.Fatalf("%s: found %q, a struct gets %v: %q", w.path, span, typed[i], data)
			}
			if text, ok := want.(string); ok && gjson.ParseBytes(span).Str != text {
				t.Fatalf("%s: gjson reads %q, encoding/json %q", w.path, gjson.ParseBytes(span).Str, text)
			}
		}
	})
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %q", err, data)
	}
	return v
}

// at is the value at a path, a key of digits being an index where it meets an array.
func at(v any, keys []string) (any, bool) {
	for _, k := range keys {
		switch c := v.(type) {
		case map[string]any:
			next, ok := c[k]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			if k != "1" || len(c) < 2 {
				return nil, false
			}
			v = c[1]
		default:
			return nil, false
		}
	}
	return v, true
}
