package policy

import (
	"time"

	"github.com/idvgate/idvgate/plugin/policy/shape"
)

// Throttle bounds the tries of one client. Zero: none is counted.
type Throttle struct {
	By     Source // who a client is: a header or a claim of the verified token; zero: its address
	Client Limit  // of all its tries under this rule
	Person Limit  // of its tries about one person
	Fleet  bool   // scope: fleet
}

// Any reports whether anything is counted.
func (t *Throttle) Any() bool { return t.Client.Max > 0 || t.Person.Max > 0 }

// A Limit is at most Max tries in a window that begins with the first of them. Max 0: none.
type Limit struct {
	Max int
	Per time.Duration
	All bool // count: all; else only what was answered with a no
}

func throttleGrammar() shape.Type {
	limit := func(more ...shape.Field) shape.Type {
		return object(append(more,
			shape.Field{Name: "max", Required: true, Type: shape.Type{Kind: shape.AWhole, Min: 1, Max: maxTries}, About: "How many tries there are."},
			shape.Field{Name: "per", Required: true, Type: shape.Type{Kind: shape.ADuration, Min: int64(time.Second), Max: int64(maxWindow)}, About: "In how long, from the first on."},
			shape.Field{Name: "count", Type: words("mismatch", "all"), About: "mismatch: what was answered with a no, remembered or not; all: every question. mismatch if not written."},
		)...)
	}
	return object(
		shape.Field{Name: "client", Type: limit(shape.Field{
			Name: "by", Type: shape.Type{Kind: shape.AWordOrObject, Words: []string{"address"}, Object: callerGrammar("countedBy")},
			About: "Who a client is: its address (of IPv6 the /64), or a header or token claim. address if not written.",
		}), About: "The tries of one client."},
		shape.Field{Name: "scope", Type: words("worker", "fleet"), About: "worker: each counts for itself, `idvgate run` for all its workers; fleet: all gateways with the same state.shared count together, in windows by the clock. worker if not written."},
		shape.Field{Name: "person", Type: limit(), About: "The tries of one client about one person. Another client's never count: no stranger can use up somebody's."},
	)
}

// callerGrammar names what tells one caller from another.
func callerGrammar(name string) *shape.Object {
	return &shape.Object{Name: name, OneOf: [][]string{{"header", "jwt"}}, Fields: []shape.Field{
		{Name: "header", Type: text(), About: "A header that the gateway, or who stands before it, sets."},
		{Name: "jwt", Type: text(), About: "A path into the payload of a token that the gateway verified."},
	}}
}

const (
	maxTries  = 1_000_000
	maxWindow = 31 * 24 * time.Hour
)

func (l *loader) readThrottle(r *Rule, rule *shape.Node) {
	n := rule.Get("throttle")
	if !n.Sound(shape.Mapping) {
		return
	}
	client, person := n.Get("client"), n.Get("person")
	if client == nil && person == nil {
		l.found.Add(n, true, "missing field: client, person or both")
		return
	}
	if len(l.policy.State.Keys) == 0 && !l.found.Under(Path{"state"}) {
		l.found.Add(n, true, "throttle needs a key: write state: {key: {secret: NAME}} at the top")
	}
	r.Throttle.Client, r.Throttle.Person = limitOf(client), limitOf(person)
	r.Throttle.Fleet = l.fleet(n.Get("scope"))
	by := client.Get("by")
	if by.Sound(shape.Mapping) {
		r.Throttle.By = l.readSource(by)
	}
}

func limitOf(n *shape.Node) (limit Limit) {
	if !n.Sound(shape.Mapping) {
		return limit
	}
	if most := n.Get("max"); most.Sound(shape.Number) {
		limit.Max = whole(most)
	}
	if s, ok := textOf(n.Get("per")); ok {
		limit.Per, _ = shape.ParseDuration(s)
	}
	word, _ := textOf(n.Get("count"))
	limit.All = word == "all"
	return limit
}
