package providers

import (
	"errors"
	"time"

	"github.com/idvgate/idvgate/providers/callout"
)

// ErrorKind says why nobody answered, and so what may be done about it.
type ErrorKind uint8

const (
	// Unavailable: the vendor could not be reached, timed out or answered 5xx. Billing is unknown unless stated.
	Unavailable ErrorKind = iota
	// Busy: the vendor's own code for "not now, ask again". Not billed; the only kind that is retried by itself.
	Busy
	// Refused: the vendor refuses us, not the person: credentials, rights, a wrong signature, a clock that is off. Somebody must act.
	Refused
	// Malformed: a reply that cannot be read, or with a code nobody has seen.
	Malformed
)

// String is the word used in audit lines.
func (k ErrorKind) String() string {
	switch k {
	case Unavailable:
		return "unavailable"
	case Busy:
		return "busy"
	case Refused:
		return "refused"
	case Malformed:
		return "malformed"
	}
	return "unavailable"
}

// Error means that nobody answered. Its text starts with the provider's name, is safe to log and holds no claim.
type Error struct {
	Provider string // Info.Name
	Kind     ErrorKind
	Status   int           // the HTTP status of the reply, 0 if there was none
	Code     string        // the vendor's code through wire.Code, "" if there was none or it could be a claim
	Retry    time.Duration // what the vendor said in Retry-After, 0 if nothing
	Billed   Billing
	// UnknownCode: the reply held a code nobody has seen. Counted.
	UnknownCode bool
	Err         error // what happened, without any claim's value
}

func (e *Error) Error() string {
	s := e.Provider + ": " + e.Kind.String()
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// FromCallout wraps an error of Doer.Do: Unavailable, or Malformed for a reply that is too large. A request that was
// never sent is not billed; of all else that is unknown.
func FromCallout(provider string, err error) *Error {
	e := &Error{Provider: provider, Kind: Unavailable, Err: err}
	switch {
	case callout.IsKind(err, callout.Blocked):
		e.Billed = BilledNo
	case callout.IsKind(err, callout.TooLarge):
		e.Kind = Malformed
	}
	return e
}

// AsError is err as an *Error; an error that is none, which no provider should return, is Unavailable.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Provider: "provider", Kind: Unavailable, Err: err}
}
