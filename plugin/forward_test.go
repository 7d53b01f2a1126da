package plugin_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// forwarder is an engine with one rule: claims stand where paths say, forward is JSON, and everybody is a match.
func forwarder(tb testing.TB, paths map[string]string, forward string) *plugin.Engine {
	tb.Helper()
	from := map[string]any{}
	for claim, path := range paths {
		from[claim] = map[string]string{"body": path}
	}
	claims, err := json.Marshal(from)
	if err != nil {
		tb.Fatal(err)
	}
	doc := fmt.Sprintf(`{"version":1,"providers":{"v":{"use":"registrar"}},"subject":{"key":{"secret":"HS"}},
		"rules":[{"name":"r","route":{"path":"/"},"claims":%s,"verify":{"check":"mobile2","by":["v"]},"forward":%s}]}`, claims, forward)
	var asked []providers.Query
	list := providers.List{{
		Name: "registrar", Checks: providers.Checks(), Endpoint: "https://vendor.example.cn", Config: struct{}{},
		New: func([]byte, providers.Env) (providers.Provider, error) { return registrar{&asked}, nil },
	}}
	e, err := plugin.Load([]byte(doc), list, plugin.Env{
		Lookup: func(name string) (string, bool) { return notaryKeys[name], true }, Now: time.Now, Random: rand.Reader,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

type posted struct {
	head plugin.Head
	body string
}

func (p *posted) Head() *plugin.Head { return &p.head }

func (p *posted) Body(limit int) ([]byte, error) {
	if len(p.body) > limit {
		return nil, plugin.ErrTooLarge
	}
	return []byte(p.body), nil
}

func post(e *plugin.Engine, body string, more ...callout.Header) plugin.Decision {
	p := &posted{plugin.Head{Method: "POST", Host: "api.example.cn", Path: "/", Header: append([]callout.Header{
		{Name: "content-type", Value: "application/json"}, {Name: "content-length", Value: fmt.Sprint(len(body))},
	}, more...)}, body}
	return e.Evaluate(context.Background(), p, native.NewDoer())
}

func TestForwardWritesWhatTheRuleSays(t *testing.T) {
	flat := map[string]string{"name": "name", "mobile": "mobile", "idNumber": "id", "bankCard": "card", "userId": "user"}
	const person = `"name":"张三","mobile":"13800138000","id":"110101199003070011","card":"6222020000000007","user":"u-1"`
	digest := func(forward string) string {
		d := post(forwarder(t, flat, forward), "{"+person+"}")
		return gjson.GetBytes(d.Body, "id").Str
	}(`{"idNumber":"subject"}`)
	if len(digest) != 22 {
		t.Fatalf("the digest is %q", digest)
	}
	for _, c := range []struct{ name, forward, body, want string }{
		{"the person's digest", `{"idNumber":"subject"}`, `{` + person + `}`, `{` + strings.Replace(person, "110101199003070011", digest, 1) + `}`},
		{"the last four", `{"bankCard":"last4","mobile":"last4","idNumber":"last4"}`, `{` + person + `}`, `{"name":"张三","mobile":"8000","id":"0011","card":"0007","user":"u-1"}`},
		{"of the normal form", `{"mobile":"last4","idNumber":"last4"}`, `{"mobile":"+86 138 0013 8000","id":"11010519491231002x","name":"张三"}`, `{"mobile":"8000","id":"002X","name":"张三"}`},
		{"the first is dropped", `{"name":"drop"}`, `{ "name" : "张三" , "mobile":"13800138000" }`, `{ "mobile":"13800138000" }`},
		{"the last is dropped", `{"mobile":"drop"}`, "{\"name\":\"张三\",\n \"mobile\":\"13800138000\"}", "{\"name\":\"张三\"}"},
		{"all are dropped", `{"mobile":"drop","name":"drop"}`, `{"mobile":"13800138000","name":"张三"}`, `{}`},
	} {
		d := post(forwarder(t, flat, c.forward), c.body)
		if d.Action != policy.Allow || string(d.Body) != c.want {
			t.Errorf("%s: %v %s %s, not %s", c.name, d.Action, d.Reason, d.Body, c.want)
		}
		if !slices.Contains(d.Set, callout.Header{Name: "content-length", Value: fmt.Sprint(len(d.Body))}) || !slices.Contains(d.Remove, "content-length") {
			t.Errorf("%s: the length is not put right: %v, without %v", c.name, d.Set, d.Remove)
		}
	}
	if d := post(forwarder(t, flat, `{"userId":"drop"}`), `{"name":"张三","mobile":"13800138000","user":null}`); d.Action != policy.Allow || d.Body != nil || len(d.Remove) > 0 {
		t.Errorf("a body with nothing to rewrite: %v %s, without %v", d.Action, d.Body, d.Remove)
	}
}

// TestForwardFindsEveryPath: whatever a policy's path may be, what stands there is rewritten and nothing else.
func TestForwardFindsEveryPath(t *testing.T) {
	for _, path := range []string{
		"a", "a.b.c", "0", "a.0", "a.1", "a.0.b", `a\.b`, `a\*`, `a\?.b`, `\#`, `a.\@b`, `\!x`, `a\|b`, ":a", "x.:1", `a\:b`, `\{a\}`, `a\[0\]`, `a\"b`, `a\\b`, `\\`, "a b", "姓名", "-1", "a.-1", "~a", "$", "a+b", "a/b", "a&b", "%41", `\,`, `\;`, `\=\<\>`, "\\`", `\'`, "01", "é.ü",
	} {
		const mobile = `"13800138000"`
		keys := strings.ReplaceAll(path, `\.`, "\x00")
		value := mobile
		parts := strings.Split(keys, ".")
		for _, key := range slices.Backward(parts) {
			key = strings.ReplaceAll(strings.ReplaceAll(key, "\x00", "."), `\\`, "\x00")
			key = strings.ReplaceAll(strings.ReplaceAll(key, `\`, ""), "\x00", `\`)
			quoted, err := json.Marshal(key)
			if err != nil {
				t.Fatal(err)
			}
			value = `{"before":[],` + string(quoted) + `:` + value + `,"after":"13900139000"}`
		}
		bodies := []string{value}
		if path == "a.0" {
			bodies = append(bodies, `{"a":[`+mobile+`,"x"]}`)
		}
		if path == "a.1" {
			bodies = append(bodies, `{"a":["x",`+mobile+`,"y"]}`)
		}
		paths := map[string]string{"name": "the name", "mobile": path}
		for _, body := range bodies {
			body = `{"the name":"张三",` + body[1:]
			for _, form := range []string{"subject", "last4", "drop"} {
				d := post(forwarder(t, paths, `{"mobile":"`+form+`"}`), body)
				if d.Action != policy.Allow || strings.Contains(string(d.Body), "13800138000") || !strings.Contains(string(d.Body), "张三") {
					t.Errorf("%s of %s, %s: %v %s %s", form, body, path, d.Action, d.Reason, d.Body)
				}
			}
		}
	}
}

func TestForwardTakesOffHeadersOfTheOldBytes(t *testing.T) {
	e := forwarder(t, map[string]string{"name": "name", "mobile": "mobile"}, `{"mobile":"drop"}`)
	d := post(e, `{"name":"张三","mobile":"13800138000"}`, callout.Header{Name: "Content-MD5", Value: "x"}, callout.Header{Name: "DIGEST", Value: "x"},
		callout.Header{Name: "content-digest", Value: "x"}, callout.Header{Name: "Repr-Digest", Value: "x"}, callout.Header{Name: "x-digest", Value: "x"})
	if want := []string{"content-length", "Content-MD5", "DIGEST", "content-digest", "Repr-Digest"}; !slices.Equal(d.Remove, want) {
		t.Errorf("removed are %v, not %v", d.Remove, want)
	}
}

// FuzzForward: what passes holds the claims in no other form than the rule's, is JSON that everybody reads alike, and is
// else what came.
func FuzzForward(f *testing.F) {
	paths := map[string]string{"name": "who.name", "mobile": "who.phones.0", "idNumber": "id"}
	e := forwarder(f, paths, `{"name":"drop","mobile":"last4","idNumber":"subject"}`)
	for _, seed := range []string{
		`{"who":{"name":"张三","phones":["13800138000","x"]},"id":"110101199003070011","kept":[1,{"a":"b"}]}`,
		`{"who":{"phones":{"0":"13800138000"},"\u006eame":"张三"}}`,
		` { "kept" : "\"who\":{" , "who" : { "phones" : [ "13800138000" ] , "name" : "张三" } } `,
		`{"who":{"name":"张三","phones":["138 0013 8000"]},"id":null}`,
		`{"a":{"who":{"name":"x"}},"who":{"na\\me":1,"name":"张三","phones":["13800138000"]}}`,
		`[{"who":1}]`, `{"who":{"name":"张三","phones":[]}}`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		d := post(e, body)
		if d.Action != policy.Allow {
			if d.Reason == plugin.Unavailable {
				t.Fatalf("%q could not be rewritten", body)
			}
			return
		}
		if err := strictjson.Check(d.Body); err != nil {
			t.Fatalf("%q became %q: %v", body, d.Body, err)
		}
		var was, is map[string]any
		if err := json.Unmarshal([]byte(body), &was); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(d.Body, &is); err != nil {
			t.Fatal(err)
		}
		who, now := was["who"].(map[string]any), is["who"].(map[string]any)
		if _, there := now["name"]; there {
			t.Fatalf("%q became %q, with a name", body, d.Body)
		}
		if id, ok := is["id"].(string); ok && id != "" && was["id"] != "" && len(id) != 22 {
			t.Fatalf("%q became %q, with an ID number", body, d.Body)
		}
		if phone := gjson.GetBytes(d.Body, "who.phones.0"); len(phone.Str) != 4 {
			t.Fatalf("%q became %q, with a mobile", body, d.Body)
		}
		delete(who, "name")
		for _, m := range []map[string]any{was, is} {
			delete(m, "id")
			switch phones := m["who"].(map[string]any)["phones"].(type) {
			case []any:
				phones[0] = nil
			case map[string]any:
				phones["0"] = nil
			}
		}
		a, _ := json.Marshal(was)
		b, _ := json.Marshal(is)
		if string(a) != string(b) {
			t.Fatalf("%q became %q, and more changed than it should", body, d.Body)
		}
	})
}
