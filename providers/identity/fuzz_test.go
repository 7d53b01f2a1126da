package identity_test

import (
	"testing"

	"github.com/idvgate/idvgate/providers/identity"
)

// wantFixedPoint is what every fuzz target asks of its parser: a refusal says nothing of the input and leaves nothing
// behind, and what was accepted reads as itself.
func wantFixedPoint(t *testing.T, claim identity.Claim, in string, parse func(string) (string, error)) {
	t.Helper()
	text, err := parse(in)
	if err != nil {
		wantClosedError(t, err, claim)
		if text != "" {
			t.Fatal("a refused claim is not zero")
		}
		return
	}
	if text == "" {
		t.Fatal("an accepted claim is zero")
	}
	if again, err := parse(text); err != nil || again != text {
		t.Fatalf("%q reads as %q, %v", text, again, err)
	}
}

func fuzz(f *testing.F, claim identity.Claim) {
	for _, p := range parsers() {
		if p.claim == claim {
			f.Fuzz(func(t *testing.T, in string) { wantFixedPoint(t, claim, in, p.parse) })
		}
	}
}

func FuzzParseName(f *testing.F)      { fuzz(f, identity.ClaimName) }
func FuzzParseIDNumber(f *testing.F)  { fuzz(f, identity.ClaimIDNumber) }
func FuzzParseMobile(f *testing.F)    { fuzz(f, identity.ClaimMobile) }
func FuzzParseFaceImage(f *testing.F) { fuzz(f, identity.ClaimFaceImage) }
func FuzzParseUserID(f *testing.F)    { fuzz(f, identity.ClaimUserID) }

func FuzzParseBankCard(f *testing.F) {
	f.Fuzz(func(t *testing.T, in string, luhn bool) {
		wantFixedPoint(t, identity.ClaimBankCard, in, func(s string) (string, error) {
			c, err := identity.ParseBankCard(s, luhn)
			return c.String(), err
		})
	})
}
