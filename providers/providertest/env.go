package providertest

import (
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers"
)

// Endpoint is the base URL of the Env, with a path, so that a provider that forgets either is found out.
const Endpoint = "https://vendor.example/base"

// Start is the time of the Env's clock: noon of 2026-11-22 in China.
func Start() time.Time {
	return time.Date(2026, time.November, 22, 12, 0, 0, 0, time.FixedZone("CST", 8*60*60))
}

// Env is a world that always gives the same: a clock that stands at Start, the same random bytes, a Share that lets one
// ask for all, a Keep that never forgets. Each call makes a new one. Sign is nil.
func Env(t testing.TB) providers.Env {
	t.Helper()
	return providers.Env{
		Endpoint: Endpoint,
		Instance: "vendor",
		Now:      Start,
		Random:   NewRandom(),
		Share:    NewShare(),
		Keep:     NewKeep(),
	}
}

// A Clock stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that stands at Start.
func NewClock() *Clock { return &Clock{now: Start()} }

// Now is for Env.Now.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// NewRandom gives the same bytes in every test.
func NewRandom() io.Reader {
	return &random{source: rand.NewChaCha8([32]byte([]byte("idvgate providertest random seed")))}
}

type random struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (r *random) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Read(p)
}

// NewShare is an Env.Share: the first caller with a key asks, those who come meanwhile wait for its answer, error
// included. If the one who asks is given up (its context is done and it has no answer), another of them asks.
func NewShare() func(ctx context.Context, key string, ask func(context.Context) ([]byte, error)) ([]byte, error) {
	s := &share{questions: map[string]*question{}}
	return s.do
}

type share struct {
	mu        sync.Mutex
	questions map[string]*question
}

type question struct {
	done     chan struct{}
	value    []byte
	err      error
	givenUp  bool
	answered bool
}

func (s *share) do(ctx context.Context, key string, ask func(context.Context) ([]byte, error)) ([]byte, error) {
	for {
		s.mu.Lock()
		q, asked := s.questions[key]
		if !asked {
			q = &question{done: make(chan struct{})}
			s.questions[key] = q
		}
		s.mu.Unlock()
		if !asked {
			return s.lead(ctx, key, q, ask)
		}
		select {
		case <-q.done:
			if !q.givenUp {
				return slices.Clone(q.value), q.err
			}
		case <-ctx.Done():
			return nil, contextError(ctx)
		}
	}
}

func (s *share) lead(ctx context.Context, key string, q *question, ask func(context.Context) ([]byte, error)) ([]byte, error) {
	defer func() {
		q.givenUp = !q.answered || q.err != nil && ctx.Err() != nil
		s.mu.Lock()
		delete(s.questions, key)
		s.mu.Unlock()
		close(q.done)
	}()
	q.value, q.err = ask(ctx)
	q.answered = true
	return slices.Clone(q.value), q.err
}

// NewKeep is an Env.Keep that never forgets.
func NewKeep() providers.Keeper { return &keep{values: map[string][]byte{}} }

type keep struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (k *keep) Get(_ context.Context, key string) ([]byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.values[key]
	return slices.Clone(v), ok
}

func (k *keep) Put(_ context.Context, key string, value []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.values[key] = slices.Clone(value)
}
