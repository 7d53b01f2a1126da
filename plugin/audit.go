package plugin

import (
	"encoding/base64"
	"sort"
	"strconv"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/strictjson"
)

// id is the decision's id: 128 random bits, drawn when it is first needed.
func (q *question) id() string {
	if q.decisionID == "" {
		var raw [16]byte
		if _, err := q.engine.env.Random.Read(raw[:]); err != nil {
			return "unavailable"
		}
		q.decisionID = base64.RawURLEncoding.EncodeToString(raw[:])
	}
	return q.decisionID
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
	b := make([]byte, 0, 640)
	b = append(b, `{"time":"`...)
	b = now.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, '"')
	b = appendMember(b, "id", d.ID)
	b = appendMember(b, "request", clip(q.head.ID))
	if parent, n := q.head.get("traceparent"); n == 1 {
		b = appendMember(b, "traceparent", clip(parent))
	}
	b = append(b, `,"rule":`...)
	b = strictjson.AppendString(b, q.rule.Name)
	b = appendMember(b, "mode", q.mode())
	b = appendMember(b, "check", q.each(func(a *attempt) string { return string(a.check) }))
	b = appendMember(b, "outcome", q.outcome.String())
	b = appendMember(b, "reason", string(d.Reason))
	b = appendMember(b, "detail", q.detail)
	if q.fault.Claim != identity.ClaimNone {
		b = appendMember(b, "claim", q.fault.Claim.String())
	}
	b = appendMember(b, "decision", d.Action.String())
	b = append(b, `,"status":`...)
	b = appendInt(b, int64(d.Status))
	b = appendMember(b, "signed", q.signed)
	b = append(b, `,"attempts":[`...)
	for i := range q.attempts {
		if i > 0 {
			b = append(b, ',')
		}
		b = q.attempts[i].append(b)
	}
	b = append(b, ']')
	b = q.appendCost(b)
	if len(q.attempts) > 0 {
		b = append(b, `,"cache":"miss"`...)
	}
	b = appendMember(b, "subject", q.subjectDigest())
	b = append(b, `,"policy":"`...)
	b = append(b, q.engine.policy.Digest...)
	b = append(b, '"', '}')
	q.engine.env.Audit(b)
}

func (a *attempt) append(b []byte) []byte {
	b = append(b, `{"provider":`...)
	b = strictjson.AppendString(b, a.provider.Name)
	b = appendMember(b, "check", string(a.check))
	b = appendMember(b, "outcome", a.outcome().String())
	if a.err != nil {
		kind := a.err.Kind.String()
		if a.err.Code != "" {
			kind += " " + providers.Token(a.err.Code)
		}
		b = appendMember(b, "error", kind)
	} else {
		b = appendMember(b, "reason", providers.Token(a.result.Reason))
		b = appendMember(b, "reference", providers.Token(a.result.Reference))
		b = appendMember(b, "trace", providers.Token(a.result.Trace))
	}
	b = append(b, `,"ms":`...)
	b = strconv.AppendFloat(b, float64(a.took.Microseconds())/1000, 'f', -1, 64)
	b = appendMember(b, "billed", a.billed().String())
	if a.retry {
		b = append(b, `,"retry":true`...)
	}
	return append(b, '}')
}

// appendCost adds what was or may have been billed, by currency.
func (q *question) appendCost(b []byte) []byte {
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
		return b
	}
	sort.Slice(costs, func(i, j int) bool { return costs[i].Currency < costs[j].Currency })
	b = append(b, `,"cost":{`...)
	for i, c := range costs {
		if i > 0 {
			b = append(b, ',')
		}
		b = strictjson.AppendString(b, c.Currency)
		b = append(b, ':', '"')
		b = strconv.AppendFloat(b, float64(c.Micros)/1e6, 'f', -1, 64)
		b = append(b, '"')
	}
	return append(b, '}')
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
