package glodon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/providertest"
)

// FuzzReply: whatever a step gets back, there is a result that is well-formed or an *Error; a match only where the
// reply is JSON with 20020, a page only on a listed host; and an account only where the reply says 10000.
func FuzzReply(f *testing.F) {
	for _, r := range []providertest.Reply{
		created(), page(pageURL), page("http://evil.example"), code(`"20020"`), code(`20020`), code(`"40010"`),
		ok(`{"certId":"` + certID + `"}`), login("t"), providertest.JSON(200, `{"code":10000,"data":[]}`),
	} {
		f.Add(r.Body)
	}
	for _, body := range providertest.Recorded(f) {
		f.Add(body)
	}
	p, err := New([]byte(config), providertest.Env(f))
	if err != nil {
		f.Fatal(err)
	}
	who := providertest.Sample(f)
	// Logs in; from here on the clock stands and the token is good.
	if _, err := p.identify(f.Context(), providertest.NewDoer(login("t"), code(`"20020"`)), who, accountID); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		resp := &callout.Response{Status: 200, Body: body}
		do := providertest.DoerFunc(func(context.Context, *callout.Request) (*callout.Response, error) { return resp, nil })
		r, err := p.identify(t.Context(), do, who, accountID)
		var e *providers.Error
		switch {
		case err != nil && (!errors.As(err, &e) || r != (providers.Result{})):
			t.Fatalf("error %v beside %v", err, r)
		case err == nil && (r.Outcome == providers.Unanswered || (r.Outcome == providers.Pending) != (r.Pending != nil)):
			t.Fatalf("result %+v", r)
		case r.Outcome == providers.Match && (!json.Valid(body) || !bytes.ContainsAny(body, `2\`)):
			t.Fatalf("a match out of %q", body)
		case r.Pending != nil && !strings.HasPrefix(r.Pending.URL, "https://realnameverify.example.cn"):
			t.Fatalf("page %q", r.Pending.URL)
		}
		if id, err := p.create(t.Context(), do, who); err == nil && (id == "" || len(id) > maxAccount || !json.Valid(body)) {
			t.Fatalf("account %q out of %q", id, body)
		}
		if value, life, err := judgeLogin(resp); (err == nil) != printable(value) || (err == nil) != (life > 0) {
			t.Fatalf("login: token %q, life %s, error %v", value, life, err)
		}
	})
}

// FuzzAccounts permutes whose account is used for whom: kept or in a handle, by whichever application, endpoint and secret.
// One that was made for others, or a handle that was changed, is never found.
func FuzzAccounts(f *testing.F) {
	f.Add(byte(0), byte(0), 0, byte(0))
	f.Add(byte(0), byte(1), 3, byte(1))
	f.Add(byte(9), byte(2), 20, byte(64))
	f.Add(byte(17), byte(17), 60, byte(128))
	env := providertest.Env(f)
	elsewhere := env
	elsewhere.Endpoint = "https://test.example"
	kept := map[string][]byte{}
	env.Keep, elsewhere.Keep = shelf(kept), shelf(kept)
	var applications []*Provider
	for _, made := range []struct {
		config string
		env    providers.Env
	}{{config, env}, {config, elsewhere}, {configWith(`["another secret"]`), env}, {strings.Replace(config, `"key"`, `"another"`, 1), env}} {
		p, err := New([]byte(made.config), made.env)
		if err != nil {
			f.Fatal(err)
		}
		applications = append(applications, p)
	}
	people := []identity.Person{
		query(f, "李雷", "110101199003070003", "13800001000").Person,
		query(f, "韩梅梅", "110101199003070003", "13800001000").Person,
		query(f, "李雷", "110101199003080009", "13800001000").Person,
		query(f, "李雷", "110101199003070003", "13800001001").Person,
	}
	f.Fuzz(func(t *testing.T, from, to byte, at int, flip byte) {
		clear(kept)
		mine, whose := &applications[from>>2&3].accounts, people[from&3]
		theirs, who := &applications[to>>2&3].accounts, people[to&3]
		same := from&15 == to&15
		mine.keep.Put(t.Context(), mine.key(mine.keys[0], whose), []byte("acct.1"))
		if id, ok := theirs.find(t.Context(), who); ok != same || ok && id != "acct.1" {
			t.Fatalf("the account kept by %d is found by %d: %v", from, to, ok)
		}
		handle := mine.seal("acct.1", whose)
		if at = int(uint(at) % uint(len(handle))); flip != 0 {
			handle[at] ^= flip
		}
		if id, ok := theirs.open(handle, who); ok != (same && flip == 0) {
			t.Fatalf("the handle of %d, changed %v, opens for %d as %q", from, flip != 0, to, id)
		}
	})
}

// shelf keeps what it is given.
type shelf map[string][]byte

func (s shelf) Get(_ context.Context, key string) ([]byte, bool) { v, ok := s[key]; return v, ok }
func (s shelf) Put(_ context.Context, key string, value []byte)  { s[key] = value }
