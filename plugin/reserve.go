package plugin

import (
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
)

// Why a provider is not asked, as the code of the attempt's error.
const (
	lackBudget = "budget"       // the period's money is used up
	lackShare  = "budget_share" // this client's part of it is
	lackQPS    = "qps"
	lackPlaces = "concurrent"
	lackHealth = "breaker"           // it did not answer, and is left alone
	shareLives = 32 * 24 * time.Hour // longer than any period
)

// spending is what bounds how one provider is asked.
type spending struct {
	budgets []budget
	asking  *atomic.Int64 // questions on their way
	breaker *breaker
}

type budget struct {
	*policy.Budget
	taken, warned, refused, left Add
}

func newSpending(m Metrics, of *policy.Provider, all []policy.Budget, index int) spending {
	name := of.Name
	s := spending{asking: new(atomic.Int64), breaker: &breaker{opened: m.Gauge(MetricBreaker, "provider", name)}}
	for i := range all {
		b := &all[i]
		if b.Provider != index {
			continue
		}
		count := func(state string) Add {
			return m.Counter(MetricBudget, "provider", name, "per", string(b.Per), "state", state)
		}
		left := m.Gauge(MetricLeft, "provider", name, "per", string(b.Per), "currency", b.Max.Currency)
		s.budgets = append(s.budgets, budget{b, count("taken"), count("warned"), count("refused"), left})
	}
	return s
}

// held is what an attempt has reserved.
type held struct {
	money []state.Take
	fleet []*sum // of the same, in the fleet's store
	place bool
}

// reserve takes what a question to the provider needs before it is asked: a place, and the money at the policy's price.
// The word is what there is none of; then nothing is held.
func (q *question) reserve(p *provider, check providers.Check) (h held, lack string) {
	if p.breaker.open(&p.Breaker, q.engine.env.Now()) {
		return h, lackHealth
	}
	if most := p.Limits.Concurrent; most > 0 {
		if p.asking.Add(1) > int64(most) {
			p.asking.Add(-1)
			return h, lackPlaces
		}
		h.place = true
	}
	now := q.engine.env.Now()
	if p.Limits.QPS > 0 && !q.engine.env.State.Take(q.engine.spendingKey("qps", p.Name, "", ""), 1, int64(p.Limits.QPS), time.Second, now).OK {
		h.release(q, p, providers.BilledNo)
		return h, lackQPS
	}
	price := p.Price[check].Micros
	for i := range p.budgets {
		b := &p.budgets[i]
		if lack = q.pay(&h, p, b, price, now); lack != "" {
			b.refused(1)
			h.release(q, p, providers.BilledNo)
			return h, lack
		}
	}
	return h, ""
}

// pay takes the price from a budget, and from the client's share of it.
func (q *question) pay(h *held, p *provider, b *budget, price int64, now time.Time) (lack string) {
	e, window := q.engine, string(b.Per)+b.Window(now)
	if b.Share < b.Max.Micros {
		t := e.env.State.Take(e.spendingKey("share", p.Name, window, q.client(&q.rule.Throttle.By)), price, b.Share, shareLives, now)
		if !t.OK {
			return lackShare
		}
		h.money = append(h.money, t)
	}
	key := e.spendingKey("budget", p.Name, window, "")
	t := e.env.State.Take(key, price, b.Max.Micros, 0, now) // the key names the window
	if !t.OK {
		return lackBudget
	}
	h.money = append(h.money, t)
	count := t.Count
	if b.Fleet {
		added, over, lack := q.add(key, price, b.Max.Micros, shareLives)
		switch {
		case lack != "":
			return lack
		case over:
			return lackBudget
		case added != nil:
			h.fleet = append(h.fleet, added)
			count = max(count, added.count)
		}
	}
	b.taken(1)
	b.left(float64(b.Max.Micros-count) / 1e6)
	if count > b.WarnAt {
		b.warned(1)
	}
	return ""
}

// release settles: the place is free again, and the money is given back where nothing was billed. What may have been
// billed, as after a time-out, is spent.
func (h *held) release(q *question, p *provider, billed providers.Billing) {
	if h.place {
		p.asking.Add(-1)
		h.place = false
	}
	if billed == providers.BilledNo {
		for _, t := range h.money {
			q.engine.env.State.Give(t)
		}
		for _, added := range h.fleet {
			q.subtract(added)
		}
	}
	h.money, h.fleet = nil, nil
}

// spendingKey names a counter: by the provider's name, so that a policy that is loaded anew goes on counting.
func (e *Engine) spendingKey(what, provider, window, client string) state.Key {
	key := e.sampling // nothing of a person is in it
	if client != "" {
		key = e.memory[0]
	}
	digest := key.Sum("idvgate.spending.1", []byte(e.policy.State.Tenant), []byte(what), []byte(provider), []byte(window), []byte(client))
	return state.Key(digest[:16])
}
