package host

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestReadMessage(t *testing.T) {
	for _, c := range []struct {
		name, out, rest string
		want            message
	}{
		{
			"a decision", `{"flow":7,"decision":{"action":"allow"}}` + "\nnext", "next",
			message{hasFlow: true, flow: 7, decision: []byte(`{"action":"allow"}`)},
		},
		{
			"with raw bytes, which may hold newlines", `{"flow":7,"decision":{},"bytes":3}` + "\na\nbnext", "next",
			message{hasFlow: true, flow: 7, decision: []byte(`{}`), raw: []byte("a\nb")},
		},
		{
			"a callout", ` { "flow" : 1 , "want" : "call", "callId":2,"method":"POST","url":"http:\/\/a\/\u00e9\ud83d\ude00","headers":[["a","b"]],"timeoutMs":5,"target":"x" } `, "",
			message{hasFlow: true, flow: 1, want: []byte("call"), callID: 2, method: []byte("POST"), url: []byte("http://a/é😀"), header: []byte(`[["a","b"]]`), timeoutMs: 5},
		},
		{"what nobody knows", `{"weather":[1,-2.5e3,true,false,null,{"a":[]},""]}` + "\n", "", message{}},
	} {
		var m message
		rest, err := readMessage([]byte(c.out), &m)
		if len(m.raw) == 0 {
			m.raw = nil
		}
		if err != nil || string(rest) != c.rest || !reflect.DeepEqual(m, c.want) {
			t.Errorf("%s: %+v, rest %q, %v", c.name, m, rest, err)
		}
	}
	for _, bad := range []string{
		"\n", "x\n", "{\n", "{}{}\n", `{"flow":}` + "\n", `{"flow":-1}` + "\n", `{"flow":1.5}` + "\n", `{"flow":1e3}` + "\n", `{"flow":99999999999999999999}` + "\n",
		`{"flow":"7"}` + "\n", `{"flow":7,}` + "\n", `{"flow":7 "a":1}` + "\n", `{"bytes":1}` + "\n", `{"want":"a` + "\n" + `b"}` + "\n", `{"a":"\x"}` + "\n", `{"a":"\u12"}` + "\n",
		`{"a":tru}` + "\n", `{"a":+1}` + "\n", `{"a":` + strings.Repeat("[", 100_000) + "\n", `[]` + "\n", `{"a":"` + "\x01" + `"}` + "\n", `{"a":`, `{"a":"\`,
	} {
		if _, err := readMessage([]byte(bad), new(message)); !errors.Is(err, errMalformed) {
			t.Errorf("%.60q was read: %v", bad, err)
		}
	}
}

func TestReadDecision(t *testing.T) {
	n := names{}
	for _, c := range []struct {
		name, raw string
		want      decision
	}{
		{
			"an allowance", `{"action":"allow","id":"x","remove":["X-IDV-a","x_idv"],"set":[["x-idv-outcome","match"]]}`,
			decision{action: allow, remove: []string{"X-Idv-A", "X_idv"}, set: []header{{"X-Idv-Outcome", "match"}}, body: []byte("body")},
		},
		{
			"a denial", `{"action":"deny","status":403,"headers":[["content-type","a/b"]]}`,
			decision{action: deny, status: 403, header: []header{{"Content-Type", "a/b"}}, body: []byte("body")},
		},
		{"no action", `{"status":403,"headers":[]}`, decision{}},
		{"an unknown action", `{"action":"maybe","status":403}`, decision{}},
		{"a denial without status", `{"action":"deny","headers":[]}`, decision{}},
		{"a denial with a status of success", `{"action":"deny","status":200,"headers":[]}`, decision{}},
		{"a header name that is none", `{"action":"allow","set":[["x y","1"]]}`, decision{}},
		{"a header value with a line end", `{"action":"allow","set":[["x","1\n2"]]}`, decision{}},
		{"headers of another form", `{"action":"allow","set":{"x":"1"}}`, decision{}},
	} {
		var d decision
		err := n.readDecision([]byte(c.raw), []byte("body"), &d)
		for _, list := range []*[]header{&d.header, &d.set} {
			if len(*list) == 0 {
				*list = nil
			}
		}
		if len(d.remove) == 0 {
			d.remove = nil
		}
		if err != nil || !reflect.DeepEqual(d, c.want) {
			t.Errorf("%s: %+v, %v", c.name, d, err)
		}
	}
	for _, bad := range []string{`null`, `[]`, `{"action":allow}`, `{"action":"allow"`, `{"remove":["a",1]}`} {
		if err := n.readDecision([]byte(bad), nil, new(decision)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestAppendText(t *testing.T) {
	for _, s := range []string{"", "plain", `a "quoted" \ back`, "tab\tnul\x00\x1f del\x7f", "é 中文 😀 \u2028", "\ufffd"} {
		b, ok := appendText(nil, s)
		var back string
		if err := json.Unmarshal(b, &back); !ok || err != nil || back != s {
			t.Errorf("%q became %s: %v", s, b, err)
		}
	}
	for _, s := range []string{"\xff", "a\xc3", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80"} {
		if b, ok := appendText(nil, s); ok {
			t.Errorf("%q became %s", s, b)
		}
	}
	if b := appendRepaired([]byte("x"), "a\xffb"); string(b) != "x\"a\ufffdb\"" {
		t.Errorf("%q", b)
	}
}

func TestReserved(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Idv-Outcome": true, "x_idv_outcome": true, "X.IDV.Check": true, "xidv": true, "-x--i~d_v": true, "X-Idvendor": true,
		"X-Id": false, "X-Request-Id": false, "Idv-Assertion": true, "idv_pending": true, "Idv-Pendings": false, "": false, "Xx-Idv": false,
	} {
		if reserved(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte(`{"flow":7,"decision":{"action":"allow","set":[["a","b"]]},"bytes":1}` + "\nx"))
	f.Add([]byte(`{"metrics":[{"name":"idv_a","type":"counter","value":1e3,"labels":{"a":"\u00e9"}}]}` + "\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		var m message
		rest, err := readMessage(out, &m)
		if err == nil && len(rest)+len(m.raw) > len(out) {
			t.Error("more came out than went in")
		}
		var d decision
		if m.decision != nil && (names{}).readDecision(m.decision, nil, &d) == nil {
			for _, h := range append(d.set, d.header...) {
				if http.CanonicalHeaderKey(h.name) != h.name || !isFieldValue(h.value) {
					t.Errorf("header %q", h)
				}
			}
		}
	})
}

func BenchmarkBegin(b *testing.B) {
	r, _ := http.NewRequest("POST", "http://play.example.cn/v1/players/1?x=1", nil)
	r.RequestURI = "/v1/players/1?x=1"
	for name, value := range map[string]string{
		"User-Agent": "Mozilla/5.0 (X11; Linux)", "Accept": "*/*", "Content-Type": "application/json",
		"Content-Length": "90", "X-Request-Id": "abc", "Accept-Encoding": "gzip, deflate",
	} {
		r.Header.Set(name, value)
	}
	b.ReportAllocs()
	line := make([]byte, 0, 2048)
	var m message
	var d decision
	n := names{}
	out := []byte(`{"flow":7,"decision":{"action":"allow","reason":"no_rule"}}` + "\n")
	for b.Loop() {
		line, _ = appendHead(line[:0], 7, r, "abc", "10.0.0.1", false)
		if _, err := readMessage(out, &m); err != nil {
			b.Fatal(err)
		}
		if err := n.readDecision(m.decision, m.raw, &d); err != nil {
			b.Fatal(err)
		}
	}
}
