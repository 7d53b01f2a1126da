package plugin

import (
	"context"
	"errors"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// come is how an answer was come by.
type come uint8

const (
	comeAsked    come = iota // the provider was asked for this request
	comeHit                  // remembered
	comeJoined               // asked for another request at the same time
	comeAsserted             // proven before: the request brings an assertion
	comeStale                // remembered, and older than the rule wants, while every provider is down
)

// String is the word used in audit lines and metrics.
func (c come) String() string {
	switch c {
	case comeHit:
		return "hit"
	case comeJoined:
		return "joined"
	case comeAsserted:
		return "assertion"
	case comeStale:
		return "stale"
	case comeAsked:
		return "miss"
	}
	return "miss"
}

// keeps reports whether this rule remembers answers to the check.
func (q *question) keeps(check providers.Check) bool {
	return q.rule.Remember.Any() && check.Remembered() && len(q.engine.memory) > 0
}

// keys is the question's key under each of the policy's keys: of the tenant, of what is asked and of whom, of what the
// answer depends on, and of the claims that are sent, no others. It is the question's own and not the chain's: what one
// provider has no record of, the next may know.
func (q *question) keys(p *provider, check providers.Check) []state.Key {
	keys := make([]state.Key, len(q.engine.memory))
	person := q.person.Only(p.claims[check]...)
	for i, k := range q.engine.memory {
		keys[i] = k.Question(person, q.engine.policy.State.Tenant, string(check), p.Meaning)
	}
	return keys
}

// recall answers with what is remembered, where that is young enough for the rule. What an old key reads is remembered
// under the new one.
func (q *question) recall(p *provider, check providers.Check, keys []state.Key) (providers.Outcome, bool) {
	now := q.engine.env.Now()
	for i, k := range keys {
		a, ok := q.engine.env.State.Recall(k)
		if !ok || a.Age(now) > q.rule.Remember.For[a.Outcome] {
			continue
		}
		if i > 0 {
			q.engine.env.State.Remember(keys[0], a)
		}
		return q.recalled(p, check, &a, comeHit), true
	}
	return providers.Unanswered, false
}

// recalled notes an answer for which nobody was asked.
func (q *question) recalled(p *provider, check providers.Check, a *state.Answer, how come) providers.Outcome {
	q.note(attempt{provider: p, check: check, result: a.Result(), come: how, at: a.At})
	q.engine.recalls[how](1)
	return a.Outcome
}

// errAlone says that what the leader got is not for those who wait: each has to ask.
var errAlone = errors.New("plugin: the answer is the asker's alone")

// errHurried says that the leader had too little time to ask properly. Who has more asks anew.
var errHurried = errors.New("plugin: the asker's time ran out")

// join asks the provider, or waits for the answer to the same question that another request asks at this moment. A
// shadow rule's question is never an enforcing rule's: what only looks on decides about nobody.
func (q *question) join(p *provider, check providers.Check, keys []state.Key) providers.Outcome {
	start := q.engine.env.Now()
	as := &asking{Context: q.ctx, question: q, provider: p}
	name := q.mode() + string(keys[0][:])
	for {
		led := false
		packed, err := q.engine.env.Share(as, name, func(context.Context) ([]byte, error) {
			led = true
			return q.lead(p, check, keys)
		})
		if led {
			last := &q.attempts[len(q.attempts)-1]
			if last.come == comeAsked {
				q.engine.recalls[comeAsked](1)
			}
			return last.outcome()
		}
		switch {
		case errors.Is(err, errAlone):
			q.engine.recalls[comeAsked](1)
			return q.ask(p, check)
		case errors.Is(err, errHurried):
			continue
		case err == nil:
			if a, ok := state.Unpack(packed); ok {
				return q.recalled(p, check, &a, comeJoined)
			}
		}
		return q.unjoined(p, check, err, start)
	}
}

// lead asks for all who wait.
func (q *question) lead(p *provider, check providers.Check, keys []state.Key) ([]byte, error) {
	a, how, denied := q.fleetAnswer(p, keys)
	switch {
	case denied:
		return nil, q.lacking(p, check, lackStore).err
	case how != comeAsked:
		q.recalled(p, check, &a, how)
		return a.Pack(), nil
	}
	q.ask(p, check)
	defer q.returnLease()
	last := &q.attempts[len(q.attempts)-1]
	switch {
	case last.err != nil && last.hurried && (callout.IsKind(last.err, callout.Timeout) || callout.IsKind(last.err, callout.Blocked)):
		return nil, errHurried
	case last.err != nil:
		return nil, last.err
	}
	fresh, ok := state.Of(&last.result, q.engine.env.Now().Unix())
	if !ok {
		return nil, errAlone
	}
	q.remember(keys, &fresh)
	return fresh.Pack(), nil
}

// remember keeps an answer under the first key. One that the rule does not remember still ends what was remembered: an
// older answer is no longer true.
func (q *question) remember(keys []state.Key, a *state.Answer) {
	store := q.engine.env.State
	if q.rule.Remember.For[a.Outcome] > 0 {
		store.Remember(keys[0], *a)
	} else {
		store.Forget(keys[0])
	}
	for _, old := range keys[1:] {
		store.Forget(old)
	}
	lives := q.rule.Remember.For[a.Outcome]
	if lives > 0 && a.Outcome == providers.Match {
		lives += q.rule.Remember.StaleFor
	}
	q.spread(keys, a, lives)
}

// unjoined notes that the one who asked for all got no answer, or that it did not come in this request's time. Nobody is
// billed for this request.
func (q *question) unjoined(p *provider, check providers.Check, err error, start time.Time) providers.Outcome {
	fault := providers.Error{Provider: p.Name, Kind: providers.Unavailable, Err: err}
	if e, ok := errors.AsType[*providers.Error](err); ok {
		fault = *e
	} else if !callout.IsKind(err, callout.Timeout) {
		fault.Kind = providers.Malformed
	}
	fault.Billed, fault.UnknownCode = providers.BilledNo, false
	q.note(attempt{provider: p, check: check, err: &fault, took: q.engine.env.Now().Sub(start), come: comeJoined})
	q.engine.recalls[comeJoined](1)
	return providers.Unanswered
}

// stale is the end of a chain that nobody answered: a match that is older than the rule wants still counts for a while,
// if the rule says so.
func (q *question) stale(v *policy.Verify, least *leastCertain) (providers.Outcome, []int) {
	if q.rule.Remember.StaleFor == 0 || !q.keeps(v.Check) {
		return least.outcome, least.rests
	}
	oldest := q.rule.Remember.For[providers.Match] + q.rule.Remember.StaleFor
	for _, by := range v.By {
		p := &q.engine.providers[by]
		if q.lacks(p, v) != identity.ClaimNone {
			continue
		}
		good := func(a *state.Answer) bool {
			return a.Outcome == providers.Match && a.Age(q.engine.env.Now()) <= oldest
		}
		keys := q.keys(p, v.Check)
		for _, k := range keys {
			if a, ok := q.engine.env.State.Recall(k); ok && good(&a) {
				return q.recalled(p, v.Check, &a, comeStale), []int{len(q.attempts) - 1}
			}
		}
		if a, ok, _ := q.recallShared(keys, good); ok {
			return q.recalled(p, v.Check, &a, comeStale), []int{len(q.attempts) - 1}
		}
	}
	return least.outcome, least.rests
}
