package glodon

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/providertest"
)

// TestLogin is the vendor's times and whose logins are shared; package session proves the rest.
func TestLogin(t *testing.T) {
	const many = 100
	for _, c := range []struct {
		name string
		life int // of a token in seconds; 0: three hours
		play func(t *testing.T, p *Provider, v *vendor, q providers.Query)
	}{
		{"a hundred who are refused share one renewal", 0, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			v.accept = 2
			providertest.Crowd(t, p, v, q, many)
			v.calls(t, "all refused", "100 401", "login", "100 identify")
		}},
		{"a token is replaced once, ten minutes before its end", 0, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			time.Sleep(3*time.Hour - renewBefore - 5*time.Second)
			providertest.Crowd(t, p, v, q, many)
			v.calls(t, "before", "100 identify")
			time.Sleep(5 * time.Second)
			providertest.Crowd(t, p, v, q, many)
			v.calls(t, "after", "login", "100 identify")
		}},
		{"a short token is replaced after nine tenths", 100, func(t *testing.T, p *Provider, v *vendor, q providers.Query) {
			time.Sleep(80 * time.Second)
			providertest.Crowd(t, p, v, q, 1)
			v.calls(t, "after 84 seconds", "identify")
			time.Sleep(7 * time.Second)
			providertest.Crowd(t, p, v, q, 1)
			v.calls(t, "after 92 seconds", "login", "identify")
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
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, q, v := provider(t, config, world(t)), liLei(t), &vendor{life: c.life}
				providertest.Crowd(t, p, v, q, 1)
				v.calls(t, "first", "login", "account", "identify")
				c.play(t, p, v, q)
			})
		})
	}
}

func TestLoginIsSharedByApplication(t *testing.T) {
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
				env, v := world(t), &vendor{}
				var all sync.WaitGroup
				for _, config := range []string{config, c.second} {
					p := provider(t, config, env)
					all.Go(func() {
						if _, err := p.call(t.Context(), v, certificatePath, certificateRequest{AccountID: "a"}); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if v.granted != c.logins {
					t.Errorf("%d logins, want %d", v.granted, c.logins)
				}
			})
		})
	}
}
