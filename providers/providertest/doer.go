package providertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/idvgate/idvgate/providers/callout"
)

// A Reply is what the vendor answers to one request.
type Reply struct {
	Status int
	Header []callout.Header
	Body   []byte
	// Fail, if set, is why no reply came; the rest is then ignored.
	Fail *callout.Kind
	// Hold, if set, keeps the reply back until it is closed or the context is done.
	Hold <-chan struct{}
}

// JSON is a reply with that status and body, as application/json.
func JSON(status int, body string) Reply {
	return Reply{Status: status, Header: []callout.Header{{Name: "Content-Type", Value: "application/json"}}, Body: []byte(body)}
}

// HTML is the page a proxy in between answers with.
func HTML(status int) Reply {
	return Reply{
		Status: status,
		Header: []callout.Header{{Name: "Content-Type", Value: "text/html"}},
		Body:   []byte("<html><head><title>error</title></head><body>please come back</body></html>"),
	}
}

// Fail is no reply at all, for that reason.
func Fail(kind callout.Kind) Reply { return Reply{Fail: &kind} }

// A DoerFunc is a Doer made of a function, for tests that answer by what is asked.
type DoerFunc func(ctx context.Context, r *callout.Request) (*callout.Response, error)

// Do calls f.
func (f DoerFunc) Do(ctx context.Context, r *callout.Request) (*callout.Response, error) {
	return f(ctx, r)
}

// A Doer answers requests with scripted replies, in order, and keeps the requests. It is safe for concurrent use. A
// request past the last reply is refused as Blocked and counted by Extra; one with a context that is done fails.
type Doer struct {
	mu       sync.Mutex
	replies  []Reply
	requests []callout.Request
	extra    int
}

// NewDoer makes a Doer with that script.
func NewDoer(replies ...Reply) *Doer { return &Doer{replies: replies} }

// Do keeps a copy of r and gives the next reply.
func (d *Doer) Do(ctx context.Context, r *callout.Request) (*callout.Response, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	reply, err := d.next(r)
	if err != nil {
		return nil, err
	}
	if reply.Hold != nil {
		select {
		case <-reply.Hold:
		case <-ctx.Done():
			return nil, contextError(ctx)
		}
	}
	if reply.Fail != nil {
		return nil, &callout.Error{Kind: *reply.Fail}
	}
	return &callout.Response{Status: reply.Status, Header: slices.Clone(reply.Header), Body: slices.Clone(reply.Body)}, nil
}

func (d *Doer) next(r *callout.Request) (Reply, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := *r
	seen.Header, seen.Body = slices.Clone(r.Header), slices.Clone(r.Body)
	d.requests = append(d.requests, seen)
	if len(d.replies) == 0 {
		d.extra++
		return Reply{}, &callout.Error{Kind: callout.Blocked}
	}
	reply := d.replies[0]
	d.replies = d.replies[1:]
	return reply, nil
}

// Add puts replies at the end of the script.
func (d *Doer) Add(replies ...Reply) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.replies = append(d.replies, replies...)
}

// Requests is what was asked so far, in order.
func (d *Doer) Requests() []callout.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.requests)
}

// Left is how many replies nobody has asked for.
func (d *Doer) Left() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.replies)
}

// Extra is how many requests came after the last reply.
func (d *Doer) Extra() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.extra
}

// Pause lasts that long, for a vendor that is slow under synctest's clock; it fails as a Doer does if the context is done
// before.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}

// contextError is the callout error of a context that is done, else nil.
func contextError(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &callout.Error{Kind: callout.Timeout}
	}
	return &callout.Error{Kind: callout.Unreachable}
}
