package host

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestCallouts(t *testing.T) {
	g := newRig(t, nil)
	for _, c := range []struct {
		name, path    string
		status        int
		outcome, size string // of a reply
		fault         string
	}{
		{"a reply is given to the guest", "/call?answer", 200, "200", "17", ""},
		{"a redirect is a reply and is not followed", "/call?redirect", 200, "302", "0", ""},
		{"the largest reply", "/call?largest", 200, "200", "1048576", ""},
		{"odd bytes in a header do not harm", "/call?odd-header", 200, "200", "0", ""},
		{"a reply that is declared too large", "/call?big", 503, "", "", "too_large"},
		{"a reply that grows too large", "/call?big-chunked", 503, "", "", "too_large"},
		{"a connection that is closed", "/call?reset", 503, "", "", "unreachable"},
		{"a reply that is cut", "/call?cut", 503, "", "", "unreachable"},
		{"a reply that is late", "/call-short?slow", 503, "", "", "timeout"},
		{"a host that nobody allowed", "/call-to?http://127.0.0.1:1/", 503, "", "", "blocked"},
		{"a scheme that is not allowed", "/call-to?ftp://127.0.0.1/", 503, "", "", "blocked"},
		{"credentials in a URL", "/call-to?" + strings.Replace(g.vendor.URL, "://", "://u:p@", 1), 503, "", "", "blocked"},
		{"the same host under https", "/call-to?" + strings.Replace(g.vendor.URL, "http:", "https:", 1), 503, "", "", "blocked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := g.send("GET", c.path, "")
			if c.fault != "" {
				if a.status != 503 || a.body != c.fault {
					t.Errorf("%d %q, want %s", a.status, a.body, c.fault)
				}
				return
			}
			if s := a.upstreamSaw(t); s.Header.Get("X-Idv-Outcome") != c.outcome || (c.size != "0" || c.outcome == "200") && s.Header.Get("X-Idv-Check") != c.size {
				t.Errorf("the guest was given %s, %s bytes", s.Header.Get("X-Idv-Outcome"), s.Header.Get("X-Idv-Check"))
			}
		})
	}
	g.vendor.Close()
	if a := g.send("GET", "/call?answer", ""); a.status != 503 || a.body != "unreachable" {
		t.Errorf("a vendor that is down: %d %q", a.status, a.body)
	}
}

func TestTimers(t *testing.T) {
	g := newRig(t, nil)
	if s := g.send("GET", "/timer", "").upstreamSaw(t); s.Header.Get("X-Idv-Outcome") != "timer" {
		t.Errorf("%+v", s)
	}
}

func TestOneAnswerMovesSeveralFlows(t *testing.T) {
	g := newRig(t, nil)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if s := g.send("GET", "/wait?k", "").upstreamSaw(t); s.Header.Get("X-Idv-Outcome") != "match" {
				t.Errorf("%+v", s)
			}
		})
	}
	awaits(t, "20 are suspended", func() bool { return g.gateway.suspended() == 20 })
	g.send("GET", "/release?k", "").upstreamSaw(t)
	all.Wait()
	if n := g.gateway.suspended(); n != 0 {
		t.Errorf("%d are still suspended", n)
	}
}

func TestAShadowCalloutGoesOnAfterTheDecision(t *testing.T) {
	g := newRig(t, nil)
	g.send("GET", "/shadow-call?slow", "").upstreamSaw(t)
	<-g.arrived
	if g.gateway.suspended() != 1 {
		t.Error("the flow was dropped with its callout on its way")
	}
	close(g.slow)
	g.audit.await(t, `{"error":"","shadow":200}`)
	awaits(t, "the flow is dropped", func() bool { return g.gateway.suspended() == 0 })
}

func TestAClientThatLeavesIsToldToTheGuestAndItsCalloutGoesOn(t *testing.T) {
	g := newRig(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", g.server.URL+"/leave?slow", nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
			res.Body.Close()
			t.Error("the client was answered")
		}
	}()
	<-g.arrived
	leave()
	<-done
	g.audit.await(t, `{"cancelled":true}`)
	close(g.slow)
	g.audit.await(t, `{"late":200}`)
	awaits(t, "the flow is dropped", func() bool { return g.gateway.suspended() == 0 })
}

func TestTwoThousandSuspendedFlows(t *testing.T) {
	const n = 2000
	g := newRig(t, func(o *Options) { o.Shards = 2 })
	client := &http.Transport{MaxIdleConnsPerHost: n}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", g.server.URL+"/wait?k", nil)
			res, err := client.RoundTrip(r)
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("status %d", res.StatusCode)
			}
		})
	}
	awaits(t, "all are suspended", func() bool { return g.gateway.suspended() == n })
	for g.gateway.suspended() > 0 { // one for each shard at least
		g.send("GET", "/release?k", "").upstreamSaw(t)
	}
	all.Wait()
}

func TestManySlowCallouts(t *testing.T) {
	const n = 500
	g := newRig(t, nil)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if s := g.send("GET", "/call?slow", "").upstreamSaw(t); s.Header.Get("X-Idv-Outcome") != "200" {
				t.Errorf("%+v", s)
			}
		})
	}
	for range n {
		<-g.arrived
	}
	close(g.slow)
	all.Wait()
}
