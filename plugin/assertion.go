package plugin

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// AssertionHeader is the name of a header that goes both ways.
const AssertionHeader = "idv-assertion" // what was proven, signed: the client gets it with the response, and brings it along from then on

const (
	maxAssertion = 4 << 10          // bytes of one that is brought; the longest that is made is far shorter
	maxProofs    = 8                // in one
	clockSkew    = 60 * time.Second // that two gateways' clocks may differ
)

// A proof is a match, as an assertion holds it.
type proof struct {
	Check    string `json:"check"`
	Source   string `json:"source"` // police, carrier or bank
	At       int64  `json:"at"`     // when it was answered, Unix seconds
	Expires  int64  `json:"exp"`
	Provider string `json:"by"`     // the policy's name for who answered
	Person   string `json:"person"` // keyed digest of just the check's claims
	Carrier  string `json:"carrier"`
}

// An assertion is the payload of the JWT.
type assertion struct {
	Issuer   string  `json:"iss"`
	Audience string  `json:"aud"`
	Issued   int64   `json:"iat"`
	Expires  int64   `json:"exp"`
	ID       string  `json:"jti"`   // of the decision that made it
	Subject  string  `json:"sub"`   // as x-idv-subject
	Bound    string  `json:"bound"` // keyed digest of whose it is
	Proofs   []proof `json:"idv"`

	signer *signer // nil: none was brought that is any good
	read   bool
	taken  bool // it stood for an answer
}

// asserted is the assertion that the request brings. Its signature, issuer, audience and time are right, or it has no
// signer.
func (q *question) asserted() *assertion {
	a := &q.assertion
	if a.read {
		return a
	}
	a.read = true
	text, n := q.head.get(AssertionHeader)
	if n != 1 || len(text) > maxAssertion {
		return a
	}
	payload, by := q.engine.verifySignature(text)
	if by == nil {
		return a
	}
	var brought assertion
	named := &q.engine.policy.Assertion
	now := q.engine.env.Now()
	if json.Unmarshal(payload, &brought) != nil || brought.Issuer != named.Issuer || brought.Audience != named.Audience ||
		brought.Expires <= now.Unix() || brought.Issued > now.Add(clockSkew).Unix() {
		return a
	}
	brought.signer, brought.read = by, true
	q.assertion = brought
	return a
}

// fresh is the newest proof of the check that is good and no older than maxAge (0: however old) and that fits; nil: none.
func (a *assertion) fresh(check providers.Check, now time.Time, maxAge time.Duration, fits func(*proof) bool) *proof {
	var best *proof
	for i := range a.Proofs {
		p := &a.Proofs[i]
		age := now.Sub(time.Unix(p.At, 0))
		if p.Check != string(check) || !check.Remembered() || p.Expires <= now.Unix() || age < -clockSkew || maxAge > 0 && age > maxAge || !fits(p) {
			continue
		}
		if best == nil || p.At > best.At {
			best = p
		}
	}
	return best
}

// bound is the digest of whose an assertion is, "" where the request does not say.
func (q *question) bound(by *signer, to *policy.Source) string {
	if to.Path == "" {
		return ""
	}
	text, fault := q.text(to)
	if fault != nil || text == "" {
		return ""
	}
	sum := by.digests.Sum("idvgate.assertion.bound.1", []byte(q.engine.policy.State.Tenant), []byte(to.Place.String()), []byte(to.Path), []byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// mine reports whether a brought assertion is bound as the source says.
func (q *question) mine(a *assertion, to *policy.Source) bool {
	bound := q.bound(a.signer, to)
	return bound != "" && bound == a.Bound
}

// whose is the digest of the person in a proof of the check, "" where the request does not make its claims.
func (q *question) whose(by *signer, check providers.Check) string {
	claims := check.Claims()
	for _, c := range claims {
		if !q.person.Has(c) {
			return ""
		}
	}
	sum := by.digests.Question(q.person.Only(claims...), "idvgate.assertion.1", q.engine.policy.State.Tenant, string(check))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// proven is step 6 where the rule requires a proof: without one that is the client's, nobody is asked.
func (q *question) proven() bool {
	need := &q.rule.Require.Proof
	if len(need.Checks) == 0 {
		return true
	}
	if a := q.asserted(); a.signer != nil && q.mine(a, &need.BoundTo) {
		for _, check := range need.Checks {
			if p := a.fresh(check, q.now, need.MaxAge, func(*proof) bool { return true }); p != nil {
				if q.subject = ""; q.engine.subject != nil && q.rule.Claims == nil {
					q.subject = providers.Token(a.Subject)
				}
				q.proof = q.takeProof(p, check)
				return true
			}
		}
	}
	return q.stop(VerificationNeeded, 403, "proof")
}

// recallProof answers a question about the claims at hand with what the request brings.
func (q *question) recallProof(check providers.Check) (on []int, ok bool) {
	rule := &q.rule.Assert
	if rule.GoodFor == 0 {
		return nil, false
	}
	a := q.asserted()
	if a.signer == nil || rule.BoundTo.Path != "" && !q.mine(a, &rule.BoundTo) {
		return nil, false
	}
	person := q.whose(a.signer, check)
	p := a.fresh(check, q.now, rule.GoodFor, func(p *proof) bool { return person != "" && p.Person == person })
	if p == nil {
		return nil, false
	}
	return q.takeProof(p, check), true
}

// takeProof notes a proof as an answer for which nobody was asked.
func (q *question) takeProof(p *proof, check providers.Check) []int {
	by := &provider{Provider: policy.Provider{Name: providers.Token(p.Provider)}}
	for i := range q.engine.providers {
		if q.engine.providers[i].Name == p.Provider {
			by = &q.engine.providers[i]
		}
	}
	q.note(attempt{
		provider: by, check: check, come: comeAsserted, at: p.At,
		result: providers.Result{Outcome: providers.Match, Carrier: providers.Token(p.Carrier), Billed: providers.BilledNo},
	})
	q.engine.recalls[comeAsserted](1)
	q.assertion.taken = true
	return []int{len(q.attempts) - 1}
}

// assert signs what was proven, as headers of the response: only a match, only what was not signed already, and never a
// face. A proof is good from when it was answered: to sign it again prolongs nothing.
func (q *question) assert() []callout.Header {
	rule := &q.rule.Assert
	if rule.GoodFor == 0 || q.outcome != providers.Match || q.rule.Shadow || len(q.engine.signers) == 0 {
		return nil
	}
	by, now := &q.engine.signers[0], q.engine.env.Now().Unix()
	made := assertion{Issuer: q.engine.policy.Assertion.Issuer, Audience: q.engine.policy.Assertion.Audience, Issued: now, ID: q.id(), Subject: q.subjectDigest()}
	if rule.BoundTo.Path != "" {
		if made.Bound = q.bound(by, &rule.BoundTo); made.Bound == "" {
			return nil // nobody to bind it to
		}
	}
	for _, i := range q.answers {
		if a := &q.attempts[i]; a.come != comeAsserted {
			made.add(q, by, a, rule.GoodFor)
		}
	}
	if len(made.Proofs) == 0 {
		return nil
	}
	q.carryOver(&made, by)
	for i := range made.Proofs {
		made.Expires = max(made.Expires, made.Proofs[i].Expires)
	}
	return []callout.Header{{Name: AssertionHeader, Value: by.sign(made.payload())}, {Name: "cache-control", Value: "no-store"}}
}

// add adds the proof that an attempt is, and those that it implies.
func (a *assertion) add(q *question, by *signer, of *attempt, goodFor time.Duration) {
	expires := of.at + int64(goodFor/time.Second)
	if of.outcome() != providers.Match || expires <= a.Issued {
		return
	}
	for check := of.check; check != "" && check.Remembered() && len(a.Proofs) < maxProofs; check = check.Implies() {
		if person := q.whose(by, check); person != "" {
			a.Proofs = append(a.Proofs, proof{
				Check: string(check), Source: check.Source(), At: of.at, Expires: expires, Provider: of.provider.Name,
				Person: person, Carrier: of.result.Carrier,
			})
		}
	}
}

// carryOver adds what the brought assertion holds besides, of the same claims and bound to the same client: a client
// keeps one assertion.
func (q *question) carryOver(made *assertion, by *signer) {
	a := q.asserted()
	if a.signer == nil || q.rule.Assert.BoundTo.Path != "" && !q.mine(a, &q.rule.Assert.BoundTo) {
		return
	}
	for i := range a.Proofs {
		p := a.Proofs[i]
		check := providers.Check(p.Check)
		newer := slices.ContainsFunc(made.Proofs, func(n proof) bool { return n.Check == p.Check && n.At >= p.At })
		if newer || !check.Remembered() || p.Expires <= made.Issued || len(made.Proofs) >= maxProofs {
			continue
		}
		if person := q.whose(a.signer, check); person != "" && person == p.Person {
			p.Person = q.whose(by, check)
			made.Proofs = append(made.Proofs, p)
		}
	}
}

// payload is the assertion as JSON.
func (a *assertion) payload() []byte {
	var b strictjson.Buffer
	b.Raw(`{"iss":`)
	b.Text(a.Issuer)
	b.Member("aud", a.Audience)
	b.Name("iat")
	b.Number(a.Issued)
	b.Name("exp")
	b.Number(a.Expires)
	b.Member("jti", a.ID)
	b.Member("sub", a.Subject)
	b.Member("bound", a.Bound)
	b.Raw(`,"idv":[`)
	for i := range a.Proofs {
		p := &a.Proofs[i]
		if i > 0 {
			b.Raw(",")
		}
		b.Raw(`{"check":`)
		b.Text(p.Check)
		b.Member("source", p.Source)
		b.Name("at")
		b.Number(p.At)
		b.Name("exp")
		b.Number(p.Expires)
		b.Member("by", p.Provider)
		b.Member("person", p.Person)
		b.Member("carrier", p.Carrier)
		b.Raw("}")
	}
	b.Raw("]}")
	return b.Bytes()
}

// verifySignature is the payload of a JWT in the compact form that one of the policy's keys has signed, and which; nil:
// none has. The key is chosen by the whole header, which says the algorithm: it is never the token's to choose.
func (e *Engine) verifySignature(text string) (payload []byte, by *signer) {
	header, rest, _ := strings.Cut(text, ".")
	body, tail, ok := strings.Cut(rest, ".")
	if !ok {
		return nil, nil
	}
	for i := range e.signers {
		s := &e.signers[i]
		if s.header != header {
			continue
		}
		signature, err := base64.RawURLEncoding.Strict().DecodeString(tail)
		if err != nil || !s.verify([]byte(text[:len(header)+1+len(body)]), signature) {
			return nil, nil
		}
		if payload, err = base64.RawURLEncoding.Strict().DecodeString(body); err != nil {
			return nil, nil
		}
		return payload, s
	}
	return nil, nil
}
