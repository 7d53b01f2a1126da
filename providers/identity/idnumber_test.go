package identity_test

import (
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers/identity"
)

// withCheck adds the check character to 17 digits. Written as ISO 7064 says it, not as the table of GB 11643 does.
func withCheck(digits string) string {
	m := 0
	for _, d := range digits {
		m = (m + int(d-'0')) * 2 % 11
	}
	return digits + string("0123456789X"[(12-m)%11])
}

func TestParseIDNumber(t *testing.T) {
	const (
		format, length, checksum = identity.FaultFormat, identity.FaultLength, identity.FaultChecksum
		region, birth            = identity.FaultRegion, identity.FaultBirthDate
	)
	for _, c := range []struct {
		what, in, want string // want "" is: as it was written
		fault          identity.Fault
		kind           identity.Kind
		male           bool
		birth          string // "" is: the number does not tell
	}{
		{what: "the standard's woman", in: "11010519491231002X", kind: identity.KindResident, birth: "1949-12-31"},
		{what: "the standard's man", in: "440524188001010014", kind: identity.KindResident, male: true, birth: "1880-01-01"},
		{what: "a small x is sent as X", in: "11010519491231002x", want: "11010519491231002X", kind: identity.KindResident, birth: "1949-12-31"},
		{what: "the legacy form gets its century", in: "110105491231002", want: "11010519491231002X", kind: identity.KindResident, birth: "1949-12-31"},
		{what: "a county that is none any more", in: withCheck("11022319490101000"), kind: identity.KindResident, birth: "1949-01-01"},
		{what: "the province of Taiwan", in: withCheck("71000019490101000"), kind: identity.KindResident, birth: "1949-01-01"},
		{what: "a Hong Kong resident's permit", in: "810000199001010019", kind: identity.KindHongKong, male: true, birth: "1990-01-01"},
		{what: "a Macao resident's permit", in: "820000199001010010", kind: identity.KindMacao, male: true, birth: "1990-01-01"},
		{what: "a Taiwan resident's permit", in: withCheck("83000019900101000"), kind: identity.KindTaiwan, birth: "1990-01-01"},
		{what: "a foreigner's card of 2023", in: "911840199001010018", kind: identity.KindForeigner, male: true, birth: "1990-01-01"},
		{what: "a foreigner's card of 2017", in: "USA110090010101", kind: identity.KindForeigner2017},
		{what: "a foreigner's card of 2017 in small letters", in: "usa110090010101", want: "USA110090010101", kind: identity.KindForeigner2017},
		{what: "a leap day", in: "110101200002290018", kind: identity.KindResident, male: true, birth: "2000-02-29"},
		{what: "born today", in: withCheck("11010120261122000"), kind: identity.KindResident, birth: "2026-11-22"},

		{what: "born tomorrow", in: withCheck("11010120261123000"), fault: birth},
		{what: "born next month", in: withCheck("11010120261201000"), fault: birth},
		{what: "born at the end of the century", in: "110101209912310015", fault: birth},
		{what: "February 29 of a year without", in: "110101199902290018", fault: birth},
		{what: "February 29 of 1900", in: withCheck("11010119000229000"), fault: birth},
		{what: "April 31", in: withCheck("11010119900431000"), fault: birth},
		{what: "January 32", in: withCheck("11010119900132000"), fault: birth},
		{what: "day 0", in: withCheck("11010119900100000"), fault: birth},
		{what: "month 0", in: withCheck("11010119900001000"), fault: birth},
		{what: "month 13", in: withCheck("11010119901301000"), fault: birth},
		{what: "year 0", in: withCheck("11010100000101000"), fault: birth},
		{what: "a foreigner's card with no date", in: withCheck("91184019901301000"), fault: birth},
		{what: "legacy form with no date", in: "110105490230000", fault: birth},

		{what: "wrong check digit", in: "110105194912310021", fault: checksum},
		{what: "wrong check digit of a foreigner's card", in: "911840199001010017", fault: checksum},
		{what: "two digits swapped", in: "11010519491213002X", fault: checksum},
		{what: "no such province", in: withCheck("10010119900101000"), fault: region},
		{what: "province 16", in: withCheck("16010119900101000"), fault: region},
		{what: "province 00", in: withCheck("00010119900101000"), fault: region},
		{what: "legacy form with no such province", in: "470105491231000", fault: region},
		{what: "legacy form of a permit", in: "810000900101000", fault: region},
		{what: "legacy form that begins with 9", in: "911840900101000", fault: region},

		{what: "nothing", in: "", fault: identity.FaultMissing},
		{what: "14 characters", in: "10234518981234", fault: length},
		{what: "16 characters", in: "1101054912310020", fault: length},
		{what: "17 characters", in: "11010519491231002", fault: length},
		{what: "19 characters", in: "11010519491231002X0", fault: length},
		{what: "a space before", in: " 11010519491231002X", fault: length},
		{what: "X before the end", in: "1101051949123100X2", fault: format},
		{what: "another letter at the end", in: "11010519491231002Y", fault: format},
		{what: "a space inside", in: "110105 1949123100X", fault: format},
		{what: "full-width digits", in: "１１０１０５１９４９１２３１００２Ｘ", fault: format},
		{what: "Arabic-Indic digits of 18 bytes", in: "٠١٢٣٤٥٦٧٨", fault: format},
		{what: "legacy form with X", in: "11010549123100X", fault: format},
		{what: "two letters and 13 digits", in: "US1110090010101", fault: format},
		{what: "four letters and 11 digits", in: "USAA10090010101", fault: format},
		{what: "signs in place of a nation", in: "[\\]110090010101", fault: format},
	} {
		t.Run(c.what, func(t *testing.T) {
			n, err := identity.ParseIDNumber(c.in, today)
			wantFault(t, err, identity.ClaimIDNumber, c.fault)
			if c.fault != "" {
				if n != (identity.IDNumber{}) {
					t.Fatal("a refused number is not zero")
				}
				return
			}
			want := c.want
			if want == "" {
				want = c.in
			}
			if n.String() != want || n.Kind() != c.kind || n.Male() != c.male || n.IsZero() {
				t.Errorf("%s, %s, male %t, zero %t", n.String(), n.Kind(), n.Male(), n.IsZero())
			}
			if foreigner := c.kind == identity.KindForeigner || c.kind == identity.KindForeigner2017; n.Foreigner() != foreigner {
				t.Errorf("foreigner %t", n.Foreigner())
			}
			if got := birthText(n); got != c.birth {
				t.Errorf("born %q, want %q", got, c.birth)
			}
			if again, err := identity.ParseIDNumber(n.String(), today); err != nil || again != n {
				t.Errorf("the normal form reads as %s, %v", again, err)
			}
		})
	}
}

// birthText is the birth date as yyyy-mm-dd, "" if there is none.
func birthText(n identity.IDNumber) string {
	y, m, d, ok := n.Birth()
	if !ok {
		return ""
	}
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

func TestEveryCheckCharacterButOneIsRefused(t *testing.T) {
	for day := 1; day <= 30; day++ {
		digits := "110101188001" + string([]byte{'0' + byte(day/10), '0' + byte(day%10)}) + "000"
		right := withCheck(digits)
		for _, c := range "0123456789X" {
			number := digits + string(c)
			_, err := identity.ParseIDNumber(number, today)
			fault := identity.FaultChecksum
			if number == right {
				fault = ""
			}
			wantFault(t, err, identity.ClaimIDNumber, fault)
		}
	}
}

func TestProvinces(t *testing.T) {
	known := map[int]bool{}
	for _, span := range [][2]int{{11, 15}, {21, 23}, {31, 37}, {41, 46}, {50, 54}, {61, 65}, {71, 71}, {81, 83}, {90, 99}} {
		for p := span[0]; p <= span[1]; p++ {
			known[p] = true
		}
	}
	for p := range 100 {
		prefix := string([]byte{'0' + byte(p/10), '0' + byte(p%10)})
		_, err := identity.ParseIDNumber(withCheck(prefix+"000019900101000"), today)
		fault := identity.FaultRegion
		if known[p] {
			fault = ""
		}
		wantFault(t, err, identity.ClaimIDNumber, fault)
	}
}

func TestAge(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.ParseInLocation(time.DateTime, s, shanghai)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		what, birth string
		now         time.Time
		want        int
		unknown     bool
	}{
		{what: "the day before the birthday", birth: "20081122", now: day("2026-11-21 23:59:59"), want: 17},
		{what: "the birthday itself counts", birth: "20081122", now: day("2026-11-22 00:00:00"), want: 18},
		{what: "it is the birthday in Shanghai and not yet in UTC", birth: "20081122", now: time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC), want: 18},
		{what: "one nanosecond before that", birth: "20081122", now: time.Date(2026, 11, 21, 15, 59, 59, 999999999, time.UTC), want: 17},
		{what: "now's own zone does not matter", birth: "20081122", now: time.Date(2026, 11, 21, 6, 0, 0, 0, time.FixedZone("-10:00", -10*60*60)), want: 18},
		{what: "a zone that is ahead", birth: "20081122", now: time.Date(2026, 11, 22, 5, 0, 0, 0, time.FixedZone("+14:00", 14*60*60)), want: 17},
		{what: "a month later", birth: "20081122", now: day("2026-12-01 00:00:00"), want: 18},
		{what: "a month earlier, later in the month", birth: "20081122", now: day("2026-10-30 00:00:00"), want: 17},
		{what: "on the day of birth", birth: "20081122", now: day("2008-11-22 00:00:00"), want: 0},
		{what: "the first of January", birth: "20000101", now: day("2018-01-01 00:00:00"), want: 18},
		{what: "the last of December", birth: "19991231", now: day("2017-12-31 00:00:00"), want: 18},
		{what: "born on a leap day, February 28 of a year without", birth: "20000229", now: day("2018-02-28 23:59:59"), want: 17},
		{what: "born on a leap day, March 1 of a year without", birth: "20000229", now: day("2018-03-01 00:00:00"), want: 18},
		{what: "born on a leap day, February 28 of a leap year", birth: "20000229", now: day("2020-02-28 23:59:59"), want: 19},
		{what: "born on a leap day, the leap day", birth: "20000229", now: day("2020-02-29 00:00:00"), want: 20},
		{what: "born on a leap day, February 28 of 2100", birth: "20000229", now: day("2100-02-28 12:00:00"), want: 99},
		{what: "more than a hundred", birth: "18800101", now: day("2026-11-22 00:00:00"), want: 146},
		{what: "a clock before the birth", birth: "20081122", now: day("2008-11-21 00:00:00"), unknown: true},
	} {
		t.Run(c.what, func(t *testing.T) {
			n, err := identity.ParseIDNumber(withCheck("110101"+c.birth+"000"), day("2200-01-01 00:00:00"))
			wantFault(t, err, identity.ClaimIDNumber, "")
			if got, ok := n.Age(c.now); got != c.want || ok == c.unknown {
				t.Errorf("age %d, %t; want %d", got, ok, c.want)
			}
		})
	}
	t.Run("a foreigner's card of 2017 does not tell", func(t *testing.T) {
		n, err := identity.ParseIDNumber("USA110090010101", today)
		wantFault(t, err, identity.ClaimIDNumber, "")
		if age, ok := n.Age(today); age != 0 || ok {
			t.Errorf("age %d, %t", age, ok)
		}
	})
	t.Run("no number has no age", func(t *testing.T) {
		if age, ok := (identity.IDNumber{}).Age(today); age != 0 || ok {
			t.Errorf("age %d, %t", age, ok)
		}
	})
}

func TestFutureIsJudgedInShanghai(t *testing.T) {
	number := withCheck("11010120261122000")
	_, err := identity.ParseIDNumber(number, time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC))
	wantFault(t, err, identity.ClaimIDNumber, "")
	_, err = identity.ParseIDNumber(number, time.Date(2026, 11, 21, 15, 59, 59, 0, time.UTC))
	wantFault(t, err, identity.ClaimIDNumber, identity.FaultBirthDate)
}

func TestKindWords(t *testing.T) {
	want := []string{"", "resident", "hong_kong", "macao", "taiwan", "foreigner", "foreigner_2017", ""}
	for i, w := range want {
		if got := identity.Kind(i).String(); got != w {
			t.Errorf("kind %d is %q, want %q", i, got, w)
		}
	}
}
