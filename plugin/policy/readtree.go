package policy

import (
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

// readCondition reads a node of when; depth counts the root as 1.
func (l *loader) readCondition(n *shape.Node, depth int) Condition {
	var c Condition
	if l.tooDeep(n, depth) || !n.Sound(shape.Mapping) {
		return c
	}
	if all := n.Get("all"); all.Sound(shape.List) {
		c.All = l.conditions(all, depth)
		return c
	}
	if anyOf := n.Get("any"); anyOf.Sound(shape.List) {
		c.Any = l.conditions(anyOf, depth)
		return c
	}
	c.Source = l.readSource(n)
	for _, op := range operators() {
		v := n.Get(op)
		if v == nil || v.Faulty {
			continue
		}
		switch op {
		case "above":
			c.Op, c.Number = Above, l.number(v)
		case "equals":
			c.Op, c.Values = Equals, []Scalar{l.scalar(v)}
		case "in":
			c.Op = In
			for _, item := range v.Items {
				c.Values = append(c.Values, l.scalar(item))
			}
		case "exists":
			c.Op, c.Want = Exists, v.Bool
		}
	}
	return c
}

func (l *loader) conditions(n *shape.Node, depth int) []Condition {
	out := make([]Condition, 0, len(n.Items))
	for _, item := range n.Items {
		out = append(out, l.readCondition(item, depth+1))
	}
	return out
}

func (l *loader) tooDeep(n *shape.Node, depth int) bool {
	if depth <= maxTreeDepth {
		return false
	}
	l.found.Add(n, false, "nested deeper than "+strconv.Itoa(maxTreeDepth)+" levels")
	return true
}

// number is a number that a float64 holds; whole numbers must be held exactly, or another value would be compared.
func (l *loader) number(n *shape.Node) float64 {
	if !n.Sound(shape.Number) {
		return 0
	}
	f, err := strconv.ParseFloat(n.Text, 64)
	if err != nil || math.Abs(f) > 1<<53 {
		l.found.Add(n, false, "too large for a number: compare it as text, in quotes")
	}
	return f
}

func (l *loader) scalar(n *shape.Node) Scalar {
	switch n.Kind {
	case shape.Text:
		return Scalar{Kind: TextKind, Text: n.Text}
	case shape.Number:
		return Scalar{Kind: NumberKind, Number: l.number(n)}
	case shape.Bool:
		return Scalar{Kind: BoolKind, Bool: n.Bool}
	case shape.Null, shape.List, shape.Mapping:
	}
	return Scalar{}
}

func (l *loader) readVerify(r *Rule, rule *shape.Node) {
	n := rule.Get("verify")
	if n == nil {
		return
	}
	if rule.Get("claims") == nil && rule.Get("require").Get("proof") != nil {
		l.found.Missing(rule, "missing field "+shape.Quote("claims")+": what verifies needs them")
	}
	if s, ok := textOf(n.Get("within")); ok {
		r.Within, _ = shape.ParseDuration(s)
	}
	r.Verify = l.readChecks(rule, n, 1)
}

// readChecks reads a node of verify; depth counts the root as 1.
func (l *loader) readChecks(rule, n *shape.Node, depth int) Verify {
	var v Verify
	if l.tooDeep(n, depth) || !n.Sound(shape.Mapping) {
		return v
	}
	if all := n.Get("all"); all.Sound(shape.List) {
		for _, item := range all.Items {
			v.All = append(v.All, l.readChecks(rule, item, depth+1))
		}
		return v
	}
	if anyOf := n.Get("any"); anyOf.Sound(shape.List) {
		for _, item := range anyOf.Items {
			v.Any = append(v.Any, l.readChecks(rule, item, depth+1))
		}
		return v
	}
	word, known := textOf(n.Get("check"))
	v.Check = providers.Check(word)
	by := n.Get("by")
	if !by.Sound(shape.List) {
		return v
	}
	for _, item := range by.Items {
		name, ok := textOf(item)
		if !ok {
			continue
		}
		i, ok := l.index[name]
		switch {
		case !ok:
			l.found.Add(item, false, "unknown provider "+shape.Quote(item.Written)+shape.Instead(name, l.names()))
		case slices.Contains(v.By, i):
			l.found.Add(item, false, shape.Quote(item.Written)+" stands in this chain already")
		default:
			v.By = append(v.By, i)
			if known {
				l.canAnswer(rule, item, v.Check, i)
			}
		}
	}
	return v
}

// canAnswer reports a provider that cannot answer the check, or not with the claims that the rule extracts.
func (l *loader) canAnswer(rule, by *shape.Node, check providers.Check, i int) {
	info := l.policy.Providers[i].Info
	if info.Name == "" {
		return
	}
	if !slices.Contains(info.Checks, check) {
		l.found.Add(by, false, shape.Quote(by.Written)+" ("+info.Name+") cannot answer "+string(check)+checksOf(info))
		return
	}
	if l.made[i] == nil && info.New != nil || !claimsKnown(rule) {
		return // what it needs is not known before its own problems are solved
	}
	need := check.Claims()
	if c, ok := l.made[i].(providers.Claimer); ok {
		if own := c.Claims(check); own != nil {
			need = own
		}
	}
	for _, c := range need {
		if c != identity.ClaimNone && !extracts(rule, c) {
			l.found.Missing(by, string(check)+" by "+shape.Quote(by.Written)+" needs the claim "+c.String()+", which the rule does not extract")
		}
	}
}

// names is the policy's providers, in the order of the alphabet.
func (l *loader) names() []string {
	names := make([]string, 0, len(l.index))
	for name := range l.index {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// readDecide starts from the safe defaults, so that the table is total.
func (l *loader) readDecide(r *Rule, n *shape.Node) {
	r.Decide[providers.Match] = Row{Action: Allow}
	r.Decide[providers.Pending] = Row{Action: Challenge}
	if !n.Sound(shape.Mapping) {
		return
	}
	for _, o := range providers.Outcomes() {
		row := n.Get(o.String())
		switch {
		case row.Sound(shape.Text):
			for _, a := range []Action{Allow, Deny, Challenge} {
				if a.String() == row.Text {
					r.Decide[o] = Row{Action: a}
				}
			}
		case row.Sound(shape.Mapping):
			if allow := row.Get("allow"); allow.Sound(shape.Bool) && !allow.Bool {
				l.found.Add(allow, false, "the signed form allows: to deny, write "+o.String()+": deny")
			}
			r.Decide[o] = Row{Action: Allow, Signed: l.signed(row.Get("reason"))}
		}
	}
}

func (l *loader) signed(n *shape.Node) string {
	s := l.printable(n)
	if n.Sound(shape.Text) && strings.TrimSpace(n.Text) == "" {
		l.found.Add(n, false, "must not be empty")
	}
	return s
}
