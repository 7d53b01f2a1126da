package jdcloud

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/providertest"
)

// wireCase is an exchange of the vendor's SDK, as it was run.
type wireCase struct {
	Case       string
	RawRequest string
	Reply      string
	Status     int
}

func TestVectorsOfTheWire(t *testing.T) {
	want := map[string]string{
		"flat_result":                      "match, billed yes, reference r1, trace r1",
		"nested_authInfo_result_as_in_doc": "match, billed unknown, reference r2, trace ",
		"gateway_error":                    "refused 401 APIGW_SIGN_RESULT_NOT_SAME, billed no",
		"http_403_fail":                    "refused 403 HTTP_FORBIDDEN, billed no",
		"html_502":                         "unavailable 502 , billed unknown",
		"empty_200":                        "malformed 200 , billed unknown",
	}
	p := newProvider(t, config, providertest.Env(t))
	person := providertest.Person(t, providertest.Claims{Name: "张三", IDNumber: "11010519491231002X", Mobile: "13800138000"})
	for _, file := range vectorFiles("jdcloud_wire.json") {
		var cases []wireCase
		readJSON(t, file, &cases)
		for _, c := range cases {
			result, err := p.judge(&callout.Response{Status: c.Status, Body: []byte(c.Reply)})
			got := result.Outcome.String() + ", billed " + result.Billed.String() + ", reference " + result.Reference + ", trace " + result.Trace
			if err != nil {
				e := providers.AsError(err)
				code, _ := json.Marshal(e.Status)
				got = e.Kind.String() + " " + string(code) + " " + e.Code + ", billed " + e.Billed.String()
			}
			if w, known := want[c.Case]; known && got != w {
				t.Errorf("%s: got %q, want %q", c.Case, got, w)
			}
			if result.Outcome == providers.Match && !strings.Contains(c.Reply, `"success":true`) {
				t.Errorf("%s: match of a reply that does not say success", c.Case)
			}
			if _, body, _ := strings.Cut(c.RawRequest, "\r\n\r\n"); body != string(p.questions[providers.Mobile3].body(person)) {
				t.Errorf("%s: body\n got %s\nwant %s", c.Case, p.questions[providers.Mobile3].body(person), body)
			}
		}
	}
}

// TestBodiesAreWhatEncodingJSONWrites compares every body with a map marshalled by encoding/json, which is what the
// vendor's SDK sends.
func TestBodiesAreWhatEncodingJSONWrites(t *testing.T) {
	person := providertest.Sample(t)
	for _, withCard := range []bool{false, true} {
		for c, q := range questions(withCard) {
			user := map[string]any{"name": person.Name.String(), "idCard": nil, "bankcard": nil, "mobile": nil, "imgBase64": nil}
			for _, claim := range q.claims {
				switch claim.String() {
				case "idNumber":
					user["idCard"] = person.ID.String()
				case "bankCard":
					user["bankcard"] = person.Card.String()
				case "mobile":
					user["mobile"] = person.Mobile.String()
				case "faceImage":
					user["imgBase64"] = person.Face.Base64()
				}
			}
			want, err := json.Marshal(map[string]any{"personalSpec": map[string]any{"checkType": checkType(c), "personalUser": user}})
			if err != nil {
				t.Fatal(err)
			}
			got := q.body(person)
			if string(got) != string(want) {
				t.Errorf("%s\n got %s\nwant %s", c, got, want)
			}
			if !strings.HasPrefix(string(got), q.head) {
				t.Errorf("%s does not begin with %s", c, q.head)
			}
		}
	}
	for _, name := range []string{"李雷", "a\"b\\c", "<&>", "\u2028\u2029", "\U00020000·\ue000", "O'Neil"} {
		want, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendName([]byte("<"), name); string(got) != "<"+string(want) {
			t.Errorf("name %q: got %s, want %s", name, got, want)
		}
	}
}

// FuzzReply proves of any reply: no panic, one of result and error, and a match only where success stands as true.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		`{"requestId":"r1","result":{"success":true,"hasException":false,"code":"ok","detail":"{\"chargeFlag\":\"1\",\"orderNumber\":\"r1\"}"}}`,
		`{"requestId":"r2","result":{"authInfo":{"success":false,"hasException":false,"code":"SANDBOX_NO_RECORD","detail":"x"}}}`,
		`{"requestId":"r3","error":{"code":401,"message":"m","status":"APIGW_SIGN_RESULT_NOT_SAME"}}`,
		`{"result":{"success":true,"hasException":true,"code":7}}`, `<html>`, ``, `[[[[`, `{"result":{"authInfo":"x","success":true}}`,
	} {
		f.Add(200, seed)
		f.Add(403, seed)
	}
	p := newProvider(f, config, providertest.Env(f))
	f.Fuzz(func(t *testing.T, status int, body string) {
		result, err := p.judge(&callout.Response{Status: status, Body: []byte(body)})
		if err != nil {
			if result != (providers.Result{}) {
				t.Errorf("a result beside %v", err)
			}
			if _, ok := errors.AsType[*providers.Error](err); !ok {
				t.Errorf("error is a %T", err)
			}
			return
		}
		if result.Outcome == providers.Unanswered || result.Outcome == providers.Pending {
			t.Errorf("outcome %s without an error", result.Outcome)
		}
		if result.Outcome == providers.Match {
			var r struct {
				Result struct {
					Success  bool
					AuthInfo *struct{ Success bool }
				}
			}
			if json.Unmarshal([]byte(body), &r) != nil || !r.Result.Success && (r.Result.AuthInfo == nil || !r.Result.AuthInfo.Success) {
				t.Errorf("match of %q", body)
			}
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	p := newProvider(b, config, providertest.Env(b))
	reply := &callout.Response{Status: 200, Body: []byte(`{"requestId":"c9h3q1r2s4t5u6v7","result":{"success":true,"hasException":false,"code":"ok","message":"认证通过","detail":"{\"chargeFlag\":\"1\",\"message\":\"认证通过\",\"orderNumber\":\"c9h3q1r2s4t5u6v7\"}"}}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.judge(reply); err != nil {
			b.Fatal(err)
		}
	}
}
