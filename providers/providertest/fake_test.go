package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/wire"
)

// fakeProvider logs in and asks; breach names the rule of the contract that it breaks, "" for none.
type fakeProvider struct {
	env    providers.Env
	breach string
}

func (p *fakeProvider) Verify(ctx context.Context, do callout.Doer, q providers.Query) (providers.Result, error) {
	login, err := p.post(ctx, do, p.env.Endpoint+"/login", "{}")
	if err != nil {
		return providers.Result{}, err
	}
	if login.Token == "" {
		return providers.Result{}, &providers.Error{Provider: "fake", Kind: providers.Malformed}
	}
	url, body := p.env.Endpoint+"/ask", fmt.Sprintf(`{"name":%q,"mobile":%q}`, q.Person.Name, q.Person.Mobile)
	switch p.breach {
	case "sends a claim too many":
		body = fmt.Sprintf(`{"name":%q,"mobile":%q,"id":%q}`, q.Person.Name, q.Person.Mobile, q.Person.ID)
	case "calls another host":
		url = "https://vendor.example.org/base/ask"
	case "calls above its base":
		url = "https://vendor.example/ask"
	}
	r, err := p.post(ctx, do, url, body)
	return p.judge(q, r, err)
}

func (p *fakeProvider) judge(q providers.Query, r fakeReply, err error) (providers.Result, error) {
	switch {
	case err != nil && p.breach == "gives a result beside an error":
		return providers.Result{Outcome: providers.Match}, err
	case err != nil && p.breach == "returns another error":
		return providers.Result{}, errors.New("fake: broken")
	case err != nil && p.breach == "has a claim in its error":
		return providers.Result{}, &providers.Error{Provider: "fake", Kind: providers.AsError(err).Kind, Err: errors.New("asked about " + q.Person.Mobile.String())}
	case err != nil:
		return providers.Result{}, err
	case r.Code == nil && p.breach != "takes a missing code for zero":
		return providers.Result{}, &providers.Error{Provider: "fake", Kind: providers.Malformed, Status: 200}
	case r.Code == nil || *r.Code == "0":
		return providers.Result{Outcome: providers.Match, Reference: r.ID, Billed: providers.BilledYes}, nil
	case *r.Code == "1" && p.breach == "calls a mismatch no record":
		return providers.Result{Outcome: providers.NoRecord, Billed: providers.BilledYes}, nil
	case *r.Code == "1":
		return providers.Result{Outcome: providers.Mismatch, Billed: providers.BilledYes}, nil
	case p.breach == "does not count an unknown code":
		return providers.Result{}, &providers.Error{Provider: "fake", Kind: providers.Malformed, Status: 200}
	}
	code := wire.Code(*r.Code)
	if p.breach == "shows a code that could be a claim" {
		code = providers.Token(*r.Code)
	}
	return providers.Result{}, &providers.Error{Provider: "fake", Kind: providers.Malformed, Status: 200, Code: code, UnknownCode: true}
}

type fakeReply struct {
	Token string
	Code  *string
	ID    string
}

func (p *fakeProvider) post(ctx context.Context, do callout.Doer, url, body string) (fakeReply, error) {
	var r fakeReply
	response, err := do.Do(ctx, &callout.Request{Method: "POST", URL: url, Body: []byte(body)})
	if err != nil {
		return r, providers.FromCallout("fake", err)
	}
	if response.Status >= 500 {
		return r, &providers.Error{Provider: "fake", Kind: providers.Unavailable, Status: response.Status}
	}
	if err := json.Unmarshal(response.Body, &r); err != nil {
		return r, &providers.Error{Provider: "fake", Kind: providers.Malformed, Status: response.Status}
	}
	return r, nil
}

const breachVariable = "PROVIDERTEST_BREACH"

// TestFake runs the Suite on the fake provider. TestTheSuiteFindsEveryBreach runs it again with a breach.
func TestFake(t *testing.T) {
	codes := []providers.Code{
		{Code: "0", Outcome: providers.Match, Billed: providers.BilledYes, Meaning: "match", Source: "assumed"},
		{Code: "1", Outcome: providers.Mismatch, Billed: providers.BilledYes, Meaning: "mismatch", Source: "assumed"},
	}
	breach := os.Getenv(breachVariable)
	if breach == "lists a code that no row proves" {
		codes = append(codes, providers.Code{Code: "2", Outcome: providers.Limited, Meaning: "limited", Source: "assumed"})
	}
	Run(t, Suite{
		Info: providers.Info{
			Name: "fake", Vendor: "nobody", Docs: "https://vendor.example", Checks: []providers.Check{providers.Mobile2},
			Config: struct{}{}, Codes: codes,
			New: func(config []byte, env providers.Env) (providers.Provider, error) {
				if string(config) != "{}" {
					return nil, errors.Join(&providers.ConfigError{Field: "a", Problem: "is required"}, &providers.ConfigError{Field: "b", Problem: "is required"})
				}
				return &fakeProvider{env, breach}, nil
			},
		},
		Config:      "{}",
		Setup:       []Reply{JSON(200, `{"token":"t"}`)},
		Match:       JSON(200, `{"code":"0","id":"r"}`),
		UnknownCode: JSON(200, `{"code":"9","id":"r"}`),
		MissingCode: JSON(200, `{"id":"r"}`),
		Rows: []Row{
			{Name: "mismatch", Code: "1", Replies: []Reply{JSON(200, `{"code":"1"}`)}, Want: providers.Result{Outcome: providers.Mismatch, Billed: providers.BilledYes}},
			{Name: "no login", Alone: true, Replies: []Reply{HTML(503)}, Error: &providers.Error{Kind: providers.Unavailable, Status: 503}},
		},
		BadConfigs: []BadConfig{{Name: "nothing", Config: "null", Field: "b"}},
	})
}

func TestTheSuiteFindsEveryBreach(t *testing.T) {
	for _, c := range []struct{ breach, says string }{
		{"sends a claim too many", "carries the idNumber, which mobile2 does not need"},
		{"calls another host", "below none of"},
		{"calls above its base", "below none of"},
		{"gives a result beside an error", "beside the error there is a result"},
		{"returns another error", "want *providers.Error"},
		{"has a claim in its error", "the mobile of the person is in what comes back"},
		{"shows a code that could be a claim", "the mobile of the person is in the error after"},
		{"takes a missing code for zero", "want an error"},
		{"calls a mismatch no record", "no_record"},
		{"does not count an unknown code", "unknown code false"},
		{"lists a code that no row proves", `no row and no vector proves code "2"`},
	} {
		t.Run(c.breach, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFake$")
			command.Env = append(os.Environ(), breachVariable+"="+c.breach)
			output, err := command.CombinedOutput()
			if err == nil || !strings.Contains(string(output), c.says) {
				t.Errorf("%v; the suite does not say %q:\n%s", err, c.says, output)
			}
		})
	}
}
