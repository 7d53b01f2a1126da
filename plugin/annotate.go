package plugin

import (
	"strings"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/callout"
)

// Names of the headers the upstream gets.
const (
	HeaderOutcome    = "x-idv-outcome"     // what was answered; always set where a rule let the request pass
	HeaderCheck      = "x-idv-check"       // what was asked, such as mobile3; several in tree order, joined by a comma
	HeaderProvider   = "x-idv-provider"    // the policy's name for who answered; several as x-idv-check
	HeaderReference  = "x-idv-reference"   // the vendor's number for the question, [A-Za-z0-9._-]{1,64}; several as x-idv-check
	HeaderSubject    = "x-idv-subject"     // the person, as a keyed digest of 22 characters: by ID number, else user id, else mobile
	HeaderCarrier    = "x-idv-carrier"     // the mobile's carrier, where the vendor says it: mobile, telecom or unicom
	HeaderAgeBand    = "x-idv-age-band"    // the person's age by the ID number: 0-7, 8-15, 16-17 or 18+
	HeaderDecisionID = "x-idv-decision-id" // the decision's id, as in the audit line; always set where a rule let the request pass
	HeaderVersion    = "x-idv-version"     // the policy's digest, 22 characters
)

// annotateOrReject makes the decision: step 9.
func (q *question) annotateOrReject() Decision {
	d := Decision{Action: q.action, ID: q.id(), Rule: q.rule.Name, Reason: q.reason, Outcome: q.outcome, Status: q.status}
	if q.action == policy.Allow {
		d.Remove, d.Set, d.Header = q.remove, q.annotations(), q.assert()
		q.replaceBody(&d)
		return d
	}
	q.reject(&d)
	return d
}

func (q *question) annotations() []callout.Header {
	set := make([]callout.Header, 0, len(q.rule.Annotate)+2)
	add := func(name, value string) {
		if value != "" {
			set = append(set, callout.Header{Name: name, Value: value})
		}
	}
	add(HeaderOutcome, q.outcome.String())
	add(HeaderDecisionID, q.id())
	for _, a := range q.rule.Annotate {
		switch a {
		case policy.AnnotateCheck:
			add(HeaderCheck, q.each(func(a *attempt) string { return string(a.check) }))
		case policy.AnnotateProvider:
			add(HeaderProvider, q.each(func(a *attempt) string { return a.provider.Name }))
		case policy.AnnotateReference:
			add(HeaderReference, q.each(func(a *attempt) string { return a.result.Reference }))
		case policy.AnnotateSubject:
			add(HeaderSubject, q.subjectDigest())
		case policy.AnnotateCarrier:
			add(HeaderCarrier, q.carrier())
		case policy.AnnotateAgeBand:
			add(HeaderAgeBand, q.ageBand())
		case policy.AnnotateVersion:
			add(HeaderVersion, q.engine.policy.Digest)
		case policy.AnnotateOutcome: // always set
		}
	}
	return set
}

// each joins what is said of every attempt the outcome rests on, in tree order; what is empty is left out.
func (q *question) each(of func(*attempt) string) string {
	if len(q.answers) == 1 {
		return of(&q.attempts[q.answers[0]])
	}
	var parts []string
	for _, i := range q.answers {
		if s := of(&q.attempts[i]); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ",")
}

func (q *question) carrier() string {
	for _, i := range q.answers {
		if c := q.attempts[i].result.Carrier; c != "" {
			return c
		}
	}
	return ""
}

// subjectDigest is the person's keyed digest, "" without a key or without a claim that says who it is.
func (q *question) subjectDigest() string {
	if q.engine.subject == nil {
		return ""
	}
	if q.subject == "" {
		q.subject = q.engine.subject.Subject(q.person)
	}
	return q.subject
}

// ageBand is the band of the person's age in whole years, "" where the ID number does not tell.
func (q *question) ageBand() string {
	if q.person.ID.IsZero() {
		return ""
	}
	age, ok := q.person.ID.Age(q.now)
	switch {
	case !ok:
		return ""
	case age < 8:
		return "0-7"
	case age < 16:
		return "8-15"
	case age < 18:
		return "16-17"
	}
	return "18+"
}
