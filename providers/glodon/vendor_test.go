package glodon

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/providertest"
)

// A vendor grants token 1, 2, 3 …, accepts those from accept on, and remembers who has an account. Each exchange takes
// a second. Everybody who has the account asked about is real-named.
type vendor struct {
	mu       sync.Mutex
	steps    []string // since calls: login, account, identify
	granted  int
	accept   int
	life     int  // of a token in seconds; 0: three hours
	down     bool // logins fail
	accounts []accountRequest
	deleted  map[string]bool
	before   func(path string) // called first, without the lock
}

func (v *vendor) Do(ctx context.Context, r *callout.Request) (*callout.Response, error) {
	if v.before != nil {
		v.before(r.URL[strings.LastIndex(r.URL, "/")+1:])
	}
	if err := providertest.Pause(ctx, time.Second); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL, tokenPath):
		return v.login(), nil
	case !v.accepts(r):
		v.steps = append(v.steps, "401")
		return &callout.Response{Status: 401}, nil
	case strings.HasSuffix(r.URL, accountPath):
		v.steps = append(v.steps, "account")
		return v.create(r.Body), nil
	}
	v.steps = append(v.steps, "identify")
	return v.identify(r.Body), nil
}

func (v *vendor) login() *callout.Response {
	v.steps = append(v.steps, "login")
	if v.down {
		return &callout.Response{Status: 503}
	}
	v.granted++
	life := v.life
	if life == 0 {
		life = 3 * 60 * 60
	}
	return respond(`{"access_token":"` + strconv.Itoa(v.granted) + `","token_type":"bearer","expires_in":` + strconv.Itoa(life) + `}`)
}

func (v *vendor) accepts(r *callout.Request) bool {
	return slices.ContainsFunc(r.Header, func(h callout.Header) bool {
		n, err := strconv.Atoi(strings.TrimPrefix(h.Value, "Bearer "))
		return h.Name == "authorization" && err == nil && n >= v.accept
	})
}

func (v *vendor) create(body []byte) *callout.Response {
	var who accountRequest
	if json.Unmarshal(body, &who) != nil {
		return respond(`{"code":"10030"}`)
	}
	for i, a := range v.accounts {
		if a.Mobile == who.Mobile && !v.deleted["acct"+strconv.Itoa(i)] {
			return respond(`{"code":"20010"}`)
		}
	}
	v.accounts = append(v.accounts, who)
	return respond(`{"code":"10000","data":{"accountId":"acct` + strconv.Itoa(len(v.accounts)-1) + `"}}`)
}

func (v *vendor) identify(body []byte) *callout.Response {
	var who identifyRequest
	if json.Unmarshal(body, &who) != nil {
		return respond(`{"code":"10030"}`)
	}
	if v.deleted[who.AccountID] {
		return respond(`{"code":"20030"}`)
	}
	return respond(`{"code":"20020"}`)
}

func respond(body string) *callout.Response {
	return &callout.Response{Status: 200, Body: []byte(body)}
}

// calls proves which steps the vendor saw since the last time, in order; "100 identify" is a hundred in a row.
func (v *vendor) calls(t *testing.T, when string, want ...string) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	var got []string
	for i := 0; i < len(v.steps); {
		n := 1
		for i+n < len(v.steps) && v.steps[i+n] == v.steps[i] {
			n++
		}
		step := v.steps[i]
		if n > 1 {
			step = strconv.Itoa(n) + " " + step
		}
		got = append(got, step)
		i += n
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: the vendor saw %q, want %q", when, got, want)
	}
	v.steps = nil
}

// provider is one under that configuration in that world.
func provider(t *testing.T, config string, env providers.Env) *Provider {
	t.Helper()
	p, err := New([]byte(config), env)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func world(t *testing.T) providers.Env {
	t.Helper()
	env := providertest.Env(t)
	env.Now = time.Now // synctest's
	return env
}

func query(t testing.TB, name, idNumber, mobile string) providers.Query {
	t.Helper()
	return providers.Query{
		Check:  providers.Mobile3,
		Person: providertest.Person(t, providertest.Claims{Name: name, IDNumber: idNumber, Mobile: mobile}),
	}
}

func liLei(t *testing.T) providers.Query {
	t.Helper()
	return query(t, "李雷", "110101199003070003", "13800001000")
}

// refuses asks once; it must be an error with that code.
func refuses(t *testing.T, p *Provider, do callout.Doer, q providers.Query, code string) {
	t.Helper()
	_, err := p.Verify(t.Context(), do, q)
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.Refused || e.Code != code || e.Billed != providers.BilledNo {
		t.Errorf("got %v, want refused (%s), not billed", err, code)
	}
}
