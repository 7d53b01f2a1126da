package plugin

// Names of the metrics the engine counts.
const (
	MetricDecisions = "idv_decisions_total"
	MetricAttempts  = "idv_attempts_total"
	MetricSeconds   = "idv_vendor_seconds"
	MetricCost      = "idv_cost_total"
	MetricUnknown   = "idv_unknown_codes_total"
)

// count counts one decision.
func (q *question) count(d *Decision) {
	q.engine.env.Metrics.Count(MetricDecisions, 1,
		"rule", q.rule.Name, "decision", d.Action.String(), "reason", string(d.Reason), "mode", q.mode())
}

// countAttempt counts one attempt, what it cost, and a code that nobody has seen.
func (q *question) countAttempt(a *attempt) {
	m, name := q.engine.env.Metrics, a.provider.Name
	m.Count(MetricAttempts, 1, "provider", name, "outcome", a.outcome().String(), "billed", a.billed().String())
	m.Observe(MetricSeconds, a.took.Seconds(), "provider", name)
	if price, ok := a.price(); ok {
		m.Count(MetricCost, float64(price.Micros)/1e6, "provider", name, "currency", price.Currency)
	}
	if a.result.UnknownCode || a.err != nil && a.err.UnknownCode {
		m.Count(MetricUnknown, 1, "provider", name)
	}
}
