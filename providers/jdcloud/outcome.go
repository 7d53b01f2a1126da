package jdcloud

import (
	"errors"
	"strconv"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/wire"
)

var (
	errNeither   = errors.New("reply has neither result nor error")
	errUndecided = errors.New("reply does not say both success and hasException")
	errException = errors.New("the vendor had an exception")
	errUnmapped  = errors.New("the vendor had an exception with a code nobody has seen")
	errGateway   = errors.New("the vendor's gateway refused the request")
	errStatus    = errors.New("status without an explanation")
	errNoAnswer  = errors.New("a code that the policy says is no answer")
)

// judge says what a reply means. What the HTTP status says comes first, since HTML or nothing can come with any.
func (p *Provider) judge(response *callout.Response) (providers.Result, error) {
	r, err := decode(response.Body)
	readable := err == nil
	judged := response.Status == 403 || response.Status/100 == 2
	switch {
	case readable && judged && r.hasAuth && !r.isError:
		return p.outcome(r, response.Status)
	case readable && r.isError:
		return gateway(r, response)
	case response.Status >= 400:
		return providers.Result{}, refusal(response, response.Status, errStatus)
	case !readable:
		return providers.Result{}, malformed(response.Status, err)
	}
	return providers.Result{}, malformed(response.Status, errNeither)
}

// outcome reads an authInfo: hasException means that nobody answered, then success decides. code has no public list
// (assumed opaque): it only tells noes apart, where the policy maps it, and never makes a match.
func (p *Provider) outcome(r reply, status int) (providers.Result, error) {
	a := r.auth
	mapped, known := p.outcomes[a.code]
	unknown := a.code != "" && !known
	switch {
	case a.success == absent || a.hasException == absent:
		return a.fail(status, providers.Malformed, errUndecided)
	case a.hasException == yes && unknown:
		result, err := a.fail(status, providers.Malformed, errUnmapped)
		err.UnknownCode = true
		return result, err
	case a.hasException == yes:
		return a.fail(status, providers.Unavailable, errException)
	}
	result := providers.Result{
		Outcome:   providers.Match,
		Reference: providers.Token(r.requestID),
		Trace:     providers.Token(a.orderNumber),
		Billed:    a.charged,
	}
	if a.success == yes {
		return result, nil
	}
	result.Outcome, result.UnknownCode = providers.Mismatch, unknown
	if known {
		result.Outcome = mapped
	}
	if result.Outcome == providers.Unanswered {
		return a.fail(status, providers.Unavailable, errNoAnswer)
	}
	return result, nil
}

func (a authInfo) fail(status int, kind providers.ErrorKind, why error) (providers.Result, *providers.Error) {
	return providers.Result{}, &providers.Error{
		Provider: name, Kind: kind, Status: status, Code: wire.Code(a.code), Billed: a.charged, Err: why,
	}
}

// gateway reads an error envelope. Its name stands in error.status (assumed); a name that is not on the gateway page
// is judged by the HTTP status, which the envelope repeats in error.code, and counted.
func gateway(r reply, response *callout.Response) (providers.Result, error) {
	row, known := gatewayCode(r.problem.status)
	status := response.Status
	if status < 400 {
		status = r.problem.code
		if known {
			status = row.http
		}
	}
	if status == 400 && known && row.outcome == providers.InvalidInput {
		return providers.Result{
			Outcome: providers.InvalidInput, Reference: providers.Token(r.requestID), Billed: providers.BilledNo,
		}, nil
	}
	e := refusal(response, status, errGateway)
	e.Code, e.UnknownCode = wire.Code(r.problem.status), !known && r.problem.status != ""
	return providers.Result{}, e
}

// refusal is the error of a status of 400 and above.
func refusal(response *callout.Response, status int, why error) *providers.Error {
	e := &providers.Error{Provider: name, Status: response.Status, Retry: retryAfter(response), Err: why}
	e.Kind, e.Billed = kindOf(status, errors.Is(why, errGateway))
	return e
}

// kindOf is why a status means no answer. What the gateway refuses, in its own words, never reached the service, so it
// is not billed (assumed); a status alone says less.
func kindOf(status int, gateway bool) (providers.ErrorKind, providers.Billing) {
	switch {
	case status == 429:
		return providers.Busy, providers.BilledNo
	case status >= 500 && status < 600:
		return providers.Unavailable, providers.BilledUnknown
	case status >= 400 && status < 500 && gateway:
		return providers.Refused, providers.BilledNo
	case status >= 400 && status < 500:
		return providers.Refused, providers.BilledUnknown
	}
	return providers.Malformed, providers.BilledUnknown
}

func malformed(status int, why error) *providers.Error {
	return &providers.Error{Provider: name, Kind: providers.Malformed, Status: status, Err: why}
}

// retryAfter is the Retry-After header where it is a number of seconds, up to an hour.
func retryAfter(response *callout.Response) time.Duration {
	seconds, err := strconv.Atoi(response.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > 3600 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
