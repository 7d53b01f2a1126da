package plugin

import (
	"sync/atomic"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
)

// Names of the metrics the engine counts.
const (
	MetricDecisions = "idv_decisions_total"     // decisions of rules, enforcing and shadow; requests that no rule is for are not counted
	MetricAttempts  = "idv_attempts_total"      // questions to a provider, retries among them
	MetricSeconds   = "idv_vendor_seconds"      // how long an attempt took, a login it needed included
	MetricCost      = "idv_cost_total"          // what was or may have been billed, in units of the currency, by the policy's prices
	MetricRecall    = "idv_recall_total"        // questions of rules that remember, by how the answer was come by
	MetricBudget    = "idv_budget_total"        // questions by what their budget had for them: taken, warned (past warnAt, taken as well), refused
	MetricLeft      = "idv_budget_left"         // what of a budget is left, in units of the currency, as of the last question
	MetricBreaker   = "idv_breaker_open"        // 1 while a provider is left alone that did not answer, else 0
	MetricPending   = "idv_pending_total"       // handles of open questions
	MetricShared    = "idv_shared_total"        // questions to the fleet's store
	MetricUnknown   = "idv_unknown_codes_total" // replies with a code that the provider's table does not know: somebody should look
)

// decisions are the counters of one rule, each made when its decision is first made. Making one is dear in a guest, and
// so is looking one up by name; of one rule there are few.
type decisions struct{ made atomic.Pointer[[]decision] }

type decision struct {
	action policy.Action
	reason Reason
	add    Add
}

// count counts one decision.
func (q *question) count(d *Decision) {
	of := &q.rule.decisions
	made := of.made.Load()
	if made != nil {
		for i := range *made {
			if c := &(*made)[i]; c.action == d.Action && c.reason == d.Reason {
				c.add(1)
				return
			}
		}
	}
	add := q.engine.env.Metrics.Counter(MetricDecisions,
		"rule", q.rule.Name, "decision", d.Action.String(), "reason", string(d.Reason), "mode", q.mode())
	add(1)
	var more []decision
	if made != nil {
		more = append(more, *made...)
	}
	more = append(more, decision{d.Action, d.Reason, add})
	of.made.CompareAndSwap(made, &more) // lost to another request: made again next time
}

// recalls are the counters of how answers are come by.
type recalls [comeStale + 1]Add

func newRecalls(m Metrics) (r recalls) {
	for how := range r {
		r[how] = m.Counter(MetricRecall, "result", come(how).String())
	}
	return r
}

// attempts are the counters of one provider.
type attempts struct {
	asked   [providers.Pending + 1][providers.BilledNo + 1]Add // by outcome and billing
	seconds Add
	cost    map[string]Add // by currency
	unknown Add
}

func newAttempts(m Metrics, p *policy.Provider) attempts {
	a := attempts{
		seconds: m.Histogram(MetricSeconds, "provider", p.Name),
		cost:    make(map[string]Add),
		unknown: m.Counter(MetricUnknown, "provider", p.Name),
	}
	for o := range a.asked {
		for b := range a.asked[o] {
			a.asked[o][b] = m.Counter(MetricAttempts,
				"provider", p.Name, "outcome", providers.Outcome(o).String(), "billed", providers.Billing(b).String())
		}
	}
	for _, price := range p.Price {
		a.cost[price.Currency] = m.Counter(MetricCost, "provider", p.Name, "currency", price.Currency)
	}
	return a
}

// countAttempt counts one attempt, what it cost, and a code that nobody has seen.
func (q *question) countAttempt(a *attempt) {
	of := &a.provider.attempts
	of.asked[a.outcome()][a.billed()](1)
	of.seconds(a.took.Seconds())
	if price, ok := a.price(); ok {
		of.cost[price.Currency](float64(price.Micros) / 1e6)
	}
	if a.result.UnknownCode || a.err != nil && a.err.UnknownCode {
		of.unknown(1)
	}
}
