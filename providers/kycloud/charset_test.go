package kycloud

import (
	"bytes"
	"testing"
)

func TestNamesThatACharsetHolds(t *testing.T) {
	cases := []struct {
		name      string
		utf8, gbk bool
	}{
		{"李雷", true, true},
		{"阿依古丽·买买提", true, true},
		{"镕", true, true},
		{"㐂", true, false},  // extension A
		{"𠮷", true, false},  // extension B
		{"㐂𠮷", true, false}, //
		{"李𠮷雷", true, false},
		{"\ufffd", true, false},
		{"\uf8f8", true, false}, // private use
		{"John Smith", true, true},
		{"李\xff", false, false},
	}
	for _, c := range cases {
		if got := (charset{}).holds(c.name); got != c.utf8 {
			t.Errorf("%+q in utf-8: %v", c.name, got)
		}
		if got := (charset{gbk: true}).holds(c.name); got != c.gbk {
			t.Errorf("%+q in gbk: %v", c.name, got)
		}
	}
}

func TestGBKBytes(t *testing.T) {
	gbk := charset{gbk: true}
	b, err := gbk.encode("李雷·張")
	if want := []byte("\xc0\xee\xc0\xd7\xa1\xa4\x8f\x88"); err != nil || !bytes.Equal(b, want) {
		t.Errorf("got %x, %v", b, err)
	}
	if b, err := gbk.encode("李𠮷"); err == nil {
		t.Errorf("a character outside GBK became %x", b)
	}
	for name, bad := range map[string]string{
		"a lead byte at the end":       "ok\xc0",
		"a lead byte before a control": "\xc0\x01",
		"a pair that is no character":  "\xff\xff",
		"UTF-8 of three bytes, cut":    "\xe6\x9d\x8e",
		"a pair without an assignment": "\xa2\xa0",
	} {
		if s, err := gbk.decode([]byte(bad)); err == nil {
			t.Errorf("%s: became %q", name, s)
		}
	}
}

func TestASecondByteThatIsABackslashIsText(t *testing.T) {
	gbk := charset{gbk: true}
	b, err := gbk.encode("誠") // D5 5C
	if err != nil || !bytes.Contains(b, []byte{'\\'}) {
		t.Fatalf("%x, %v: not the case this test is about", b, err)
	}
	s, err := gbk.decode(b)
	if err != nil || string(s) != "誠" {
		t.Errorf("%q, %v", s, err)
	}
}
