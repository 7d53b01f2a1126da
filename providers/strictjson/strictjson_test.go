package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/idvgate/idvgate/providers/strictjson"
)

func TestCheck(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, text string
		fault      strictjson.Fault // "" : accepted
	}{
		{"an object", `{"a":[1,-2.5e+3,true,false,null,"x"],"b":{}}`, ""},
		{"white space around everything", " \t\r\n{ \"a\" : [ ] }\n", ""},
		{"a bare string", `"x"`, ""},
		{"a bare number", `0`, ""},
		{"an escape of each kind", `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, ""},
		{"Han characters of all planes", `"李雷𠮷㐂"`, ""},
		{"depth at the limit", deep(strictjson.MaxDepth), ""},
		{"depth over the limit", deep(strictjson.MaxDepth + 1), strictjson.Depth},
		{"ten thousand brackets", strings.Repeat("[", 10_000), strictjson.Depth},
		{"ten thousand braces", strings.Repeat(`{"a":`, 10_000), strictjson.Depth},
		{"nothing", ``, strictjson.Syntax},
		{"white space only", ` `, strictjson.Syntax},
		{"two values", `{}{}`, strictjson.Syntax},
		{"trailing comma in an object", `{"a":1,}`, strictjson.Syntax},
		{"trailing comma in an array", `[1,]`, strictjson.Syntax},
		{"leading comma", `[,1]`, strictjson.Syntax},
		{"missing comma", `[1 2]`, strictjson.Syntax},
		{"missing colon", `{"a" 1}`, strictjson.Syntax},
		{"missing value", `{"a":}`, strictjson.Syntax},
		{"bare key", `{a:1}`, strictjson.Syntax},
		{"single quotes", `{'a':1}`, strictjson.Syntax},
		{"comment", `{}//x`, strictjson.Syntax},
		{"wrong bracket", `[}`, strictjson.Syntax},
		{"unclosed object", `{"a":1`, strictjson.Syntax},
		{"unclosed string", `"abc`, strictjson.Syntax},
		{"unclosed long string", `"abcdefghijklmnop`, strictjson.Syntax},
		{"byte order mark", "\ufeff{}", strictjson.Syntax},
		{"leading zero", `01`, strictjson.Syntax},
		{"plus sign", `+1`, strictjson.Syntax},
		{"no digit after the point", `1.`, strictjson.Syntax},
		{"no digit before the point", `.5`, strictjson.Syntax},
		{"no digit in the exponent", `1e`, strictjson.Syntax},
		{"NaN", `NaN`, strictjson.Syntax},
		{"Infinity", `-Infinity`, strictjson.Syntax},
		{"hexadecimal", `0x1f`, strictjson.Syntax},
		{"cut literal", `tru`, strictjson.Syntax},
		{"raw newline in a string", "\"a\nb\"", strictjson.Syntax},
		{"raw NUL in a string", "\"a\x00b\"", strictjson.Syntax},
		{"raw NUL after eight bytes", "\"abcdefgh\x00b\"", strictjson.Syntax},
		{"escaped NUL", `"\u0000"`, strictjson.Encoding},
		{"unknown escape", `"\x41"`, strictjson.Syntax},
		{"cut unicode escape", `"\u12"`, strictjson.Syntax},
		{"lone high surrogate", `"\ud83d"`, strictjson.Encoding},
		{"lone low surrogate", `"\ude00"`, strictjson.Encoding},
		{"high surrogate before a letter", `"\ud83dx12345"`, strictjson.Encoding},
		{"two high surrogates", `"\ud83d\ud83d"`, strictjson.Encoding},
		{"invalid UTF-8", "\"\xff\"", strictjson.Encoding},
		{"overlong UTF-8", "\"\xc0\xaf\"", strictjson.Encoding},
		{"a surrogate in UTF-8", "\"\xed\xa0\x80\"", strictjson.Encoding},
		{"invalid UTF-8 in a key", "{\"\xff\":1}", strictjson.Encoding},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := strictjson.Check([]byte(c.text))
			var e *strictjson.Error
			switch {
			case c.fault == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.fault != "" && (!errors.As(err, &e) || e.Fault != c.fault):
				t.Errorf("got %v, want %s", err, c.fault)
			case c.fault == "" && !json.Valid([]byte(c.text)):
				t.Error("accepted what encoding/json refuses")
			}
		})
	}
}

func TestScanFindsPathsAndRefusesKeysThatReadTwoWays(t *testing.T) {
	paths := [][]string{{"user", "realName"}, {"user", "idCard"}, {"list", "1", "id"}, {"amount"}}
	many := func(extra string) string {
		var b strings.Builder
		b.WriteString(`{"user":{`)
		for i := range 200 {
			b.WriteString(`"k` + strings.Repeat("x", i) + `":1,`)
		}
		b.WriteString(extra + `"idCard":"X"}}`)
		return b.String()
	}
	for _, c := range []struct {
		name, text string
		found      []string
		refused    bool
	}{
		{"all paths", `{"user":{"realName":"a","idCard":"b"},"list":[0,{"id":"c"}],"amount":12.5}`, []string{`"a"`, `"b"`, `"c"`, `12.5`}, false},
		{"values of every kind are found as they stand", `{"user":{"realName":null,"idCard":[1]},"amount":{"a":[]}}`, []string{"null", "[1]", "", `{"a":[]}`}, false},
		{"a path through a scalar is absent", `{"user":"x"}`, []string{"", "", "", ""}, false},
		{"an index meets an object's key of digits", `{"list":{"1":{"id":"c"}}}`, []string{"", "", `"c"`, ""}, false},
		{"a key written with escapes is the same key", `{"\u0075ser":{"id\u0043ard":"b"}}`, []string{"", `"b"`, "", ""}, false},
		{"the key twice", `{"user":{"idCard":"a","idCard":"b"}}`, nil, true},
		{"the key twice, once escaped", `{"user":{"idCard":"a","id\u0043ard":"b"}}`, nil, true},
		{"the parent twice", `{"user":{"idCard":"a"},"user":{}}`, nil, true},
		{"another case beside it", `{"user":{"idCard":"a","IDCARD":"b"}}`, nil, true},
		{"another case alone", `{"user":{"IDCARD":"b"}}`, nil, true},
		{"a long s for an s", `{"uſer":{"idCard":"b"}}`, nil, true},
		{"a Kelvin sign for a k, beside a k", `{"user":{"k":1,"` + "\u212a" + `":2}}`, nil, true},
		{"an unrelated key twice in an object on the path", `{"user":{"x":1,"x":2,"idCard":"b"}}`, nil, true},
		{"an unrelated key twice in an object off the path", `{"user":{"other":{"x":1,"x":2},"idCard":"b"}}`, []string{"", `"b"`, "", ""}, false},
		{"the same key in different objects", `{"user":{"amount":1,"idCard":"b"},"amount":2}`, []string{"", `"b"`, "", "2"}, false},
		{"many keys", many(""), []string{"", `"X"`, "", ""}, false},
		{"many keys, one twice", many(`"kxxx":2,`), nil, true},
		{"many keys, a late one twice", many(`"k` + strings.Repeat("x", 150) + `":2,`), nil, true},
		{"many keys, the claim in another case", many(`"IDCARD":2,`), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := make([]strictjson.Span, len(paths))
			err := strictjson.NewWatch(paths).Scan([]byte(c.text), found)
			if c.refused {
				var e *strictjson.Error
				if !errors.As(err, &e) || e.Fault != strictjson.Ambiguous {
					t.Fatalf("got %v, want it refused as ambiguous", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range found {
				if got := c.text[s.Start:s.End]; got != c.found[i] {
					t.Errorf("path %v: got %q, want %q", paths[i], got, c.found[i])
				}
			}
		})
	}
}

func TestScanAllocatesNothingForOrdinaryBodies(t *testing.T) {
	w := strictjson.NewWatch([][]string{{"name"}, {"idNumber"}})
	found := make([]strictjson.Span, 2)
	body := []byte(`{"name":"李雷","idNumber":"110101199003070003","mobile":"13800001000"}`)
	if n := testing.AllocsPerRun(100, func() { _ = w.Scan(body, found) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzScan: what the scan accepts, encoding/json and gjson accept, and all three find the same value.
func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"a":{"b":"x"},"c":[1,{"b":2}]}`))
	f.Add([]byte(`{"a":{"b":"\ud83d\ude00"}}`))
	f.Add([]byte(`{"A":{"b":1},"a":{"B":2}}`))
	w := strictjson.NewWatch([][]string{{"a", "b"}})
	f.Fuzz(func(t *testing.T, data []byte) {
		found := make([]strictjson.Span, 1)
		if w.Scan(data, found) != nil {
			return
		}
		if !json.Valid(data) || !gjson.ValidBytes(data) {
			t.Fatalf("accepted what another parser refuses: %q", data)
		}
		var doc any
		numbers := json.NewDecoder(bytes.NewReader(data))
		numbers.UseNumber()
		if err := numbers.Decode(&doc); err != nil {
			t.Fatalf("%v: %q", err, data)
		}
		var want any
		there := false
		if top, ok := doc.(map[string]any); ok {
			if a, ok := top["a"].(map[string]any); ok {
				want, there = a["b"]
			}
		}
		if there != (found[0].End > 0) {
			t.Fatalf("there: %v, found %v: %q", there, found[0], data)
		}
		if text, ok := want.(string); ok {
			if got := gjson.ParseBytes(data[found[0].Start:found[0].End]).Str; got != text {
				t.Fatalf("got %q, encoding/json reads %q", got, text)
			}
		}
	})
}

func TestAppendString(t *testing.T) {
	for _, s := range []string{"", "plain", "quote \" and \\", "line\nfeed\x00\x7f", "李雷", "bad \xff utf-8"} {
		var back string
		if err := json.Unmarshal(strictjson.AppendString(nil, s), &back); err != nil {
			t.Errorf("%q: %v", s, err)
		} else if want := strings.ToValidUTF8(s, "\ufffd"); back != want {
			t.Errorf("got %q, want %q", back, want)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	w := strictjson.NewWatch([][]string{{"name"}, {"idNumber"}, {"mobile"}})
	found := make([]strictjson.Span, 3)
	body := []byte(`{"name":"李雷","idNumber":"110101199003070003","mobile":"13800001000"}`)
	b.ReportAllocs()
	for b.Loop() {
		_ = w.Scan(body, found)
	}
}
