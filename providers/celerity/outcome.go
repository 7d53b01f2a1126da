package celerity

import (
	"errors"
	"strings"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/wire"
)

const (
	seed = "page of the interface, 2020; billing: the twin Tencent API's page (api/1007/39765)"
	twin = "the twin Tencent API's page (api/1007/39765)"
	old  = "SDK v1.0.162 of the twin Tencent API, gone since"
)

// A row is one value of Result and what we make of it.
type row struct {
	code    string
	outcome providers.Outcome // Unanswered: an error of the kind
	kind    providers.ErrorKind
	billed  providers.Billing
	claim   identity.Claim // the field that was refused
	reason  string         // tells noes of one outcome apart
	meaning string
	source  string
}

// table is the vendor's codes. A code that is not here is an error.
var table = [...]row{
	{code: "0", outcome: providers.Match, billed: providers.BilledYes, meaning: "the three belong together", source: seed},
	{code: "-4", outcome: providers.Mismatch, billed: providers.BilledYes, meaning: "the three do not belong together", source: seed},
	{code: "-5", outcome: providers.Mismatch, billed: providers.BilledYes, reason: "mobile_not_real_named", meaning: "nobody's name is registered for the mobile", source: old},
	{code: "-6", outcome: providers.InvalidInput, billed: providers.BilledNo, claim: identity.ClaimMobile, meaning: "malformed mobile", source: seed},
	{code: "-7", outcome: providers.InvalidInput, billed: providers.BilledNo, claim: identity.ClaimIDNumber, meaning: "malformed ID number", source: seed},
	{code: "-8", outcome: providers.InvalidInput, billed: providers.BilledNo, claim: identity.ClaimName, meaning: "malformed name", source: seed},
	{code: "-9", outcome: providers.NoRecord, billed: providers.BilledNo, meaning: "no record of the person", source: seed},
	{code: "-10", kind: providers.Unavailable, billed: providers.BilledNo, meaning: "not passed, without saying why", source: old},
	{code: "-11", kind: providers.Busy, billed: providers.BilledNo, meaning: "the verification centre is busy", source: seed},
	{code: "-12", outcome: providers.Limited, billed: providers.BilledNo, meaning: "the day's limit for this person is used up", source: twin},
	{code: "-13", outcome: providers.NoRecord, billed: providers.BilledNo, reason: "segment_unsupported", meaning: "the mobile's number segment is not covered", source: twin},
}

// codes is the table for Info.
func codes() []providers.Code {
	list := make([]providers.Code, 0, len(table))
	for _, r := range table {
		c := providers.Code{Code: r.code, Outcome: r.outcome, Billed: r.billed, Meaning: r.meaning, Source: r.source}
		if r.outcome == providers.Unanswered {
			c.Kind = r.kind.String()
		}
		list = append(list, c)
	}
	return list
}

var (
	errErrCode   = errors.New("reply without errcode")
	errException = errors.New("the vendor reports an exception")
	errData      = errors.New("reply without data")
	errNoAnswer  = errors.New("reply without a result")
	errNoResult  = errors.New("result without Result")
	errNoTrace   = errors.New("accepted without a traceNo")
	errCode      = errors.New("unknown Result")
	errNotPassed = errors.New("the vendor did not answer the question")
)

// judge says what the reply to a question means.
func (p *Provider) judge(resp *callout.Response) (providers.Result, error) {
	if resp.Status != 200 {
		return providers.Result{}, wire.Status(name, resp)
	}
	var r reply
	if err := callout.Decode(resp.Body, &r); err != nil {
		return malformed(resp, err)
	}
	switch {
	case r.ErrCode == nil:
		return malformed(resp, errErrCode)
	case *r.ErrCode != "0":
		return unknown(resp, *r.ErrCode, errException)
	case r.Data == nil:
		return malformed(resp, errData)
	}
	a, err := open(r.Data.Value.Result)
	trace := providers.Token(string(r.Data.Value.TraceNo))
	switch {
	case err != nil:
		return malformed(resp, err)
	case a == nil && !p.async:
		return malformed(resp, errNoAnswer)
	case a == nil && r.Data.Value.TraceNo == "":
		return malformed(resp, errNoTrace)
	case a == nil:
		// Accepted (assumed: a traceNo and no result). No query is known, so there is nothing to resume.
		return providers.Result{Outcome: providers.Pending, Trace: trace, Pending: &providers.Continuation{}}, nil
	case a.Result == nil:
		return malformed(resp, errNoResult)
	}
	for i := range table {
		if table[i].code == string(*a.Result) {
			return table[i].result(a, trace)
		}
	}
	return unknown(resp, *a.Result, errCode)
}

// result is the row as an answer, or as the error that it stands for.
func (r *row) result(a *answer, trace string) (providers.Result, error) {
	if r.outcome == providers.Unanswered {
		return providers.Result{}, &providers.Error{
			Provider: name, Kind: r.kind, Status: 200, Code: r.code, Billed: r.billed, Err: errNotPassed,
		}
	}
	return providers.Result{
		Outcome:   r.outcome,
		Reason:    r.reason,
		Claim:     r.claim,
		Reference: providers.Token(string(a.RequestID)),
		Trace:     trace,
		Billed:    r.billed,
		Carrier:   carrier(a.Isp),
	}, nil
}

// carrier is the Isp in our words; "" for one that the page does not list.
func carrier(isp wire.Text) string {
	switch isp {
	case "移动":
		return "mobile"
	case "电信":
		return "telecom"
	case "联通":
		return "unicom"
	}
	return ""
}

// malformed is an error about a reply that cannot be read. The question may have been billed.
func malformed(resp *callout.Response, err error) (providers.Result, error) {
	return providers.Result{}, &providers.Error{Provider: name, Kind: providers.Malformed, Status: resp.Status, Err: err}
}

// unknown is an error about a code that is not in the table.
func unknown(resp *callout.Response, code wire.Text, err error) (providers.Result, error) {
	return providers.Result{}, &providers.Error{
		Provider: name, Kind: providers.Malformed, Status: resp.Status, Code: short(code), UnknownCode: true, Err: err,
	}
}

// short is a code as errors show it: a number of up to 8 characters, as all of the vendor's are; else "". So no claim
// that a reply echoes can pass for a code.
func short(code wire.Text) string {
	digits := strings.TrimPrefix(string(code), "-")
	if len(code) > 8 || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return string(code)
}
