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
	retry    bool  // the same provider had just been asked
	resumed  bool  // by a handle that the client brought
	hurried  bool  // it was given less time than the provider gets, since the request's own had nearly run out
	come     come  // how the answer was come by
	at       int64 // when it was answered, Unix seconds; of a match only
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
	handle, of, lack := q.useHandle(p, check)
	if lack != "" {
		q.lacking(p, check, lack).retry = retry
		return false
	}
	resume := handle != nil
	holds, lack := q.reserve(p, check)
	if lack != "" {
		q.unuse(&of)
		q.lacking(p, check, lack).retry = retry
		return false
	}
	billed := providers.BilledUnknown // also where the provider breaks
	defer func() { holds.release(q, p, billed) }()
	asked := &asking{Context: q.ctx, question: q, provider: p}
	query := providers.Query{Check: check, Person: q.person, DecisionID: q.id()}
	var result providers.Result
	var err error
	if resume {
		result, err = p.adapter.(providers.Resumer).Resume(asked, asked, query, handle)
	} else {
		result, err = p.adapter.Verify(asked, asked, query)
	}
	if resume && err != nil {
		q.unuse(&of) // nobody answered
	}
	a := q.note(attempt{
		provider: p, check: check, result: result, at: env.Now().Unix(), took: env.Now().Sub(start), retry: retry, hurried: asked.hurried, resumed: resume,
	})
	if err != nil {
		a.err = providers.AsError(err)
	} else if result.Outcome == providers.Pending && result.Pending == nil {
		a.err = &providers.Error{Provider: p.Name, Kind: providers.Malformed, Billed: result.Billed}
	}
	billed = a.billed()
	p.breaker.heard(&p.Breaker, a, env.Now())
	q.countAttempt(a)
	if a.err == nil {
		return false
	}
	return a.err.Kind == providers.Busy || p.RetryOnTimeout && callout.IsKind(a.err, callout.Timeout)
}

// lacking notes that the provider was not asked, for want of something.
func (q *question) lacking(p *provider, check providers.Check, lack string) *attempt {
	a := q.note(attempt{provider: p, check: check, err: &providers.Error{
		Provider: p.Name, Kind: providers.Unavailable, Code: lack, Billed: providers.BilledNo,
	}})
	q.countAttempt(a)
	return a
}

// note adds an attempt to those of the question.
func (q *question) note(a attempt) *attempt {
	if q.attempts == nil {
		q.attempts = q.first[:0]
	}
	q.attempts = append(q.attempts, a)
	return &q.attempts[len(q.attempts)-1]
}

// asking is what an attempt is made with: a Doer that fills in what the policy says of the provider and never waits
// beyond the request's own time, and a context with that deadline. It starts no timer: in a guest nobody could wait for
// one. Whoever waits for somebody else's answer reads it.
type asking struct {
	context.Context
	question *question
	provider *provider
	hurried  bool // a callout got less time than the policy gives the provider
}

// leastTimeout is the least time that a callout is worth: no vendor answers within less, and each bills. A gateway's
// timers may run out some milliseconds early.
const leastTimeout = 10 * time.Millisecond

func (a *asking) Deadline() (time.Time, bool) { return a.question.deadline, true }

func (a *asking) Do(ctx context.Context, r *callout.Request) (*callout.Response, error) {
	r.Target = a.provider.TargetOf(r.URL)
	r.Timeout = min(a.provider.Timeout, a.question.deadline.Sub(a.question.engine.env.Now()))
	a.hurried = a.hurried || r.Timeout < a.provider.Timeout
	if r.Timeout < leastTimeout {
		return nil, &callout.Error{Kind: callout.Blocked} // never sent, so never billed
	}
	return a.question.do.Do(ctx, r)
}
