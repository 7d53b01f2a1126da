package identity_test

import (
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

func TestParseName(t *testing.T) {
	const format, length, missing = identity.FaultFormat, identity.FaultLength, identity.FaultMissing
	for _, c := range []struct {
		what, in, want string // want "" is: as it was written
		fault          identity.Fault
		latin, rare    bool
	}{
		{what: "two Han characters", in: "张三"},
		{what: "a traditional name", in: "歐陽鋒"},
		{what: "space around is dropped", in: " \t张三\u3000", want: "张三"},
		{what: "a middle dot between two parts", in: "阿卜杜拉·买买提"},
		{what: "bullet becomes the middle dot", in: "阿卜杜拉•买买提", want: "阿卜杜拉·买买提"},
		{what: "hyphenation point becomes the middle dot", in: "阿卜杜拉‧买买提", want: "阿卜杜拉·买买提"},
		{what: "katakana middle dot becomes the middle dot", in: "阿卜杜拉・买买提", want: "阿卜杜拉·买买提"},
		{what: "full stop becomes the middle dot", in: "阿卜杜拉.买买提", want: "阿卜杜拉·买买提"},
		{what: "two separators of two sorts", in: "艾力.买买提•江", want: "艾力·买买提·江"},
		{what: "outside the basic plane", in: "𠮷野"},
		{what: "extension A", in: "㛃某"},
		{what: "extension B", in: "李𠀀"},
		{what: "extension G, plane 3", in: "李𰀀"},
		{what: "extension I, Unicode 15.1", in: "李\U0002EBF0"},
		{what: "extension J, Unicode 17", in: "李\U00033479"},
		{what: "the zero that is a character", in: "李〇"},
		{what: "a compatibility ideograph stays what it is", in: "李\uF979"},
		{what: "a private-use character is kept and marked", in: "\uE863某", rare: true},
		{what: "private use in plane 15", in: "李\U000F0000", rare: true},
		{what: "private use in plane 16", in: "李\U0010FFFD", rare: true},
		{what: "fifty characters outside the basic plane", in: strings.Repeat("𠮷", 50)},
		{what: "separators count as characters", in: strings.Repeat("张·", 24) + "张三"},

		{what: "Latin letters", in: "JOHN SMITH", latin: true},
		{what: "all Latin separators", in: "Mary-Ann O'Neil·Lee", latin: true},
		{what: "a full stop between Latin letters", in: "J.R Smith", want: "J·R Smith", latin: true},
		{what: "letters with marks", in: "Nguyễn Văn Öz", latin: true},
		{what: "two Latin letters", in: "Li", latin: true},
		{what: "fifty Latin letters", in: strings.Repeat("a", 50), latin: true},

		{what: "nothing", in: "", fault: missing},
		{what: "space only", in: " \u3000", fault: missing},
		{what: "one character", in: "张", fault: length},
		{what: "one character outside the basic plane", in: "𠮷", fault: length},
		{what: "one Latin letter", in: "A", fault: length},
		{what: "fifty-one characters", in: strings.Repeat("张", 51), fault: length},
		{what: "fifty-one with separators", in: strings.Repeat("张·", 25) + "张", fault: length},
		{what: "fifty-one Latin letters", in: strings.Repeat("a", 51), fault: length},
		{what: "a megabyte", in: strings.Repeat("张", 1<<20/3), fault: length},
		{what: "separator first", in: "·张三", fault: format},
		{what: "separator last", in: "张三·", fault: format},
		{what: "two separators together", in: "张··三", fault: format},
		{what: "two sorts of separator together", in: "张.•三", fault: format},
		{what: "separators only", in: "··", fault: format},
		{what: "space between Han characters", in: "张 三", fault: format},
		{what: "hyphen between Han characters", in: "张-三", fault: format},
		{what: "a digit", in: "张3", fault: format},
		{what: "Han and Latin", in: "张San", fault: format},
		{what: "private use and Latin", in: "San\uE863", fault: format},
		{what: "two spaces", in: "JOHN  SMITH", fault: format},
		{what: "full stop and space", in: "J. Smith", fault: format},
		{what: "hyphen last", in: "John-", fault: format},
		{what: "full-width letters", in: "ＪＯＨＮ", fault: format},
		{what: "combining mark", in: "Jose\u0301", fault: format},
		{what: "the times sign among the letters", in: "a×b", fault: format},
		{what: "kana", in: "山田たろう", fault: format},
		{what: "Cyrillic that looks Latin", in: "ЈОНN", fault: format},
		{what: "zero-width space", in: "张\u200b三", fault: format},
		{what: "variation selector", in: "葛\U000E0100城", fault: format},
		{what: "right-to-left override", in: "张\u202e三", fault: format},
		{what: "no-break space inside", in: "JOHN\u00a0SMITH", fault: format},
		{what: "line break inside", in: "张\n三", fault: format},
		{what: "NUL", in: "张\x00三", fault: format},
		{what: "no UTF-8", in: "张\xff三", fault: format},
		{what: "the replacement character", in: "张\uFFFD", fault: format},
	} {
		t.Run(c.what, func(t *testing.T) {
			n, err := identity.ParseName(c.in)
			wantFault(t, err, identity.ClaimName, c.fault)
			if c.fault != "" {
				if n != (identity.Name{}) {
					t.Fatal("a refused name is not zero")
				}
				return
			}
			want := c.want
			if want == "" {
				want = c.in
			}
			if n.String() != want || n.Latin() != c.latin || n.Rare() != c.rare || n.IsZero() {
				t.Errorf("%q, latin %t, rare %t, zero %t", n.String(), n.Latin(), n.Rare(), n.IsZero())
			}
			if again, err := identity.ParseName(n.String()); err != nil || again != n {
				t.Errorf("the normal form reads as %q, %v", again, err)
			}
		})
	}
}
