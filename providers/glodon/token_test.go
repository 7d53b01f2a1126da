package glodon

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/idvgate/idvgate/providers"
)

func TestToken(t *testing.T) {
	const many = 100
	for _, c := range []struct {
		name string
		life int // of a token in seconds; 0: three hours
		play func(t *testing.T, p *Provider, v *vendor, q providers.Query)
	}{
		{"a hundred who are refused share one renewal, and it is not the token that was refused", 0, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			v.accept = 2
			ask(t, p, v, q, many)
			v.calls(t, "all refused", "100 401", "login", "100 identify")
		}},
		{"who was refused after others renewed takes their token", 0, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			old := p.session.current.Load()
			v.accept = 2
			ask(t, p, v, q, 1)
			v.calls(t, "renewed", "401", "login", "identify")
			got, err := p.session.token(t.Context(), v, old.generation)
			if err != nil || got.value != "2" {
				t.Errorf("got %v, %v, want the second token", got, err)
			}
			v.calls(t, "afterwards")
		}},
		{"a token is replaced once, ten minutes before its end", 0, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			time.Sleep(3*time.Hour - renewBefore - 5*time.Second)
			ask(t, p, v, q, many)
			v.calls(t, "before", "100 identify")
			time.Sleep(5 * time.Second)
			ask(t, p, v, q, many)
			v.calls(t, "after", "login", "100 identify")
		}},
		{"a short token is replaced after nine tenths", 100, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			time.Sleep(80 * time.Second)
			ask(t, p, v, q, 1)
			v.calls(t, "after 84 seconds", "identify")
			time.Sleep(7 * time.Second)
			ask(t, p, v, q, 1)
			v.calls(t, "after 92 seconds", "login", "identify")
		}},
		{"a renewal that fails early leaves the old token in use and is not tried by everybody", 0, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			time.Sleep(3*time.Hour - renewBefore)
			v.down = true
			ask(t, p, v, q, 1)
			ask(t, p, v, q, many)
			v.calls(t, "logins down", "login", "101 identify")
			time.Sleep(renewAgain)
			v.down = false
			ask(t, p, v, q, 1)
			v.calls(t, "up again", "login", "identify")
		}},
		{"a token past its end is not used", 0, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			time.Sleep(3 * time.Hour)
			v.down = true
			_, err := p.Verify(t.Context(), v, q)
			if e := providers.AsError(err); e.Kind != providers.Unavailable || e.Billed != providers.BilledNo || e.Status != 503 {
				t.Errorf("got %v, want unavailable, not billed, 503", err)
			}
			v.calls(t, "logins down", "login")
		}},
		{"when the one who logs in is given up another does", 0, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			time.Sleep(3 * time.Hour)
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
			v.calls(t, "afterwards", "login", "100 identify")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, q, v := provider(t, config, world(t)), liLei(t), &vendor{life: c.life}
				ask(t, p, v, q, 1)
				v.calls(t, "first", "login", "account", "identify")
				c.play(t, p, v, q)
			})
		})
	}
}

// A new engine in the same machine takes the shared state over: its provider gets the token that the old one's login
// brings, with the same times, unless it logs in to another application.
func TestTokenIsSharedByApplication(t *testing.T) {
	const other = `{"appKey":["other"],"appSecret":["secret"],"returnUrl":"https://play.example.cn/back","pageHosts":["b.example"]}`
	for _, c := range []struct {
		name, second string
		logins       int
	}{
		{"the same application", config, 1},
		{"another application", other, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env := world(t)
				first, second, v := provider(t, config, env), provider(t, c.second, env), &vendor{}
				var all sync.WaitGroup
				for _, p := range []*Provider{first, second} {
					all.Go(func() {
						if _, err := p.session.token(t.Context(), v, 0); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if v.granted != c.logins {
					t.Errorf("%d logins, want %d", v.granted, c.logins)
				}
				one, two := first.session.current.Load(), second.session.current.Load()
				if !one.renew.Equal(two.renew) || !one.expires.Equal(two.expires) || !one.renew.Before(one.expires) {
					t.Errorf("renew %s and %s, expire %s and %s", one.renew, two.renew, one.expires, two.expires)
				}
			})
		})
	}
}
