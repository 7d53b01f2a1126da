package policy

import (
	"slices"
	"strings"

	"github.com/idvgate/idvgate/plugin/policy/shape"
)

// reach reports rules that never apply: an earlier enforcing rule without a condition decides all their requests.
// Shadow rules run beside and are always reached. n is the list of rules; those that are no mapping are left out of
// both.
func (l *loader) reach(n *shape.Node) {
	var nodes []*shape.Node
	for _, item := range n.Items {
		if item.Kind == shape.Mapping {
			nodes = append(nodes, item)
		}
	}
	if len(nodes) != len(l.policy.Rules) {
		return
	}
	var deciding []*Rule // enforcing, without a condition
	for i := range l.policy.Rules {
		r := &l.policy.Rules[i]
		if r.Shadow || r.Route.Path == nil || l.found.Under(nodes[i].Path.Key("route")) || l.found.Under(nodes[i].Path.Key("mode")) {
			continue
		}
		for _, earlier := range deciding {
			if coversRoute(&earlier.Route, &r.Route) {
				l.found.Missing(nodes[i].Get("route"), "never reached: rule "+shape.Quote(earlier.Name)+" before it decides all of these requests")
				break
			}
		}
		if nodes[i].Get("when") == nil {
			deciding = append(deciding, r)
		}
	}
}

// coversRoute is whether every request that b is for is one that a is for.
func coversRoute(a, b *Route) bool {
	return coversAll(a.Hosts, b.Hosts) && coversAll(withHead(a.Methods), withHead(b.Methods)) && coversPath(a, b, a.Path, b.Path)
}

// coversAll is for lists in which nil means any.
func coversAll(a, b []string) bool {
	if a == nil {
		return true
	}
	return b != nil && !slices.ContainsFunc(b, func(s string) bool { return !slices.Contains(a, s) })
}

// withHead adds HEAD to methods with GET: a rule for GET is one for HEAD too.
func withHead(methods []string) []string {
	if slices.Contains(methods, "GET") && !slices.Contains(methods, "HEAD") {
		return append(methods[:len(methods):len(methods)], "HEAD")
	}
	return methods
}

func coversPath(a, b *Route, p, q []Segment) bool {
	for i, s := range p {
		switch {
		case s.Kind == Rest:
			return true
		case i >= len(q) || q[i].Kind == Rest:
			return false
		case s.Kind == One:
		case q[i].Kind != Literal || !coversText(a, b, s.Text, q[i].Text):
			return false
		}
	}
	return len(p) == len(q)
}

// coversText is whether text that matches t in b's way matches s in a's.
func coversText(a, b *Route, s, t string) bool {
	if a.IgnoreCase {
		return strings.EqualFold(s, t)
	}
	return s == t && (!b.IgnoreCase || strings.ToLower(t) == strings.ToUpper(t))
}
