// Package providers is the contract between the engine and a vendor's adapter.
//
// A Provider turns one Query into one Result by callouts through the Doer it is given, and keeps to these rules;
// providertest proves them for every provider:
//
//   - A vendor's no is a Result. An error, always an *Error, means that nobody answered.
//   - Codes are read with presence: a missing field or an unknown code is never a match. (JD Cloud apart: there
//     success decides, and an unmapped code is only counted.)
//   - It sends no more claims than the check needs, and no claim's value is in any error, reason or reference.
//   - It holds no lock across a Do, starts no goroutine, reads neither clock, randomness nor environment but by Env.
//   - It repeats a question only where the vendor's own protocol asks for it (a token that ran out, a request that
//     expired). Retry and fallback are the engine's.
//   - Reference, Trace, Reason and Carrier are safe to put in a header: Reference and Trace pass through Token.
package providers

import (
	"context"
	"time"

	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// A Provider asks one vendor.
type Provider interface {
	// Verify asks whether the claims in q belong together.
	Verify(ctx context.Context, do callout.Doer, q Query) (Result, error)
}

// A Resumer can ask again about a question that was left Pending, with the handle its Result carried.
type Resumer interface {
	Resume(ctx context.Context, do callout.Doer, q Query, handle []byte) (Result, error)
}

// A Claimer needs other claims for a check than Check.Claims says, because of how it is configured.
type Claimer interface {
	Claims(Check) []identity.Claim
}

// An Endpointer calls other base URLs besides Env.Endpoint (a token server). Egress is opened for them too.
type Endpointer interface {
	Endpoints() []string
}

// A Query is one question.
type Query struct {
	Check  Check
	Person identity.Person // holds at least the claims the check needs; may hold more, which are not sent
	// DecisionID names the decision this question serves, for a vendor's bookkeeping. May be empty.
	DecisionID string
}

// A Result is what the vendor said.
type Result struct {
	Outcome Outcome
	// Reason is a snake_case word of ours that tells noes of one outcome apart (document_expired), or "".
	Reason string
	// Claim is the field the vendor refused, for InvalidInput where it says so; else zero.
	Claim identity.Claim
	// Reference is the vendor's number for this question, what its support asks for. Through Token.
	Reference string
	// Trace is a further number of the vendor's, for the audit line only. Through Token.
	Trace  string
	Billed Billing
	// Carrier is mobile, telecom or unicom, where the vendor tells; else "".
	Carrier string
	// UnknownCode: the outcome stands, but the reply held a code nobody has seen (JD Cloud). Counted.
	UnknownCode bool
	// Pending is set if and only if Outcome is Pending.
	Pending *Continuation
}

// A Continuation says where an open question goes on.
type Continuation struct {
	URL     string        // the page the person visits; empty: there is none, and nothing to resume
	Handle  []byte        // what Resume needs; nil: cannot be resumed
	Expires time.Duration // how long the page is good for; zero: the vendor does not say
}

// Token makes a vendor's identifier safe for headers and logs: it is returned if it is [A-Za-z0-9._-]{1,64}, else
// it is replaced by "".
func Token(s string) string {
	if len(s) == 0 || len(s) > 64 {
		return ""
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' {
			continue
		}
		return ""
	}
	return s
}
