package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers/strictjson"
)

func TestBufferWritesAnObject(t *testing.T) {
	var b strictjson.Buffer
	b.Raw(`{"a":`)
	b.Number(-7)
	b.Member("empty", "")
	b.Member("text", "李 \"x\"\n")
	b.Name("n")
	b.Millionths(1_500_000)
	b.RawBytes([]byte("}"))
	const want = `{"a":-7,"text":"李 \"x\"\u000a","n":1.5}`
	if got := string(b.Bytes()); got != want || !json.Valid(b.Bytes()) {
		t.Errorf("%s, want %s", got, want)
	}
	b.Reset()
	b.Text("again")
	if got := string(b.Bytes()); got != `"again"` {
		t.Errorf("after Reset: %s", got)
	}
}

func TestMillionthsHaveNoMoreDecimalsThanTheyNeed(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 1: "0.000001", 250_000: "0.25", 1_000_000: "1", 12_345_678: "12.345678", -500_000: "-0.5", -3_000_000: "-3",
	} {
		var b strictjson.Buffer
		b.Millionths(n)
		if got := string(b.Bytes()); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestOrdinaryFindsTheFirstByteThatNeedsALookWhereverItStands(t *testing.T) {
	for _, special := range []string{"\"", "\\", "\x00", "\x1f", "\x80", "\u674e"} {
		for length := range 20 {
			for at := range length + 1 {
				s := strings.Repeat("~", at) + special + strings.Repeat(" ", length-at)
				if got := strictjson.Ordinary(s, 0); got != at {
					t.Fatalf("%q: %d, want %d", s, got, at)
				}
				if got := strictjson.Ordinary(s[:at], 0); got != at {
					t.Fatalf("%q: %d, want %d", s[:at], got, at)
				}
			}
		}
	}
}
