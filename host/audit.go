package host

import (
	"io"
	"sync"
)

// maxAuditBytes is how much audit waits for a slow writer. Beyond, lines are lost, and that is counted and logged.
const maxAuditBytes = 16 << 20

// audit writes lines from a goroutine of its own, as fast as they come: a slow disk delays no request.
type audit struct {
	to   io.Writer
	lost func(err error) // called without the lock; err is nil where the buffer was full

	mu      sync.Mutex
	more    sync.Cond
	waiting []byte
	writing bool
	closed  bool
	done    chan struct{}
}

func newAudit(to io.Writer, lost func(error)) *audit {
	a := &audit{to: to, lost: lost, done: make(chan struct{})}
	a.more.L = &a.mu
	if to == nil {
		close(a.done)
		a.closed = true
		return a
	}
	go a.run()
	return a
}

// line adds one; it copies b.
func (a *audit) line(b []byte) {
	if a.to == nil {
		return
	}
	a.mu.Lock()
	full := a.closed || len(a.waiting)+len(b) > maxAuditBytes
	if !full {
		a.waiting = append(append(a.waiting, b...), '\n')
		a.more.Broadcast()
	}
	a.mu.Unlock()
	if full {
		a.lost(nil)
	}
}

func (a *audit) run() {
	defer close(a.done)
	var spare []byte
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		for len(a.waiting) == 0 && !a.closed {
			a.more.Wait()
		}
		if len(a.waiting) == 0 {
			return
		}
		out := a.waiting
		a.waiting, a.writing = spare[:0], true
		a.mu.Unlock()
		_, err := a.to.Write(out)
		if err != nil {
			a.lost(err)
		}
		if spare = out; cap(spare) > 1<<20 {
			spare = nil
		}
		a.mu.Lock()
		a.writing = false
		a.more.Broadcast()
	}
}

// flush waits until everything so far is written.
func (a *audit) flush() {
	a.mu.Lock()
	for (len(a.waiting) > 0 || a.writing) && a.to != nil {
		a.more.Wait()
	}
	a.mu.Unlock()
}

// close writes what is left.
func (a *audit) close() {
	a.mu.Lock()
	a.closed = true
	a.more.Broadcast()
	a.mu.Unlock()
	<-a.done
}
