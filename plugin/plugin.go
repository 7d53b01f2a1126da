// Package plugin is the engine: it reads identity claims out of a request, asks verification providers whether they
// belong together, and decides what the gateway does with the request. It knows no gateway and no ABI.
//
// Engine.Evaluate is the way a request takes, step by step; each step is the file of its name. All that waits (the
// body, a vendor) is a plain blocking call here; in a guest it suspends a coroutine (package flow).
package plugin

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/state"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// Env is what the engine gets from the world. Lookup, Now and Random are required.
type Env struct {
	// Lookup is the value of a variable or secret the policy names.
	Lookup func(name string) (string, bool)
	Now    func() time.Time
	Random io.Reader // cryptographically strong
	// Audit takes one JSON object a decision, without a newline; the slice is only valid during the call. nil: none.
	Audit func(line []byte)
	// Metrics counts; nil: not counted.
	Metrics Metrics
	// Share is providers.Env.Share; nil: everybody asks.
	Share func(ctx context.Context, key string, ask func(context.Context) ([]byte, error)) ([]byte, error)
	// Sleep lets so much time pass, and reports whether it did; nil: it cannot.
	Sleep func(ctx context.Context, d time.Duration) bool
	// Sign is providers.Env.Sign; nil: providers sign themselves.
	Sign providers.Signer
	// Beside runs what delays nobody (shadow rules), with a context and a Doer of its own; nil: it runs at once.
	Beside func(ctx context.Context, do callout.Doer, run func(context.Context, callout.Doer))
	// State is what outlives the engine; nil: it has a store of its own.
	State *state.Store
	// Redis: Doers send queries to Redis too (callout.RedisMethod).
	Redis bool
	// DenyUnmatched denies what no rule is for.
	DenyUnmatched bool
}

// Metrics makes the counters, histograms and gauges that the engine counts in. Labels are names and values in turn.
type Metrics interface {
	Counter(name string, labels ...string) Add
	Histogram(name string, labels ...string) Add
	Gauge(name string, labels ...string) Add
}

// Add adds to one counter, has one histogram observe the value, or sets one gauge to it.
type Add func(value float64)

// An Engine holds a loaded policy. It is safe for concurrent use.
type Engine struct {
	env       Env
	policy    *policy.Policy
	providers []provider
	routes    routes
	subject   *identity.Key // nil: no subject digests
	sampling  *identity.Key
	memory    []*identity.Key // of what is remembered; the first is used, the others are read
	sealers   []sealer        // of handles, as memory
	signers   []signer        // of assertions: the first signs, all verify
	handles   handles
	shared    *shared
	recalls   recalls
	noRule    *rule     // stands where no rule was chosen
	lines     sync.Pool // of *strictjson.Buffer, for audit lines
	second    atomic.Pointer[second]
}

// provider is an entry of the policy with the adapter made for it.
type provider struct {
	policy.Provider
	adapter providers.Provider
	claims  map[providers.Check][]identity.Claim // what it needs for each check it answers
	attempts
	spending
}

// Load reads a policy (JSON) and makes the engine for it. The error is policy.Problems where the document is at fault:
// all of them, not the first.
func Load(doc []byte, list providers.List, env Env) (*Engine, error) {
	if env.Lookup == nil || env.Now == nil || env.Random == nil {
		return nil, errors.New("plugin: environment without lookup, clock or randomness")
	}
	p, problems := policy.Load(doc, list, env.Lookup)
	if len(problems) > 0 {
		return nil, problems
	}
	return assemble(p, env)
}

func assemble(p *policy.Policy, env Env) (*Engine, error) {
	if s := p.State.Shared; s != nil && s.Redis != "" && !env.Redis {
		return nil, policy.Problems{{Path: policy.Path{"state", "shared", "redis"}, Message: "this gateway asks no Redis itself, only Higress does: write http, for Redis behind Webdis"}}
	}
	if env.Share == nil {
		env.Share = func(ctx context.Context, _ string, ask func(context.Context) ([]byte, error)) ([]byte, error) {
			return ask(ctx)
		}
	}
	if env.Beside == nil {
		env.Beside = func(ctx context.Context, do callout.Doer, run func(context.Context, callout.Doer)) { run(ctx, do) }
	}
	if env.Metrics == nil {
		env.Metrics = uncounted{}
	}
	if env.State == nil {
		env.State = state.New(nil)
	}
	e := &Engine{env: env, policy: p, noRule: &rule{Rule: &policy.Rule{}}, shared: newShared(env.Metrics, p.State.Shared)}
	for i, entry := range p.Providers {
		adapter, err := entry.Info.New(entry.Config, providers.Env{
			Endpoint: entry.Endpoint, Instance: entry.Name,
			Now: env.Now, Random: env.Random, Sign: env.Sign, Share: env.Share, Keep: keeper{e},
		})
		if err != nil {
			return nil, policy.Problems{{Path: policy.Path{"providers", entry.Name}, Message: err.Error()}}
		}
		e.providers = append(e.providers, provider{
			Provider: entry, adapter: adapter,
			claims: claimsOf(entry.Info, adapter), attempts: newAttempts(env.Metrics, &entry), spending: newSpending(env.Metrics, &entry, p.Budgets, i),
		})
	}
	if k := p.Subject.Key.Value(); k != "" {
		e.subject = identity.NewKey([]byte(k))
	}
	for _, k := range p.State.Keys {
		e.memory = append(e.memory, stateKey(k))
		e.sealers = append(e.sealers, newSealer(k))
	}
	for _, k := range p.Assertion.Keys {
		e.signers = append(e.signers, newSigner(k))
	}
	e.handles = newHandles(env.Metrics)
	e.recalls = newRecalls(env.Metrics)
	e.sampling = identity.NewKey([]byte("idvgate sample"))
	e.routes = compileRoutes(e)
	return e, nil
}

func stateKey(secret string) *identity.Key { return identity.NewKey([]byte(secret)) }

// Digest is the policy's digest, as in x-idv-version.
func (e *Engine) Digest() string { return e.policy.Digest }

// Rules is how many rules the policy has.
func (e *Engine) Rules() int { return len(e.policy.Rules) }

// An Endpoint is a base URL that callouts of the policy go to.
type Endpoint struct {
	Provider  string // the policy's name
	URL       string
	Target    string
	Plaintext bool // the policy allows http
	Private   bool // the policy allows addresses that are not public
}

// Endpoints is where callouts of the policy go, in the document's order.
func (e *Engine) Endpoints() []Endpoint {
	var list []Endpoint
	for i := range e.providers {
		p := &e.providers[i]
		urls := []string{p.Endpoint}
		if more, ok := p.adapter.(providers.Endpointer); ok {
			urls = append(urls, more.Endpoints()...)
		}
		for _, u := range urls {
			list = append(list, Endpoint{Provider: p.Name, URL: u, Target: p.TargetOf(u), Plaintext: p.Plaintext, Private: p.Private})
		}
	}
	if s := e.policy.State.Shared; s != nil && s.URL != "" {
		list = append(list, Endpoint{Provider: "state.shared", URL: s.URL, Target: s.Target, Plaintext: true, Private: true})
	}
	return list
}

func claimsOf(info providers.Info, adapter providers.Provider) map[providers.Check][]identity.Claim {
	claims := make(map[providers.Check][]identity.Claim, len(info.Checks))
	for _, c := range info.Checks {
		claims[c] = c.Claims()
		if own, ok := adapter.(providers.Claimer); ok {
			claims[c] = own.Claims(c)
		}
	}
	return claims
}

type uncounted struct{}

func (uncounted) Counter(string, ...string) Add   { return func(float64) {} }
func (uncounted) Histogram(string, ...string) Add { return func(float64) {} }
func (uncounted) Gauge(string, ...string) Add     { return func(float64) {} }
