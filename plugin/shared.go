package plugin

import (
	"context"
	"errors"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// lackStore is the code of what was not done since the shared store did not answer and the policy says deny.
const lackStore = "store"

// shared is the fleet's store, as the engine asks it; nil: there is none.
type shared struct {
	*state.Shared
	deny               bool
	done, down, forged Add
}

func newShared(m Metrics, p *policy.Store) *shared {
	if p == nil {
		return nil
	}
	count := func(result string) Add { return m.Counter(MetricShared, "result", result) }
	return &shared{
		Shared: storeOf(p), deny: p.Deny,
		done: count("done"), down: count("down"), forged: count("forged"),
	}
}

func storeOf(p *policy.Store) *state.Shared {
	if p.Redis != "" {
		return state.NewRedis(p.Redis, p.User, p.Password.Value(), p.Timeout)
	}
	login := ""
	if p.User != "" {
		login = p.User + ":" + p.Password.Value()
	}
	return state.NewShared(p.URL, p.Target, login, p.Timeout)
}

// noted counts what became of a question to the store.
func (s *shared) noted(err error) error {
	switch {
	case err == nil:
		s.done(1)
	case errors.Is(err, state.ErrForged):
		s.forged(1)
	default:
		s.down(1)
	}
	return err
}

// recallShared looks in the fleet's store for an answer that is young enough. denied: it did not answer, and the policy
// says that then nobody is asked.
func (q *question) recallShared(keys []state.Key, good func(*state.Answer) bool) (a state.Answer, found, denied bool) {
	s, env := q.engine.shared, &q.engine.env
	if s == nil {
		return a, false, false
	}
	for i, k := range keys {
		packed, err := s.Get(q.ctx, q.do, env.Now(), k, q.engine.memory[i])
		if s.noted(err) != nil && !errors.Is(err, state.ErrForged) {
			return a, false, s.deny
		}
		if a, found = state.Unpack(packed); found && good(&a) {
			env.State.Remember(keys[0], a)
			return a, true, false
		}
	}
	return a, false, false
}

// pollEvery is how often somebody who waits for another gateway's answer looks for it.
const pollEvery = 50 * time.Millisecond

// fleetAnswer is what the fleet knows, or another thread has just learnt: remembered, or asked for by another gateway at
// this moment and waited for. comeAsked: this one asks. Its lease keeps the others waiting until it is returned.
func (q *question) fleetAnswer(p *provider, keys []state.Key) (a state.Answer, how come, denied bool) {
	s, env := q.engine.shared, &q.engine.env
	good := func(a *state.Answer) bool { return a.Age(env.Now()) <= q.rule.Remember.For[a.Outcome] }
	if a, found := env.State.Recall(keys[0]); found && good(&a) {
		return a, comeHit, false // another thread's answer came while this one went to ask
	}
	if s == nil {
		return a, comeAsked, false
	}
	lease := q.engine.leaseKey(keys[0], q.mode())
	for how = comeHit; ; how = comeJoined {
		found := false
		if a, found, denied = q.recallShared(keys, good); found || denied {
			return a, how, denied
		}
		mine, err := s.Lease(q.ctx, q.do, env.Now(), lease, p.Timeout+time.Second)
		if s.noted(err) != nil {
			return a, comeAsked, false
		}
		if mine {
			q.leased = &lease
			return a, comeAsked, false
		}
		// What is left has to be enough to ask.
		if q.deadline.Sub(env.Now()) < p.Timeout+pollEvery || env.Sleep == nil || !env.Sleep(q.ctx, pollEvery) {
			return a, comeAsked, false
		}
	}
}

// leaseKey names a question's lease. A shadow rule's is another: nobody waits for who only looks on.
func (e *Engine) leaseKey(k state.Key, mode string) state.Key {
	sum := e.memory[0].Sum("idvgate.lease.1", k[:], []byte(mode))
	return state.Key(sum[:16])
}

// returnLease lets others ask, beside the request: nobody has answered, or the rule does not remember what was.
func (q *question) returnLease() {
	q.endLease(q.leased)
	q.leased = nil
}

// endLease returns a lease, beside the request; nil: there is none.
func (q *question) endLease(lease *state.Key) {
	s, env := q.engine.shared, &q.engine.env
	if lease == nil {
		return
	}
	env.Beside(q.ctx, q.do, func(ctx context.Context, do callout.Doer) {
		_ = s.noted(s.Return(ctx, do, env.Now(), *lease))
	})
}

// spread tells the fleet's store of a fresh answer, beside the request: remembered for so long, or (0) no longer. Only
// then is the lease returned: who waits for it finds the answer.
func (q *question) spread(keys []state.Key, a *state.Answer, lives time.Duration) {
	s, env := q.engine.shared, &q.engine.env
	if s == nil {
		return
	}
	packed, lease := a.Pack(), q.leased
	q.leased = nil
	env.Beside(q.ctx, q.do, func(ctx context.Context, do callout.Doer) {
		for i, k := range keys {
			switch {
			case i == 0 && lives > 0:
				_ = s.noted(s.Set(ctx, do, env.Now(), k, q.engine.memory[0], packed, lives))
			default:
				_ = s.noted(s.Forget(ctx, do, env.Now(), k))
			}
		}
		if lease != nil {
			_ = s.noted(s.Return(ctx, do, env.Now(), *lease))
		}
	})
}

// sum is what was added to a counter of the fleet.
type sum struct {
	key    state.Key
	amount int64
	count  int64 // with it
	lives  time.Duration
}

// add adds to a counter of the fleet where no more than most is reached then. Where there is no store, or it does not
// answer and the policy says skip, this worker's own count has to do. lack is why not, else "".
func (q *question) add(k state.Key, amount, most int64, lives time.Duration) (added *sum, over bool, lack string) {
	s, env := q.engine.shared, &q.engine.env
	if s == nil {
		return nil, false, ""
	}
	full, err := s.Full(q.ctx, q.do, env.Now(), k, amount, most)
	if full {
		s.done(1)
		return nil, true, ""
	}
	var count int64
	if err == nil {
		count, err = s.Add(q.ctx, q.do, env.Now(), k, amount, lives)
	}
	switch {
	case s.noted(err) != nil && s.deny:
		return nil, false, lackStore
	case err != nil:
		return nil, false, ""
	}
	added = &sum{k, amount, count, lives}
	if count > most {
		q.subtract(added)
		return nil, true, ""
	}
	return added, false, ""
}

// subtract gives back what was added, beside the request.
func (q *question) subtract(added *sum) {
	s, env := q.engine.shared, &q.engine.env
	if added == nil || added.amount == 0 {
		return
	}
	env.Beside(q.ctx, q.do, func(ctx context.Context, do callout.Doer) {
		_, err := s.Add(ctx, do, env.Now(), added.key, -added.amount, added.lives)
		_ = s.noted(err)
	})
}

// keeper is what providers keep: this machine's store, and behind it the fleet's.
type keeper struct{ engine *Engine }

// keepLives is how long the fleet's store keeps what providers do.
const keepLives = 10 * 365 * 24 * time.Hour

func (k keeper) Get(ctx context.Context, key string) ([]byte, bool) {
	e := k.engine
	value, ok := e.env.State.Get(ctx, key)
	as, asking := ctx.(*asking)
	if ok || e.shared == nil || !asking {
		return value, ok
	}
	value, err := e.shared.Get(ctx, as.question.do, e.env.Now(), e.keptKey(key), e.memory[0])
	if e.shared.noted(err) != nil || len(value) == 0 {
		return nil, false
	}
	e.env.State.Put(ctx, key, value)
	return value, true
}

func (k keeper) Put(ctx context.Context, key string, value []byte) {
	e := k.engine
	e.env.State.Put(ctx, key, value)
	as, asking := ctx.(*asking)
	if e.shared == nil || !asking {
		return
	}
	var err error
	if len(value) == 0 {
		err = e.shared.Forget(ctx, as.question.do, e.env.Now(), e.keptKey(key))
	} else {
		err = e.shared.Set(ctx, as.question.do, e.env.Now(), e.keptKey(key), e.memory[0], value, keepLives)
	}
	_ = e.shared.noted(err)
}

func (e *Engine) keptKey(key string) state.Key {
	sum := e.memory[0].Sum("idvgate.kept.1", []byte(key))
	return state.Key(sum[:16])
}

var _ providers.Keeper = keeper{}
