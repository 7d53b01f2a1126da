package policy

import (
	"strconv"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers/identity"
)

func (l *loader) readRules(n *shape.Node) {
	if !n.Sound(shape.List) {
		return
	}
	names := make(map[string]bool)
	for _, item := range n.Items {
		if !item.Sound(shape.Mapping) {
			continue
		}
		r := l.readRule(item)
		if name := item.Get("name"); r.Name != "" {
			if names[r.Name] {
				l.found.Add(name, false, "another rule is named "+shape.Quote(r.Name)+" already")
			}
			names[r.Name] = true
		}
		l.policy.Rules = append(l.policy.Rules, r)
	}
	l.reach(n)
}

func (l *loader) readRule(n *shape.Node) Rule {
	r := Rule{
		Name:    l.printable(n.Get("name")),
		Route:   l.readRoute(n.Get("route")),
		Within:  defaultWithin,
		MaxBody: defaultMaxBody,
		Sample:  1,
	}
	if when := n.Get("when"); when.Sound(shape.Mapping) {
		c := l.readCondition(when, 1)
		r.When = &c
	}
	r.Claims = l.readClaims(n.Get("claims"))
	l.readRequire(&r, n)
	l.readVerify(&r, n)
	l.readAssert(&r, n)
	l.readThrottle(&r, n)
	l.readRemember(&r, n)
	if s, ok := textOf(n.Get("denyFloor")); ok {
		r.DenyFloor, _ = shape.ParseDuration(s)
	}
	l.readDecide(&r, n.Get("decide"))
	l.readAnnotate(&r, n)
	l.readMode(&r, n)
	l.readForward(&r, n)
	if s, ok := textOf(n.Get("maxBody")); ok {
		size, _ := shape.ParseSize(s)
		r.MaxBody = int(size)
	}
	l.oneBody(&r, n)
	return r
}

// readClaims is in the order of identity.Claims, whatever the document's, so that one digest means one behaviour.
func (l *loader) readClaims(n *shape.Node) []ClaimSource {
	if !n.Sound(shape.Mapping) {
		return nil
	}
	if len(n.Members) == 0 {
		l.found.Add(n, false, "must not be empty")
	}
	var claims []ClaimSource
	for _, c := range identity.Claims() {
		if from := n.Get(c.String()); from.Sound(shape.Mapping) {
			claims = append(claims, ClaimSource{Claim: c, Source: l.readSource(from)})
		}
	}
	return claims
}

// extracts is whether the rule's document names a source for the claim, right or wrong.
func extracts(rule *shape.Node, c identity.Claim) bool {
	return rule.Get("claims").Get(c.String()) != nil
}

// claimsKnown is whether it can be told what the rule extracts.
func claimsKnown(rule *shape.Node) bool {
	claims := rule.Get("claims")
	if !claims.Sound(shape.Mapping) {
		return false
	}
	for _, m := range claims.Members {
		if _, known := identity.ParseClaim(m.Key); !known {
			return false // misspelt: reported already
		}
	}
	return true
}

func (l *loader) readRequire(r *Rule, rule *shape.Node) {
	n := rule.Get("require")
	r.Require.Luhn = true
	if !n.Sound(shape.Mapping) {
		return
	}
	r.Require.Luhn = boolOf(n.Get("luhn"), true)
	virtual := n.Get("virtualOperators")
	if s, _ := textOf(virtual); s == "deny" {
		r.Require.DenyVirtual = true
		l.needs(rule, virtual, identity.ClaimMobile, "virtualOperators")
	}
	age := n.Get("age")
	if !age.Sound(shape.Mapping) {
		return
	}
	least, most := age.Get("min"), age.Get("max")
	if least == nil && most == nil {
		l.found.Add(age, true, "missing field: min, max or both")
		return
	}
	if least.Sound(shape.Number) {
		r.Require.MinAge = whole(least)
	}
	if most.Sound(shape.Number) {
		r.Require.MaxAge = whole(most)
	}
	if r.Require.MaxAge > 0 && r.Require.MinAge > r.Require.MaxAge {
		l.found.Add(most, false, "max is less than min: nobody is that age")
	}
	l.needs(rule, age, identity.ClaimIDNumber, "age")
}

// needs reports a word that means nothing without a claim that the rule does not extract.
func (l *loader) needs(rule, at *shape.Node, c identity.Claim, word string) {
	if claimsKnown(rule) && !extracts(rule, c) {
		l.found.Add(at, true, word+" needs the claim "+c.String()+", which the rule does not extract")
	}
}

func (l *loader) readAnnotate(r *Rule, rule *shape.Node) {
	n := rule.Get("annotate")
	r.Annotate = []Annotation{AnnotateOutcome, AnnotateCheck}
	if !n.Sound(shape.List) {
		return
	}
	r.Annotate = []Annotation{}
	seen := make(map[string]bool)
	for _, item := range n.Items {
		word, ok := textOf(item)
		if !ok {
			continue
		}
		if seen[word] {
			l.found.Add(item, false, shape.Quote(word)+" is listed twice")
		}
		seen[word] = true
		switch word {
		case AnnotateSubject.String():
			if !l.hasSubjectKey() {
				l.found.Add(item, false, "subject needs a key: write subject: {key: {secret: NAME}} at the top")
			}
		case AnnotateAgeBand.String():
			l.needs(rule, item, identity.ClaimIDNumber, word)
		}
		for a := AnnotateOutcome; a <= AnnotateVersion; a++ {
			if a.String() == word {
				r.Annotate = append(r.Annotate, a)
			}
		}
	}
}

// hasSubjectKey is whether people have digests, or would have if what is wrong with the key is put right.
func (l *loader) hasSubjectKey() bool {
	return len(l.policy.Subject.Key) > 0 || l.found.Under(Path{"subject"})
}

func (l *loader) readMode(r *Rule, n *shape.Node) {
	mode, sample := n.Get("mode"), n.Get("sample")
	word, _ := textOf(mode)
	r.Shadow = word == "shadow"
	s, ok := textOf(sample)
	switch {
	case sample == nil:
	case !r.Shadow && (mode == nil || mode.Sound(shape.Text)):
		l.found.Add(sample, true, "sample is for mode: shadow; a rule that enforces is for everybody")
	case ok:
		if r.Sample, ok = shape.ParsePercent(s); !ok {
			return
		}
		if r.Sample < 1 && !l.hasSubjectKey() {
			l.found.Add(sample, true, "sample picks people by their digest: write subject: {key: {secret: NAME}} at the top")
		}
	}
}

// whole is a number the grammar has checked.
func whole(n *shape.Node) int {
	v, err := strconv.Atoi(n.Text)
	if err != nil {
		return 0
	}
	return v
}
