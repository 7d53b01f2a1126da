package policy

import (
	"slices"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers/identity"
)

// A Forward is a claim that the upstream gets in another form, or not at all.
type Forward struct {
	Claim identity.Claim
	As    ForwardAs
	Source
}

// ForwardAs is what of a claim is forwarded.
type ForwardAs uint8

const (
	Drop   ForwardAs = iota
	Last4            // its last four characters
	Digest           // the person's, as x-idv-subject
)

// String is the word used in policies.
func (f ForwardAs) String() string {
	switch f {
	case Drop:
		return "drop"
	case Last4:
		return "last4"
	case Digest:
		return "subject"
	}
	return "drop"
}

// known4 is the claims whose last four characters are shown to people everywhere, and tell no one apart.
func known4() []identity.Claim {
	return []identity.Claim{identity.ClaimIDNumber, identity.ClaimMobile, identity.ClaimBankCard}
}

func forwardGrammar() shape.Type {
	var fields []shape.Field
	for _, c := range identity.Claims() {
		form := words(Digest.String(), Last4.String(), Drop.String())
		if !slices.Contains(known4(), c) {
			form = words(Digest.String(), Drop.String())
			form.Refused = []shape.Refusal{{Word: Last4.String(), Because: "only a number has last four digits that are no secret: idNumber, mobile and bankCard"}}
		}
		fields = append(fields, shape.Field{Name: c.String(), Type: form, About: "What the upstream gets in its place; as it came if not written."})
	}
	return object(fields...)
}

// readForward is in the order of identity.Claims, as claims are.
func (l *loader) readForward(r *Rule, rule *shape.Node) {
	n := rule.Get("forward")
	if !n.Sound(shape.Mapping) {
		return
	}
	switch {
	case len(n.Members) == 0:
		l.found.Add(n, false, "must not be empty")
	case r.Shadow:
		l.found.Add(n, true, "forward is for a rule that enforces: mode: shadow changes nothing")
	}
	for _, c := range identity.Claims() {
		word, ok := textOf(n.Get(c.String()))
		if !ok {
			continue
		}
		at := n.Get(c.String())
		l.needs(rule, at, c, "forward")
		i := slices.IndexFunc(r.Claims, func(s ClaimSource) bool { return s.Claim == c })
		if i < 0 {
			continue
		}
		f := Forward{Claim: c, Source: r.Claims[i].Source}
		for f.As < Digest && f.As.String() != word {
			f.As++
		}
		l.checkForward(r, rule, at, &f)
		r.Forward = append(r.Forward, f)
	}
}

func (l *loader) checkForward(r *Rule, rule, at *shape.Node, f *Forward) {
	if f.Place != Body {
		l.found.Add(at, true, "forward rewrites a JSON body, and the rule reads "+f.Claim.String()+" elsewhere ("+f.Place.String()+")")
		return
	}
	for i := range r.Claims {
		if c := &r.Claims[i]; c.Claim != f.Claim && c.Place == Body && slices.Equal(c.Keys, f.Keys) {
			l.found.Add(at, true, c.Claim.String()+" is read from the same place: forward could not change the one without the other")
		}
	}
	if f.As != Digest {
		return
	}
	switch {
	case !l.hasSubjectKey():
		l.found.Add(at, false, "subject needs a key: write subject: {key: {secret: NAME}} at the top")
	case claimsKnown(rule) && !extracts(rule, identity.ClaimIDNumber) && !extracts(rule, identity.ClaimUserID) && !extracts(rule, identity.ClaimMobile):
		l.found.Add(at, true, "subject needs the claim idNumber, userId or mobile, by which people are told apart")
	}
}
