package celerity

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/providertest"
)

// A vendor grants token 1, 2, 3 … and accepts all from accept on. Each exchange takes a second.
type vendor struct {
	mu            sync.Mutex
	logins, asked int // since counts
	granted       int
	accept        int
	down          bool // logins fail
}

func (v *vendor) Do(ctx context.Context, r *callout.Request) (*callout.Response, error) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, &callout.Error{Kind: callout.Timeout}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if strings.HasSuffix(r.URL, loginPath) {
		v.logins++
		if v.down {
			return &callout.Response{Status: 503}, nil
		}
		v.granted++
		body := loginReplyOf(strconv.Itoa(v.granted)).Body
		return &callout.Response{Status: 200, Body: body}, nil
	}
	v.asked++
	for _, h := range r.Header {
		if n, err := strconv.Atoi(h.Value); h.Name == "Authorization" && err == nil && n >= v.accept {
			return &callout.Response{Status: 200, Body: replyOf(`"0"`, "").Body}, nil
		}
	}
	return &callout.Response{Status: 401}, nil
}

func (v *vendor) counts(t *testing.T, when string, logins, asked int) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.logins != logins || v.asked != asked {
		t.Errorf("%s: %d logins and %d questions, want %d and %d", when, v.logins, v.asked, logins, asked)
	}
	v.logins, v.asked = 0, 0
}

func provider(t *testing.T) (*Provider, providers.Query) {
	t.Helper()
	env := providertest.Env(t)
	env.Now = time.Now // synctest's
	p, err := New([]byte(loginConfig), env)
	if err != nil {
		t.Fatal(err)
	}
	return p, providers.Query{Check: providers.Mobile3, Person: providertest.Sample(t)}
}

// ask asks n times at once; all must be answered.
func ask(t *testing.T, p *Provider, do callout.Doer, q providers.Query, n int) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			r, err := p.Verify(t.Context(), do, q)
			if err != nil || r.Outcome != providers.Match {
				t.Errorf("got %s, %v", r.Outcome, err)
			}
		})
	}
	all.Wait()
}

func TestToken(t *testing.T) {
	const many = 100
	for _, c := range []struct {
		name string
		play func(t *testing.T, p *Provider, v *vendor, q providers.Query)
	}{
		{"a hundred who wait share one login", func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			ask(t, p, v, q, many)
			v.counts(t, "at once", 1, many)
			ask(t, p, v, q, many)
			v.counts(t, "later", 0, many)
		}},
		{"a hundred who are refused share one renewal, and it is not the token that was refused", func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			ask(t, p, v, q, 1)
			v.counts(t, "first", 1, 1)
			v.accept = 2
			ask(t, p, v, q, many)
			v.counts(t, "all refused", 1, 2*many)
		}},
		{"who was refused after others renewed takes their token", func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			ask(t, p, v, q, 1)
			old := p.session.current.Load()
			v.accept = 2
			ask(t, p, v, q, 1)
			v.counts(t, "renewed", 2, 3)
			got, err := p.session.token(t.Context(), v, old.generation)
			if err != nil || got.value != "2" {
				t.Errorf("got %v, %v, want the second token", got, err)
			}
			v.counts(t, "afterwards", 0, 0)
		}},
		{"a token is used for ten minutes and then replaced once", func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			ask(t, p, v, q, 1)
			time.Sleep(tokenRenew - 3*time.Second)
			ask(t, p, v, q, many)
			v.counts(t, "before ten minutes", 1, many+1)
			time.Sleep(5 * time.Second)
			ask(t, p, v, q, many)
			v.counts(t, "after ten minutes", 1, many)
		}},
		{"a renewal that fails early leaves the old token in use and is not tried by everybody", func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			ask(t, p, v, q, 1)
			v.counts(t, "first", 1, 1)
			time.Sleep(tokenRenew)
			v.down = true
			ask(t, p, v, q, 1)
			ask(t, p, v, q, many)
			v.counts(t, "vendor's logins down", 1, many+1)
			time.Sleep(renewAgain)
			v.down = false
			ask(t, p, v, q, 1)
			v.counts(t, "up again", 1, 1)
		}},
		{"a token of fifteen minutes is not used", func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			ask(t, p, v, q, 1)
			v.counts(t, "first", 1, 1)
			time.Sleep(tokenLife)
			v.down = true
			_, err := p.Verify(t.Context(), v, q)
			if e := providers.AsError(err); e.Kind != providers.Unavailable || e.Billed != providers.BilledNo || e.Status != 503 {
				t.Errorf("got %v, want unavailable, not billed, 503", err)
			}
			v.counts(t, "vendor's logins down", 1, 0)
		}},
		{"when the one who logs in is given up another does", func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			defer cancel()
			var all sync.WaitGroup
			all.Go(func() {
				if _, err := p.Verify(ctx, v, q); err == nil {
					t.Error("a question that was given up has an answer")
				}
			})
			synctest.Wait()
			ask(t, p, v, q, many)
			all.Wait()
			v.counts(t, "afterwards", 1, many)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, q := provider(t)
				c.play(t, p, &vendor{}, q)
			})
		})
	}
}

// A new engine in the same machine takes the shared state over: its provider gets the token that the old one's login
// brings, with the same times, unless it logs in to another account.
func TestTokenIsSharedByAccount(t *testing.T) {
	for _, c := range []struct {
		name, second string
		logins       int
	}{
		{"the same account", loginConfig, 1},
		{"another account", `{"login":{"sysName":"gate","userCode":"u2","password":["pw"]}}`, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, q := provider(t)
				env := providertest.Env(t)
				env.Now, env.Share = time.Now, first.session.share
				second, err := New([]byte(c.second), env)
				if err != nil {
					t.Fatal(err)
				}
				v := &vendor{}
				var all sync.WaitGroup
				all.Go(func() { ask(t, first, v, q, 1) })
				all.Go(func() { ask(t, second, v, q, 1) })
				all.Wait()
				v.counts(t, "both", c.logins, 2)
				one, two := first.session.current.Load(), second.session.current.Load()
				if !one.renew.Equal(two.renew) || !one.expires.Equal(two.expires) {
					t.Errorf("renew %s and %s, expire %s and %s", one.renew, two.renew, one.expires, two.expires)
				}
			})
		})
	}
}
