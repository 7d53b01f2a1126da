package policy

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
)

// A Path names a place in a policy: keys, and indexes as their digits.
type Path = shape.Path

// A Problem is one mistake in a policy, safe to print: no secret, no value of a variable.
type Problem = shape.Problem

// Problems is every mistake in a policy, in the document's order.
type Problems = shape.Problems

// Load reads a policy from JSON and checks all of it. lookup gives variables and secrets by name. Either the policy is
// whole and Problems is nil, or there is none and Problems holds every mistake.
func Load(doc []byte, list providers.List, lookup func(name string) (string, bool)) (*Policy, Problems) {
	root, found := shape.Parse(doc)
	if root == nil {
		return nil, found
	}
	l := loader{list: list, lookup: lookup, found: found, index: map[string]int{}}
	l.expand(root)
	shape.Check(root, shape.Type{Kind: shape.AnObject, Object: Grammar(list)}, &l.found)

	l.policy.Digest = digest(doc)
	l.readSubject(root.Get("subject"))
	l.readJWT(root.Get("jwt"))
	l.readState(root.Get("state"))
	l.readAssertion(root.Get("assertion"))
	l.readProviders(root.Get("providers"))
	l.readRules(root.Get("rules"))
	l.readBudgets(root.Get("budgets"))
	if len(l.found) > 0 {
		l.found.Sort()
		return nil, l.found
	}
	return &l.policy, nil
}

// A loader turns a document into a Policy. Each of its methods reads one part and reports what is wrong there, except
// what the grammar has reported already: a value that is not Sound is passed over in silence.
type loader struct {
	list   providers.List
	lookup func(name string) (string, bool)
	found  Problems
	policy Policy
	index  map[string]int       // provider's name to its index in policy.Providers
	made   []providers.Provider // by the same index; nil where it has problems
}

// digest is the policy's version: 16 bytes of SHA-256 over the document with sorted keys and without white space.
func digest(doc []byte) string {
	var v any
	dec := json.NewDecoder(strings.NewReader(string(doc)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return ""
	}
	canonical, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(canonical)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (l *loader) readSubject(n *shape.Node) {
	if n.Sound(shape.Mapping) {
		l.policy.Subject.Key = l.secret(n.Get("key"))
	}
}

func (l *loader) readState(n *shape.Node) {
	if n.Sound(shape.Mapping) {
		l.policy.State.Keys = l.secret(n.Get("key"))
		l.policy.State.Pending = defaultPending
		if s, ok := textOf(n.Get("pendingFor")); ok {
			l.policy.State.Pending, _ = shape.ParseDuration(s)
		}
		l.readStore(n.Get("shared"))
		l.policy.State.Tenant = l.printable(n.Get("tenant"))
	}
}

func (l *loader) readJWT(n *shape.Node) {
	if !n.Sound(shape.Mapping) {
		return
	}
	l.policy.JWT.Header = l.headerName(n.Get("header"))
	l.policy.JWT.VouchedBy = l.printable(n.Get("vouchedBy"))
}

// textOf is a text that stands and is right so far.
func textOf(n *shape.Node) (string, bool) {
	if !n.Sound(shape.Text) {
		return "", false
	}
	return n.Text, true
}

// boolOf is a bool, or what it is if not written.
func boolOf(n *shape.Node, otherwise bool) bool {
	if !n.Sound(shape.Bool) {
		return otherwise
	}
	return n.Bool
}

// printable is a text for logs and headers: short, without control characters.
func (l *loader) printable(n *shape.Node) string {
	s, ok := textOf(n)
	if !ok {
		return ""
	}
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			l.found.Add(n, false, "must not hold control characters")
			return ""
		}
	}
	if len(s) > 200 {
		l.found.Add(n, false, "must be at most 200 bytes long")
		return ""
	}
	return s
}
