package message_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/extism/message"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
)

func TestReadTakesEachKindOfMessage(t *testing.T) {
	for _, c := range []struct {
		name, input string
		want        message.In
	}{
		{
			"begin",
			`{"flow":7,"head":{"id":"q1","method":"POST","scheme":"https","host":"a.cn:8443","path":"/x?y=1","headers":[["a","1"],["a","2"],["b",""]],"client":"192.0.2.1","jwt":{"sub":"u","x":[1,{"y":null}]},"noBody":true,"upgrade":false}}` + "\n",
			message.In{Flow: 7, Bytes: []byte{}, Head: &plugin.Head{
				ID: "q1", Method: "POST", Scheme: "https", Host: "a.cn:8443", Path: "/x?y=1", Client: "192.0.2.1", NoBody: true,
				Header: []callout.Header{{Name: "a", Value: "1"}, {Name: "a", Value: "2"}, {Name: "b", Value: ""}},
				JWT:    []byte(`{"sub":"u","x":[1,{"y":null}]}`),
			}},
		},
		{"a body", `{"flow":7,"body":true,"bytes":5}` + "\nhello", message.In{Flow: 7, Body: "true", Bytes: []byte("hello")}},
		{"an empty body", `{"flow":7,"body":true}` + "\n", message.In{Flow: 7, Body: "true", Bytes: []byte{}}},
		{"a body that is too large", `{"flow":7,"body":"too_large"}` + "\n", message.In{Flow: 7, Body: "too_large", Bytes: []byte{}}},
		{"a body that broke off", ` { "flow" : 7 , "body" : "gone" } ` + "\n", message.In{Flow: 7, Body: "gone", Bytes: []byte{}}},
		{"a reply", `{"flow":7,"callId":3,"status":200,"headers":[["x","y"]],"bytes":2}` + "\n{}", message.In{Flow: 7, CallID: 3, Status: 200, Header: []callout.Header{{Name: "x", Value: "y"}}, Bytes: []byte("{}")}},
		{"no reply", `{"flow":7,"callId":3,"error":"timeout"}` + "\n", message.In{Flow: 7, CallID: 3, Error: "timeout", Bytes: []byte{}}},
		{"a timer", `{"flow":7,"timer":4}` + "\n", message.In{Flow: 7, Timer: 4, Bytes: []byte{}}},
		{"cancel", `{"flow":9007199254740}` + "\n", message.In{Flow: 9007199254740, Bytes: []byte{}}},
		{"without a newline at the end", `{"flow":7}`, message.In{Flow: 7}},
		{"what is not known is passed over", `{"future":{"a":[1.5e3,true,"\u00e9"]},"flow":7,"x":-1}` + "\n", message.In{Flow: 7, Bytes: []byte{}}},
		{"escapes", `{"flow":1,"error":"a\"\\\/\b\f\n\r\t\u674e\ud83d\ude00"}` + "\n", message.In{Flow: 1, Error: "a\"\\/\b\f\n\r\t李😀", Bytes: []byte{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, rest, err := message.Read([]byte(c.input))
			if err != nil || len(rest) != 0 {
				t.Fatalf("%v, rest %q", err, rest)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestReadTakesOneMessageAfterTheOther(t *testing.T) {
	input := []byte(`{"flow":1,"body":true,"bytes":3}` + "\n{}\n" + `{"flow":2,"timer":5}` + "\n")
	first, rest, err := message.Read(input)
	if err != nil || string(first.Bytes) != "{}\n" {
		t.Fatalf("%+v %v", first, err)
	}
	second, rest, err := message.Read(rest)
	if err != nil || second.Timer != 5 || len(rest) != 0 {
		t.Fatalf("%+v %q %v", second, rest, err)
	}
}

func TestReadRefusesWhatItCannotRead(t *testing.T) {
	for name, input := range map[string]string{
		"nothing":                         "\n",
		"not an object":                   "[]\n",
		"cut off":                         `{"flow":7`,
		"two objects on a line":           `{"flow":7}{}` + "\n",
		"a flow that is text":             `{"flow":"7"}` + "\n",
		"a negative flow":                 `{"flow":-7}` + "\n",
		"a flow beyond 15 digits":         `{"flow":1234567890123456}` + "\n",
		"more bytes than there are":       `{"flow":7,"body":true,"bytes":4}` + "\nabc",
		"a head without a method":         `{"flow":7,"head":{"host":"a"}}` + "\n",
		"a head that is text":             `{"flow":7,"head":"x"}` + "\n",
		"a header that is no pair":        `{"flow":7,"head":{"method":"GET","headers":[["a"]]}}` + "\n",
		"a header of three":               `{"flow":7,"head":{"method":"GET","headers":[["a","b","c"]]}}` + "\n",
		"a header without a name":         `{"flow":7,"head":{"method":"GET","headers":[["","b"]]}}` + "\n",
		"a header value that is a number": `{"flow":7,"head":{"method":"GET","headers":[["a",1]]}}` + "\n",
		"a token that is no object":       `{"flow":7,"head":{"method":"GET","jwt":"x"}}` + "\n",
		"a lone surrogate":                `{"flow":7,"error":"\ud83d"}` + "\n",
		"a control character":             "{\"flow\":7,\"error\":\"a\tb\"}\n",
		"an unknown escape":               `{"flow":7,"error":"\x"}` + "\n",
		"ten thousand brackets":           `{"x":` + strings.Repeat("[", 10_000) + "\n",
		"a trailing comma":                `{"flow":7,}` + "\n",
	} {
		if m, _, err := message.Read([]byte(input)); !errors.Is(err, message.ErrMalformed) {
			t.Errorf("%s: got %+v, %v", name, m, err)
		}
	}
}

// FuzzRead: it never panics, and what it reads encoding/json reads too, flow and body's length alike.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"flow":7,"head":{"method":"POST","host":"a","path":"/","headers":[["a","b"]]}}` + "\n"))
	f.Add([]byte(`{"flow":7,"body":true,"bytes":5}` + "\nhello"))
	f.Add([]byte(`{"flow":7,"callId":3,"status":200,"headers":[],"bytes":2}` + "\n{}"))
	f.Fuzz(func(t *testing.T, input []byte) {
		m, _, err := message.Read(input)
		line, _, _ := bytes.Cut(input, []byte("\n"))
		if err != nil || bytes.Count(line, []byte(`"flow"`)) != 1 || !json.Valid(line) {
			return
		}
		var want struct{ Flow *uint64 }
		if json.Unmarshal(line, &want) == nil && want.Flow != nil && bytes.Contains(line, []byte(`"flow":`)) && *want.Flow != m.Flow && topLevel(line) {
			t.Fatalf("flow %d, encoding/json reads %d: %q", m.Flow, *want.Flow, line)
		}
	})
}

// topLevel reports whether the line's member flow is one of the outermost object, in just this case.
func topLevel(line []byte) bool {
	var all map[string]json.RawMessage
	_ = json.Unmarshal(line, &all)
	for k := range all {
		if strings.EqualFold(k, "flow") && k != "flow" {
			return false
		}
	}
	_, ok := all["flow"]
	return ok
}

// schema is docs/schema/messages.schema.json.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	raw, err := os.ReadFile("../../../docs/schema/messages.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("messages.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("messages.json#/$defs/out")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsWrittenKeepsToTheSchema(t *testing.T) {
	s := schema(t)
	for name, write := range map[string]func(*message.Writer){
		"want body": func(w *message.Writer) { w.WantBody(7, 100) },
		"want call": func(w *message.Writer) {
			w.WantCall(7, 3, &callout.Request{
				Method: "POST", URL: "https://v.cn/x", Target: "v", Timeout: time.Millisecond / 2, Body: []byte("a\nb"),
				Header: []callout.Header{{Name: "a", Value: "quote \" line\n"}},
			})
		},
		"want timer": func(w *message.Writer) { w.WantTimer(7, 4, 1500*time.Millisecond) },
		"allow": func(w *message.Writer) {
			w.Decided(7, &plugin.Decision{Action: policy.Allow, ID: "i", Reason: "match", Remove: []string{"x-idv-a", "X_IDV_B"}, Set: []callout.Header{{Name: "x-idv-outcome", Value: "match"}}})
		},
		"allow what no rule is for": func(w *message.Writer) { w.Decided(7, &plugin.Decision{Action: policy.Allow}) },
		"deny": func(w *message.Writer) {
			w.Decided(7, &plugin.Decision{ID: "i", Reason: "invalid_request", Status: 400, Header: []callout.Header{{Name: "content-type", Value: "x"}}, Body: []byte("{}")})
		},
		"a decision that forgot its status": func(w *message.Writer) { w.Decided(7, &plugin.Decision{}) },
		"info": func(w *message.Writer) {
			w.Info(&plugin.Info{Version: "v1", Digest: "d", Rules: 2, Endpoints: []plugin.Endpoint{{Provider: "a", URL: "https://v.cn", Target: "v.cn:443"}}})
		},
		"info of a policy that does not load": func(w *message.Writer) {
			w.Info(&plugin.Info{Version: "v1", Errors: []string{"one", "two \"quoted\""}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var w message.Writer
			write(&w)
			for out := w.Bytes(); len(out) > 0; {
				line, rest, ok := bytes.Cut(out, []byte("\n"))
				if !ok {
					t.Fatalf("no newline: %q", out)
				}
				doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
				if err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				if err := s.Validate(doc); err != nil {
					t.Errorf("%v\n%s", err, line)
				}
				var raw struct{ Bytes int }
				_ = json.Unmarshal(line, &raw)
				out = rest[raw.Bytes:]
			}
		})
	}
}

func TestADecisionThatForgotItsStatusIs503(t *testing.T) {
	var w message.Writer
	w.Decided(1, &plugin.Decision{})
	if got := string(w.Bytes()); !strings.Contains(got, `"action":"deny","status":503`) {
		t.Error(got)
	}
}
