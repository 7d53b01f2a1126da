// Package native runs the engine in an ordinary Go process: callouts by net/http, shared questions by channels, shadow
// rules in goroutines. Tests compare every sandboxed runtime with it, and benchmarks measure what a sandbox costs. A
// guest never imports it.
package native

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/providers/callout"
)

// maxReplyBytes bounds a vendor's reply, as every host does.
const maxReplyBytes = 1 << 20

// Env is an environment with the process's clock and randomness.
func Env(lookup func(string) (string, bool)) plugin.Env {
	g := &group{asking: map[string]*question{}}
	return plugin.Env{
		Lookup: lookup,
		Now:    time.Now,
		Random: rand.Reader,
		Share:  g.share,
		Sleep:  sleep,
		Beside: func(ctx context.Context, do callout.Doer, run func(context.Context, callout.Doer)) {
			go run(context.WithoutCancel(ctx), do)
		},
	}
}

// A Request is a request that is wholly there.
type Request struct {
	RequestHead *plugin.Head
	Content     []byte
}

// Head is the request's head.
func (r *Request) Head() *plugin.Head { return r.RequestHead }

// Body is the request's body.
func (r *Request) Body(limit int) ([]byte, error) {
	if len(r.Content) > limit {
		return nil, plugin.ErrTooLarge
	}
	return r.Content, nil
}

// Doer makes callouts with an http.Client. It does not check where they go: egress rules are a host's.
type Doer struct{ client *http.Client }

// NewDoer makes a Doer that follows no redirect.
func NewDoer() *Doer {
	return &Doer{&http.Client{
		Transport:     &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: 512, IdleConnTimeout: time.Minute, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Do makes one exchange.
func (d *Doer) Do(ctx context.Context, r *callout.Request) (*callout.Response, error) {
	if r.Timeout <= 0 {
		return nil, &callout.Error{Kind: callout.Blocked}
	}
	ctx, cancel := context.WithTimeout(timeless{ctx}, r.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, &callout.Error{Kind: callout.Blocked}
	}
	request.GetBody = nil // asked once, billed once: net/http must not send it again
	for _, h := range r.Header {
		request.Header.Add(h.Name, h.Value)
	}
	reply, err := d.client.Do(request)
	if err != nil {
		return nil, &callout.Error{Kind: kind(err)}
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxReplyBytes+1))
	switch {
	case err != nil:
		return nil, &callout.Error{Kind: kind(err)}
	case len(body) > maxReplyBytes:
		return nil, &callout.Error{Kind: callout.TooLarge}
	}
	response := &callout.Response{Status: reply.StatusCode, Body: body}
	for name, values := range reply.Header {
		for _, v := range values {
			response.Header = append(response.Header, callout.Header{Name: strings.ToLower(name), Value: v})
		}
	}
	return response, nil
}

// timeless is a context without its deadline. The engine's contexts have one that no timer watches over, and the context
// package, which trusts a parent with an earlier deadline to end its children, would set none either.
type timeless struct{ context.Context }

func (timeless) Deadline() (time.Time, bool) { return time.Time{}, false }

func kind(err error) callout.Kind {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return callout.Timeout
	}
	return callout.Unreachable
}

// group shares questions between goroutines.
type group struct {
	mu     sync.Mutex
	asking map[string]*question
}

type question struct {
	answered chan struct{} // closed when value and err hold, or when the leader gave up
	done     bool
	value    []byte
	err      error
}

// share is providers.Env.Share.
func (g *group) share(ctx context.Context, key string, ask func(context.Context) ([]byte, error)) ([]byte, error) {
	for {
		g.mu.Lock()
		q := g.asking[key]
		if q == nil {
			q = &question{answered: make(chan struct{})}
			g.asking[key] = q
			g.mu.Unlock()
			return g.lead(ctx, key, q, ask)
		}
		g.mu.Unlock()
		if err := wait(ctx, q.answered); err != nil {
			return nil, err
		}
		if q.done {
			return q.value, q.err
		}
	}
}

// lead asks. If it panics or its client has left, one of those who wait asks anew.
func (g *group) lead(ctx context.Context, key string, q *question, ask func(context.Context) ([]byte, error)) ([]byte, error) {
	defer func() {
		g.mu.Lock()
		delete(g.asking, key)
		g.mu.Unlock()
		close(q.answered)
	}()
	value, err := ask(ctx)
	q.value, q.err, q.done = value, err, err == nil || ctx.Err() == nil
	return value, err
}

func wait(ctx context.Context, answered <-chan struct{}) error {
	left := time.Minute
	if at, ok := ctx.Deadline(); ok {
		left = time.Until(at)
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-answered:
		return nil
	case <-timer.C:
		return &callout.Error{Kind: callout.Timeout}
	case <-ctx.Done():
		return &callout.Error{Kind: callout.Unreachable}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
