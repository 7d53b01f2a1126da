package identity

import "strings"

// mobileDigits is the length of a mobile number in China.
const mobileDigits = 11

// A Mobile is a mobile number of mainland China.
//
//	in                     String()
//	"13912345678"          "13912345678"
//	"0086 139-1234-5678"   "13912345678"  +86, 0086 and 86 are dropped, and spaces and dashes
//	"１３９１２３４５６７８"   "13912345678"  full-width digits
//	"1064912345678"        length: 13 digits, a thing's number and no person's
//
// The zero Mobile is no number.
type Mobile struct{ s string }

// String is the number as it is sent: 11 digits, the first a 1; "" for no number.
func (m Mobile) String() string { return m.s }

// IsZero reports whether there is no number.
func (m Mobile) IsZero() bool { return m.s == "" }

// Virtual reports whether the number belongs to a virtual operator: 162, 165, 167, 170 and 171. A policy may refuse
// them, ParseMobile does not.
func (m Mobile) Virtual() bool {
	if len(m.s) != mobileDigits {
		return false
	}
	switch m.s[:3] {
	case "162", "165", "167", "170", "171":
		return true
	}
	return false
}

// ParseMobile reads a mobile number: what is left without country code, spaces and dashes is ^1[3-9]\d{9}$.
//
// Faults: missing, length, format.
func ParseMobile(s string) (Mobile, error) {
	if len(s) == mobileDigits && allDigits(s) {
		return ownMobile(s)
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return Mobile{}, fail(ClaimMobile, FaultMissing)
	}
	rest, plus := strings.CutPrefix(s, "+")
	if !plus {
		rest, plus = strings.CutPrefix(s, "＋") // comes with full-width digits
	}
	var b [len("0086") + mobileDigits]byte
	digits, fault := foldDigits(b[:0], rest)
	if fault != "" {
		return Mobile{}, fail(ClaimMobile, fault)
	}
	number := string(digits)
	switch {
	case plus:
		own, china := strings.CutPrefix(number, "86")
		if !china {
			return Mobile{}, fail(ClaimMobile, FaultFormat)
		}
		number = own
	case len(number) == len("0086")+mobileDigits:
		number = strings.TrimPrefix(number, "0086")
	case len(number) == len("86")+mobileDigits:
		number = strings.TrimPrefix(number, "86")
	}
	if len(number) != mobileDigits {
		return Mobile{}, fail(ClaimMobile, FaultLength)
	}
	return ownMobile(number)
}

// ownMobile takes 11 digits.
func ownMobile(s string) (Mobile, error) {
	if s[0] != '1' || s[1] < '3' {
		return Mobile{}, fail(ClaimMobile, FaultFormat)
	}
	return Mobile{s: s}, nil
}
