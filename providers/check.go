package providers

import "github.com/idvgate/idvgate/providers/identity"

// A Check says what is proven.
type Check string

// The checks. How a vendor answers one is its own affair: at once, by look-up, or on a page the person visits.
const (
	ID2     Check = "id2"     // name and ID number belong together (police ID records)
	Mobile2 Check = "mobile2" // name and mobile (the carrier's records)
	Mobile3 Check = "mobile3" // name, ID number and mobile (the carrier's records)
	Bank3   Check = "bank3"   // name, ID number and bank card (what the bank holds)
	Bank4   Check = "bank4"   // bank3 and the mobile left with the bank
	Face3   Check = "face3"   // name, ID number and face image (police ID records)
)

// Checks is every check, in the order documents list them.
func Checks() []Check { return []Check{ID2, Mobile2, Mobile3, Bank3, Bank4, Face3} }

// Remembered reports whether an answer to the check may be kept: a face proves who is there now, and nothing later.
func (c Check) Remembered() bool { return c != Face3 }

// Source is whose records the check compares with: police, carrier or bank; "" for a word that is no check.
func (c Check) Source() string {
	switch c {
	case ID2, Face3:
		return "police"
	case Mobile2, Mobile3:
		return "carrier"
	case Bank3, Bank4:
		return "bank"
	}
	return ""
}

// Implies is the check that a match of c answers as well: the one with fewer of its claims, by the same records; "" for
// none. What another source holds is another question, and a face answers nothing but itself.
func (c Check) Implies() Check {
	switch c {
	case Mobile3:
		return Mobile2
	case Bank4:
		return Bank3
	case ID2, Mobile2, Bank3, Face3:
	}
	return ""
}

// Claims is what the check needs to be asked at all; nil for a word that is no check. A provider that needs others
// says so with Claimer.
func (c Check) Claims() []identity.Claim {
	switch c {
	case ID2:
		return []identity.Claim{identity.ClaimName, identity.ClaimIDNumber}
	case Mobile2:
		return []identity.Claim{identity.ClaimName, identity.ClaimMobile}
	case Mobile3:
		return []identity.Claim{identity.ClaimName, identity.ClaimIDNumber, identity.ClaimMobile}
	case Bank3:
		return []identity.Claim{identity.ClaimName, identity.ClaimIDNumber, identity.ClaimBankCard}
	case Bank4:
		return []identity.Claim{identity.ClaimName, identity.ClaimIDNumber, identity.ClaimBankCard, identity.ClaimMobile}
	case Face3:
		return []identity.Claim{identity.ClaimName, identity.ClaimIDNumber, identity.ClaimFaceImage}
	}
	return nil
}
