package host

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/host/extism"
)

// A Gateway is an http.Handler: it asks the guest about each request, forwards what is allowed to the upstream, and
// answers the rest.
type Gateway struct {
	options Options
	log     *slog.Logger
	cache   *extism.Cache
	memory  *memory // of guests
	metrics *metrics
	audit   *audit
	bodies  budget
	proxies proxies

	current  atomic.Pointer[generation]
	serving  atomic.Int64 // requests in the handler
	draining atomic.Bool

	loading sync.Mutex // one reload at a time, and Close
	closed  bool       // guarded by loading
	mu      sync.Mutex
	retired map[*generation]bool // generations of before that still have requests
}

// New compiles the guest, loads its policy, and makes a gateway that is ready to serve. The error is ErrNotGuest where
// the wasm is not ours, and a *PolicyError where the policy does not load.
func New(ctx context.Context, o Options) (*Gateway, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.fill()
	cache, err := extism.NewCache(o.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	g := &Gateway{options: o, log: o.Log, cache: cache, memory: newMemory(), retired: map[*generation]bool{}}
	g.bodies.max = o.MaxBodyBytes
	g.metrics = newMetrics(func() float64 { return float64(g.suspended()) }, func() float64 { return float64(g.bodies.held.Load()) })
	g.audit = newAudit(o.Audit, g.auditLost)
	g.proxies.open(g)
	gen, err := g.load(ctx, &g.options)
	if err != nil {
		g.audit.close()
		cache.Close(ctx) // the first error is told
		return nil, err
	}
	g.current.Store(gen)
	return g, nil
}

func (g *Gateway) auditLost(err error) {
	g.metrics.lost.Inc()
	if err != nil {
		g.log.Error("audit lines lost", "error", err)
	} else {
		g.log.Error("audit lines lost: their writer is too slow")
	}
}

// result is how a request came out of the guest.
type result uint8

const (
	resultFailed  result = iota // no decision: 503
	resultLeft                  // the client has left
	resultDecided               // see the flow's decision
)

// ServeHTTP serves one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.serving.Add(1)
	defer g.serving.Add(-1)
	up := upgrade(r)
	id := requestID(r)
	gen := g.acquire()
	if gen == nil {
		g.metrics.failed.Inc()
		faultUnavailable.answer(w)
		return
	}
	e := exchange{gateway: g, gen: gen, w: w, r: r}
	e.held.budget = &g.bodies
	defer e.end()

	h := head{flow: gen.ids.Add(1), r: r, id: id, client: clientAddress(r, g.options.TrustedHops), upgrade: up}
	p := lineBuffers.Get().(*[]byte)
	ok := gen.readable(&h, (*p)[:0])
	if !ok {
		putLine(p, h.line)
		g.metrics.refused.Inc()
		faultRequest.answer(w)
		return
	}
	e.shard, e.flow = gen.pick(h.flow), newFlow(h.flow)
	e.state = e.shard.begin(e.flow, &h)
	putLine(p, h.line)

	switch e.decide() {
	case resultFailed:
		g.metrics.failed.Inc()
		faultUnavailable.answer(w)
	case resultLeft:
		g.metrics.left.Inc()
		faultUnavailable.answer(w) // seen only by a client that has shut down one direction alone
	case resultDecided:
		e.carryOut()
	}
}

// exchange is one request on its way through the gateway.
type exchange struct {
	gateway *Gateway
	gen     *generation
	shard   *shard
	flow    *flow
	state   state
	w       http.ResponseWriter
	r       *http.Request
	held    heldBody
	whole   bool // held is the whole body
	started bool // the body has been read from
	teed    *tee
}

// decide waits for the decision, and reads the body where the guest wants it.
func (e *exchange) decide() result {
	for {
		switch st := e.state; {
		case st.failed:
			return resultFailed
		case st.decided:
			return resultDecided
		case st.limit > 0:
			if !e.body(st.limit) {
				return resultFailed
			}
		default:
			select {
			case <-e.flow.wake:
				e.state = e.shard.look(e.flow)
			case <-e.r.Context().Done():
				e.shard.leave(e.flow)
				return resultLeft
			}
		}
	}
}

// body reads the body and gives it to the guest. False where there is no room for it.
func (e *exchange) body(limit int64) bool {
	f := e.flow
	connection := http.NewResponseController(e.w)
	if !e.shard.readFor(f, func() {
		connection.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // then it is read to its end
	}) {
		e.state = e.shard.look(f)
		return true
	}
	e.started = true
	connection.SetReadDeadline(time.Now().Add(e.gateway.options.BodyTimeout)) //nolint:errcheck // then a client may be slow
	result, err := e.held.read(e.r, limit)
	if result != bodyGone {
		connection.SetReadDeadline(time.Time{}) //nolint:errcheck // the rest is the upstream's to wait for
	}
	e.whole = result == bodyWhole
	e.state = e.shard.answerBody(f, result, e.held.bytes)
	if err != nil {
		e.shard.leave(f)
		e.gateway.log.Warn("no room for a body", "held", e.gateway.bodies.held.Load())
		return false
	}
	return true
}

// carryOut does what was decided.
func (e *exchange) carryOut() {
	m := e.gateway.metrics
	d := &e.flow.decision
	if d.action == allow {
		if e.r.Method == http.MethodConnect {
			m.refused.Inc()
			faultMethod.answer(e.w)
			return
		}
		m.allowed.Inc()
		e.forward()
		return
	}
	if e.state.limit > 0 {
		e.shard.answerBody(e.flow, bodyGone, nil)
	}
	if d.status == 0 {
		m.failed.Inc()
		faultUnavailable.answer(e.w)
		return
	}
	if d.action == challenge {
		m.challenged.Inc()
	} else {
		m.denied.Inc()
	}
	h := e.w.Header()
	for _, line := range d.header {
		switch line.name {
		case "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade", "Keep-Alive":
		default:
			h[line.name] = append(h[line.name], line.value)
		}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(d.body))}
	e.w.WriteHeader(d.status)
	e.w.Write(d.body) //nolint:errcheck // the client has left
}

// forward sends the request on, with what was read of its body for the guest.
func (e *exchange) forward() {
	rest := e.r.Body
	switch {
	case e.started && len(e.held.bytes) > 0, e.state.limit == 0:
	case e.r.ContentLength == 0:
		e.shard.answerBody(e.flow, bodyWhole, nil)
	default:
		e.teed = &tee{ReadCloser: rest, limit: e.state.limit, held: &e.held}
		e.shard.readFor(e.flow, nil)
		rest = e.teed
	}
	if e.r.ContentLength != 0 {
		e.r.Body = e.held.replay(rest, e.whole)
	}
	e.gateway.proxies.serve(e)
}

// end gives back what the request holds. It also runs where the upstream broke off and the handler panics.
func (e *exchange) end() {
	if e.teed != nil {
		result, body := e.teed.finish()
		e.shard.answerBody(e.flow, result, body)
	}
	e.held.release()
	if e.flow != nil {
		e.flow.free()
	}
	e.gen.release()
}
