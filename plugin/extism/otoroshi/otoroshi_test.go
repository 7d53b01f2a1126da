package otoroshi_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/extism/otoroshi"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/catalog"
)

// recorded is a file of testdata: a call and its answer.
type recorded struct {
	Source  string
	Export  string
	Context json.RawMessage
	Answer  map[string]any
}

func TestRecordedCalls(t *testing.T) {
	files, err := filepath.Glob("testdata/*-*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no recorded calls")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			var call recorded
			text, err := os.ReadFile(file)
			if err == nil {
				err = json.Unmarshal(text, &call)
			}
			if err != nil {
				t.Fatal(err)
			}
			serve := otoroshi.Transform
			if call.Export == "access" {
				serve = otoroshi.Access
			}
			var got map[string]any
			if err := json.Unmarshal(drawn.ReplaceAll(serve(call.Context, evaluate(t)), []byte(`${1}ID`)), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, call.Answer) {
				t.Errorf("got  %v\nwant %v", got, call.Answer)
			}
		})
	}
}

// drawn finds the decision's id, which is random.
var drawn = regexp.MustCompile(`("x-idv-decision-id":"|\\"instance\\":\\")[A-Za-z0-9_-]{22}`)

// evaluate is the engine with the recorded calls' policy and a vendor that knows one person.
func evaluate(t *testing.T) otoroshi.Evaluate {
	t.Helper()
	doc, err := os.ReadFile("testdata/policy.json")
	if err != nil {
		t.Fatal(err)
	}
	engine, err := plugin.Load(doc, catalog.List(), plugin.Env{
		Lookup: func(name string) (string, bool) {
			return map[string]string{"JDCLOUD_URL": "http://vendor.example.cn", "JD_ACCESS_KEY": "access", "JD_SECRET_KEY": "secret"}[name], true
		},
		Now:    func() time.Time { return time.Unix(1795000000, 0) },
		Random: strings.NewReader(strings.Repeat("random", 1000)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(r plugin.Request) plugin.Decision { return engine.Evaluate(context.Background(), r, vendor{}) }
}

// vendor is JD Cloud to someone whose ID number is 110101199003070003.
type vendor struct{}

func (vendor) Do(_ context.Context, r *callout.Request) (*callout.Response, error) {
	code, success, detail := "ok", "true", `{\"chargeFlag\":\"1\",\"message\":\"m\",\"orderNumber\":\"1\"}`
	if !strings.Contains(string(r.Body), "110101199003070003") {
		code, success = "SANDBOX_MISMATCH", "false"
	}
	return &callout.Response{
		Status: 200, Header: []callout.Header{{Name: "content-type", Value: "application/json"}},
		Body: []byte(`{"requestId":"r","result":{"success":` + success + `,"hasException":false,"code":"` + code + `","message":"m","detail":"` + detail + `"}}`),
	}, nil
}

func TestWhatCannotBeReadIsDenied(t *testing.T) {
	allow := func(plugin.Request) plugin.Decision { return plugin.Decision{Action: policy.Allow} }
	for name, context := range map[string]string{
		"nothing":              "",
		"no object":            "[]",
		"cut":                  `{"request":{"method":"GET"`,
		"no request":           `{"otoroshi_request":{"headers":{}}}`,
		"a request of no path": `{"request":{"method":"GET"},"otoroshi_request":{"headers":{}}}`,
		"a method of no text":  `{"request":{"method":1,"uri":"/"},"otoroshi_request":{"headers":{}}}`,
	} {
		if got := string(otoroshi.Access([]byte(context), allow)); !strings.HasPrefix(got, `{"result":false,"error":{"status":503,`) {
			t.Errorf("access, %s: %s", name, got)
		}
		if got := string(otoroshi.Transform([]byte(context), allow)); !strings.HasPrefix(got, `{"error":true,"status":503,`) {
			t.Errorf("transform_request, %s: %s", name, got)
		}
	}
	// Without the headers that go to the backend they cannot be replaced.
	if got := string(otoroshi.Transform([]byte(`{"request":{"method":"GET","uri":"/"}}`), allow)); !strings.HasPrefix(got, `{"error":true,"status":503,`) {
		t.Error(got)
	}
}

func TestWhatTheEngineIsAsked(t *testing.T) {
	const context = `{"snowflake":"s1","request":{"method":"POST","uri":"/a?b=%20","tls":true,"remote":"192.0.2.9","has_body":true,
		"headers":{"Host":"a.cn","X-Mobile":"first","Upgrade":"WebSocket"}},
		"otoroshi_request":{"headers":{"Host":"10.0.0.1","X-Mobile":"last","Cookie":"a=\"b\""}},"request_body_bytes":[123,-26,127,-128,255]}`
	var got plugin.Head
	var body []byte
	otoroshi.Transform([]byte(context), func(r plugin.Request) plugin.Decision {
		got = *r.Head()
		body, _ = r.Body(100)
		if _, err := r.Body(4); !errors.Is(err, plugin.ErrTooLarge) {
			t.Errorf("a body of 5 bytes within 4: %v", err)
		}
		return plugin.Decision{}
	})
	want := plugin.Head{
		ID: "s1", Method: "POST", Scheme: "https", Host: "a.cn", Path: "/a?b=%20", Client: "192.0.2.9", Upgrade: true,
		Header: []callout.Header{{Name: "x-mobile", Value: "last"}, {Name: "cookie", Value: `a="b"`}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if string(body) != "{\xe6\x7f\x80\xff" {
		t.Errorf("body %q", body)
	}
}

func TestABodyThatIsNoBytesIsNone(t *testing.T) {
	for _, numbers := range []string{`"text"`, "[", "[1,", "[,1]", "[1,]", "[-]", "[--1]", "[1-1]", "[256]", "[-129]", "[1000]", "[1.5]", "[1,[2]]", "[null]", "[ 1]"} {
		context := `{"request":{"method":"POST","uri":"/","has_body":true,"headers":{}},"otoroshi_request":{"headers":{}},"request_body_bytes":` + numbers + `}`
		otoroshi.Transform([]byte(context), func(r plugin.Request) plugin.Decision {
			if body, err := r.Body(100); !errors.Is(err, plugin.ErrGone) {
				t.Errorf("%s: %q, %v", numbers, body, err)
			}
			return plugin.Decision{}
		})
	}
}

func TestADecisionIsPutAsOtoroshiReadsIt(t *testing.T) {
	const context = `{"request":{"method":"GET","uri":"/","headers":{}},"otoroshi_request":{"headers":{"X_IDV_OUTCOME":"spoofed","Kept":"1"}}}`
	header := func(name, value string) callout.Header { return callout.Header{Name: name, Value: value} }
	for _, c := range []struct {
		name              string
		decision          plugin.Decision
		access, transform string
	}{
		{
			"the zero decision denies",
			plugin.Decision{},
			`{"result":false,"error":{"status":503,"message":"verification_unavailable"}}`, `{"error":true,"status":503,"headers":{},"body_str":""}`,
		},
		{
			"what is removed, and what is set twice",
			plugin.Decision{Action: policy.Allow, Remove: []string{"x_idv_outcome"}, Set: []callout.Header{header("x-idv-check", "id2"), header("x-idv-check", "bank3")}},
			`{"result":true}`, `{"headers":{"kept":"1","x-idv-check":"id2, bank3"}}`,
		},
		{
			"a redirection",
			plugin.Decision{Action: policy.Challenge, Reason: plugin.VerificationNeeded, Status: 303, Header: []callout.Header{header("location", "https://page.example.cn/")}, Body: []byte("{}")},
			`{"result":false,"error":{"status":403,"message":"verification_required"}}`, `{"error":true,"status":303,"headers":{"location":"https://page.example.cn/"},"body_str":"{}"}`,
		},
	} {
		decide := func(plugin.Request) plugin.Decision { return c.decision }
		if got := string(otoroshi.Access([]byte(context), decide)); got != c.access {
			t.Errorf("%s: access: %s", c.name, got)
		}
		if got := string(otoroshi.Transform([]byte(context), decide)); got != c.transform {
			t.Errorf("%s: transform_request: %s", c.name, got)
		}
	}
}
