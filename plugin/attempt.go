package plugin

import (
	"context"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// attempt is one provider asked once.
type attempt struct {
	provider *provider
	check    providers.Check
	result   providers.Result
	err      *providers.Error // nil: result holds
	took     time.Duration
	retry    bool // the same provider had just been asked
}

func (a *attempt) outcome() providers.Outcome {
	if a.err != nil {
		return providers.Unanswered
	}
	return a.result.Outcome
}

func (a *attempt) billed() providers.Billing {
	if a.err != nil {
		return a.err.Billed
	}
	return a.result.Billed
}

// attempt asks the provider and notes what came of it. It reports whether the same provider may be asked again.
func (q *question) attempt(p *provider, check providers.Check, retry bool) (again bool) {
	env := &q.engine.env
	start := env.Now()
	ctx := &deadlined{q.ctx, q.deadline}
	do := &bounded{do: q.do, now: env.Now, deadline: q.deadline, provider: p}
	result, err := p.adapter.Verify(ctx, do, providers.Query{
		Check: check, Person: q.person, DecisionID: q.id(),
	})
	q.attempts = append(q.attempts, attempt{provider: p, check: check, result: result, took: env.Now().Sub(start), retry: retry})
	a := &q.attempts[len(q.attempts)-1]
	if err != nil {
		a.err = providers.AsError(err)
	} else if result.Outcome == providers.Pending && result.Pending == nil {
		a.err = &providers.Error{Provider: p.Name, Kind: providers.Malformed, Billed: result.Billed}
	}
	q.countAttempt(a)
	if a.err == nil {
		return false
	}
	return a.err.Kind == providers.Busy || p.RetryOnTimeout && callout.IsKind(a.err, callout.Timeout)
}

// bounded is the Doer of one attempt: it fills in what the policy says of the provider, and never waits beyond the
// request's own time.
type bounded struct {
	do       callout.Doer
	now      func() time.Time
	deadline time.Time
	provider *provider
}

func (b *bounded) Do(ctx context.Context, r *callout.Request) (*callout.Response, error) {
	r.Target = b.provider.Target
	r.Timeout = min(b.provider.Timeout, b.deadline.Sub(b.now()))
	if r.Timeout < time.Millisecond {
		return nil, &callout.Error{Kind: callout.Blocked} // never sent, so never billed
	}
	return b.do.Do(ctx, r)
}
