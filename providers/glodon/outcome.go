package glodon

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// The codes that the steps branch on; the table says what they mean.
const (
	codeOK         = "10000"
	codeRegistered = "20010"
	codeRealNamed  = "20020"
	codeNoUser     = "20030"
	codeHasCert    = "20065"
	codeNoPerson   = "20260"
	codeMismatch   = "40010"
)

var (
	errFailure   = errors.New("the vendor reports a failure")
	errCode      = errors.New("unknown code")
	errPlace     = errors.New("a code that has no place in this step")
	errElsewhere = errors.New("the person has an account that we did not create")
	errCertID    = errors.New("certificate without a certId")
	errLogin     = errors.New("login is refused")
	errToken     = errors.New("login without a token that a header may hold")
	errTokenType = errors.New("login with a token that is no bearer token")
	errExpiresIn = errors.New("login with an expires_in that is no number of seconds")
)

// failure is what the reply's code means in a step that has no use for it. A code that answers another step's question
// is as good as unreadable here.
func (r *reply) failure() *providers.Error {
	e := &providers.Error{Provider: name, Kind: providers.Malformed, Status: 200, Code: short(*r.Code), Err: errCode}
	for i := range table {
		if table[i].code != r.code() {
			continue
		}
		if table[i].outcome != providers.Unanswered {
			e.Err = errPlace
			return e
		}
		e.Kind, e.Billed, e.Err = table[i].kind, table[i].billed, errFailure
		if table[i].code == codeRegistered {
			e.Err = errElsewhere
		}
		return e
	}
	e.UnknownCode = true
	return e
}

// gone says that the vendor does not have the account it was asked about.
func gone(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && (e.Code == codeNoUser || e.Code == codeNoPerson)
}

// judgeLogin reads the token and its life out of a login's reply, or says why there is none.
func judgeLogin(resp *callout.Response) (string, time.Duration, error) {
	var r tokenReply
	err := callout.Decode(resp.Body, &r)
	if resp.Status != 200 {
		e := refused(resp)
		e.Billed = providers.BilledNo
		if err == nil {
			e.Code = providers.Token(string(r.Error))
		}
		return "", 0, e
	}
	e := &providers.Error{Provider: name, Kind: providers.Malformed, Status: 200, Billed: providers.BilledNo}
	life, hasLife := seconds(r.ExpiresIn)
	switch {
	case err != nil:
		e.Err = err
	case r.Error != "":
		e.Kind, e.Code, e.Err = providers.Refused, providers.Token(string(r.Error)), errLogin
	case len(r.AccessToken) > maxToken || !printable(string(r.AccessToken)):
		e.Err = errToken
	case r.TokenType != nil && !strings.EqualFold(string(*r.TokenType), "bearer"):
		e.Err = errTokenType
	case !hasLife:
		e.Err = errExpiresIn
	default:
		return string(r.AccessToken), life, nil
	}
	return "", 0, e
}

// seconds reads expires_in. It may be absent (RFC 6749); what is there must be more than 0.
func seconds(t *text) (time.Duration, bool) {
	if t == nil {
		return defaultLife, true
	}
	n, err := strconv.ParseUint(string(*t), 10, 63)
	if err != nil || n == 0 {
		return 0, false
	}
	if n > uint64(maxLife/time.Second) {
		return maxLife, true
	}
	return time.Duration(n) * time.Second, true
}

// refused is what a reply with another status than 200 means. The vendor documents 401 alone; 5xx may come after the
// work was done, 4xx (assumed) before it began.
func refused(resp *callout.Response) *providers.Error {
	e := &providers.Error{Provider: name, Status: resp.Status, Retry: retryAfter(resp)}
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

// malformed is an error about a reply with status 200 that cannot be used. The question may have been billed.
func malformed(err error) *providers.Error {
	return &providers.Error{Provider: name, Kind: providers.Malformed, Status: 200, Err: err}
}

// notSent is an error before the question left us: it costs nothing.
func notSent(kind providers.ErrorKind, err error) *providers.Error {
	return &providers.Error{Provider: name, Kind: kind, Billed: providers.BilledNo, Err: err}
}

// asError is err, which came through Env.Share, as an *Error: one of ours, or that of a context that is done.
func asError(err error) *providers.Error {
	var e *providers.Error
	if errors.As(err, &e) {
		return e
	}
	return notSent(providers.Unavailable, err)
}

// billed is err, with that billing, as a copy: others who waited may hold the same error.
func billed(err error, b providers.Billing) *providers.Error {
	e := *providers.AsError(err)
	e.Billed = b
	return &e
}

// short is a code as errors show it: up to 8 digits, as all of the vendor's are; else "". So no claim that a reply
// echoes can pass for a code.
func short(code text) string {
	if len(code) > 8 || strings.Trim(string(code), "0123456789") != "" {
		return ""
	}
	return string(code)
}

// printable says that s may stand in a header: visible ASCII.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
