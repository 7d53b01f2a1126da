package host

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// restartBurst and restartEvery bound how often a shard makes a new VM: so many at once, then one in that time.
	restartBurst = 10
	restartEvery = 200 * time.Millisecond
)

// A shard is one VM and the requests in it.
type shard struct {
	gen   *generation
	label string       // its number, for metrics
	held  atomic.Int64 // len(flows)

	mu      sync.Mutex
	vm      VM     // nil: discarded, the next request makes one
	epoch   uint64 // counts VMs: what was wanted by an earlier one is dropped
	flows   map[uint64]*flow
	current *flow // the one that begins, not yet in flows
	wants   int   // callouts and timers on their way
	names   names
	message message

	restarts restarts
}

func newShard(gen *generation, i int, vm VM) *shard {
	return &shard{gen: gen, label: strconv.Itoa(i), vm: vm, flows: map[uint64]*flow{}, names: names{}}
}

// begin gives the guest the head of a request. s.mu is held, and is let go.
func (s *shard) begin(f *flow, h *head) state {
	defer s.mu.Unlock()
	if len(s.flows) >= s.gen.gateway.options.MaxFlows || !s.revive() {
		f.failed = true
		return f.state()
	}
	f.epoch = s.epoch
	s.current = f
	s.take(s.vm.Begin(h))
	s.current = nil
	if !f.settled() {
		f.parked = true
		f.wake = make(chan struct{}, 1)
		f.deadline = time.Now().Add(s.gen.gateway.options.FlowTimeout)
		s.flows[f.id] = f
		s.held.Store(int64(len(s.flows)))
	}
	return f.state()
}

// resume gives the guest something it wanted, of the VM that wanted it.
func (s *shard) resume(epoch uint64, line, raw []byte) {
	if epoch == s.epoch && s.vm != nil {
		s.step(Resume, line, raw)
	}
}

// step runs the guest and does what it says.
func (s *shard) step(kind Kind, line, raw []byte) { s.take(s.vm.Step(kind, line, raw)) }

// take does what a guest says. A VM that fails is discarded.
func (s *shard) take(out []byte, err error) {
	if err != nil {
		s.discard("trap", err)
		return
	}
	for len(out) > 0 {
		if out, err = readMessage(out, &s.message); err == nil {
			err = s.apply(&s.message)
		}
		if err != nil {
			s.discard("malformed", err)
			return
		}
	}
}

// apply does what one message says. Messages it does not know are ignored, and so are those for flows it does not know.
func (s *shard) apply(m *message) error {
	g := s.gen.gateway
	switch {
	case m.audit != nil:
		g.audit.line(m.audit)
		return nil
	case m.metrics != nil:
		return g.metrics.guest.add(m.metrics, s.label)
	case !m.hasFlow:
		return nil
	}
	f := s.current
	if f == nil || f.id != m.flow {
		f = s.flows[m.flow]
	}
	switch string(m.want) {
	case "call":
		return s.call(f, m)
	case "timer":
		return s.timer(m)
	case "body":
		if f == nil || f.asked || f.left {
			return nil
		}
		if m.limit == 0 {
			return errMalformed
		}
		f.limit, f.asked = m.limit, true
		f.signal()
		return nil
	}
	if m.decision == nil || f == nil || f.decided || f.failed {
		return nil
	}
	if err := s.names.readDecision(m.decision, m.raw, &f.decision); err != nil {
		return err
	}
	f.decided = true
	f.signal()
	s.forget(f)
	return nil
}

// forget drops a flow for which nothing more can come.
func (s *shard) forget(f *flow) {
	if f.parked && f.settled() {
		delete(s.flows, f.id)
		s.held.Store(int64(len(s.flows)))
	}
}

// look is the state of a suspended flow.
func (s *shard) look(f *flow) state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.state()
}

// leave tells the guest that the flow's client has left. What was asked goes on: it is paid.
func (s *shard) leave(f *flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.left, f.interrupt = true, nil
	f.limit = 0
	if f.epoch == s.epoch && s.vm != nil && !f.decided && !f.failed {
		s.step(Cancel, appendFlow(nil, f.id), nil)
	}
	s.forget(f)
}

// appendFlow writes the message that is nothing but a flow.
func appendFlow(b []byte, id uint64) []byte {
	b = append(b, `{"flow":`...)
	return append(strconv.AppendUint(b, id, 10), '}', '\n')
}

// discard gives up the VM. All its flows are answered 503 at once.
func (s *shard) discard(reason string, err error) {
	g := s.gen.gateway
	g.metrics.restarts.WithLabelValues(reason).Inc()
	g.log.Error("guest discarded", "shard", s.label, "reason", reason, "flows", len(s.flows), "error", firstLine(err))
	s.vm.Close() // it is given up
	s.vm = nil
	s.message = message{} // it points into the VM's memory
	s.epoch++
	g.metrics.guest.forget(s.label)
	if s.current != nil {
		s.fail(s.current)
	}
	for _, f := range s.flows {
		s.fail(f)
	}
	clear(s.flows)
	s.held.Store(0)
}

func (s *shard) fail(f *flow) {
	if !f.decided {
		f.failed = true
	}
	f.limit, f.calls = 0, 0
	f.signal()
}

// revive makes sure there is a VM. False where there is none and it is too early for another, or it does not start.
func (s *shard) revive() bool {
	if s.vm != nil {
		return true
	}
	if s.gen.ctx.Err() != nil {
		return false
	}
	if !s.restarts.take(time.Now()) {
		return false
	}
	vm, err := s.gen.guest.NewVM(s.gen.ctx)
	if err != nil {
		s.gen.gateway.log.Error("guest does not start", "shard", s.label, "error", firstLine(err))
		return false
	}
	s.vm = vm
	return true
}

// restarts bounds how often something is started: restartBurst at once, then one every restartEvery.
type restarts struct {
	made int // and not yet earned back
	at   time.Time
}

// take reports whether it may be started now, and counts that.
func (r *restarts) take(now time.Time) bool {
	if earned := int(now.Sub(r.at) / restartEvery); earned > 0 {
		r.made, r.at = max(0, r.made-earned), now
	}
	if r.made >= restartBurst {
		return false
	}
	r.made++
	return true
}

// sweep fails the flows the guest has forgotten.
func (s *shard) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.flows {
		if f.reading || now.Before(f.deadline) {
			continue
		}
		s.gen.gateway.log.Error("the guest took too long over a request", "shard", s.label)
		f.limit, f.calls = 0, 0
		if !f.decided {
			f.failed = true
			f.signal()
		}
		s.forget(f)
	}
}

// close ends the VM; its flows fail.
func (s *shard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	if s.vm != nil {
		s.vm.Close() // it is over
		s.vm = nil
	}
	for _, f := range s.flows {
		s.fail(f)
	}
	clear(s.flows)
	s.held.Store(0)
}
