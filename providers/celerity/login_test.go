package celerity

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/providertest"
)

// A vendor grants a token to whoever logs in and counts that. Everybody matches. Each exchange takes a second.
type vendor struct {
	logins atomic.Int32
	down   atomic.Bool // logins fail
}

func (v *vendor) Do(ctx context.Context, r *callout.Request) (*callout.Response, error) {
	if err := providertest.Pause(ctx, time.Second); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(r.URL, loginPath) {
		return &callout.Response{Status: 200, Body: replyOf(`"0"`, "").Body}, nil
	}
	v.logins.Add(1)
	if v.down.Load() {
		return &callout.Response{Status: 503}, nil
	}
	return &callout.Response{Status: 200, Body: loginReplyOf("t").Body}, nil
}

// TestLogin is the vendor's times and whose logins are shared; package session proves the rest.
func TestLogin(t *testing.T) {
	const (
		many  = 100
		other = `{"login":{"sysName":"gate","userCode":"u2","password":["pw"]}}`
	)
	for _, c := range []struct {
		name   string
		second string // the configuration of another provider in the same world
		logins int32  // of both, when they ask at the same time
		play   func(t *testing.T, p *Provider, v *vendor, q providers.Query)
	}{
		{"a token is used for ten minutes and then replaced once", loginConfig, 1, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			time.Sleep(tokenRenew - 3*time.Second)
			providertest.Crowd(t, p, v, q, many)
			v.counts(t, "before ten minutes", 1)
			time.Sleep(5 * time.Second)
			providertest.Crowd(t, p, v, q, many)
			v.counts(t, "after ten minutes", 2)
		}},
		{"a token of fifteen minutes is not used", loginConfig, 1, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			time.Sleep(tokenLife)
			v.down.Store(true)
			_, err := p.Verify(t.Context(), v, q)
			if e := providers.AsError(err); e.Kind != providers.Unavailable || e.Billed != providers.BilledNo || e.Status != 503 {
				t.Errorf("got %v, want unavailable, not billed, 503", err)
			}
			v.counts(t, "logins down", 2)
		}},
		{"another account logs in for itself", other, 2, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			providertest.Crowd(t, p, v, q, many)
			v.counts(t, "afterwards", 2)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env := providertest.Env(t)
				env.Now = time.Now // synctest's
				q, v := providers.Query{Check: providers.Mobile3, Person: providertest.Sample(t)}, &vendor{}
				var all sync.WaitGroup
				p := make([]*Provider, 2)
				for i, config := range []string{loginConfig, c.second} {
					var err error
					if p[i], err = New([]byte(config), env); err != nil {
						t.Fatal(err)
					}
					all.Go(func() { providertest.Crowd(t, p[i], v, q, many) })
				}
				all.Wait()
				v.counts(t, "at first", c.logins)
				c.play(t, p[0], v, q)
			})
		})
	}
}

func (v *vendor) counts(t *testing.T, when string, logins int32) {
	t.Helper()
	if got := v.logins.Load(); got != logins {
		t.Errorf("%s: %d logins so far, want %d", when, got, logins)
	}
}
