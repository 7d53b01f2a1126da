package wire

import (
	"errors"
	"strconv"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// NotSent is the provider's error about a question that never left us: it costs nothing.
func NotSent(provider string, kind providers.ErrorKind, err error) *providers.Error {
	return &providers.Error{Provider: provider, Kind: kind, Billed: providers.BilledNo, Err: err}
}

// Code is a vendor's code as errors show it: through providers.Token, and "" if it has nine digits in a row, as every
// number of a person has: so no claim that a reply echoes can pass for a code.
func Code(code string) string {
	digits := 0
	for i := 0; i < len(code); i++ {
		if code[i] < '0' || code[i] > '9' {
			digits = 0
		} else if digits++; digits == 9 {
			return ""
		}
	}
	return providers.Token(code)
}

// Status is the provider's error about a reply whose status means that it holds no answer, for vendors that document
// none (assumed):
//
//	429        Busy, not billed
//	other 4xx  Refused, not billed: it comes before the work began
//	5xx        Unavailable; it may come after the work was done
//	the rest   Malformed
func Status(provider string, resp *callout.Response) *providers.Error {
	e := &providers.Error{Provider: provider, Status: resp.Status, Retry: retryAfter(resp)}
	e.Err = errors.New("HTTP status " + strconv.Itoa(resp.Status))
	switch s := resp.Status; {
	case s == 429:
		e.Kind, e.Billed = providers.Busy, providers.BilledNo
	case s >= 400 && s < 500:
		e.Kind, e.Billed = providers.Refused, providers.BilledNo
	case s >= 500:
		e.Kind = providers.Unavailable
	default:
		e.Kind = providers.Malformed
	}
	return e
}

// retryAfter is the reply's Retry-After in whole seconds, at most an hour; 0 for a date or anything else.
func retryAfter(resp *callout.Response) time.Duration {
	n, err := strconv.ParseUint(resp.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Hour)
}
