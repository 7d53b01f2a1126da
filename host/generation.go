package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/host/extism"
)

// sweepEvery is how often forgotten flows are looked for.
const sweepEvery = time.Second

// Info is what a loaded guest says of itself.
type Info struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	ABI     int    `json:"abi"`
	Policy  struct {
		OK     bool     `json:"ok"`
		Digest string   `json:"digest"`
		Rules  int      `json:"rules"`
		Errors []string `json:"errors,omitempty"`
	} `json:"policy"`
	Endpoints []Endpoint      `json:"endpoints"`
	JWKS      json.RawMessage `json:"jwks"` // the public keys of assertions; nil: none are signed
}

// A PolicyError says why a policy does not load: all of the guest's reasons.
type PolicyError struct{ Errors []string }

func (e *PolicyError) Error() string {
	if len(e.Errors) == 0 {
		return "host: the policy does not load"
	}
	return "host: the policy does not load: " + strings.Join(e.Errors, "; ")
}

// ErrNotGuest says that the wasm given is not a guest of ours.
var ErrNotGuest = errors.New("not an idvgate guest")

// A generation is a guest with one configuration, and its VMs. A reload makes another beside it.
type generation struct {
	gateway *Gateway
	guest   Guest
	info    Info
	egress  *egress
	shards  []*shard
	loaded  time.Time

	ctx    context.Context // ends with the generation, and with it its callouts
	cancel context.CancelFunc
	ids    atomic.Uint64 // flow numbers
	active atomic.Int64  // requests and callouts that use it
	ended  sync.Once
}

// load makes a generation ready to serve, or says why it cannot be. Of the options it takes what a reload may change.
func (g *Gateway) load(ctx context.Context, o *Options) (*generation, error) {
	gen := &generation{gateway: g, loaded: time.Now()}
	gen.ctx, gen.cancel = context.WithCancel(context.Background())
	if err := gen.start(ctx, o); err != nil {
		gen.close()
		return nil, err
	}
	go gen.sweep()
	return gen, nil
}

func (gen *generation) start(ctx context.Context, o *Options) error {
	guest, err := gen.open(ctx, o)
	if err != nil {
		return err
	}
	gen.guest = guest
	vm, err := gen.guest.NewVM(gen.ctx)
	if err != nil {
		return fmt.Errorf("host: the guest does not start: %w", err)
	}
	if err := gen.readInfo(vm); err != nil {
		return err
	}
	endpoints := o.Allow
	if endpoints == nil {
		endpoints = gen.info.Endpoints
	}
	if gen.egress, err = newEgress(endpoints, o.RootCAs); err != nil {
		return err
	}
	return gen.makeShards(vm)
}

func (gen *generation) readInfo(vm VM) error {
	raw, err := vm.Info()
	if err != nil {
		return fmt.Errorf("host: the guest's info: %w", err)
	}
	if err := json.Unmarshal(raw, &gen.info); err != nil {
		return fmt.Errorf("host: %w: its info cannot be read", ErrNotGuest)
	}
	switch i := &gen.info; {
	case i.Name != "idvgate":
		return fmt.Errorf("host: %w: it calls itself %.40q", ErrNotGuest, i.Name)
	case i.ABI != 1:
		return fmt.Errorf("host: %w: it speaks ABI %d, this gateway 1", ErrNotGuest, i.ABI)
	case !i.Policy.OK:
		return &PolicyError{i.Policy.Errors}
	}
	return nil
}

// makeShards starts the other VMs, side by side.
func (gen *generation) makeShards(first VM) error {
	gen.shards = make([]*shard, gen.gateway.options.Shards)
	gen.shards[0] = newShard(gen, 0, first)
	faults := make([]error, len(gen.shards))
	var all sync.WaitGroup
	for i := 1; i < len(gen.shards); i++ {
		all.Go(func() {
			vm, err := gen.guest.NewVM(gen.ctx)
			gen.shards[i], faults[i] = newShard(gen, i, vm), err
		})
	}
	all.Wait()
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("host: the guest does not start: %w", err)
	}
	return nil
}

// fetch serves the guest's own http_request by the same egress.
func (gen *generation) fetch(ctx context.Context, r *extism.Request) (*extism.Reply, error) {
	if gen.egress == nil {
		return nil, errBlocked // before info
	}
	c := &call{method: r.Method, url: r.URL, body: r.Body, timeout: syncCallTime}
	for name, value := range r.Header {
		if !isToken(name) || !isFieldValue(value) {
			return nil, errBlocked
		}
		c.header = append(c.header, header{http.CanonicalHeaderKey(name), value})
	}
	got, fault := gen.egress.do(ctx, c)
	if fault != "" {
		return nil, errors.New(string(fault))
	}
	reply := &extism.Reply{Status: got.status, Body: got.body, Header: make(map[string]string, len(got.header))}
	for name, values := range got.header {
		reply.Header[strings.ToLower(name)] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return reply, nil
}

// acquire takes the generation that serves, which stays usable until it is released. nil after Close.
func (g *Gateway) acquire() *generation {
	for {
		gen := g.current.Load()
		if gen == nil {
			return nil
		}
		gen.active.Add(1)
		if gen == g.current.Load() {
			return gen
		}
		gen.release()
	}
}

func (gen *generation) release() { gen.active.Add(-1) }

// pick locks a shard for a flow: the next in turn, or one that is free.
func (gen *generation) pick(flow uint64) *shard {
	n := len(gen.shards)
	if n == 1 {
		gen.shards[0].mu.Lock()
		return gen.shards[0]
	}
	start := int(flow % uint64(n))
	full := int64(gen.gateway.options.MaxFlows)
	for i := range n {
		if s := gen.shards[(start+i)%n]; s.held.Load() < full && s.mu.TryLock() {
			return s
		}
	}
	s := gen.shards[start]
	for i := range n {
		if other := gen.shards[(start+i)%n]; other.held.Load() < full {
			s = other
			break
		}
	}
	s.mu.Lock()
	return s
}

func (gen *generation) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-gen.ctx.Done():
			return
		case now := <-tick.C:
			for _, s := range gen.shards {
				s.sweep(now)
			}
		}
	}
}

// suspended is how many requests it holds.
func (gen *generation) suspended() (n int64) {
	for _, s := range gen.shards {
		n += s.held.Load()
	}
	return n
}

// close ends everything of the generation, once; who comes second waits for it.
func (gen *generation) close() { gen.ended.Do(gen.end) }

func (gen *generation) end() {
	gen.cancel()
	for _, s := range gen.shards {
		if s != nil {
			s.close()
		}
	}
	if gen.guest != nil {
		gen.guest.Close(context.Background()) // it is over
	}
	if gen.egress != nil {
		gen.egress.close()
	}
}
