package flow

import (
	"context"
	"time"

	"github.com/idvgate/idvgate/providers/callout"
)

// share is one question that is on its way, and who waits for its answer.
type share struct {
	waiting []uint64 // timers of those who wait, in order
	done    bool     // value and err hold
	value   []byte
	err     error
}

// Share is providers.Env.Share: the first who asks is the leader, the others are parked until it is answered or their
// own deadline (that of ctx) has come. A leader that panics hands over: one of those who wait asks anew.
func (t *Table) Share(ctx context.Context, name string, ask func(context.Context) ([]byte, error)) ([]byte, error) {
	r, ok := ctx.Value(key{}).(*routine)
	if !ok {
		return ask(ctx)
	}
	for {
		s := t.shares[name]
		if s == nil {
			return t.lead(ctx, name, ask)
		}
		if err := r.wait(ctx, s); err != nil {
			return nil, err
		}
		if s.done {
			return s.value, s.err
		}
	}
}

func (t *Table) lead(ctx context.Context, name string, ask func(context.Context) ([]byte, error)) ([]byte, error) {
	s := &share{}
	t.shares[name] = s
	defer func() {
		delete(t.shares, name)
		for _, timer := range s.waiting {
			if w := t.parked[timer]; w != nil {
				delete(t.parked, timer)
				w.err = nil
				t.wake(w)
			}
		}
	}()
	s.value, s.err = ask(ctx)
	s.done = true
	return s.value, s.err
}

// wait parks r until s is answered; the error is a time-out.
func (r *routine) wait(ctx context.Context, s *share) error {
	t := r.table
	left := time.Minute
	if at, ok := ctx.Deadline(); ok {
		left = at.Sub(t.now())
	}
	if left < time.Millisecond || t.closed {
		return &callout.Error{Kind: callout.Timeout}
	}
	s.waiting = append(s.waiting, t.last+1)
	return r.pause(left)
}

// pause parks r under the table's next number until somebody wakes it, or the gateway's timer runs out: a time-out.
func (r *routine) pause(d time.Duration) error {
	t := r.table
	t.last++
	t.parked[t.last] = r
	t.sink.WantTimer(r.flow, t.last, d)
	r.park()
	err := r.err
	r.err = nil
	return err
}

// Sleep is plugin.Env.Sleep: the flow is parked until the gateway's timer runs out.
func (t *Table) Sleep(ctx context.Context, d time.Duration) bool {
	r, ok := ctx.Value(key{}).(*routine)
	if !ok || t.closed || d < time.Millisecond {
		return false
	}
	_ = r.pause(d) // it ends by running out
	return !t.closed
}
