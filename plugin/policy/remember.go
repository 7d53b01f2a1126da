package policy

import (
	"crypto/sha256"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
)

// readRemember reads how long a rule's answers hold.
func (l *loader) readRemember(r *Rule, rule *shape.Node) {
	n := rule.Get("remember")
	if !n.Sound(shape.Mapping) {
		return
	}
	if len(n.Members) == 0 {
		l.found.Add(n, false, "must not be empty")
	}
	for _, o := range remembered() {
		if s, ok := textOf(n.Get(o.String())); ok {
			r.Remember.For[o], _ = shape.ParseDuration(s)
		}
	}
	stale := n.Get("staleFor")
	if s, ok := textOf(stale); ok {
		r.Remember.StaleFor, _ = shape.ParseDuration(s)
		if n.Get(providers.Match.String()) == nil {
			l.found.Add(stale, true, "staleFor has no meaning without match: only a remembered match can be served late")
		}
	}
	if len(l.policy.State.Keys) == 0 && !l.found.Under(Path{"state"}) {
		l.found.Add(n, true, "remember needs a key: write state: {key: {secret: NAME}} at the top")
	}
	if checks := checksIn(&r.Verify, nil); len(checks) > 0 {
		if anyRemembered(checks) {
			return
		}
		l.found.Add(n, true, "a face is never remembered, and this rule asks about nothing else")
	}
}

// checksIn is every check of a tree.
func checksIn(v *Verify, checks []providers.Check) []providers.Check {
	for _, nodes := range [][]Verify{v.All, v.Any} {
		for i := range nodes {
			checks = checksIn(&nodes[i], checks)
		}
	}
	if v.Check != "" {
		checks = append(checks, v.Check)
	}
	return checks
}

// meaning is the digest of what a provider's answers depend on: whose adapter it is, where it asks, and how it is set up,
// secrets apart, which change without changing an answer.
func (l *loader) meaning(p *Provider, n *shape.Node, fields []shape.Field) string {
	own := &shape.Node{Kind: shape.Mapping, Members: []shape.Member{
		{Key: "use", Value: &shape.Node{Kind: shape.Text, Text: p.Info.Name}},
		{Key: "endpoint", Value: &shape.Node{Kind: shape.Text, Text: p.Endpoint}},
	}}
	own.Members = append(own.Members, withoutSecrets(n, fields)...)
	sum := sha256.Sum256([]byte(digest(own.JSON())))
	return string(sum[:16])
}

// withoutSecrets is those members of n that are fields, without what is secret at any depth.
func withoutSecrets(n *shape.Node, fields []shape.Field) (members []shape.Member) {
	for _, f := range fields {
		v := n.Get(f.Name)
		switch {
		case v == nil || f.Type.Kind == shape.ASecret:
			continue
		case v.Kind == shape.Mapping && f.Type.Kind == shape.AnObject:
			v = &shape.Node{Kind: shape.Mapping, Members: withoutSecrets(v, f.Type.Object.Fields)}
		}
		members = append(members, shape.Member{Key: f.Name, Value: v})
	}
	return members
}
