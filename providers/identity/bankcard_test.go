package identity_test

import (
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

func TestParseBankCard(t *testing.T) {
	const format, length, checksum = identity.FaultFormat, identity.FaultLength, identity.FaultChecksum
	for _, c := range []struct {
		what, in, want string // want "" is: as it was written
		anyDigit       bool   // Luhn is switched off
		fault          identity.Fault
	}{
		{what: "19 digits", in: "6228480000000000000"},
		{what: "16 digits", in: "6225880000000001"},
		{what: "13 digits of another scheme", in: "4222222222222"},
		{what: "15 digits of another scheme", in: "378282246310005"},
		{what: "16 digits of another scheme", in: "5555555555554444"},
		{what: "groups of four", in: "6225 8800 0000 0001", want: "6225880000000001"},
		{what: "dashes", in: "6225-8800-0000-0001", want: "6225880000000001"},
		{what: "full-width digits and spaces", in: "６２２５　８８００　００００　０００１", want: "6225880000000001"},
		{what: "space around", in: " 6225880000000001\n", want: "6225880000000001"},
		{what: "a card in use that fails Luhn, where Luhn is off", in: "6289873647576518651", anyDigit: true},

		{what: "a card in use that fails Luhn, where Luhn is on", in: "6289873647576518651", fault: checksum},
		{what: "two digits swapped", in: "6225880000000010", fault: checksum},
		{what: "nothing", in: "", fault: identity.FaultMissing},
		{what: "spaces only", in: "    ", fault: identity.FaultMissing},
		{what: "12 digits", in: "411111111111", anyDigit: true, fault: length},
		{what: "20 digits", in: "62284800000000000000", anyDigit: true, fault: length},
		{what: "22 digits", in: "6228480000000000000000", anyDigit: true, fault: length},
		{what: "UnionPay has no 15 digits", in: "622588000000000", anyDigit: true, fault: length},
		{what: "a megabyte of digits", in: strings.Repeat("6", 1<<20), fault: length},
		{what: "a letter", in: "622588000000000A", fault: format},
		{what: "a plus", in: "+6225880000000001", fault: format},
		{what: "a dot", in: "6225.8800.0000.0001", fault: format},
		{what: "no UTF-8", in: "6225880000000001\xff", fault: format},
	} {
		t.Run(c.what, func(t *testing.T) {
			card, err := identity.ParseBankCard(c.in, !c.anyDigit)
			wantFault(t, err, identity.ClaimBankCard, c.fault)
			want := c.want
			if want == "" && c.fault == "" {
				want = c.in
			}
			if card.String() != want || card.IsZero() != (c.fault != "") {
				t.Errorf("%q, zero %t", card.String(), card.IsZero())
			}
		})
	}
}

func TestOneLuhnDigitIsRight(t *testing.T) {
	for length := 16; length <= 19; length++ {
		body := "6" + strings.Repeat("27", 9)[:length-2]
		right := 0
		for d := '0'; d <= '9'; d++ {
			if _, err := identity.ParseBankCard(body+string(d), true); err == nil {
				right++
			} else {
				wantFault(t, err, identity.ClaimBankCard, identity.FaultChecksum)
			}
		}
		if right != 1 {
			t.Errorf("%d digits: %d last digits are right", length, right)
		}
	}
}
