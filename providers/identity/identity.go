// Package identity holds the claims about a person. Each is parsed once, at the edge, into a type that cannot be
// wrong; from then on the type is passed, never the text. Nothing here costs money: it is what can be judged before a
// vendor is paid.
//
// Rules and sources: GB 11643-1999 for ID numbers; the rest is in each type's comment. No error of this package holds
// any part of a claim's value.
package identity

import "fmt"

// A Claim is one field about a person.
type Claim uint8

const (
	ClaimNone Claim = iota // no claim
	ClaimName
	ClaimIDNumber
	ClaimMobile
	ClaimBankCard
	ClaimFaceImage
	ClaimUserID // the person's number at a vendor's platform (kycloud)
)

// Claims is every claim, in the order documents list them.
func Claims() []Claim {
	return []Claim{ClaimName, ClaimIDNumber, ClaimMobile, ClaimBankCard, ClaimFaceImage, ClaimUserID}
}

// String is the word used in policies and problems; "" for ClaimNone.
func (c Claim) String() string {
	switch c {
	case ClaimName:
		return "name"
	case ClaimIDNumber:
		return "idNumber"
	case ClaimMobile:
		return "mobile"
	case ClaimBankCard:
		return "bankCard"
	case ClaimFaceImage:
		return "faceImage"
	case ClaimUserID:
		return "userId"
	case ClaimNone:
		return ""
	}
	return ""
}

// ParseClaim reads what String writes; false for any other word.
func ParseClaim(s string) (Claim, bool) {
	for _, c := range Claims() {
		if c.String() == s {
			return c, true
		}
	}
	return ClaimNone, false
}

// A Fault is what is wrong with a claim, as a word for audit lines. It never tells the value.
type Fault string

const (
	FaultMissing   Fault = "missing"          // not there, or empty
	FaultLength    Fault = "length"           // too short or too long
	FaultFormat    Fault = "format"           // characters that do not belong, or a shape that is none
	FaultChecksum  Fault = "checksum"         // check character or Luhn digit
	FaultBirthDate Fault = "birth_date"       // no date, or in the future
	FaultRegion    Fault = "region"           // no such province
	FaultVirtual   Fault = "virtual_operator" // a virtual operator's mobile, which the rule denies
	FaultForeigner Fault = "foreign_name"     // a Latin name without a foreigner's ID number
	FaultImageSize Fault = "image_size"       // decoded, not within 5 KB to 150 KB
	FaultImageType Fault = "image_type"       // neither JPEG nor PNG
)

// Error says which claim is wrong and how.
type Error struct {
	Claim Claim
	Fault Fault
}

func (e *Error) Error() string { return fmt.Sprintf("identity: %s: %s", e.Claim, e.Fault) }

// A Person is what a request claims about somebody: the claims that were extracted, each already right in itself.
// A claim that is absent is zero.
type Person struct {
	Name   Name
	ID     IDNumber
	Mobile Mobile
	Card   BankCard
	Face   FaceImage
	UserID UserID
}
