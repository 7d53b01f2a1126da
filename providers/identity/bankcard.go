package identity

// Lengths of a card number, in digits (ISO/IEC 7812; UnionPay's own begin with 62 and have 16 to 19).
const (
	minCardDigits     = 13
	maxCardDigits     = 19
	minUnionPayDigits = 16
)

// A BankCard is the number of a bank card. The zero BankCard is no card.
//
//	in                      String()
//	"6225 8800 0000 0001"   "6225880000000001"  spaces and dashes are dropped, full-width digits folded
type BankCard struct{ s string }

// String is the number as it is sent: 13 to 19 digits; "" for no card.
func (c BankCard) String() string { return c.s }

// IsZero reports whether there is no card.
func (c BankCard) IsZero() bool { return c.s == "" }

// ParseBankCard reads a card number. luhn says whether its last digit must be the Luhn digit of the others. Some cards
// in use fail that, so a policy can switch it off.
//
// Faults: missing, length, format, checksum.
func ParseBankCard(s string, luhn bool) (BankCard, error) {
	if s == "" {
		return BankCard{}, fail(ClaimBankCard, FaultMissing)
	}
	if len(s) > maxCardDigits || !allDigits(s) {
		var b [maxCardDigits]byte
		digits, fault := foldDigits(b[:0], s)
		if fault != "" {
			return BankCard{}, fail(ClaimBankCard, fault)
		}
		if len(digits) == 0 {
			return BankCard{}, fail(ClaimBankCard, FaultMissing)
		}
		s = string(digits)
	}
	if len(s) < minCardDigits || s[:2] == "62" && len(s) < minUnionPayDigits {
		return BankCard{}, fail(ClaimBankCard, FaultLength)
	}
	if luhn && !luhnHolds(s) {
		return BankCard{}, fail(ClaimBankCard, FaultChecksum)
	}
	return BankCard{s: s}, nil
}

// luhnHolds takes digits: every second one from the right, the last left out, is doubled and its digits added; the sum
// is a multiple of ten.
func luhnHolds(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i&1 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
