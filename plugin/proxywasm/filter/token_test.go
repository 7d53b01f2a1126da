package filter

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

func object(pairs ...string) string {
	var list []callout.Header
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, callout.Header{Name: pairs[i], Value: pairs[i+1]})
	}
	return string(abi.AppendPairs(nil, list))
}

func TestMetadataBecomesJSON(t *testing.T) {
	deep := object("a", "b")
	for range maxDepth + 1 {
		deep = object("a", deep)
	}
	for _, c := range []struct{ name, raw, want string }{
		{"texts", object("name", "李雷", "sub", `a"b\`), `{"name":"李雷","sub":"a\"b\\"}`},
		{"an object in it", object("user", object("mobile", "13800001000")), `{"user":{"mobile":"13800001000"}}`},
		{"an empty object", object("user", object()), `{"user":{}}`},
		{"a number", object("exp", "\x00\x00\x00\x00\x00\x00\xf0\x3f"), `{"exp":false}`},
		{"true", object("ok", "\x01"), `{"ok":false}`},
		{"no UTF-8", object("name", "\xff\xfe"), `{"name":false}`},
		{"nothing", "", `{}`},
		{"cut", object("name", "value")[:9], ""},
		{"a name with a control byte", object("na\x01me", "value"), ""},
		{"too deep", deep, ""},
	} {
		var b strictjson.Buffer
		ok := appendClaims(&b, []byte(c.raw), 0)
		if ok != (c.want != "") || ok && string(b.Bytes()) != c.want {
			t.Errorf("%s: %s, %t", c.name, b.Bytes(), ok)
		}
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(object("name", "李雷", "user", object("mobile", "13800001000"))))
	f.Add([]byte(object("exp", "\x00\x00\x00\x00\x00\x00\xf0\x3f", "ok", "\x01")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var b strictjson.Buffer
		if appendClaims(&b, raw, 0) && !json.Valid(b.Bytes()) {
			t.Errorf("%q", b.Bytes())
		}
	})
}

func TestLabelsStandInTheName(t *testing.T) {
	for _, c := range []struct {
		want   string
		labels []string
	}{
		{"idv", nil},
		{"idv.rule=pay.mode=enforce", []string{"rule", "pay", "mode", "enforce"}},
		{"idv.rule=real%20name%3A%20%E6%9D%8E%2E", []string{"rule", "real name: 李."}},
		{"idv.rule=", []string{"rule", ""}},
	} {
		if got := flat("idv", c.labels); got != c.want {
			t.Errorf("%s, not %s", got, c.want)
		}
		if strings.ContainsAny(flat("", c.labels), " :/%\n") && !strings.Contains(c.want, "%") {
			t.Errorf("%s", c.want)
		}
	}
}
