package glodon

import (
	"errors"
	"strings"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/wire"
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

// malformed is an error about a reply with status 200 that cannot be used. The question may have been billed.
func malformed(err error) *providers.Error {
	return &providers.Error{Provider: name, Kind: providers.Malformed, Status: 200, Err: err}
}

// asError is err, which came through Env.Share, as an *Error: one of ours, or that of a context that is done.
func asError(err error) *providers.Error {
	var e *providers.Error
	if errors.As(err, &e) {
		return e
	}
	return wire.NotSent(name, providers.Unavailable, err)
}

// billed is err, with that billing, as a copy: others who waited may hold the same error.
func billed(err error, b providers.Billing) *providers.Error {
	e := *providers.AsError(err)
	e.Billed = b
	return &e
}

// short is a code as errors show it: up to 8 digits, as all of the vendor's are; else "". So no claim that a reply
// echoes can pass for a code.
func short(code wire.Text) string {
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
