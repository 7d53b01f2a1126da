package identity_test

import (
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

func TestParseUserID(t *testing.T) {
	for _, c := range []struct {
		what, in string
		fault    identity.Fault
	}{
		{what: "digits beyond 2^53", in: "52984126340480000"},
		{what: "every sort of character", in: "aZ09_-"},
		{what: "one character", in: "7"},
		{what: "leading zeros are kept", in: "007"},
		{what: "20 characters", in: strings.Repeat("9", 20)},
		{what: "nothing", in: "", fault: identity.FaultMissing},
		{what: "21 characters", in: strings.Repeat("9", 21), fault: identity.FaultLength},
		{what: "a space", in: "7 ", fault: identity.FaultFormat},
		{what: "a dot", in: "5.3e16", fault: identity.FaultFormat},
		{what: "the characters beside the letters", in: "@[`{", fault: identity.FaultFormat},
		{what: "the characters beside the digits", in: "/:", fault: identity.FaultFormat},
		{what: "full-width digits", in: "７", fault: identity.FaultFormat},
		{what: "a quote", in: `a"b`, fault: identity.FaultFormat},
		{what: "NUL", in: "a\x00", fault: identity.FaultFormat},
	} {
		t.Run(c.what, func(t *testing.T) {
			u, err := identity.ParseUserID(c.in)
			wantFault(t, err, identity.ClaimUserID, c.fault)
			want := c.in
			if c.fault != "" {
				want = ""
			}
			if u.String() != want || u.IsZero() != (want == "") {
				t.Errorf("%q, zero %t", u.String(), u.IsZero())
			}
		})
	}
}
