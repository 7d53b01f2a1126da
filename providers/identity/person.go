package identity

// Has reports whether the person makes the claim.
func (p Person) Has(c Claim) bool { return p.text(c) != "" }

// Only is the person with those claims and no other, so that a vendor is told no more than its question needs. A claim
// the person does not make stays absent.
func (p Person) Only(claims ...Claim) Person {
	var q Person
	for _, c := range claims {
		switch c {
		case ClaimName:
			q.Name = p.Name
		case ClaimIDNumber:
			q.ID = p.ID
		case ClaimMobile:
			q.Mobile = p.Mobile
		case ClaimBankCard:
			q.Card = p.Card
		case ClaimFaceImage:
			q.Face = p.Face
		case ClaimUserID:
			q.UserID = p.UserID
		case ClaimNone:
		}
	}
	return q
}

// Check judges what needs two claims: a Latin name is believed only beside a foreigner's ID number. Anything else is
// nil, and so is a person without a name.
//
// Faults: foreign_name, of the name.
func (p Person) Check() error {
	if p.Name.Latin() && !p.ID.Foreigner() {
		return fail(ClaimName, FaultForeigner)
	}
	return nil
}

// text is the claim in its one normal form; "" if the person does not make it.
func (p Person) text(c Claim) string {
	switch c {
	case ClaimName:
		return p.Name.s
	case ClaimIDNumber:
		return p.ID.s
	case ClaimMobile:
		return p.Mobile.s
	case ClaimBankCard:
		return p.Card.s
	case ClaimFaceImage:
		return p.Face.s
	case ClaimUserID:
		return p.UserID.s
	case ClaimNone:
		return ""
	}
	return ""
}

// Last4 is the last four characters of a claim that is a number; "" for another, or if the person does not make it.
func (p Person) Last4(c Claim) string {
	text := p.text(c)
	switch c {
	case ClaimIDNumber, ClaimMobile, ClaimBankCard:
		return text[max(0, len(text)-4):]
	case ClaimNone, ClaimName, ClaimFaceImage, ClaimUserID:
	}
	return ""
}
