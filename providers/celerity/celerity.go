// Package celerity asks celerity's PhoneVerification: do name, ID number and mobile belong together, by the carrier's
// records.
//
// Sources: "seed" is the vendor's page of the interface (手机三要素验证接口, 2020), "token page" its page on tokens, "twin"
// the public page of the Tencent API that answers with the same codes. What none of them says is "assumed".
package celerity

import (
	"context"
	"errors"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

const (
	name = "celerity"
	// Paths follow the base URL: of the question (seed) and of the login (token page).
	verifyPath = "/tech/ai/celerity/universal"
	loginPath  = "/core/auth/getVirtualToken"
)

// Info describes the provider.
func Info() providers.Info {
	return providers.Info{
		Name:   name,
		Vendor: "celerity PhoneVerification (手机三要素)",
		Docs:   "the vendor's page 手机三要素验证接口 (not public)",
		Checks: []providers.Check{providers.Mobile3},
		Config: Config{},
		Codes:  codes(),
		New: func(config []byte, env providers.Env) (providers.Provider, error) {
			p, err := New(config, env)
			if err != nil {
				return nil, err
			}
			return p, nil
		},
	}
}

// A Provider asks celerity. Apart from the token it holds nothing that changes; it is safe for concurrent use.
type Provider struct {
	url      string
	group    string
	async    bool
	extData  *extData // nil: none is sent; its serialNo is filled in per question
	serialNo bool
	fixed    *token   // the policy's own token; nil: the session's
	session  *session // nil with a fixed token
}

var (
	errCheck = errors.New("answers mobile3 only")
	errClaim = errors.New("a claim that the check needs is missing")
)

// Verify asks once. A 401 is answered by one new login and the same question once more: the vendor's token ran out
// before its time, and a question without a valid token is not judged.
func (p *Provider) Verify(ctx context.Context, do callout.Doer, q providers.Query) (providers.Result, error) {
	if q.Check != providers.Mobile3 {
		return providers.Result{}, notSent(providers.Refused, errCheck)
	}
	if q.Person.Name.IsZero() || q.Person.ID.IsZero() || q.Person.Mobile.IsZero() {
		return providers.Result{}, notSent(providers.Refused, errClaim)
	}
	body, err := p.question(q)
	if err != nil {
		return providers.Result{}, notSent(providers.Refused, err)
	}
	t, err := p.token(ctx, do, 0)
	if err != nil {
		return providers.Result{}, err
	}
	resp, err := p.ask(ctx, do, t, body)
	if err == nil && resp.Status == 401 && p.fixed == nil {
		if t, err = p.token(ctx, do, t.generation); err != nil {
			return providers.Result{}, err
		}
		resp, err = p.ask(ctx, do, t, body)
	}
	if err != nil {
		return providers.Result{}, err
	}
	return p.judge(resp)
}

// question is the request's body for the person in q, with no other claim than the three.
func (p *Provider) question(q providers.Query) ([]byte, error) {
	m := question{
		Buscode: "PhoneVerification",
		Group:   p.group,
		Async:   p.async,
		ExtData: p.extData,
		Data: data{
			IDCard: q.Person.ID.String(),
			Name:   q.Person.Name.String(),
			Phone:  q.Person.Mobile.String(),
		},
	}
	if serial := providers.Token(q.DecisionID); p.serialNo && serial != "" {
		var e extData
		if p.extData != nil {
			e = *p.extData
		}
		e.SerialNo = serial
		m.ExtData = &e
	}
	return encode(m)
}

// ask sends the question under the token.
func (p *Provider) ask(ctx context.Context, do callout.Doer, t *token, body []byte) (*callout.Response, error) {
	resp, err := do.Do(ctx, &callout.Request{
		Method: "POST",
		URL:    p.url + verifyPath,
		Header: []callout.Header{
			{Name: "Content-Type", Value: "application/json"},
			{Name: "Accept", Value: "application/json"},
			{Name: "Authorization", Value: t.value}, // raw: no "Bearer" (token page)
		},
		Body: body,
	})
	if err != nil {
		return nil, providers.FromCallout(name, err)
	}
	return resp, nil
}

// token is the token to ask with: the fixed one, or the session's, newer than the rejected generation (0: none was).
func (p *Provider) token(ctx context.Context, do callout.Doer, rejected uint64) (*token, error) {
	if p.fixed != nil {
		return p.fixed, nil
	}
	return p.session.token(ctx, do, rejected)
}

// notSent is an error before the question left us: it costs nothing.
func notSent(kind providers.ErrorKind, err error) *providers.Error {
	return &providers.Error{Provider: name, Kind: kind, Billed: providers.BilledNo, Err: err}
}
