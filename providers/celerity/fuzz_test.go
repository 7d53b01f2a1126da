package celerity

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/providertest"
)

// FuzzReply: whatever comes back, there is a result that is well-formed or an *Error, and a match only where the reply
// is JSON with errcode and Result both 0.
func FuzzReply(f *testing.F) {
	for _, body := range [][]byte{
		replyOf(`"0"`, "移动").Body,
		replyOf(`-4`, "").Body,
		okData(`{"traceNo":"1","result":"{\"responseJson\":{\"Result\":\"0\"}}"}`).Body,
		okData(`{"traceNo":"1"}`).Body,
		loginReplyOf("t").Body,
	} {
		f.Add(body, true)
		f.Add(body, false)
	}
	for _, body := range providertest.Recorded(f) {
		f.Add(body, false)
		f.Add(body, true)
	}
	f.Fuzz(func(t *testing.T, body []byte, async bool) {
		p := &Provider{async: async}
		resp := &callout.Response{Status: 200, Body: body}
		r, err := p.judge(resp)
		var e *providers.Error
		switch {
		case err != nil:
			if !errors.As(err, &e) || r != (providers.Result{}) {
				t.Fatalf("error %v beside %v", err, r)
			}
		case (r.Pending != nil) != (r.Outcome == providers.Pending), r.Outcome == providers.Unanswered,
			r.Outcome == providers.Pending && !async:
			t.Fatalf("result %+v", r)
		case r.Reference != providers.Token(r.Reference), r.Trace != providers.Token(r.Trace):
			t.Fatalf("numbers that are no tokens: %+v", r)
		case r.Outcome == providers.Match && (!json.Valid(body) || bytes.Count(body, []byte("0"))+bytes.Count(body, []byte(`\u0030`)) < 2):
			t.Fatalf("a match out of %q", body)
		}
		if token, err := judgeLogin(resp); (err == nil) != printable(token) {
			t.Fatalf("login: token %q, error %v", token, err)
		}
	})
}
