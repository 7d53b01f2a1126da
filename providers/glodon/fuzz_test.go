package glodon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
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
	for _, body := range recorded(f) {
		f.Add(body)
	}
	env := providertest.Env(f)
	p, err := New([]byte(config), env)
	if err != nil {
		f.Fatal(err)
	}
	p.session.current.Store(&token{value: "t", generation: 1, renew: env.Now().Add(1e9), expires: env.Now().Add(1e9)})
	who := providertest.Sample(f)
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

// recorded is the body of every reply among the wire vectors.
func recorded(f *testing.F) [][]byte {
	f.Helper()
	files, err := filepath.Glob("testdata/*.reply")
	if err != nil || len(files) == 0 {
		f.Fatalf("no recorded replies: %v", err)
	}
	var bodies [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if _, body, ok := bytes.Cut(text, []byte("\n\n")); ok {
			bodies = append(bodies, body)
		}
	}
	return bodies
}
