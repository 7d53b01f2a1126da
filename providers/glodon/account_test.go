package glodon

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/providertest"
)

func configWith(secrets string) string {
	return `{"appKey":["key"],"appSecret":` + secrets + `,"returnUrl":"https://play.example.cn/back","pageHosts":["realnameverify.example.cn"]}`
}

func TestAccounts(t *testing.T) {
	const many = 100
	for _, c := range []struct {
		name string
		play func(t *testing.T, env providers.Env, v *vendor)
	}{
		{"a kept account is not created again", func(t *testing.T, env providers.Env, v *vendor) {
			p := provider(t, config, env)
			providertest.Crowd(t, p, v, liLei(t), 1)
			v.calls(t, "first", "login", "account", "identify")
			providertest.Crowd(t, p, v, liLei(t), 1)
			v.calls(t, "second", "identify")
			providertest.Crowd(t, provider(t, config, env), v, liLei(t), 1)
			v.calls(t, "after a reload", "login", "identify")
		}},
		{"a hundred who ask about one person at once share login and account", func(t *testing.T, env providers.Env, v *vendor) {
			providertest.Crowd(t, provider(t, config, env), v, liLei(t), many)
			v.calls(t, "all", "login", "account", "100 identify")
		}},
		{"an account is nobody else's: not with another name", func(t *testing.T, env providers.Env, v *vendor) {
			p := provider(t, config, env)
			providertest.Crowd(t, p, v, liLei(t), 1)
			refuses(t, p, v, query(t, "韩梅梅", "110101199003070003", "13800001000"), "20010")
			v.calls(t, "both", "login", "account", "identify", "account")
		}},
		{"an account is nobody else's: not with another ID number", func(t *testing.T, env providers.Env, v *vendor) {
			p := provider(t, config, env)
			providertest.Crowd(t, p, v, liLei(t), 1)
			refuses(t, p, v, query(t, "李雷", "110101199003080009", "13800001000"), "20010")
		}},
		{"an account is nobody else's: not with another mobile", func(t *testing.T, env providers.Env, v *vendor) {
			p := provider(t, config, env)
			providertest.Crowd(t, p, v, liLei(t), 1)
			providertest.Crowd(t, p, v, query(t, "李雷", "110101199003070003", "13800001001"), 1)
			v.calls(t, "both", "login", "account", "identify", "account", "identify")
		}},
		{"an account is the application's, whatever the policy calls the provider", func(t *testing.T, env providers.Env, v *vendor) {
			providertest.Crowd(t, provider(t, config, env), v, liLei(t), 1)
			env.Instance = "other"
			providertest.Crowd(t, provider(t, config, env), v, liLei(t), 1)
			v.calls(t, "both", "login", "account", "identify", "login", "identify")
		}},
		{"another endpoint does not use the account", func(t *testing.T, env providers.Env, v *vendor) {
			providertest.Crowd(t, provider(t, config, env), v, liLei(t), 1)
			env.Endpoint = "https://test.example"
			refuses(t, provider(t, config, env), v, liLei(t), "20010")
		}},
		{"a rotated secret finds the accounts of the old one", func(t *testing.T, env providers.Env, v *vendor) {
			providertest.Crowd(t, provider(t, configWith(`["old"]`), env), v, liLei(t), 1)
			v.calls(t, "old", "login", "account", "identify")
			providertest.Crowd(t, provider(t, configWith(`["new","old"]`), env), v, liLei(t), 1)
			v.calls(t, "both", "login", "identify")
			refuses(t, provider(t, configWith(`["new"]`), env), v, liLei(t), "20010")
		}},
		{"an account that the vendor lost is replaced", func(t *testing.T, env providers.Env, v *vendor) {
			p := provider(t, config, env)
			providertest.Crowd(t, p, v, liLei(t), 1)
			v.calls(t, "first", "login", "account", "identify")
			v.deleted = map[string]bool{"acct0": true}
			providertest.Crowd(t, p, v, liLei(t), 1)
			v.calls(t, "lost", "identify", "account", "identify")
			providertest.Crowd(t, p, v, liLei(t), 1)
			v.calls(t, "replaced", "identify")
		}},
		{"a new account that the vendor does not know is an error, once", func(t *testing.T, env providers.Env, v *vendor) {
			v.deleted = map[string]bool{"acct0": true}
			refuses(t, provider(t, config, env), v, liLei(t), "20030")
			v.calls(t, "once", "login", "account", "identify")
		}},
		{"already registered by another worker of ours counts", func(t *testing.T, env providers.Env, v *vendor) {
			other := world(t)
			other.Keep = env.Keep
			v.before = func(path string) {
				if path == "person" {
					v.before = nil
					providertest.Crowd(t, provider(t, config, other), v, liLei(t), 1)
				}
			}
			providertest.Crowd(t, provider(t, config, env), v, liLei(t), 1)
			v.calls(t, "both", "2 login", "account", "identify", "account", "identify")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.play(t, world(t), &vendor{}) })
		})
	}
}

// A keeper that is read by strangers tells them nothing of the person.
func TestKeptAccountsTellNobody(t *testing.T) {
	var seen recorder
	env := providertest.Env(t)
	env.Keep = &seen
	do := providertest.NewDoer(login("t1"), created(), code(`"20020"`))
	if _, err := provider(t, config, env).Verify(t.Context(), do, liLei(t)); err != nil {
		t.Fatal(err)
	}
	if len(seen.puts) != 1 || !strings.HasSuffix(seen.puts[0], " "+accountID) || len(seen.puts[0]) != len("glodon:account: ")+22+len(accountID) {
		t.Errorf("kept %q, want the accountId under one digest", seen.puts)
	}
	for _, claim := range []string{"李雷", "110101199003070003", "13800001000"} {
		if strings.Contains(strings.Join(seen.puts, " "), claim) {
			t.Error("a claim is kept")
		}
	}
}

type recorder struct{ puts []string }

func (r *recorder) Get(context.Context, string) ([]byte, bool) { return nil, false }
func (r *recorder) Put(_ context.Context, key string, value []byte) {
	r.puts = append(r.puts, key+" "+string(value))
}

func TestHandles(t *testing.T) {
	env := providertest.Env(t)
	p := provider(t, configWith(`["old"]`), env)
	liLei := liLei(t).Person
	handle := p.accounts.seal("acct.1", liLei)
	other := env
	other.Endpoint = "https://test.example"
	for _, c := range []struct {
		name   string
		p      *Provider
		who    identity.Person
		handle []byte
		opens  bool
	}{
		{"the same person opens it", p, liLei, handle, true},
		{"the same person opens it after the secret was rotated", provider(t, configWith(`["new","old"]`), env), liLei, handle, true},
		{"another person does not", p, query(t, "韩梅梅", "110101199003070003", "13800001000").Person, handle, false},
		{"the same person with another mobile does not", p, query(t, "李雷", "110101199003070003", "13800001001").Person, handle, false},
		{"another endpoint does not", provider(t, configWith(`["old"]`), other), liLei, handle, false},
		{"another secret does not", provider(t, configWith(`["new"]`), env), liLei, handle, false},
		{"a longer account does not", p, liLei, append([]byte("x"), handle...), false},
		{"a cut handle does not", p, liLei, handle[:len(handle)-1], false},
		{"a lone dot does not", p, liLei, []byte("."), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			account, ok := c.p.accounts.open(c.handle, c.who)
			if ok != c.opens || ok != (account == "acct.1") {
				t.Errorf("got %q, %v, want %v", account, ok, c.opens)
			}
		})
	}
}
