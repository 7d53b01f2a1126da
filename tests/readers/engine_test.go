package readers

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/native"
	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// The rules of the corpus. `pay` and `star` read their claims from headers, so that only condition and path are at issue.
const document = `{"version":1,"providers":{"v":{"use":"recorder"}},"rules":[
	{"name":"json","route":{"hosts":["play.example.cn"],"path":"/v1/json"},"claims":{"name":{"body":"name"},"idNumber":{"body":"user.idCard"}},"verify":{"check":"id2","by":["v"]}},
	{"name":"form","route":{"hosts":["play.example.cn"],"path":"/v1/form"},"claims":{"name":{"form":"name"},"idNumber":{"form":"user.idCard"}},"verify":{"check":"id2","by":["v"]}},
	{"name":"query","route":{"hosts":["play.example.cn"],"path":"/v1/query"},"claims":{"name":{"query":"name"},"idNumber":{"query":"user.idCard"}},"verify":{"check":"id2","by":["v"]}},
	{"name":"header","route":{"hosts":["play.example.cn"],"path":"/v1/header"},"claims":{"name":{"header":"x-name"},"idNumber":{"header":"x-id-card"}},"verify":{"check":"id2","by":["v"]}},
	{"name":"pay","route":{"hosts":["play.example.cn"],"path":"/v1/pay"},"when":{"body":"amount","above":500},"claims":{"name":{"header":"x-name"},"idNumber":{"header":"x-id-card"}},"verify":{"check":"id2","by":["v"]}},
	{"name":"star","route":{"hosts":["play.example.cn"],"path":"/v1/players/*/name"},"claims":{"name":{"header":"x-name"},"idNumber":{"header":"x-id-card"}},"verify":{"check":"id2","by":["v"]}},
	{"name":"rest","route":{"hosts":["play.example.cn"],"path":"/v2/**"},"claims":{"name":{"header":"x-name"},"idNumber":{"header":"x-id-card"}},"verify":{"check":"id2","by":["v"]}}]}`

// today is when the requests come.
var today = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// Answer is what the engine made of a request.
type Answer struct {
	Refused  string `json:"refused,omitempty"` // why: a detail of the audit line, or "net/http" before it was asked
	Rule     string `json:"rule,omitempty"`    // that matched; "": none, and the request passes
	Name     string `json:"name,omitempty"`    // verified
	IDNumber string `json:"idNumber,omitempty"`
}

// recorder is a provider that matches everybody and notes whom it was asked about.
type recorder struct{ asked *identity.Person }

func (r recorder) Verify(_ context.Context, _ callout.Doer, q providers.Query) (providers.Result, error) {
	*r.asked = q.Person
	return providers.Result{Outcome: providers.Match, Billed: providers.BilledYes}, nil
}

// engine is a server that answers with what the engine makes of the request, whose head it gets as it came.
func engine(t *testing.T) http.Handler {
	t.Helper()
	var asked identity.Person
	var audit struct{ Detail string }
	e, err := plugin.Load([]byte(document), providers.List{{
		Name: "recorder", Checks: providers.Checks(), Endpoint: "https://vendor.example.cn", Config: struct{}{},
		New: func([]byte, providers.Env) (providers.Provider, error) { return recorder{&asked}, nil },
	}}, plugin.Env{
		Lookup: func(string) (string, bool) { return "", false }, Now: func() time.Time { return today }, Random: rand.Reader,
		Audit: func(line []byte) {
			if err := json.Unmarshal(line, &audit); err != nil {
				t.Error(err)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		h := &plugin.Head{Method: r.Method, Scheme: "http", Host: r.Host, Path: r.RequestURI, NoBody: r.ContentLength == 0}
		for name, values := range r.Header {
			for _, v := range values {
				h.Header = append(h.Header, callout.Header{Name: name, Value: v})
			}
		}
		audit.Detail = ""
		d := e.Evaluate(context.Background(), &native.Request{RequestHead: h, Content: body}, nil)
		a := Answer{Rule: d.Rule}
		switch {
		case d.Action != policy.Allow:
			a.Refused = audit.Detail
		case d.Rule != "":
			a.Name, a.IDNumber = asked.Name.String(), asked.ID.String()
		}
		reply, err := encode(a)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(reply)
	})
}
