// Package celerity asks celerity's PhoneVerification: do name, ID number and mobile belong together, by the carrier's
// records.
//
// Sources: "seed" is the vendor's page of the interface (手机三要素验证接口, 2020), "token page" its page on tokens, "twin"
// the public page of the Tencent API that answers with the same codes. What none of them says is "assumed".
package celerity

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/session"
	"github.com/idvgate/idvgate/providers/settings"
	"github.com/idvgate/idvgate/providers/wire"
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
		New:    settings.Constructor(New),
	}
}

// A Provider asks celerity. Apart from the token it holds nothing that changes; it is safe for concurrent use.
type Provider struct {
	url      string
	group    string
	async    bool
	extData  *extData // nil: none is sent; its serialNo is filled in per question
	serialNo bool
	fixed    string           // the policy's own token
	session  *session.Session // nil with a fixed token
}

var (
	errCheck = errors.New("answers mobile3 only")
	errClaim = errors.New("a claim that the check needs is missing")
)

// Verify asks once, or once more after a 401 where it can log in anew.
func (p *Provider) Verify(ctx context.Context, do callout.Doer, q providers.Query) (providers.Result, error) {
	if q.Check != providers.Mobile3 {
		return providers.Result{}, wire.NotSent(name, providers.Refused, errCheck)
	}
	if q.Person.Name.IsZero() || q.Person.ID.IsZero() || q.Person.Mobile.IsZero() {
		return providers.Result{}, wire.NotSent(name, providers.Refused, errClaim)
	}
	body, err := p.question(q)
	if err != nil {
		return providers.Result{}, wire.NotSent(name, providers.Refused, err)
	}
	resp, err := p.ask(ctx, do, body)
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
	return json.Marshal(m)
}

// ask sends the question under the policy's own token or the session's.
func (p *Provider) ask(ctx context.Context, do callout.Doer, body []byte) (*callout.Response, error) {
	if p.session == nil {
		return p.send(ctx, do, p.fixed, body)
	}
	return p.session.Ask(ctx, do, func(token string) (*callout.Response, error) {
		return p.send(ctx, do, token, body)
	})
}

// send is one exchange: the question under that token.
func (p *Provider) send(ctx context.Context, do callout.Doer, token string, body []byte) (*callout.Response, error) {
	resp, err := do.Do(ctx, &callout.Request{
		Method: "POST",
		URL:    p.url + verifyPath,
		Header: []callout.Header{
			{Name: "Content-Type", Value: "application/json"},
			{Name: "Accept", Value: "application/json"},
			{Name: "Authorization", Value: token}, // raw: no "Bearer" (token page)
		},
		Body: body,
	})
	if err != nil {
		return nil, providers.FromCallout(name, err)
	}
	return resp, nil
}
