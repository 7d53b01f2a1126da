package providers

// Outcome is what a provider answered. The zero Outcome is Unanswered, so a forgotten case denies.
type Outcome uint8

const (
	Unanswered   Outcome = iota // nobody answered: an error, a time-out, an unknown code
	Match                       // the claims belong together
	Mismatch                    // they do not; final, usually billed
	NoRecord                    // the vendor knows nothing of the person; the next provider may
	InvalidInput                // the vendor refused a field as malformed
	Limited                     // the vendor's limit for this person is used up
	Pending                     // the person has to do something first
)

// Outcomes is every outcome, in the order documents list them.
func Outcomes() []Outcome {
	return []Outcome{Match, Mismatch, NoRecord, InvalidInput, Limited, Pending, Unanswered}
}

// String is the word used in policies, headers and audit lines.
func (o Outcome) String() string {
	switch o {
	case Match:
		return "match"
	case Mismatch:
		return "mismatch"
	case NoRecord:
		return "no_record"
	case InvalidInput:
		return "invalid_input"
	case Limited:
		return "limited"
	case Pending:
		return "pending"
	case Unanswered:
		return "unanswered"
	}
	return "unanswered"
}

// ParseOutcome reads what String writes; false for any other word.
func ParseOutcome(s string) (Outcome, bool) {
	for _, o := range Outcomes() {
		if o.String() == s {
			return o, true
		}
	}
	return Unanswered, false
}

// Billing says whether the vendor charges for a question. The zero Billing is BilledUnknown: a time-out may have
// been billed.
type Billing uint8

const (
	BilledUnknown Billing = iota
	BilledYes
	BilledNo
)

// String is the word used in audit lines and metrics.
func (b Billing) String() string {
	switch b {
	case BilledYes:
		return "yes"
	case BilledNo:
		return "no"
	case BilledUnknown:
		return "unknown"
	}
	return "unknown"
}
