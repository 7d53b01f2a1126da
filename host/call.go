package host

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxWants bounds the callouts and timers of one shard that are on their way, beside those for each flow it may hold.
const maxWants = 1024

// maxTimerMs is the longest a guest can be called back after, and wait for a reply: a day.
const maxTimerMs = 24 * 3600 * 1000

// lineBuffers hold the JSON lines of inputs.
var lineBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

func putLine(p *[]byte, b []byte) {
	if cap(b) <= 64<<10 {
		*p = b[:0]
		lineBuffers.Put(p)
	}
}

// want counts a callout or timer. False where there are too many: the guest has lost its mind.
func (s *shard) want() bool {
	s.wants++
	return s.wants <= 4*s.gen.gateway.options.MaxFlows+maxWants
}

// call makes a callout, in a goroutine of its own. f is nil where the flow is over.
func (s *shard) call(f *flow, m *message) error {
	c := &call{method: string(m.method), url: string(m.url), timeout: time.Duration(min(m.timeoutMs, maxTimerMs)) * time.Millisecond}
	if m.callID == 0 || m.timeoutMs == 0 || !s.want() {
		return errMalformed
	}
	if m.header != nil {
		part := scanner{b: m.header}
		if c.header = s.names.headers(&part, nil); !part.end() {
			return errMalformed
		}
	}
	c.body = append([]byte(nil), m.raw...)
	if f != nil {
		f.calls++
	}
	s.gen.active.Add(1)
	go s.makeCall(s.epoch, m.flow, m.callID, c)
	return nil
}

func (s *shard) makeCall(epoch, flow uint64, id int64, c *call) {
	defer s.gen.release()
	r, fault := s.gen.egress.do(s.gen.ctx, c)
	p := lineBuffers.Get().(*[]byte)
	b := (*p)[:0]
	b = append(b, `{"flow":`...)
	b = strconv.AppendUint(b, flow, 10)
	b = append(b, `,"callId":`...)
	b = strconv.AppendInt(b, id, 10)
	var raw []byte
	if fault != "" {
		s.gen.gateway.metrics.calls.WithLabelValues(string(fault)).Inc()
		b = append(append(append(b, `,"error":"`...), fault...), "\"}\n"...)
	} else {
		s.gen.gateway.metrics.calls.WithLabelValues("reply").Inc()
		b, raw = appendReply(b, r), r.body
	}
	s.mu.Lock()
	s.wants--
	if f := s.flows[flow]; f != nil && f.epoch == epoch && f.calls > 0 {
		f.calls--
	}
	s.resume(epoch, b, raw)
	if f := s.flows[flow]; f != nil {
		s.forget(f)
	}
	s.mu.Unlock()
	putLine(p, b)
}

func appendReply(b []byte, r *reply) []byte {
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(r.status), 10)
	b = append(b, `,"headers":[`...)
	first := true
	for name, values := range r.header {
		for _, value := range values {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, '[')
			b = appendRepaired(b, strings.ToLower(name))
			b = append(b, ',')
			b = appendRepaired(b, value)
			b = append(b, ']')
		}
	}
	b = append(b, `],"bytes":`...)
	b = strconv.AppendInt(b, int64(len(r.body)), 10)
	return append(b, '}', '\n')
}

// timer calls the guest back.
func (s *shard) timer(m *message) error {
	if m.timer == 0 || m.ms == 0 || !s.want() {
		return errMalformed
	}
	epoch, flow, id := s.epoch, m.flow, m.timer
	after := time.Duration(min(m.ms, maxTimerMs)) * time.Millisecond
	time.AfterFunc(after, func() {
		b := append(make([]byte, 0, 64), `{"flow":`...)
		b = strconv.AppendUint(b, flow, 10)
		b = append(b, `,"timer":`...)
		b = append(strconv.AppendInt(b, id, 10), '}', '\n')
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wants--
		s.resume(epoch, b, nil)
	})
	return nil
}
