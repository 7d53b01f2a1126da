package plugin

import (
	"errors"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers/identity"
)

// parse puts a claim's text into the person, as the type that cannot be wrong.
func parse(p *identity.Person, c identity.Claim, text string, luhn bool, now time.Time) *identity.Error {
	var err error
	switch c {
	case identity.ClaimName:
		p.Name, err = identity.ParseName(text)
	case identity.ClaimIDNumber:
		p.ID, err = identity.ParseIDNumber(text, now)
	case identity.ClaimMobile:
		p.Mobile, err = identity.ParseMobile(text)
	case identity.ClaimBankCard:
		p.Card, err = identity.ParseBankCard(text, luhn)
	case identity.ClaimFaceImage:
		p.Face, err = identity.ParseFaceImage(text)
	case identity.ClaimUserID:
		p.UserID, err = identity.ParseUserID(text)
	case identity.ClaimNone:
		return &identity.Error{Claim: c, Fault: identity.FaultFormat}
	}
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*identity.Error](err); ok {
		return e
	}
	return &identity.Error{Claim: c, Fault: identity.FaultFormat}
}

// precheck judges what can be judged for free: step 4. A person who fails here never costs money.
func (q *question) precheck() bool {
	if missing := q.missing(&q.rule.Verify); q.rule.Verify.Asks() && missing != identity.ClaimNone {
		return q.stopClaim(missing, identity.FaultMissing)
	}
	if err := q.person.Check(); err != nil {
		if e, ok := errors.AsType[*identity.Error](err); ok {
			return q.stopClaim(e.Claim, e.Fault)
		}
		return q.stop(InvalidRequest, 400, "claims")
	}
	need := &q.rule.Require
	if need.DenyVirtual && q.person.Mobile.Virtual() {
		return q.stopClaim(identity.ClaimMobile, identity.FaultVirtual)
	}
	if need.MinAge == 0 && need.MaxAge == 0 {
		return true
	}
	if q.person.ID.IsZero() {
		return q.stopClaim(identity.ClaimIDNumber, identity.FaultMissing)
	}
	age, ok := q.person.ID.Age(q.now)
	if !ok || age < need.MinAge || need.MaxAge > 0 && age > need.MaxAge {
		return q.stop(AgeRequirement, 403, "age")
	}
	return true
}

// missing is ClaimNone if the tree can be asked with the claims that are there, else the first claim it lacks: for
// `all` every branch must be possible, for `any` one. A chain needs one provider that has what it needs.
func (q *question) missing(v *policy.Verify) identity.Claim {
	first := identity.ClaimNone
	switch {
	case v.All != nil:
		for i := range v.All {
			if m := q.missing(&v.All[i]); m != identity.ClaimNone {
				return m
			}
		}
		return identity.ClaimNone
	case v.Any != nil:
		for i := range v.Any {
			m := q.missing(&v.Any[i])
			if m == identity.ClaimNone {
				return m
			}
			if first == identity.ClaimNone {
				first = m
			}
		}
		return first
	}
	for _, by := range v.By {
		m := q.lacks(&q.engine.providers[by], v)
		if m == identity.ClaimNone {
			return m
		}
		if first == identity.ClaimNone {
			first = m
		}
	}
	return first
}

// lacks is the first claim that the provider needs for the check and the request does not carry.
func (q *question) lacks(p *provider, v *policy.Verify) identity.Claim {
	for _, c := range p.claims[v.Check] {
		if !q.person.Has(c) {
			return c
		}
	}
	return identity.ClaimNone
}
