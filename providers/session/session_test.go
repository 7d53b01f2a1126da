package session

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

const (
	name = "vendor"
	// A token's life, and the age at which it is renewed.
	life  = 15 * time.Minute
	renew = 10 * time.Minute
	many  = 100
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
	if err := providertest.Pause(ctx, time.Second); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if r.URL == "login" {
		v.logins++
		if v.down {
			return &callout.Response{Status: 503}, nil
		}
		v.granted++
		return &callout.Response{Status: 200, Body: []byte(strconv.Itoa(v.granted))}, nil
	}
	v.asked++
	if n, err := strconv.Atoi(strings.TrimPrefix(r.URL, "ask ")); err == nil && n >= v.accept {
		return &callout.Response{Status: 200}, nil
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

// loginTo is the vendor's login to that account.
func loginTo(account ...string) Login {
	return Login{
		Provider: name,
		Account:  account,
		Ask: func(ctx context.Context, do callout.Doer) (string, time.Duration, error) {
			resp, err := do.Do(ctx, &callout.Request{URL: "login"})
			switch {
			case err != nil:
				return "", 0, providers.FromCallout(name, err)
			case resp.Status != 200:
				return "", 0, &providers.Error{Provider: name, Kind: providers.Refused, Status: resp.Status, Billed: providers.BilledNo}
			}
			return string(resp.Body), life, nil
		},
		Renew: func(of time.Duration) time.Duration { return of - (life - renew) },
	}
}

func world(t *testing.T) providers.Env {
	t.Helper()
	env := providertest.Env(t)
	env.Now = time.Now // synctest's
	return env
}

// once asks once and returns the reply's status.
func once(ctx context.Context, s *Session, v *vendor) (status int, err error) {
	resp, err := s.Ask(ctx, v, func(token string) (*callout.Response, error) {
		return v.Do(ctx, &callout.Request{URL: "ask " + token})
	})
	if err != nil {
		return 0, err
	}
	return resp.Status, nil
}

// ask asks n times at once; all must be answered.
func ask(t *testing.T, s *Session, v *vendor, n int) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if status, err := once(t.Context(), s, v); err != nil || status != 200 {
				t.Errorf("got %d, %v, want 200", status, err)
			}
		})
	}
	all.Wait()
}

func TestAsk(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(t *testing.T, s *Session, v *vendor)
	}{
		{"a hundred who wait share one login", func(t *testing.T, s *Session, v *vendor) {
			ask(t, s, v, many)
			v.counts(t, "at once", 1, many)
			ask(t, s, v, many)
			v.counts(t, "later", 0, many)
		}},
		{"a hundred who are refused share one renewal, and it is not the token that was refused", func(t *testing.T, s *Session, v *vendor) {
			ask(t, s, v, 1)
			v.counts(t, "first", 1, 1)
			v.accept = 2
			ask(t, s, v, many)
			v.counts(t, "all refused", 1, 2*many)
		}},
		{"who was refused after others renewed takes their token", func(t *testing.T, s *Session, v *vendor) {
			ask(t, s, v, 1)
			old := s.current.Load()
			v.accept = 2
			ask(t, s, v, 1)
			v.counts(t, "renewed", 2, 3)
			got, err := s.token(t.Context(), v, old.generation)
			if err != nil || got.value != "2" {
				t.Errorf("got %v, %v, want the second token", got, err)
			}
			v.counts(t, "afterwards", 0, 0)
		}},
		{"a second 401 is the reply", func(t *testing.T, s *Session, v *vendor) {
			v.accept = 3
			if status, err := once(t.Context(), s, v); err != nil || status != 401 {
				t.Errorf("got %d, %v, want 401", status, err)
			}
			v.counts(t, "in all", 2, 2)
		}},
		{"a token is used until its age and then replaced once", func(t *testing.T, s *Session, v *vendor) {
			ask(t, s, v, 1)
			time.Sleep(renew - 3*time.Second)
			ask(t, s, v, many)
			v.counts(t, "before", 1, many+1)
			time.Sleep(5 * time.Second)
			ask(t, s, v, many)
			v.counts(t, "after", 1, many)
		}},
		{"a renewal that fails early leaves the old token in use and is not tried by everybody", func(t *testing.T, s *Session, v *vendor) {
			ask(t, s, v, 1)
			v.counts(t, "first", 1, 1)
			time.Sleep(renew)
			v.down = true
			ask(t, s, v, 1)
			ask(t, s, v, many)
			v.counts(t, "logins down", 1, many+1)
			time.Sleep(renewAgain)
			v.down = false
			ask(t, s, v, 1)
			v.counts(t, "up again", 1, 1)
		}},
		{"a token past its end is not used, and the login's own error is returned", func(t *testing.T, s *Session, v *vendor) {
			ask(t, s, v, 1)
			v.counts(t, "first", 1, 1)
			time.Sleep(life)
			v.down = true
			_, err := once(t.Context(), s, v)
			if e := providers.AsError(err); e.Kind != providers.Refused || e.Status != 503 || e.Billed != providers.BilledNo {
				t.Errorf("got %v, want refused, not billed, 503", err)
			}
			v.counts(t, "logins down", 1, 0)
		}},
		{"when the one who logs in is given up another does", func(t *testing.T, s *Session, v *vendor) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			defer cancel()
			var all sync.WaitGroup
			all.Go(func() {
				if _, err := once(ctx, s, v); err == nil {
					t.Error("a question that was given up has an answer")
				}
			})
			synctest.Wait()
			ask(t, s, v, many)
			all.Wait()
			v.counts(t, "afterwards", 1, many)
		}},
		{"one who is given up while another logs in has an error that cost nothing", func(t *testing.T, s *Session, v *vendor) {
			var all sync.WaitGroup
			all.Go(func() { ask(t, s, v, 1) })
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			defer cancel()
			_, err := once(ctx, s, v)
			e := providers.AsError(err)
			if e.Provider != name || e.Kind != providers.Unavailable || e.Billed != providers.BilledNo || !strings.HasPrefix(err.Error(), name+": ") {
				t.Errorf("got %v, want unavailable, not billed, in the provider's name", err)
			}
			all.Wait()
			v.counts(t, "afterwards", 1, 1)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.play(t, New(loginTo("account"), world(t)), &vendor{}) })
		})
	}
}

// A new engine in the same machine takes the shared state over: its session gets the token that the old one's login
// brings, with the same times, unless it logs in to another account.
func TestLoginsAreSharedByAccount(t *testing.T) {
	for _, c := range []struct {
		name     string
		account  []string
		instance string
		logins   int
	}{
		{"the same account", []string{"base", "u1"}, "vendor", 1},
		{"another account", []string{"base", "u2"}, "vendor", 2},
		{"the same account at another base", []string{"other", "u1"}, "vendor", 2},
		{"another instance", []string{"base", "u1"}, "other", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env := world(t)
				first := New(loginTo("base", "u1"), env)
				env.Instance = c.instance
				second, v := New(loginTo(c.account...), env), &vendor{}
				var all sync.WaitGroup
				all.Go(func() { ask(t, first, v, 1) })
				all.Go(func() { ask(t, second, v, 1) })
				all.Wait()
				v.counts(t, "both", c.logins, 2)
				one, two := first.current.Load(), second.current.Load()
				if !one.renew.Equal(two.renew) || !one.expires.Equal(two.expires) || !one.renew.Before(one.expires) {
					t.Errorf("renew %s and %s, expire %s and %s", one.renew, two.renew, one.expires, two.expires)
				}
			})
		})
	}
}

func TestUnpack(t *testing.T) {
	at := time.Unix(1_800_000_000, 5)
	whole := (&token{value: "t", renew: at, expires: at.Add(time.Minute), generation: 7}).pack()
	for _, c := range []struct {
		name   string
		packed []byte
		want   token
	}{
		{"a token comes back", whole, token{value: "t", renew: at, expires: at.Add(time.Minute), generation: 3}},
		{"what is cut has expired already", whole[:15], token{generation: 3}},
		{"nothing has expired already", nil, token{generation: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := unpack(c.packed, 3); *got != c.want {
				t.Errorf("got %+v, want %+v", *got, c.want)
			}
		})
	}
}
