package host

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// drainPoll is how often it is looked whether requests are over.
const drainPoll = 10 * time.Millisecond

// Reload loads the guest with another configuration beside the one that serves, and switches to it. What has begun goes
// on with the old one. Where the new one does not load, the error says why, and the old one stays.
func (g *Gateway) Reload(ctx context.Context, config map[string]string) error {
	return g.ReloadGuest(ctx, nil, config)
}

// ReloadGuest is Reload with another guest, too; nil keeps the one there is.
func (g *Gateway) ReloadGuest(ctx context.Context, wasm []byte, config map[string]string) error {
	g.loading.Lock()
	defer g.loading.Unlock()
	o := g.options
	if o.Config = config; wasm != nil {
		o.Wasm = wasm
	}
	if g.closed {
		return errors.New("host: the gateway is closed")
	}
	gen, err := g.load(ctx, &o)
	if err != nil {
		g.metrics.reloads.WithLabelValues("refused").Inc()
		g.log.Error("reload refused, the old policy stays", "error", err)
		return err
	}
	g.mu.Lock()
	g.options.Wasm = o.Wasm
	old := g.current.Swap(gen)
	g.retired[old] = true
	g.mu.Unlock()
	g.metrics.reloads.WithLabelValues("loaded").Inc()
	g.log.Info("reloaded", "policy", gen.info.Policy.Digest, "before", old.info.Policy.Digest)
	go g.retire(old)
	return nil
}

// retire closes a generation when its requests are over, or their time is.
func (g *Gateway) retire(old *generation) {
	ctx, cancel := context.WithTimeout(old.ctx, g.options.DrainTimeout)
	defer cancel()
	idle(ctx, func() bool { return old.active.Load() == 0 && old.suspended() == 0 }) //nolint:errcheck // then it is closed all the same
	old.close()
	g.mu.Lock()
	delete(g.retired, old)
	g.mu.Unlock()
}

// idle waits until over says so.
func idle(ctx context.Context, over func() bool) error {
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for !over() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// Drain says on /ready that the gateway is about to go, and waits until all requests are over, also what guests still
// ask for clients that have left, and until audit is written. Requests that come are still served: it is for the
// server to take no more.
func (g *Gateway) Drain(ctx context.Context) error {
	g.draining.Store(true)
	err := idle(ctx, func() bool {
		gen := g.current.Load()
		g.mu.Lock()
		retired := len(g.retired)
		g.mu.Unlock()
		return g.serving.Load() == 0 && retired == 0 && (gen == nil || gen.active.Load() == 0 && gen.suspended() == 0)
	})
	if err != nil {
		return err
	}
	g.audit.flush()
	return nil
}

// Close ends the gateway at once: what is suspended is answered 503, callouts are cut off, audit is written.
func (g *Gateway) Close() error {
	g.loading.Lock()
	defer g.loading.Unlock()
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return nil
	}
	g.closed = true
	g.draining.Store(true)
	all := []*generation{g.current.Swap(nil)}
	for old := range g.retired {
		all = append(all, old)
	}
	g.mu.Unlock()
	for _, gen := range all {
		gen.close()
	}
	g.audit.close()
	g.proxies.transport.CloseIdleConnections()
	if err := g.cache.Close(context.Background()); err != nil {
		return fmt.Errorf("host: compilation cache: %w", err)
	}
	return nil
}

// suspended is how many requests wait in guests.
func (g *Gateway) suspended() (n int64) {
	if gen := g.current.Load(); gen != nil {
		n = gen.suspended()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for old := range g.retired {
		n += old.suspended()
	}
	return n
}
