package plugin

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
)

// PendingHeader is the name of a header that goes both ways.
const PendingHeader = "idv-pending" // the handle of an open question: the client gets it with the page's address, and brings it back with the same claims

// maxPending bounds a handle that is brought, in bytes. The longest that is made is far shorter.
const maxPending = 1 << 10

// A sealer seals handles under one key of the policy.
type sealer struct{ cipher.AEAD }

func newSealer(secret string) sealer {
	key := stateKey(secret).Sum("idvgate.pending.key.1")
	block, _ := aes.NewCipher(key[:]) // fails for other lengths only
	aead, _ := cipher.NewGCM(block)   // fails for other block sizes only
	return sealer{aead}
}

// A handle is nonce, then sealed: when it ends, Unix seconds in 8 bytes, and what the provider needs to ask again. Sealed
// with it, so that it opens nowhere else: the rule, the provider and those asked before it, the check, the claims that
// are sent, and the client.

// about is what a handle is bound to.
func (q *question) about(i int, p *provider, v *policy.Verify) []byte {
	key := q.engine.memory[i]
	person := key.Question(q.person.Only(p.claims[v.Check]...), q.engine.policy.State.Tenant, string(v.Check), p.Meaning)
	parts := [][]byte{person[:], []byte(q.rule.Name), []byte(q.client(&q.rule.Throttle.By))}
	for _, by := range v.By {
		before := &q.engine.providers[by]
		if parts = append(parts, []byte(before.Name)); before == p {
			break
		}
	}
	sum := key.Sum("idvgate.pending.1", parts...)
	return sum[:]
}

// seal is the handle of a pending answer, "" where it cannot be resumed: the provider gives none, or the policy has no
// key.
func (q *question) seal(p *provider, v *policy.Verify, c *providers.Continuation) string {
	if len(q.engine.sealers) == 0 || c == nil || len(c.Handle) == 0 || q.rule.Shadow {
		return ""
	}
	good := q.engine.policy.State.Pending
	if c.Expires > 0 {
		good = min(good, c.Expires)
	}
	s := q.engine.sealers[0]
	nonce := make([]byte, s.NonceSize(), s.NonceSize()+8+len(c.Handle)+s.Overhead())
	if _, err := q.engine.env.Random.Read(nonce); err != nil {
		return ""
	}
	text := binary.BigEndian.AppendUint64(nil, uint64(q.engine.env.Now().Add(good).Unix()))
	text = append(text, c.Handle...)
	q.engine.handles.issued(1)
	return base64.RawURLEncoding.EncodeToString(s.Seal(nonce, nonce, text, q.about(0, p, v)))
}

// brought is a handle that the request brings, for one node of the tree.
type brought struct {
	provider *provider
	check    providers.Check
	handle   []byte
	nonce    []byte
	left     time.Duration
}

// resumes is where the chain begins: with the provider whose open question the request brings back, else with the first.
// Those before it were asked when the handle was made.
func (q *question) resumes(v *policy.Verify) int {
	if len(q.engine.sealers) == 0 || q.rule.Shadow {
		return 0
	}
	text, n := q.head.get(PendingHeader)
	if n != 1 || len(text) > maxPending {
		return 0
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return 0
	}
	for i, by := range v.By {
		p := &q.engine.providers[by]
		if _, ok := p.adapter.(providers.Resumer); ok && q.open(raw, p, v) {
			return i
		}
	}
	return 0
}

// open reads a handle that was made for this very question, and is still good.
func (q *question) open(raw []byte, p *provider, v *policy.Verify) bool {
	for i, s := range q.engine.sealers {
		if len(raw) < s.NonceSize() {
			return false
		}
		nonce, sealed := raw[:s.NonceSize()], raw[s.NonceSize():]
		text, err := s.Open(nil, nonce, sealed, q.about(i, p, v))
		if err != nil || len(text) < 8 {
			continue
		}
		left := time.Unix(int64(binary.BigEndian.Uint64(text)), 0).Sub(q.engine.env.Now())
		if left <= 0 {
			return false
		}
		q.brought = brought{provider: p, check: v.Check, handle: text[8:], nonce: nonce, left: left}
		return true
	}
	return false
}

// use is a handle's one use.
type use struct {
	state.Take
	fleet *state.Key // of its lease in the fleet's store; nil: there is none
}

// useHandle is the handle to resume with, if one was brought for this provider and check and nobody of the fleet has used
// it; nil: none. It is used up by that, unless it is given back. lack is why nobody may be asked, else "".
func (q *question) useHandle(p *provider, check providers.Check) (handle []byte, of use, lack string) {
	b, env, s := &q.brought, &q.engine.env, q.engine.shared
	if b.provider != p || b.check != check {
		return nil, of, ""
	}
	b.provider = nil
	sum := q.engine.sampling.Sum("idvgate.pending.used.1", b.nonce) // nothing of a person is in it
	key := state.Key(sum[:16])
	of.Take = env.State.Take(key, 1, 1, b.left, env.Now())
	if !of.OK {
		return nil, of, ""
	}
	if s != nil {
		first, err := s.Lease(q.ctx, q.do, env.Now(), key, b.left)
		switch {
		case s.noted(err) == nil && !first:
			return nil, of, ""
		case err == nil:
			of.fleet = &key
		case s.deny:
			env.State.Give(of.Take)
			return nil, of, lackStore
		}
	}
	q.resumed = true
	q.engine.handles.resumed(1)
	return b.handle, of, ""
}

// unuse makes a handle good again: nobody answered.
func (q *question) unuse(of *use) {
	q.engine.env.State.Give(of.Take)
	q.endLease(of.fleet)
}

// handles counts what becomes of handles.
type handles struct{ issued, resumed, ignored Add }

func newHandles(m Metrics) handles {
	count := func(result string) Add { return m.Counter(MetricPending, "result", result) }
	return handles{count("issued"), count("resumed"), count("ignored")}
}

// countHandle counts a handle that was brought and not used: the question began anew.
func (q *question) countHandle() {
	if _, n := q.head.get(PendingHeader); n > 0 && !q.resumed && !q.rule.Shadow {
		q.engine.handles.ignored(1)
	}
}
