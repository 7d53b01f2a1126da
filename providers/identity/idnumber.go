package identity

import (
	"strings"
	"time"
)

// Kind is what sort of document an ID number belongs to.
type Kind uint8

const (
	KindNone          Kind = iota // no number
	KindResident                  // resident identity card
	KindHongKong                  // residence permit of a Hong Kong resident, region 81
	KindMacao                     // residence permit of a Macao resident, region 82
	KindTaiwan                    // residence permit of a Taiwan resident, region 83
	KindForeigner                 // foreigner's permanent residence card, edition of 2023
	KindForeigner2017             // foreigner's permanent residence card, edition of 2017
)

// String is the word used in audit lines; "" for KindNone.
func (k Kind) String() string {
	switch k {
	case KindResident:
		return "resident"
	case KindHongKong:
		return "hong_kong"
	case KindMacao:
		return "macao"
	case KindTaiwan:
		return "taiwan"
	case KindForeigner:
		return "foreigner"
	case KindForeigner2017:
		return "foreigner_2017"
	case KindNone:
		return ""
	}
	return ""
}

// provinces are the first two digits a region code may have (GB/T 2260, and 83 for residence permits of Taiwan
// residents). Only they are judged: county codes are retired all the time and stay valid on the cards that bear them.
var provinces = [100]bool{
	11: true, 12: true, 13: true, 14: true, 15: true,
	21: true, 22: true, 23: true,
	31: true, 32: true, 33: true, 34: true, 35: true, 36: true, 37: true,
	41: true, 42: true, 43: true, 44: true, 45: true, 46: true,
	50: true, 51: true, 52: true, 53: true, 54: true,
	61: true, 62: true, 63: true, 64: true, 65: true,
	71: true,
	81: true, 82: true, 83: true,
}

// weights and checkCharacters are MOD 11-2 of GB 11643-1999: the sum of digit × weight, modulo 11, picks the character.
var weights = [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}

const checkCharacters = "10X98765432"

// Places in the 18 characters: 6 region, 8 birth date, 3 sequence (odd for males), 1 check character.
const (
	idLength       = 18
	oldIDLength    = 15 // the resident's legacy form, and the foreigner's card of 2017
	birthAt        = 6
	sequenceEnd    = 16
	checkAt        = 17
	centuryOfOldID = "19" // what the legacy form leaves out before its two-digit year
)

// An IDNumber is the number of an identity document, right in form, check character, province and birth date.
//
//	in                    String()              Kind()
//	"11010519491231002x"  "11010519491231002X"  KindResident
//	"110105491231002"     "11010519491231002X"  KindResident       15 digits: 19 inserted, check character computed
//	"810000199001010019"  as it is              KindHongKong       82: KindMacao, 83: KindTaiwan
//	"911840199001010018"  as it is              KindForeigner      the first digit is 9
//	"USA110090010101"     as it is              KindForeigner2017  3 letters, 12 digits; only the shape is judged
//
// The zero IDNumber is no number.
type IDNumber struct {
	s    string
	kind Kind
}

// String is the number as it is sent: 18 characters with an upper-case X (15 for the foreigner's card of 2017); "" for
// no number.
func (n IDNumber) String() string { return n.s }

// IsZero reports whether there is no number.
func (n IDNumber) IsZero() bool { return n.s == "" }

// Kind is the document the number belongs to.
func (n IDNumber) Kind() Kind { return n.kind }

// Foreigner reports whether the number is that of a foreigner's permanent residence card, of either edition.
func (n IDNumber) Foreigner() bool { return n.kind == KindForeigner || n.kind == KindForeigner2017 }

// Male reports whether the sequence is odd, as it is for males. It is false for a foreigner's card of 2017, whose
// number does not tell, and for no number.
func (n IDNumber) Male() bool { return len(n.s) == idLength && n.s[sequenceEnd]&1 == 1 }

// Birth is the date in the number. ok is false where the number does not tell: there is none, or it is that of a
// foreigner's card of 2017, which holds two digits of the year and no century.
func (n IDNumber) Birth() (year int, month time.Month, day int, ok bool) {
	if len(n.s) != idLength {
		return 0, 0, 0, false
	}
	year, month, day = dateDigits(n.s[birthAt : birthAt+8])
	return year, month, day, true
}

// Age is in whole years at now, by the calendar of Shanghai (+08:00 whatever now's zone). The birthday itself counts.
// Who was born on February 29 is a year older on March 1 of a year that has no such day: then the birthday has surely
// come, whether the count begins with the last day of February (Civil Code art. 202) or with the day after it, as
// courts count full years; a person is never let in a day early. ok is false where Birth is, and for a now before the
// birth.
func (n IDNumber) Age(now time.Time) (years int, ok bool) {
	year, month, day, ok := n.Birth()
	if !ok {
		return 0, false
	}
	y, m, d := shanghaiDate(now)
	if m < month || m == month && d < day {
		y--
	}
	if y < year {
		return 0, false
	}
	return y - year, true
}

// ParseIDNumber reads an ID number. now judges that the birth date is not in the future (+08:00). Nothing is folded but
// the case of letters: the number is expected in ASCII and without spaces.
//
// Faults, first to last: missing, length, format, checksum, region, birth_date.
func ParseIDNumber(s string, now time.Time) (IDNumber, error) {
	switch {
	case s == "":
		return IDNumber{}, fail(ClaimIDNumber, FaultMissing)
	case len(s) == idLength:
		return parseID18(s, now)
	case len(s) == oldIDLength && s[0]-'0' <= 9:
		return parseID15(s, now)
	case len(s) == oldIDLength:
		return parseForeigner2017(s)
	}
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return IDNumber{}, fail(ClaimIDNumber, FaultFormat)
		}
	}
	return IDNumber{}, fail(ClaimIDNumber, FaultLength)
}

// parseID18 takes 18 bytes.
func parseID18(s string, now time.Time) (IDNumber, error) {
	if !allDigits(s[:checkAt]) || s[checkAt]-'0' > 9 && s[checkAt]|0x20 != 'x' {
		return IDNumber{}, fail(ClaimIDNumber, FaultFormat)
	}
	if s[checkAt] == 'x' {
		s = s[:checkAt] + "X"
	}
	if s[checkAt] != checkCharacter(s) {
		return IDNumber{}, fail(ClaimIDNumber, FaultChecksum)
	}
	kind := kindOf(s)
	if kind == KindNone {
		return IDNumber{}, fail(ClaimIDNumber, FaultRegion)
	}
	if !bornByNow(s[birthAt:birthAt+8], now) {
		return IDNumber{}, fail(ClaimIDNumber, FaultBirthDate)
	}
	return IDNumber{s: s, kind: kind}, nil
}

// parseID15 takes 15 bytes, the first a digit. The legacy form was issued to residents only, and no longer when the
// permits and cards with first digit 8 or 9 came (2018, 2023): those regions are none here.
func parseID15(s string, now time.Time) (IDNumber, error) {
	if !allDigits(s) {
		return IDNumber{}, fail(ClaimIDNumber, FaultFormat)
	}
	if kindOf(s) != KindResident {
		return IDNumber{}, fail(ClaimIDNumber, FaultRegion)
	}
	var b [idLength]byte
	copy(b[:], s[:birthAt])
	copy(b[birthAt:], centuryOfOldID)
	copy(b[birthAt+2:], s[birthAt:])
	b[checkAt] = checkCharacter(string(b[:checkAt]))
	long := string(b[:])
	if !bornByNow(long[birthAt:birthAt+8], now) {
		return IDNumber{}, fail(ClaimIDNumber, FaultBirthDate)
	}
	return IDNumber{s: long, kind: KindResident}, nil
}

// parseForeigner2017 takes 15 bytes. The card's own check digit is not published with an example that could be
// verified, so it is not judged.
func parseForeigner2017(s string) (IDNumber, error) {
	for i := range 3 {
		if (s[i]|0x20)-'a' >= 26 {
			return IDNumber{}, fail(ClaimIDNumber, FaultFormat)
		}
	}
	if !allDigits(s[3:]) {
		return IDNumber{}, fail(ClaimIDNumber, FaultFormat)
	}
	return IDNumber{s: strings.ToUpper(s), kind: KindForeigner2017}, nil
}

// checkCharacter computes what belongs after the first 17 characters of s, which are digits.
func checkCharacter(s string) byte {
	sum := 0
	for i, w := range weights {
		sum += int(s[i]-'0') * w
	}
	return checkCharacters[sum%11]
}

// kindOf reads the kind from the first two characters of s, which are digits; KindNone for no province.
func kindOf(s string) Kind {
	if s[0] == '9' {
		return KindForeigner
	}
	province := twoDigits(s)
	switch {
	case !provinces[province]:
		return KindNone
	case province == 81:
		return KindHongKong
	case province == 82:
		return KindMacao
	case province == 83:
		return KindTaiwan
	}
	return KindResident
}

// bornByNow reports whether yyyymmdd is a date, and not after that of now.
func bornByNow(yyyymmdd string, now time.Time) bool {
	year, month, day := dateDigits(yyyymmdd)
	if year < 1 || month < time.January || month > time.December || day < 1 || day > daysIn(year, month) {
		return false
	}
	y, m, d := shanghaiDate(now)
	if year != y {
		return year < y
	}
	if month != m {
		return month < m
	}
	return day <= d
}

// daysIn is the length of a month, 28 to 31.
func daysIn(year int, month time.Month) int {
	switch month {
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case time.April, time.June, time.September, time.November:
		return 30
	default:
		return 31
	}
}

// shanghaiDate is the date of now at +08:00. A fixed offset, because a guest has no zone data; China has kept it since
// 1991.
func shanghaiDate(now time.Time) (int, time.Month, int) { return now.UTC().Add(8 * time.Hour).Date() }

// dateDigits reads eight digits as a year, month and day, without judging them.
func dateDigits(s string) (int, time.Month, int) {
	return twoDigits(s)*100 + twoDigits(s[2:]), time.Month(twoDigits(s[4:])), twoDigits(s[6:])
}

func twoDigits(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }
