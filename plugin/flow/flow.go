// Package flow suspends evaluations until the gateway answers, so that one single-threaded guest serves thousands of
// requests whose code is straight-line.
//
// Each evaluation runs in a coroutine (iter.Pull). Where it waits for the body, a vendor, a timer or another flow's
// question, it tells the Sink what it wants and is parked; whoever drives the Table hands in what came and the
// coroutine goes on. Nothing here starts a goroutine, locks or sleeps, and nothing is ever resumed from within
// another coroutine: what became ready waits in a queue.
//
// A Table is not safe for concurrent use; a guest has one, and its exports run one at a time.
package flow

import (
	"context"
	"iter"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/providers/callout"
)

// A Sink takes what flows want and decide, in order, while a method of Table runs.
type Sink interface {
	WantBody(flow uint64, limit int)
	WantCall(flow, call uint64, r *callout.Request)
	WantTimer(flow, timer uint64, after time.Duration)
	Decided(flow uint64, d *plugin.Decision)
	// Lost: the flow's coroutine has panicked outside the evaluation, which recovers its own. Nothing decides it any more.
	Lost(flow uint64)
}

// Evaluate is plugin.Engine's, or a test's.
type Evaluate func(ctx context.Context, r plugin.Request, do callout.Doer) plugin.Decision

// A Table holds the flows of one guest.
type Table struct {
	sink   Sink
	now    func() time.Time
	last   uint64              // number of the last call or timer
	parked map[uint64]*routine // by the number of the call or timer it waits for
	bodies map[uint64]*routine // by flow, those that wait for the body
	shares map[string]*share
	ready  []*routine
	drains bool       // drain is at work
	closed bool       // nothing is asked any more
	idle   []*routine // coroutines without a job
}

// New makes an empty Table.
func New(sink Sink, now func() time.Time) *Table {
	return &Table{
		sink: sink, now: now,
		parked: make(map[uint64]*routine), bodies: make(map[uint64]*routine), shares: make(map[string]*share),
	}
}

// Parked is how many coroutines wait.
func (t *Table) Parked() int { return len(t.parked) + len(t.bodies) }

// routine is one coroutine. It runs an evaluation, or a shadow rule beside it, and is then kept for the next one: a new
// coroutine would grow its stack anew, which costs more in a guest than the evaluation itself.
type routine struct {
	table *Table
	flow  uint64
	job   func(*routine) // what it runs; nil: it is idle
	next  func() (struct{}, bool)
	yield func(struct{}) bool
	// what came while it was parked
	body     []byte
	bodyErr  error
	response *callout.Response
	err      error
}

// maxIdle bounds the coroutines that are kept.
const maxIdle = 64

// Begin starts the evaluation of a request.
func (t *Table) Begin(flow uint64, head *plugin.Head, evaluate Evaluate) {
	t.spawn(flow, func(r *routine) {
		d := evaluate(context.WithValue(context.Background(), key{}, r), &request{r, head}, r)
		t.sink.Decided(flow, &d)
	})
	t.drain()
}

// Body hands in the body that was wanted; err is plugin.ErrTooLarge or plugin.ErrGone, or nil.
func (t *Table) Body(flow uint64, body []byte, err error) {
	if r := t.bodies[flow]; r != nil {
		delete(t.bodies, flow)
		r.body, r.bodyErr = body, err
		t.wake(r)
		t.drain()
	}
}

// Reply hands in a vendor's reply. One that nobody waits for is dropped.
func (t *Table) Reply(call uint64, response *callout.Response) { t.answer(call, response, nil) }

// Failure hands in why there is no reply.
func (t *Table) Failure(call uint64, kind callout.Kind) {
	t.answer(call, nil, &callout.Error{Kind: kind})
}

// Timer hands in that a timer has run out. One that nobody waits for any more is dropped.
func (t *Table) Timer(timer uint64) { t.Failure(timer, callout.Timeout) }

func (t *Table) answer(call uint64, response *callout.Response, err error) {
	if r := t.parked[call]; r != nil {
		delete(t.parked, call)
		r.response, r.err = response, err
		t.wake(r)
		t.drain()
	}
}

// Beside is plugin.Env.Beside: it runs run in a coroutine of its own, on behalf of the same flow.
func (t *Table) Beside(ctx context.Context, do callout.Doer, run func(context.Context, callout.Doer)) {
	r, ok := ctx.Value(key{}).(*routine)
	if !ok {
		run(ctx, do)
		return
	}
	t.spawn(r.flow, func(own *routine) { run(context.WithValue(ctx, key{}, own), own) })
}

// spawn has a coroutine run job, once the queue gets to it.
func (t *Table) spawn(flow uint64, job func(*routine)) {
	var r *routine
	if n := len(t.idle); n > 0 {
		r, t.idle = t.idle[n-1], t.idle[:n-1]
	} else {
		r = &routine{table: t}
		r.next, _ = iter.Pull(r.run)
	}
	r.flow, r.job = flow, job
	t.wake(r)
}

// run is the coroutine: one job after the other.
func (r *routine) run(yield func(struct{}) bool) {
	r.yield = yield
	for {
		r.job(r)
		r.job, r.body, r.bodyErr = nil, nil, nil
		if len(r.table.idle) == maxIdle {
			return
		}
		r.table.idle = append(r.table.idle, r)
		if !yield(struct{}{}) {
			return
		}
	}
}

func (t *Table) wake(r *routine) { t.ready = append(t.ready, r) }

// drain runs what is ready until all are parked or done. A Sink that answers at once comes here from within a
// coroutine: then what it brings waits in the queue.
func (t *Table) drain() {
	if t.drains {
		return
	}
	t.drains = true
	for i := 0; i < len(t.ready); i++ { // it may grow meanwhile
		r := t.ready[i]
		t.ready[i] = nil
		t.step(r)
	}
	t.ready = t.ready[:0]
	t.drains = false
}

// step runs one coroutine until it is parked or done. One that panics is gone; it is never kept for another job.
func (t *Table) step(r *routine) {
	defer func() {
		if recover() != nil {
			t.sink.Lost(r.flow)
		}
	}()
	r.next()
}

// Close ends all that is on its way: every callout and timer fails, every body is gone, and nothing is asked any more.
// Flows end as they do when a vendor cannot be reached.
func (t *Table) Close() {
	t.closed = true
	for len(t.parked)+len(t.bodies) > 0 {
		for call := range t.parked {
			t.Failure(call, callout.Unreachable)
		}
		for flow := range t.bodies {
			t.Body(flow, nil, plugin.ErrGone)
		}
	}
}

// park gives control back to the gateway until somebody wakes r.
func (r *routine) park() { r.yield(struct{}{}) }

// key finds the routine in a context.
type key struct{}

// request is the flow's request.
type request struct {
	r    *routine
	head *plugin.Head
}

func (q *request) Head() *plugin.Head { return q.head }

// Body asks the gateway for the body and waits.
func (q *request) Body(limit int) ([]byte, error) {
	t := q.r.table
	t.bodies[q.r.flow] = q.r
	t.sink.WantBody(q.r.flow, limit)
	q.r.park()
	return q.r.body, q.r.bodyErr
}

// Do asks the gateway for a callout and waits.
func (r *routine) Do(_ context.Context, request *callout.Request) (*callout.Response, error) {
	if request.Timeout <= 0 || r.table.closed {
		return nil, &callout.Error{Kind: callout.Blocked}
	}
	t := r.table
	t.last++
	t.parked[t.last] = r
	t.sink.WantCall(r.flow, t.last, request)
	r.park()
	response, err := r.response, r.err
	r.response, r.err = nil, nil
	return response, err
}
