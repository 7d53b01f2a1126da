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
