package policy

import (
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

// onOutcome says when a row of decide holds.
func onOutcome(o providers.Outcome) string {
	switch o {
	case providers.Match:
		return "The claims belong together; allow if not written."
	case providers.Mismatch:
		return "They do not; deny if not written."
	case providers.NoRecord:
		return "Nobody who was asked knows the person; deny if not written."
	case providers.InvalidInput:
		return "A vendor refused a field as malformed; deny if not written."
	case providers.Limited:
		return "The vendor's limit for this person is used up; deny if not written."
	case providers.Pending:
		return "The person has to do something first; challenge if not written."
	case providers.Unanswered:
		return "Nobody answered: an error, a time-out, an unknown code; deny if not written."
	}
	return ""
}

// ofClaim says what a claim is.
func ofClaim(c identity.Claim) string {
	switch c {
	case identity.ClaimName:
		return "The person's name, as on the ID card."
	case identity.ClaimIDNumber:
		return "The number of the ID card, with its check character."
	case identity.ClaimMobile:
		return "A mobile number of mainland China, with or without +86."
	case identity.ClaimBankCard:
		return "The number of a bank card."
	case identity.ClaimFaceImage:
		return "A picture of the face: JPEG or PNG in base64, 5 KB to 150 KB decoded."
	case identity.ClaimUserID:
		return "The person's number at a vendor's platform."
	case identity.ClaimNone:
	}
	return ""
}
