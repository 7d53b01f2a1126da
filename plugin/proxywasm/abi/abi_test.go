package abi

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers/callout"
)

func TestPairsAreReadAsTheyAreWritten(t *testing.T) {
	for _, list := range [][]callout.Header{
		{},
		{{Name: ":method", Value: "POST"}, {Name: "a", Value: ""}, {Name: "a", Value: "again"}, {Name: "name", Value: "李雷"}},
	} {
		got, ok := Pairs(AppendPairs(nil, list))
		if !ok || !reflect.DeepEqual(got, list) {
			t.Errorf("%v read as %v, %t", list, got, ok)
		}
	}
	if got, ok := Pairs(nil); !ok || len(got) != 0 {
		t.Errorf("nothing read as %v, %t", got, ok)
	}
}

func TestPairsThatAreCutAreRefused(t *testing.T) {
	whole := AppendPairs(nil, []callout.Header{{Name: "name", Value: "value"}, {Name: "other", Value: "more"}})
	for n := 1; n < len(whole); n++ {
		if list, ok := Pairs(whole[:n:n]); ok {
			t.Errorf("%d of %d bytes read as %v", n, len(whole), list)
		}
	}
	for name, raw := range map[string][]byte{
		"more than there are":  {255, 255, 255, 255},
		"more than fit":        {2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"a name beyond memory": {1, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0},
	} {
		if list, ok := Pairs(raw); ok {
			t.Errorf("%s: read as %v", name, list)
		}
	}
}

func FuzzPairs(f *testing.F) {
	f.Add(AppendPairs(nil, []callout.Header{{Name: "name", Value: "value"}, {Name: "", Value: ""}}))
	f.Add([]byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 'a', 0, 'b', 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, ok := Pairs(raw)
		if !ok || len(raw) == 0 {
			return
		}
		again, ok := Pairs(AppendPairs(nil, list))
		if !ok || !reflect.DeepEqual(again, list) {
			t.Errorf("%v read again as %v, %t", list, again, ok)
		}
		size := 4
		for _, h := range list {
			size += 10 + len(h.Name) + len(h.Value)
		}
		if size > len(raw) {
			t.Errorf("%d bytes out of %d", size, len(raw))
		}
	})
}

// The gate: what a control byte in a header, a path or a log line would do is in docs/gateways.md.
func TestNoControlByteLeaves(t *testing.T) {
	for c := range 256 {
		b := string([]byte{'a', byte(c), 'b'})
		control := c < ' ' || c == 0x7f
		if clean(b) == control {
			t.Errorf("a value with %#x: %t", c, clean(b))
		}
		if name := c > ' ' && c < 0x7f && c != ':'; cleanName(b) != name {
			t.Errorf("a name with %#x: %t", c, cleanName(b))
		}
		line := appendLine(nil, []byte(b))
		if want := strings.ReplaceAll(b, string([]byte{byte(c)}), map[bool]string{true: " ", false: string([]byte{byte(c)})}[control]); string(line) != want {
			t.Errorf("a log line with %#x: %q", c, line)
		}
	}
	if cleanName("") || !cleanName(":path") {
		t.Error("a name may not be empty, and may begin with a colon")
	}
}

func TestWhatTheGateRefusesIsNotSent(t *testing.T) {
	var h Host
	for name, status := range map[string]Status{
		"a header's value":    h.Replace(RequestHeaders, "x-idv-outcome", "match\r\nx-admin: yes"),
		"a header's name":     h.Replace(RequestHeaders, "x idv", "match"),
		"a property":          h.SetProperty("idv", "outcome=match\n"),
		"an answer's header":  h.Respond(303, []callout.Header{{Name: "location", Value: "https://a\r\nb"}}, nil, 0),
		"a callout's header":  second(h.Call("v", []callout.Header{{Name: "a", Value: "b\nc"}}, nil, 1)),
		"a callout's path":    second(h.Call("v", []callout.Header{{Name: ":path", Value: "/a b"}}, nil, 1)),
		"a callout's cluster": second(h.Call("v\n", nil, nil, 1)),
		"a metric's name":     second(h.Define(Counter, "a\nb")),
	} {
		if status != BadArgument {
			t.Errorf("%s: status %d", name, status)
		}
	}
	for name, status := range map[string]Status{
		"a header":  h.Replace(RequestHeaders, "x-idv-outcome", "match"),
		"a callout": second(h.Call("v", []callout.Header{{Name: ":path", Value: "/a%20b"}}, []byte("\n"), 1)),
		"an answer": h.Respond(403, []callout.Header{{Name: "content-type", Value: "a/b"}}, []byte("{\n}"), 7),
	} {
		if status != Unimplemented {
			t.Errorf("%s: status %d, though there is no gateway", name, status)
		}
	}
}

func second(_ uint32, s Status) Status { return s }

func TestOutsideOfAGatewayNothingIsThere(t *testing.T) {
	var h Host
	if _, status := h.Headers(RequestHeaders); status != Unimplemented {
		t.Error(status)
	}
	if _, status := h.Bytes(RequestBody, 10); status != Unimplemented {
		t.Error(status)
	}
	if _, status := h.Property("source\x00address"); status != Unimplemented {
		t.Error(status)
	}
	if _, err := h.Sign("sha256", nil, nil); err == nil {
		t.Error("signed")
	}
}

func TestWhatTheGatewayClaimsToHaveWrittenIsChecked(t *testing.T) {
	var h Host
	h.at, h.size = h.Allocate(4), 4
	if b, status := h.taken(0); status != OK || len(b) != 4 {
		t.Errorf("%v %d", b, status)
	}
	h.at, h.size = h.Allocate(4), 5
	if _, status := h.taken(0); status != InternalFailure {
		t.Error("more than there was room for")
	}
	h.at, h.size = h.Allocate(4)+1, 3
	if _, status := h.taken(0); status != InternalFailure {
		t.Error("elsewhere than asked for")
	}
	if _, status := h.taken(0); status != InternalFailure {
		t.Error("without asking for room")
	}
}

func TestSign(t *testing.T) {
	if got, want := appendSign(nil, "sha256", []byte{1, 2}, []byte("text")), []byte("\x0a\x06sha256\x12\x02\x01\x02\x1a\x04text"); !bytes.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, c := range []struct {
		name, result, signature string
		ok                      bool
	}{
		{"signed", "\x08\x01\x12\x03abc", "abc", true},
		{"in another order", "\x12\x03abc\x08\x01", "abc", true},
		{"refused", "\x08\x00\x1a\x07bad key", "", false},
		{"refused with a signature", "\x08\x00\x12\x03abc", "abc", false},
		{"without a word", "", "", false},
		{"an empty signature", "\x08\x01\x12\x00", "", false},
		{"cut", "\x08\x01\x12\x04abc", "", false},
		{"cut in a number", "\x08", "", false},
		{"a field of another kind", "\x0d\x01\x00\x00\x00", "", false},
	} {
		if signature, ok := signed([]byte(c.result)); ok != c.ok || ok && string(signature) != c.signature {
			t.Errorf("%s: %q, %t", c.name, signature, ok)
		}
	}
}

func FuzzSigned(f *testing.F) {
	f.Add([]byte("\x08\x01\x12\x03abc"))
	f.Add([]byte("\x08\x00\x1a\x07bad key"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if signature, ok := signed(b); ok && (len(signature) == 0 || !bytes.Contains(b, signature)) {
			t.Errorf("%q of %q", signature, b)
		}
	})
}
