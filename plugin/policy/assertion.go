package policy

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
)

// Assertion is who signs what was proven, and for whom. Zero keys: nothing is signed, and nothing signed is read.
type Assertion struct {
	Keys     []SigningKey // the first signs, all verify
	Issuer   string
	Audience string
}

// A SigningKey is for EdDSA, or for HS256.
type SigningKey struct {
	Seed   []byte // of an Ed25519 key; nil: HS256
	Secret []byte // of HS256
}

// Assert is what a rule does with assertions. Zero: it takes none and makes none.
type Assert struct {
	GoodFor time.Duration // of a proof, from when it was given
	BoundTo Source        // whose it is besides; without a path: whoever has the claims
}

// Proof is what has to be proven already. Zero checks: nothing.
type Proof struct {
	Checks  []providers.Check // one of them
	BoundTo Source
	MaxAge  time.Duration // 0: as long as it is good for
}

const (
	minGoodFor  = time.Minute
	maxGoodFor  = 366 * 24 * time.Hour
	leastSecret = 32 // bytes: a key for HS256 is no shorter than its hash (RFC 7518, 3.2)
)

func assertionGrammar() shape.Type {
	return object(
		shape.Field{Name: "key", Required: true, Type: shape.Type{Kind: shape.ASecret}, About: "What signs: an Ed25519 private key (PKCS#8, PEM or its bare base64) for EdDSA, or at least 32 bytes for HS256. After a change the old one, listed second, still verifies."},
		shape.Field{Name: "issuer", Required: true, Type: text(), About: "Who signs (iss): one name for the gateways that take each other's."},
		shape.Field{Name: "audience", Required: true, Type: text(), About: "For whom (aud): the API. One for another is not taken."},
	)
}

func assertGrammar() shape.Type {
	return object(
		shape.Field{Name: "goodFor", Required: true, Type: shape.Type{Kind: shape.ADuration, Min: int64(minGoodFor), Max: int64(maxGoodFor)}, About: "How long a match is good for, from when it was answered: what this rule signs, and what it takes."},
		shape.Field{Name: "boundTo", Type: boundGrammar("boundTo"), About: "Whom it is bound to besides the claims; only the claims if not written."},
	)
}

func boundGrammar(name string) shape.Type {
	return shape.Type{Kind: shape.AnObject, Object: callerGrammar(name)}
}

// proofFields are those of require.
func proofFields() []shape.Field {
	check := words()
	for _, c := range providers.Checks() {
		if c.Remembered() {
			check.Words = append(check.Words, string(c))
		} else {
			check.Refused = append(check.Refused, shape.Refusal{Word: string(c), Because: "a face is never asserted: it proves who is there now"})
		}
	}
	return []shape.Field{
		{Name: "proof", Type: list1(check), About: "What has to be proven already, by an assertion the request brings: one of these. Then the rule needs no claims and no verify."},
		{Name: "boundTo", Type: boundGrammar("provenBy"), About: "Whose assertion it has to be, with proof: as in the rule that made it."},
		{Name: "maxAge", Type: shape.Type{Kind: shape.ADuration, Min: int64(minGoodFor), Max: int64(maxGoodFor)}, About: "How old the proof may be; as old as it is good for if not written."},
	}
}

func (l *loader) readAssertion(n *shape.Node) {
	if !n.Sound(shape.Mapping) {
		return
	}
	a := &l.policy.Assertion
	a.Issuer, a.Audience = l.printable(n.Get("issuer")), l.printable(n.Get("audience"))
	key := n.Get("key")
	for _, secret := range l.secret(key) {
		k, problem := signingKey(secret)
		if problem != "" {
			l.found.Add(key, false, problem)
			return
		}
		a.Keys = append(a.Keys, k)
	}
}

// ed25519Head begins every PKCS#8 document of an Ed25519 key (RFC 8410, 7); its 32 bytes follow.
const ed25519Head = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"

const seedBytes = 32

// signingKey reads a key. The problem shows nothing of it.
func signingKey(secret string) (k SigningKey, problem string) {
	body, armoured := strings.TrimSpace(secret), false
	if rest, ok := strings.CutPrefix(body, "-----BEGIN PRIVATE KEY-----"); ok {
		body, armoured = rest, true
		body, _, _ = strings.Cut(body, "-----END")
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	switch {
	case err == nil && len(der) == len(ed25519Head)+seedBytes && string(der[:len(ed25519Head)]) == ed25519Head:
		return SigningKey{Seed: der[len(ed25519Head):]}, ""
	case armoured || strings.Contains(secret, "-----BEGIN"):
		return k, "the key is no Ed25519 private key in PKCS#8: openssl genpkey -algorithm ed25519 makes one"
	case len(secret) < leastSecret:
		return k, "the key is too short to sign with: it takes at least 32 bytes"
	}
	return SigningKey{Secret: []byte(secret)}, ""
}

// readAssert reads what the rule does with assertions.
func (l *loader) readAssert(r *Rule, rule *shape.Node) {
	l.readProof(&r.Require.Proof, rule.Get("require"))
	n := rule.Get("assert")
	if !n.Sound(shape.Mapping) {
		return
	}
	l.needsAssertion(n, "assert")
	r.Assert.GoodFor = durationOf(n.Get("goodFor"))
	if by := n.Get("boundTo"); by.Sound(shape.Mapping) {
		r.Assert.BoundTo = l.readSource(by)
	}
	checks := checksIn(&r.Verify, nil)
	switch {
	case rule.Get("verify") == nil && rule.Get("require").Get("proof") != nil:
		l.found.Add(n, true, "assert has nothing to sign: the rule verifies nothing")
	case len(checks) > 0 && !anyRemembered(checks):
		l.found.Add(n, true, "a face is never asserted, and this rule asks about nothing else")
	}
}

func (l *loader) readProof(p *Proof, n *shape.Node) {
	if !n.Sound(shape.Mapping) {
		return
	}
	proof, bound, age := n.Get("proof"), n.Get("boundTo"), n.Get("maxAge")
	if proof == nil {
		for _, alone := range []*shape.Node{bound, age} {
			if alone != nil {
				l.found.Add(alone, true, "has no meaning without proof")
			}
		}
		return
	}
	l.needsAssertion(proof, "proof")
	if proof.Sound(shape.List) {
		for _, item := range proof.Items {
			if s, ok := textOf(item); ok {
				p.Checks = append(p.Checks, providers.Check(s))
			}
		}
	}
	p.MaxAge = durationOf(age)
	switch {
	case bound == nil:
		l.found.Missing(proof, "proof needs boundTo: without it, whoever has got hold of an assertion passes")
	case bound.Sound(shape.Mapping):
		p.BoundTo = l.readSource(bound)
	}
}

func (l *loader) needsAssertion(n *shape.Node, word string) {
	if l.policy.Assertion.Issuer == "" && !l.found.Under(Path{"assertion"}) {
		l.found.Add(n, true, word+" needs a key: write assertion: {key: {secret: NAME}, issuer: …, audience: …} at the top")
	}
}

func anyRemembered(checks []providers.Check) bool {
	for _, c := range checks {
		if c.Remembered() {
			return true
		}
	}
	return false
}

// durationOf is a duration that the grammar has checked, or 0.
func durationOf(n *shape.Node) time.Duration {
	s, ok := textOf(n)
	if !ok {
		return 0
	}
	d, _ := shape.ParseDuration(s)
	return d
}
