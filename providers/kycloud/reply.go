package kycloud

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/wire"
)

// reply is what we read of a reply. Its message, and the person's address, age and photographs, have no field on
// purpose: they are dropped as they are decoded.
type reply struct {
	Code    text   `json:"code"`    // may be missing (seed)
	Success flag   `json:"success"` // documented as a string
	Object  object `json:"object"`  // only after success

	status int
}

// object is the person found.
type object struct {
	UserID     text `json:"userId"`
	Name       text `json:"name"`
	CardNumber text `json:"cardNumber"`
	StartTime  text `json:"startTime"` // yyyy-MM-dd
	EntTime    text `json:"entTime"`   // yyyy-MM-dd, as the page spells it
	IsAuth     flag `json:"isAuth"`    // documented as a boolean

	present, broken bool
}

// UnmarshalJSON keeps a fault to itself until it is known that the object matters: a failure may carry anything.
func (o *object) UnmarshalJSON(b []byte) error {
	*o = object{}
	if b[0] != '{' {
		o.broken = string(b) != "null"
		return nil
	}
	type plain object
	o.present = true
	o.broken = callout.Decode(b, (*plain)(o)) != nil
	return nil
}

// text is a string, or a number kept as it is written (17 digits are more than a float holds). null is "".
type text string

var errText, errFlag = errors.New("neither string nor number"), errors.New("neither true nor false")

func (t *text) UnmarshalJSON(b []byte) error {
	s, ok := wire.ParseText(b)
	*t = text(s)
	if !ok {
		return errText
	}
	return nil
}

// flag is a boolean, written as one or as a string, that may be missing: the zero flag is.
type flag struct{ present, value bool }

func (f *flag) UnmarshalJSON(b []byte) error {
	*f = flag{}
	switch string(b) {
	case `true`, `"true"`:
		*f = flag{present: true, value: true}
	case `false`, `"false"`:
		*f = flag{present: true}
	case `null`:
	default:
		return errFlag
	}
	return nil
}

// code is the error code, if the reply is a failure.
func (r *reply) code() string {
	if !r.Success.present || r.Success.value {
		return ""
	}
	return string(r.Code)
}

var (
	errStatus  = errors.New("HTTP status of an error")
	errSuccess = errors.New("reply does not say whether it succeeded")
)

// read turns the exchange into a reply that says success or failure, or into an error. The vendor's page names no
// HTTP status but its success; what each of the others means is assumed.
func (p *Provider) read(resp *callout.Response) (*reply, error) {
	if resp.Status >= 500 {
		return nil, p.failed(providers.Unavailable, resp, errStatus)
	}
	r := &reply{status: resp.Status}
	b, err := p.charset.decode(resp.Body)
	if err == nil {
		err = callout.Decode(b, r)
	}
	if err == nil && !r.Success.present {
		err = errSuccess
	}
	if resp.Status >= 200 && resp.Status < 300 {
		if err != nil {
			return nil, p.failed(providers.Malformed, resp, err)
		}
		return r, nil
	}
	// A failure in the vendor's own words counts under any status; a success does not.
	if err == nil && r.code() != "" {
		return r, nil
	}
	switch resp.Status {
	case 401, 403, 404:
		return nil, p.failed(providers.Refused, resp, errStatus)
	case 429:
		return nil, p.failed(providers.Busy, resp, errStatus)
	}
	return nil, p.failed(providers.Malformed, resp, errStatus)
}

// failed is an error about a reply. What was refused or turned away is not billed (assumed); of the rest that is
// unknown.
func (p *Provider) failed(kind providers.ErrorKind, resp *callout.Response, err error) *providers.Error {
	e := &providers.Error{Provider: name, Kind: kind, Status: resp.Status, Retry: retryAfter(resp), Err: err}
	if kind == providers.Refused || kind == providers.Busy {
		e.Billed = providers.BilledNo
	}
	return e
}

// retryAfter is the reply's Retry-After in seconds, at most an hour; its other form, a date, is not read.
func retryAfter(resp *callout.Response) time.Duration {
	s, err := strconv.ParseUint(strings.TrimSpace(resp.Get("Retry-After")), 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(s)*time.Second, time.Hour)
}
