package glodon

import "github.com/idvgate/idvgate/providers"

const (
	list = "page of the interface's codes (api_1_swagger); kind and billing assumed"
	seed = "page of the service, 2020; billing assumed"
)

// A row is one code and what we make of it in the step it belongs to.
type row struct {
	code    string
	outcome providers.Outcome // Unanswered: an error of the kind
	kind    providers.ErrorKind
	billed  providers.Billing
	meaning string
	source  string
}

// Kinds, for a table that fits the page.
const (
	unavailable = providers.Unavailable
	refusedKind = providers.Refused
)

// table is the vendor's codes, in its order. A code that is not here is an error. Codes about companies and grants
// belong to no call of ours; if one comes, something is set up wrong at the vendor.
var table = [...]row{
	{code: codeOK, outcome: providers.Pending, meaning: "the page is ready (step 2); done (steps 1 and 4)", source: seed},
	{code: "10001", kind: unavailable, meaning: "exception", source: list},
	{code: "10002", kind: refusedKind, billed: providers.BilledNo, meaning: "bad parameter", source: list},
	{code: "10003", kind: refusedKind, billed: providers.BilledNo, meaning: "a field to identify by is illegal or empty", source: list},
	{code: "10004", kind: refusedKind, billed: providers.BilledNo, meaning: "bad signature", source: list},
	{code: "10005", kind: providers.Busy, billed: providers.BilledNo, meaning: "the service behind fails: ask again", source: list},
	{code: "10010", kind: refusedKind, billed: providers.BilledNo, meaning: "our clock is off", source: list},
	{code: "10020", kind: refusedKind, billed: providers.BilledNo, meaning: "appId already generated", source: list},
	{code: "10030", kind: refusedKind, billed: providers.BilledNo, meaning: "request is not JSON", source: list},
	{code: "10040", kind: refusedKind, billed: providers.BilledNo, meaning: "unknown appId", source: list},
	{code: "10050", kind: refusedKind, billed: providers.BilledNo, meaning: "no credentials", source: list},
	{code: "10055", kind: refusedKind, billed: providers.BilledNo, meaning: "wrong credentials", source: list},
	{code: "10060", kind: refusedKind, billed: providers.BilledNo, meaning: "no permission for the interface", source: list},
	{code: codeRegistered, kind: refusedKind, billed: providers.BilledNo, meaning: "already registered, perhaps by another person with the same mobile: an error unless we keep the account", source: list},
	{code: codeRealNamed, outcome: providers.Match, billed: providers.BilledYes, meaning: "real-named; counts for an account that we created for this person", source: list},
	{code: "20021", kind: unavailable, meaning: "not real-named: no certificate", source: list},
	{code: codeNoUser, kind: refusedKind, billed: providers.BilledNo, meaning: "no such user: a kept account is replaced", source: list},
	{code: "20035", kind: refusedKind, billed: providers.BilledNo, meaning: "accountId, mobile and e-mail are all empty", source: list},
	{code: "20040", kind: unavailable, billed: providers.BilledNo, meaning: "user could not be created", source: list},
	{code: "20045", kind: refusedKind, billed: providers.BilledNo, meaning: "mobile or e-mail is empty", source: list},
	{code: "20050", kind: refusedKind, billed: providers.BilledNo, meaning: "unknown type of account", source: list},
	{code: "20060", kind: unavailable, meaning: "certificate could not be applied for", source: list},
	{code: codeHasCert, outcome: providers.Match, billed: providers.BilledYes, meaning: "certificate applied for before (step 4): a match without its number", source: list},
	{code: "20070", kind: unavailable, meaning: "certificate could not be fetched", source: list},
	{code: "20075", kind: unavailable, meaning: "no certificate found", source: list},
	{code: "20078", kind: unavailable, meaning: "certificate not applied for", source: list},
	{code: "20080", kind: unavailable, meaning: "certificate could not be parsed", source: list},
	{code: "20090", kind: refusedKind, billed: providers.BilledNo, meaning: "signature does not verify", source: list},
	{code: "20110", kind: unavailable, meaning: "certificate expired", source: list},
	{code: "20210", kind: refusedKind, billed: providers.BilledNo, meaning: "company not found", source: list},
	{code: "20220", kind: refusedKind, billed: providers.BilledNo, meaning: "company of another type", source: list},
	{code: "20230", kind: refusedKind, billed: providers.BilledNo, meaning: "company not real-named", source: list},
	{code: "20240", kind: refusedKind, billed: providers.BilledNo, meaning: "company without a certificate", source: list},
	{code: "20250", kind: refusedKind, billed: providers.BilledNo, meaning: "seal could not be granted", source: list},
	{code: codeNoPerson, kind: refusedKind, billed: providers.BilledNo, meaning: "person not found: a kept account is replaced", source: list},
	{code: "20270", kind: refusedKind, billed: providers.BilledNo, meaning: "person of another type", source: list},
	{code: "20280", kind: unavailable, meaning: "person not real-named", source: list},
	{code: "20290", kind: unavailable, meaning: "person without a certificate", source: list},
	{code: "20310", kind: refusedKind, billed: providers.BilledNo, meaning: "no record of a grant", source: list},
	{code: "20320", kind: refusedKind, billed: providers.BilledNo, meaning: "granted or revoked twice", source: list},
	{code: codeMismatch, outcome: providers.Mismatch, billed: providers.BilledYes, meaning: "the three do not belong together", source: list},
	{code: "40011", kind: unavailable, meaning: "verification failed, without saying why", source: list},
	{code: "40012", kind: unavailable, meaning: "exception in the verification", source: list},
	{code: "40020", kind: refusedKind, billed: providers.BilledNo, meaning: "company's verification failed", source: list},
	{code: "40030", kind: refusedKind, billed: providers.BilledNo, meaning: "wrong verification code, which no call of ours sends (the page is cut off here)", source: list},
}

// codes is the table for Info.
func codes() []providers.Code {
	all := make([]providers.Code, 0, len(table))
	for _, r := range table {
		c := providers.Code{Code: r.code, Outcome: r.outcome, Billed: r.billed, Meaning: r.meaning, Source: r.source}
		if r.outcome == providers.Unanswered {
			c.Kind = r.kind.String()
		}
		all = append(all, c)
	}
	return all
}
