package state

import (
	"encoding/binary"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

// An Answer is what is remembered of a provider's Result: what decisions and headers are made of, and nothing of the
// person. It is never an error, and never pending.
type Answer struct {
	At        int64 // when it was given, Unix seconds
	Outcome   providers.Outcome
	Claim     identity.Claim
	Carrier   Carrier
	Reason    string
	Reference string
}

// Carrier is providers.Result.Carrier in one byte.
type Carrier uint8

// carriers by their Carrier.
var carriers = [...]string{"", "mobile", "telecom", "unicom"}

// Of is what is remembered of a result that was given at that time. False: it is not to be remembered.
func Of(r *providers.Result, at int64) (Answer, bool) {
	switch r.Outcome {
	case providers.Match, providers.Mismatch, providers.NoRecord, providers.InvalidInput, providers.Limited:
	case providers.Pending, providers.Unanswered:
		return Answer{}, false
	}
	a := Answer{
		At: at, Outcome: r.Outcome, Claim: r.Claim,
		Reason: providers.Token(r.Reason), Reference: providers.Token(r.Reference),
	}
	for i, c := range carriers {
		if c == r.Carrier {
			a.Carrier = Carrier(i)
		}
	}
	return a, true
}

// Result is the provider's result again. Nobody was asked, so nothing is billed.
func (a *Answer) Result() providers.Result {
	return providers.Result{
		Outcome: a.Outcome, Claim: a.Claim, Reason: a.Reason, Reference: a.Reference,
		Carrier: carriers[a.Carrier], Billed: providers.BilledNo,
	}
}

// size is about what an answer takes, its key and its place in the store included.
func (a *Answer) size() int { return 240 + len(a.Reason) + len(a.Reference) }

// packing is the form that Pack writes. A change of it needs a new number: what was packed otherwise is asked anew.
const packing = 1

// packedHead is the bytes of a packed answer before its texts: packing, outcome, claim, carrier, time, length of the reason.
const packedHead = 4 + 8 + 1

// Pack writes the answer as bytes.
func (a *Answer) Pack() []byte {
	b := make([]byte, 0, packedHead+len(a.Reason)+len(a.Reference))
	b = append(b, packing, byte(a.Outcome), byte(a.Claim), byte(a.Carrier))
	b = binary.BigEndian.AppendUint64(b, uint64(a.At))
	b = append(b, byte(len(a.Reason)))
	b = append(b, a.Reason...)
	return append(b, a.Reference...)
}

// Unpack reads what Pack wrote. False for anything else.
func Unpack(b []byte) (Answer, bool) {
	if len(b) < packedHead || b[0] != packing {
		return Answer{}, false
	}
	a := Answer{Outcome: providers.Outcome(b[1]), Claim: identity.Claim(b[2]), Carrier: Carrier(b[3]), At: int64(binary.BigEndian.Uint64(b[4:]))}
	reason, rest := int(b[packedHead-1]), b[packedHead:]
	if reason > len(rest) {
		return Answer{}, false
	}
	a.Reason, a.Reference = string(rest[:reason]), string(rest[reason:])
	switch a.Outcome {
	case providers.Match, providers.Mismatch, providers.NoRecord, providers.InvalidInput, providers.Limited:
	case providers.Pending, providers.Unanswered:
		return Answer{}, false
	default:
		return Answer{}, false
	}
	if a.Claim > identity.ClaimUserID || int(a.Carrier) >= len(carriers) || a.At < 0 ||
		a.Reason != providers.Token(a.Reason) || a.Reference != providers.Token(a.Reference) {
		return Answer{}, false
	}
	return a, true
}
