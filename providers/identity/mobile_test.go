package identity_test

import (
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

func TestParseMobile(t *testing.T) {
	const format, length, missing = identity.FaultFormat, identity.FaultLength, identity.FaultMissing
	const number = "13912345678"
	for _, c := range []struct {
		what, in, want string
		fault          identity.Fault
		virtual        bool
	}{
		{what: "plain", in: number, want: number},
		{what: "with +86", in: "+8613912345678", want: number},
		{what: "with +86 and a space", in: "+86 13912345678", want: number},
		{what: "with 0086 and groups", in: "0086 139-1234-5678", want: number},
		{what: "with 86", in: "8613912345678", want: number},
		{what: "with 86 and a dash", in: "86-139 1234 5678", want: number},
		{what: "space around", in: "\t13912345678\u3000", want: number},
		{what: "full-width digits", in: "１３９１２３４５６７８", want: number},
		{what: "full-width digits and plus", in: "＋８６　１３９－１２３４－５６７８", want: number},
		{what: "some digits full-width", in: "1３912345678", want: number},
		{what: "dashes of an address book", in: "139\u20111234\u20135678", want: number},
		{what: "no-break spaces", in: "139\u00a01234\u00a05678", want: number},
		{what: "lowest prefix", in: "13000000000", want: "13000000000"},
		{what: "highest prefix", in: "19999999999", want: "19999999999"},
		{what: "data card 14x", in: "14700000000", want: "14700000000"},
		{what: "broadcast network 192", in: "19200000000", want: "19200000000"},
		{what: "virtual 162", in: "16200000000", want: "16200000000", virtual: true},
		{what: "virtual 165", in: "16500000000", want: "16500000000", virtual: true},
		{what: "virtual 167", in: "16700000000", want: "16700000000", virtual: true},
		{what: "virtual 170", in: "17000000000", want: "17000000000", virtual: true},
		{what: "virtual 171", in: "+86 171 0000 0000", want: "17100000000", virtual: true},
		{what: "166 is not virtual", in: "16600000000", want: "16600000000"},
		{what: "172 is not virtual", in: "17200000000", want: "17200000000"},

		{what: "nothing", in: "", fault: missing},
		{what: "space only", in: " \u3000", fault: missing},
		{what: "prefix 10", in: "10000000000", fault: format},
		{what: "prefix 12", in: "12000000000", fault: format},
		{what: "prefix 2", in: "23912345678", fault: format},
		{what: "full-width with prefix 12", in: "１２０００００００００", fault: format},
		{what: "ten digits", in: "1391234567", fault: length},
		{what: "twelve digits", in: "139123456780", fault: length},
		{what: "a thing's number of 13 digits", in: "1064912345678", fault: length},
		{what: "a thing's number after +86", in: "+861064912345678", fault: length},
		{what: "dashes only", in: "---", fault: length},
		{what: "a megabyte of digits", in: strings.Repeat("1", 1<<20), fault: length},
		{what: "86 twice", in: "868613912345678", fault: length},
		{what: "plus must be followed by the country", in: "+008613912345678", fault: format},
		{what: "another country", in: "+14155550100", fault: format},
		{what: "plus and no country", in: "+13912345678", fault: format},
		{what: "plus only", in: "+", fault: format},
		{what: "plus twice", in: "++8613912345678", fault: format},
		{what: "plus inside", in: "139+12345678", fault: format},
		{what: "brackets", in: "(86)13912345678", fault: format},
		{what: "a letter", in: "1391234567a", fault: format},
		{what: "Arabic-Indic digits", in: "١٣٩١٢٣٤٥٦٧٨", fault: format},
		{what: "no UTF-8", in: "1391234567\xff", fault: format},
		{what: "NUL at the end", in: "13912345678\x00", fault: format},
	} {
		t.Run(c.what, func(t *testing.T) {
			m, err := identity.ParseMobile(c.in)
			wantFault(t, err, identity.ClaimMobile, c.fault)
			if m.String() != c.want || m.Virtual() != c.virtual || m.IsZero() != (c.fault != "") {
				t.Errorf("%q, virtual %t, zero %t", m.String(), m.Virtual(), m.IsZero())
			}
		})
	}
}
