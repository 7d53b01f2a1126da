package host

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAVMThatFails plays each way to fail: all flows of the VM are answered 503 at once, and the next request is served.
func TestAVMThatFails(t *testing.T) {
	for name, path := range map[string]string{
		"a panic": "/panic", "a stack overflow": "/overflow", "a bad offset": "/kernel", "output without end": "/endless",
		"garbage": "/garbage", "a message that is cut": "/cut", "output outside of its memory": "/outside", "callouts without end": "/flood",
		"a body of no size": "/body?0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, func(o *Options) { o.MaxFlows = 64 }) // and with it the callouts of one VM
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() { g.send("GET", "/wait?k", "").isProblem(t, 503, "verification_unavailable") })
			}
			all.Go(func() { g.send("GET", "/call?slow", "").isProblem(t, 503, "verification_unavailable") })
			awaits(t, "11 are suspended", func() bool { return g.gateway.suspended() == 11 })
			<-g.arrived
			g.send("POST", path, "body").isProblem(t, 503, "verification_unavailable")
			all.Wait()
			if n := g.gateway.suspended(); n != 0 {
				t.Errorf("%d are still suspended", n)
			}
			close(g.slow) // its reply is for a VM that is gone
			g.send("GET", "/set", "").upstreamSaw(t)
			g.send("GET", "/call?answer", "").upstreamSaw(t)
			if !strings.Contains(g.log.String(), "guest discarded") {
				t.Errorf("log: %s", g.log)
			}
		})
	}
}

func TestAGuestThatFailsAgainAndAgainIsNotStartedWithoutEnd(t *testing.T) {
	g := newRig(t, nil)
	s := g.gateway.current.Load().shards[0]
	future := time.Now().Add(time.Hour) // nothing is earned back meanwhile
	s.mu.Lock()
	s.restarts.at = future
	s.mu.Unlock()
	for range 2 * restartBurst {
		g.send("GET", "/garbage", "").isProblem(t, 503, "verification_unavailable")
	}
	if n := strings.Count(g.log.String(), "guest discarded"); n != restartBurst+1 {
		t.Errorf("%d VMs were made, want %d", n, restartBurst+1)
	}
	s.mu.Lock()
	s.restarts.at = time.Now().Add(-time.Minute)
	s.mu.Unlock()
	g.send("GET", "/", "").upstreamSaw(t)
}

func TestRestarts(t *testing.T) {
	var r restarts
	at := time.Unix(1_700_000_000, 0)
	for i := range restartBurst {
		if !r.take(at) {
			t.Errorf("start %d was refused", i)
		}
	}
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {restartEvery - 1, false}, {restartEvery, true}, {restartEvery, false}, {3 * restartEvery, true}, {3 * restartEvery, true}, {3 * restartEvery, false}} {
		if got := r.take(at.Add(c.after)); got != c.want {
			t.Errorf("after %s: %v", c.after, got)
		}
	}
}

func TestShardsHaveClocksThatMoveAndRandomnessOfTheirOwn(t *testing.T) {
	g := newRig(t, func(o *Options) { o.Shards = 2 })
	values := map[string]bool{}
	for range 4 { // shards take turns
		for _, path := range []string{"/random", "/clock"} {
			a := g.send("GET", path, "")
			if a.status != 403 || values[a.body] {
				t.Errorf("%s: %d %s; seen before: %v", path, a.status, a.body, values[a.body])
			}
			values[a.body] = true
		}
	}
}

func TestFlowsOfAShardAreBounded(t *testing.T) {
	g := newRig(t, func(o *Options) { o.MaxFlows = 3 })
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { g.send("GET", "/wait?k", "").isProblem(t, 503, "verification_unavailable") })
	}
	awaits(t, "3 are suspended", func() bool { return g.gateway.suspended() == 3 })
	g.send("GET", "/wait?k", "").isProblem(t, 503, "verification_unavailable")
	s := g.gateway.current.Load().shards[0]
	s.sweep(time.Now())
	if n := g.gateway.suspended(); n != 3 {
		t.Errorf("%d are suspended after a sweep before their time", n)
	}
	s.sweep(time.Now().Add(2 * time.Minute)) // the guest has forgotten them
	all.Wait()
	g.send("GET", "/", "").upstreamSaw(t)
}

func TestAGuestThatSaysNothingIsNotWaitedForWithoutEnd(t *testing.T) {
	g := newRig(t, func(o *Options) { o.FlowTimeout = time.Millisecond })
	g.send("GET", "/silent", "").isProblem(t, 503, "verification_unavailable")
	if n := g.gateway.suspended(); n != 0 {
		t.Errorf("%d are suspended", n)
	}
}
