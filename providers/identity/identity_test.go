package identity_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers/identity"
)

// shanghai and today are the clock of these tests.
var (
	shanghai = time.FixedZone("+08:00", 8*60*60)
	today    = time.Date(2026, time.November, 22, 12, 0, 0, 0, shanghai)
)

// faults is every fault a parser may name.
var faults = []identity.Fault{
	identity.FaultMissing, identity.FaultLength, identity.FaultFormat, identity.FaultChecksum, identity.FaultBirthDate,
	identity.FaultRegion, identity.FaultForeigner, identity.FaultImageSize, identity.FaultImageType,
}

// wantFault fails unless err is that fault of that claim; "" wants no error.
func wantFault(t *testing.T, err error, claim identity.Claim, fault identity.Fault) {
	t.Helper()
	if fault == "" {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return
	}
	var e *identity.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T, want *identity.Error", err)
	}
	if *e != (identity.Error{Claim: claim, Fault: fault}) {
		t.Fatalf("error is %+v, want %s of %s", *e, fault, claim)
	}
}

// wantClosedError fails unless err is one of the few texts that are possible for the claim: so it holds nothing of the
// value.
func wantClosedError(t *testing.T, err error, claim identity.Claim) {
	t.Helper()
	for _, f := range faults {
		if err.Error() == "identity: "+claim.String()+": "+string(f) {
			return
		}
	}
	t.Fatalf("error of %s has a text that is none of the known", claim)
}

// A parser is one Parse function with its String, for tests that hold for all of them.
type parser struct {
	claim identity.Claim
	parse func(string) (string, error)
}

func parsers() []parser {
	return []parser{
		{identity.ClaimName, func(s string) (string, error) { v, err := identity.ParseName(s); return v.String(), err }},
		{identity.ClaimIDNumber, func(s string) (string, error) {
			v, err := identity.ParseIDNumber(s, today)
			return v.String(), err
		}},
		{identity.ClaimMobile, func(s string) (string, error) { v, err := identity.ParseMobile(s); return v.String(), err }},
		{identity.ClaimBankCard, func(s string) (string, error) {
			v, err := identity.ParseBankCard(s, true)
			return v.String(), err
		}},
		{identity.ClaimFaceImage, func(s string) (string, error) { v, err := identity.ParseFaceImage(s); return v.Base64(), err }},
		{identity.ClaimUserID, func(s string) (string, error) { v, err := identity.ParseUserID(s); return v.String(), err }},
	}
}

func TestEveryParser(t *testing.T) {
	hostile := []string{
		"", " ", "\x00", "\xff\xfe", "\xed\xa0\x80", "\u200b", "\ufeff", "=", "+", "·", "'", "data:image/",
		"data:image/png;base64,", strings.Repeat("9", 1<<20), strings.Repeat(" ", 1<<20), strings.Repeat("张", 1<<18),
		strings.Repeat("=", 6000), "１１０１０５１９４９１２３１００２Ｘ", "%s%d%n", "$(id)", "<script>", "張\x00三",
	}
	for _, p := range parsers() {
		t.Run(p.claim.String(), func(t *testing.T) {
			_, err := p.parse("")
			wantFault(t, err, p.claim, identity.FaultMissing)
			for _, s := range hostile {
				text, err := p.parse(s)
				if err == nil {
					t.Fatalf("hostile input of %d bytes is accepted", len(s))
				}
				if text != "" {
					t.Fatalf("a refused claim of %d bytes is not zero", len(s))
				}
				wantClosedError(t, err, p.claim)
			}
		})
	}
}

func TestClaimWords(t *testing.T) {
	for _, c := range identity.Claims() {
		if got, ok := identity.ParseClaim(c.String()); !ok || got != c {
			t.Errorf("ParseClaim(%q) = %d, %t", c.String(), got, ok)
		}
	}
	for _, s := range []string{"", "Name", "idnumber", "face"} {
		if c, ok := identity.ParseClaim(s); ok || c != identity.ClaimNone {
			t.Errorf("ParseClaim(%q) = %v, %t", s, c, ok)
		}
	}
	if s := identity.ClaimNone.String() + identity.Claim(200).String(); s != "" {
		t.Errorf("no claim has the word %q", s)
	}
}
