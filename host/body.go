package host

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// bodyResult is what became of the reading of a body, in the guest's words.
type bodyResult string

const (
	bodyWhole    bodyResult = "true"
	bodyTooLarge bodyResult = `"too_large"`
	bodyGone     bodyResult = `"gone"`
)

// errCrowded says that all bodies together hold too much.
var errCrowded = errors.New("host: too many bodies")

// budget bounds what all bodies hold.
type budget struct {
	max  int64
	held atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.held.Add(n) > b.max {
		b.held.Add(-n)
		return false
	}
	return true
}

// held is the body of one request as far as it was read for the guest.
type heldBody struct {
	budget *budget
	taken  int64
	bytes  []byte
}

// release gives back what the body holds.
func (h *heldBody) release() {
	h.budget.held.Add(-h.taken)
	h.taken = 0
}

// read reads at most limit bytes, and one more to see that it is over. A declared length over the limit is not read at all.
func (h *heldBody) read(r *http.Request, limit int64) (bodyResult, error) {
	if r.ContentLength > limit {
		return bodyTooLarge, nil
	}
	most := limit + 1
	if r.ContentLength >= 0 {
		most = min(most, r.ContentLength+1)
	}
	for {
		if len(h.bytes) == cap(h.bytes) {
			if !h.grow(most) {
				return bodyGone, errCrowded
			}
		}
		n, err := r.Body.Read(h.bytes[len(h.bytes):cap(h.bytes)])
		h.bytes = h.bytes[:len(h.bytes)+n]
		switch {
		case int64(len(h.bytes)) > limit:
			return bodyTooLarge, nil
		case err == io.EOF:
			return bodyWhole, nil
		case err != nil:
			return bodyGone, nil
		}
	}
}

// firstBodyBytes is the room a body gets before it has shown that it comes.
const firstBodyBytes = 4096

func (h *heldBody) grow(most int64) bool {
	size := min(max(firstBodyBytes, 2*int64(cap(h.bytes))), most)
	size = max(size, int64(len(h.bytes))+1)
	more := size - int64(cap(h.bytes))
	if !h.budget.take(more) {
		return false
	}
	h.taken += more
	h.bytes = append(make([]byte, 0, size), h.bytes...)
	return true
}

// replay is a body of which a part, or nothing, was read: that, then the rest. Once the rest is over it is not read again:
// a transport tries once more after the last byte, and where the upstream has answered by then net/http has closed the
// client's body, which the transport would take for one that broke off, and break off the response.
type replay struct {
	head bytes.Reader
	rest io.ReadCloser
	over bool
}

func (h *heldBody) replay(rest io.ReadCloser, over bool) io.ReadCloser {
	b := &replay{rest: rest, over: over}
	b.head.Reset(h.bytes)
	return b
}

func (b *replay) Read(p []byte) (int, error) {
	switch {
	case b.head.Len() > 0:
		return b.head.Read(p)
	case b.over:
		return 0, io.EOF
	}
	n, err := b.rest.Read(p)
	b.over = err == io.EOF
	return n, err
}

func (b *replay) Close() error { return b.rest.Close() }

// tee is a body that goes on to the upstream while it is kept for a guest that has decided already.
type tee struct {
	io.ReadCloser
	limit int64

	mu     sync.Mutex
	held   *heldBody
	result bodyResult // "" while it comes
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.result != "" {
		return n, err
	}
	switch size := int64(len(t.held.bytes) + n); {
	case size > t.limit:
		t.result = bodyTooLarge
	case !t.held.budget.take(int64(n)):
		t.result = bodyGone
	default:
		t.held.taken += int64(n)
		t.held.bytes = append(t.held.bytes, p[:n]...)
		if err == io.EOF {
			t.result = bodyWhole
		} else if err != nil {
			t.result = bodyGone
		}
	}
	return n, err
}

// finish is what was kept, now that the request is over.
func (t *tee) finish() (bodyResult, []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.result == "" {
		t.result = bodyGone
	}
	return t.result, t.held.bytes
}

// answerBody gives the guest the body it wanted.
func (s *shard) answerBody(f *flow, result bodyResult, body []byte) state {
	if result != bodyWhole {
		body = nil
	}
	p := lineBuffers.Get().(*[]byte)
	b := append((*p)[:0], `{"flow":`...)
	b = strconv.AppendUint(b, f.id, 10)
	b = append(append(b, `,"body":`...), result...)
	b = append(b, `,"bytes":`...)
	b = append(strconv.AppendInt(b, int64(len(body)), 10), '}', '\n')
	s.mu.Lock()
	f.reading, f.interrupt = false, nil
	f.deadline = time.Now().Add(s.gen.gateway.options.FlowTimeout)
	if f.limit > 0 {
		f.limit = 0
		s.resume(f.epoch, b, body)
	}
	s.forget(f)
	st := f.state()
	s.mu.Unlock()
	putLine(p, b)
	return st
}

// readFor marks that the handler reads the body. False where the flow has ended meanwhile. interrupt ends the reading
// where the request is denied before the body has come.
func (s *shard) readFor(f *flow, interrupt func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.failed || f.decided && f.decision.action != allow {
		return false
	}
	f.reading, f.interrupt = true, interrupt
	return true
}
