package host

import (
	"sync"
	"time"
)

// A flow is one request in a guest's VM. The handler's goroutine owns it; once it is suspended, its shard's lock guards
// what follows.
type flow struct {
	id uint64

	epoch     uint64        // the VM it is in
	wake      chan struct{} // something changed; nil until it is suspended
	parked    bool
	decided   bool
	failed    bool  // its VM is gone, or took too long: 503
	left      bool  // nobody waits for it any more
	limit     int64 // a body of at most so many bytes is wanted; 0: none
	asked     bool  // a body was wanted before
	reading   bool  // the handler is at the body, however long the client takes
	calls     int   // callouts on their way
	deadline  time.Time
	decision  decision
	interrupt func() // ends the reading of the body; nil: nobody reads
}

// state is what a handler has to know of its flow.
type state struct {
	decided, failed bool
	limit           int64
}

func (f *flow) state() state { return state{f.decided, f.failed, f.limit} }

// settled reports whether nothing more can come for the flow.
func (f *flow) settled() bool {
	return (f.decided || f.failed) && f.calls == 0 && f.limit == 0
}

// signal tells the handler that something changed.
func (f *flow) signal() {
	if !f.parked {
		return
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
	if f.interrupt != nil && (f.failed || f.decided && f.decision.action != allow) {
		f.interrupt()
	}
}

// flows are kept for the next request, where they were never suspended: then nobody else has seen them.
var flows = sync.Pool{New: func() any { return new(flow) }}

func newFlow(id uint64) *flow {
	f := flows.Get().(*flow)
	f.id = id
	return f
}

func (f *flow) free() {
	if f.parked {
		return
	}
	d := f.decision
	*f = flow{decision: decision{header: d.header[:0], remove: d.remove[:0], set: d.set[:0]}}
	flows.Put(f)
}
