package wire

import (
	"errors"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

func TestParseText(t *testing.T) {
	for _, c := range []struct {
		name, json, want string
		ok               bool
	}{
		{"a string is itself", `"-4"`, "-4", true},
		{"a string is unescaped", `"\u79fb动"`, "移动", true},
		{"an empty string is text", `""`, "", true},
		{"a number is as it is written", `0.0`, "0.0", true},
		{"a negative number too", `-0`, "-0", true},
		{"a long number keeps its digits", `1529628301297995777`, "1529628301297995777", true},
		{"null is no text, and no fault", `null`, "", true},
		{"a boolean is none", `true`, "", false},
		{"an object is none", `{"a":"b"}`, "", false},
		{"an array is none", `["a"]`, "", false},
		{"a string that is cut is none", `"a`, "", false},
		{"nothing is none", ``, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := ParseText([]byte(c.json))
			if got != c.want || ok != c.ok {
				t.Errorf("got %q, %v, want %q, %v", got, ok, c.want, c.ok)
			}
		})
	}
}

// shape is a reply's as vendors have them.
type shape struct {
	Code *Text                     `json:"code"`
	Data *Object[struct{ N Text }] `json:"data"`
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		name, json string
		code       string // "-": absent
		n          string // "-": data is absent
		fails      bool
	}{
		{"code and data", `{"code":10000,"data":{"n":"a"}}`, "10000", "a", false},
		{"a null is absent", `{"code":null,"data":null}`, "-", "-", false},
		{"what is missing is absent", `{}`, "-", "-", false},
		{"a code that is no text is empty, which is no code", `{"code":false,"data":{"n":1}}`, "", "1", false},
		{"text for data is an empty object", `{"code":"1","data":"x"}`, "1", "", false},
		{"an array for data is an empty object", `{"code":"1","data":[{"n":"a"}]}`, "1", "", false},
		{"another shape further up is refused", `[]`, "-", "-", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s shape
			if err := callout.Decode([]byte(c.json), &s); (err != nil) != c.fails {
				t.Fatalf("error %v", err)
			}
			code, n := "-", "-"
			if s.Code != nil {
				code = string(*s.Code)
			}
			if s.Data != nil {
				n = string(s.Data.Value.N)
			}
			if code != c.code || n != c.n {
				t.Errorf("got code %q, n %q, want %q, %q", code, n, c.code, c.n)
			}
		})
	}
}

func TestObjectThatDoesNotFit(t *testing.T) {
	var o Object[struct{ N int }]
	if err := callout.Decode([]byte(`{"n":"a"}`), &o); err == nil {
		t.Error("text in place of a number has no error")
	}
}

func TestCode(t *testing.T) {
	for code, want := range map[string]string{
		"": "", "-4": "-4", "10000": "10000", "SAME": "SAME", "open_sign_verify_error": "open_sign_verify_error",
		"20261122": "20261122", "123456789": "", "13800001000": "", "11010119900307002X": "", "e13800001000": "",
		"12345678.12345678": "12345678.12345678", "a b": "", "李雷": "",
	} {
		if got := Code(code); got != want {
			t.Errorf("%q is shown as %q, want %q", code, got, want)
		}
	}
}

func TestStatus(t *testing.T) {
	const no, maybe = providers.BilledNo, providers.BilledUnknown
	for _, c := range []struct {
		name   string
		status int
		after  string // Retry-After
		want   providers.Error
		text   string
	}{
		{"429 is busy", 429, "7", providers.Error{Kind: providers.Busy, Retry: 7 * time.Second, Billed: no}, "v: busy: HTTP status 429"},
		{"400 refuses us", 400, "", providers.Error{Kind: providers.Refused, Billed: no}, "v: refused: HTTP status 400"},
		{"401 refuses us", 401, "", providers.Error{Kind: providers.Refused, Billed: no}, "v: refused: HTTP status 401"},
		{"499 refuses us", 499, "", providers.Error{Kind: providers.Refused, Billed: no}, "v: refused: HTTP status 499"},
		{"500 may have been billed", 500, "", providers.Error{Kind: providers.Unavailable, Billed: maybe}, "v: unavailable: HTTP status 500"},
		{"503 says when to come back", 503, "120", providers.Error{Kind: providers.Unavailable, Retry: 2 * time.Minute, Billed: maybe}, "v: unavailable: HTTP status 503"},
		{"at most in an hour", 503, "7200", providers.Error{Kind: providers.Unavailable, Retry: time.Hour, Billed: maybe}, "v: unavailable: HTTP status 503"},
		{"a date is not read", 503, "Sun, 22 Nov 2026 04:00:00 GMT", providers.Error{Kind: providers.Unavailable, Billed: maybe}, "v: unavailable: HTTP status 503"},
		{"a time past is none", 503, "-1", providers.Error{Kind: providers.Unavailable, Billed: maybe}, "v: unavailable: HTTP status 503"},
		{"302 is not followed", 302, "", providers.Error{Kind: providers.Malformed, Billed: maybe}, "v: malformed: HTTP status 302"},
		{"204 holds no answer", 204, "", providers.Error{Kind: providers.Malformed, Billed: maybe}, "v: malformed: HTTP status 204"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := &callout.Response{Status: c.status, Header: []callout.Header{{Name: "retry-after", Value: c.after}}}
			got := Status("v", resp)
			if got.Error() != c.text {
				t.Errorf("text %q, want %q", got, c.text)
			}
			c.want.Provider, c.want.Status, c.want.Err = "v", c.status, got.Err
			if *got != c.want {
				t.Errorf("got %+v, want %+v", *got, c.want)
			}
		})
	}
}

func TestNotSent(t *testing.T) {
	why := errors.New("no claim")
	got := NotSent("v", providers.Refused, why)
	if got.Error() != "v: refused: no claim" || got.Billed != providers.BilledNo || !errors.Is(got, why) {
		t.Errorf("got %+v", got)
	}
}
