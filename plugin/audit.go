package plugin

import (
	"encoding/base64"
	"io"
	"sort"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// id is the decision's id: 128 random bits, drawn when it is first needed.
func (q *question) id() string {
	if q.decisionID == "" {
		q.decisionID = newID(q.engine.env.Random)
	}
	return q.decisionID
}

func newID(random io.Reader) string {
	var raw [16]byte
	if _, err := random.Read(raw[:]); err != nil {
		return "unavailable"
	}
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

func (q *question) mode() string {
	if q.rule.Shadow {
		return "shadow"
	}
	return "enforce"
}

// audit writes the decision's line. No claim's value is in it; what came from a vendor has passed through
// providers.Token.
func (q *question) audit(d *Decision) {
	if q.engine.env.Audit == nil {
		return
	}
	now := q.now
	if now.IsZero() {
		now = q.engine.env.Now()
	}
	b, _ := q.engine.lines.Get().(*strictjson.Buffer)
	if b == nil {
		b = new(strictjson.Buffer)
	}
	b.Reset()
	b.Raw(`{"time":`)
	q.engine.appendTime(b, now)
	b.Member("id", d.ID)
	b.Member("request", clip(q.head.ID))
	if parent, n := q.head.get("traceparent"); n == 1 {
		b.Member("traceparent", clip(parent))
	}
	b.Name("rule")
	b.Text(q.rule.Name)
	b.Member("mode", q.mode())
	b.Member("check", q.each(func(a *attempt) string { return string(a.check) }))
	if !q.stopped || q.outcome != providers.Unanswered { // not where nobody was asked and no claim is at fault
		b.Member("outcome", q.outcome.String())
	}
	b.Member("reason", string(d.Reason))
	b.Member("detail", q.detail)
	if q.fault.Claim != identity.ClaimNone {
		b.Member("claim", q.fault.Claim.String())
	}
	b.Member("decision", d.Action.String())
	b.Name("status")
	b.Number(int64(d.Status))
	b.Member("signed", q.signed)
	b.Raw(`,"attempts":[`)
	for i := range q.attempts {
		if i > 0 {
			b.Raw(",")
		}
		q.attempts[i].append(b)
	}
	b.Raw("]")
	q.appendCost(b)
	if len(q.attempts) > 0 {
		b.Member("cache", q.come().String())
	}
	b.Member("subject", q.subjectDigest())
	b.Raw(`,"policy":"`)
	b.Raw(q.engine.policy.Digest)
	b.Raw(`"}`)
	q.engine.env.Audit(b.Bytes())
	q.engine.lines.Put(b)
}

// come is how the answers were come by: miss where anybody was asked for this request, else as the last one.
func (q *question) come() come {
	for i := range q.attempts {
		if q.attempts[i].come == comeAsked {
			return comeAsked
		}
	}
	return q.attempts[len(q.attempts)-1].come
}

func (a *attempt) append(b *strictjson.Buffer) {
	b.Raw(`{"provider":`)
	b.Text(a.provider.Name)
	b.Member("check", string(a.check))
	b.Member("outcome", a.outcome().String())
	if a.err != nil {
		kind := a.err.Kind.String()
		if a.err.Code != "" {
			kind += " " + providers.Token(a.err.Code)
		}
		b.Member("error", kind)
	} else {
		b.Member("reason", providers.Token(a.result.Reason))
		b.Member("reference", providers.Token(a.result.Reference))
		b.Member("trace", providers.Token(a.result.Trace))
	}
	b.Name("ms")
	b.Millionths(a.took.Microseconds() * 1000)
	b.Member("billed", a.billed().String())
	if a.retry {
		b.Raw(`,"retry":true`)
	}
	if a.resumed {
		b.Raw(`,"resumed":true`)
	}
	if a.come != comeAsked {
		b.Member("cache", a.come.String())
	}
	b.Raw("}")
}

// appendCost adds what was or may have been billed, by currency.
func (q *question) appendCost(b *strictjson.Buffer) {
	var costs []policy.Price
	for i := range q.attempts {
		price, ok := q.attempts[i].price()
		if !ok {
			continue
		}
		found := false
		for j := range costs {
			if costs[j].Currency == price.Currency {
				costs[j].Micros += price.Micros
				found = true
			}
		}
		if !found {
			costs = append(costs, price)
		}
	}
	if costs == nil {
		return
	}
	sort.Slice(costs, func(i, j int) bool { return costs[i].Currency < costs[j].Currency })
	b.Raw(`,"cost":{`)
	for i, c := range costs {
		if i > 0 {
			b.Raw(",")
		}
		b.Text(c.Currency)
		b.Raw(`:"`)
		b.Millionths(c.Micros)
		b.Raw(`"`)
	}
	b.Raw("}")
}

// price is what the attempt costs, if it was or may have been billed and the policy names a price.
func (a *attempt) price() (policy.Price, bool) {
	if a.billed() == providers.BilledNo {
		return policy.Price{}, false
	}
	p, ok := a.provider.Price[a.check]
	return p, ok
}

// clip bounds what a client may write into the audit line.
func clip(s string) string {
	if len(s) > 128 {
		return s[:128]
	}
	return s
}
