package host

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestReloadSwitchesAndTheOldGuestFinishesWhatItBegan(t *testing.T) {
	g := newRig(t, nil)
	var all sync.WaitGroup
	all.Go(func() {
		if s := g.send("GET", "/call?slow", "").upstreamSaw(t); s.Header.Get("X-Idv-Outcome") != "200" {
			t.Errorf("%+v", s)
		}
	})
	<-g.arrived
	old := g.gateway.current.Load()
	config := maps.Clone(g.gateway.options.Config)
	config["policy"] = "p2"
	if err := g.gateway.Reload(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if l := g.gateway.Loaded(); l.Digest != "p2" || l.Guest != "idvgate" || l.Shards != 1 || len(l.Endpoints) != 1 {
		t.Errorf("%+v", l)
	}
	g.send("GET", "/set", "").upstreamSaw(t)
	if old.ctx.Err() != nil || g.gateway.suspended() != 1 {
		t.Error("the old guest was closed with a request in it")
	}
	close(g.slow)
	all.Wait()
	awaits(t, "the old guest is closed", func() bool { return old.ctx.Err() != nil })
}

func TestABadReloadIsRefusedAndTheOldPolicyStays(t *testing.T) {
	g := newRig(t, nil)
	config := maps.Clone(g.gateway.options.Config)
	config["policy"] = "bad"
	var fault *PolicyError
	if err := g.gateway.Reload(t.Context(), config); !errors.As(err, &fault) || len(fault.Errors) != 2 {
		t.Errorf("error %v", err)
	}
	if err := g.gateway.ReloadGuest(t.Context(), []byte("text"), config); !errors.Is(err, ErrNotGuest) {
		t.Errorf("error %v", err)
	}
	if d := g.gateway.Loaded().Digest; d != "p1" {
		t.Errorf("digest %s", d)
	}
	g.send("GET", "/set", "").upstreamSaw(t)
}

func TestAnOldGuestIsNotWaitedForWithoutEnd(t *testing.T) {
	g := newRig(t, func(o *Options) { o.DrainTimeout = time.Millisecond })
	var all sync.WaitGroup
	all.Go(func() { g.send("GET", "/wait?k", "").isProblem(t, 503, "verification_unavailable") })
	awaits(t, "one is suspended", func() bool { return g.gateway.suspended() == 1 })
	if err := g.gateway.Reload(t.Context(), g.gateway.options.Config); err != nil {
		t.Fatal(err)
	}
	all.Wait()
}

func TestReloadsUnderLoadLoseNothing(t *testing.T) {
	g := newRig(t, func(o *Options) { o.Shards = 2 })
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					g.send("POST", "/body?100", "hello").upstreamSaw(t)
					g.send("GET", "/call?answer", "").upstreamSaw(t)
				}
			}
		})
	}
	for range 3 {
		if err := g.gateway.Reload(t.Context(), g.gateway.options.Config); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	all.Wait()
}

func TestDrainWaitsForWhatIsInFlight(t *testing.T) {
	g := newRig(t, nil)
	ready := func() int {
		w := &recorder{}
		w.get(g.gateway, "/ready")
		return w.status
	}
	if ready() != 200 {
		t.Error("not ready")
	}
	g.send("GET", "/shadow-call?slow", "").upstreamSaw(t)
	<-g.arrived
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if g.gateway.Drain(short) == nil {
		t.Error("did not wait for a shadow callout")
	}
	if ready() != 503 {
		t.Error("ready while draining")
	}
	close(g.slow)
	if err := g.gateway.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(g.audit.String(), `"shadow":200`) {
		t.Errorf("audit was not written: %s", g.audit)
	}
	if err := g.gateway.Close(); err != nil {
		t.Error(err)
	}
	g.send("GET", "/", "").isProblem(t, 503, "verification_unavailable")
	if err := g.gateway.Reload(t.Context(), nil); err == nil {
		t.Error("a closed gateway was reloaded")
	}
}

func TestCloseCutsOffWhatIsSuspended(t *testing.T) {
	g := newRig(t, nil)
	var all sync.WaitGroup
	all.Go(func() { g.send("GET", "/wait?k", "").isProblem(t, 503, "verification_unavailable") })
	all.Go(func() { g.send("GET", "/call?slow", "").isProblem(t, 503, "verification_unavailable") })
	<-g.arrived
	awaits(t, "both are suspended", func() bool { return g.gateway.suspended() == 2 })
	if err := g.gateway.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
}

func TestNewRefuses(t *testing.T) {
	base := newRig(t, nil).gateway.options
	for _, c := range []struct {
		name   string
		change func(o *Options)
		want   string
	}{
		{"no guest", func(o *Options) { o.Wasm = nil }, "no guest given"},
		{"no upstream", func(o *Options) { o.Upstream = nil }, "no upstream given"},
		{"text", func(o *Options) { o.Wasm = []byte("hello, this is text") }, "not an idvgate guest"},
		{"another's guest", func(o *Options) { o.Config = map[string]string{"name": "coraza"} }, `not an idvgate guest: it calls itself "coraza"`},
		{"a policy with mistakes", func(o *Options) { o.Config = map[string]string{"policy": "bad"} }, "policy: first mistake; policy: second mistake"},
		{"an endpoint that is none", func(o *Options) { o.Allow = []Endpoint{{Provider: "v", URL: "vendor"}} }, "endpoint of v"},
		{"a cache that cannot be kept", func(o *Options) { o.CacheDir = "/dev/null/x" }, "compilation cache"},
	} {
		o := base
		o.Config = nil
		c.change(&o)
		g, err := New(t.Context(), o)
		if err == nil {
			g.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestAdmin(t *testing.T) {
	g := newRig(t, nil)
	g.send("GET", "/audit", "").upstreamSaw(t)
	g.send("GET", "/deny", "")
	g.audit.await(t, `{"decision":"allow","id":"d1"}`+"\n")
	var w recorder
	w.get(g.gateway, "/metrics")
	for _, want := range []string{
		`idv_decisions_total{rule="one"} 1`, `idv_flows{shard="0"} 3`, `idv_vendor_seconds_count{provider="a"} 1`,
		`idvgate_guest_metrics_dropped_total 2`, `idvgate_requests_total{result="allow"} 1`, `idvgate_requests_total{result="deny"} 1`, "idvgate_flows 0",
	} {
		if !strings.Contains(w.body.String(), want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
	g.send("GET", "/garbage", "")
	w = recorder{}
	w.get(g.gateway, "/metrics")
	for _, want := range []string{`idv_flows{shard="0"} 0`, `idvgate_vm_restarts_total{reason="malformed"} 1`} {
		if !strings.Contains(w.body.String(), want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
	w = recorder{}
	w.get(g.gateway, "/policy")
	var l Loaded
	if err := json.Unmarshal([]byte(w.body.String()), &l); err != nil || l.Digest != "p1" || l.Endpoints[0].URL != g.vendor.URL {
		t.Errorf("%v, %+v", err, l)
	}
	if w.get(g.gateway, "/live"); w.status != 200 {
		t.Errorf("live: %d", w.status)
	}
}
