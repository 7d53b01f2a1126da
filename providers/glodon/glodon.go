// Package glodon asks Glodon B-Trust (广联达): do name, ID number and mobile belong together. The person proves it on a
// page, so the first answer about somebody is usually Pending, and Resume asks again.
//
// The vendor knows people by accounts. Its "already real-named" is said of an account, so it proves something about a
// person only if we created that account, for this very person. An account that anybody else created is never used.
//
// Sources: "seed" is the vendor's page of the service (实名认证示例, 2020-05-27), "doc" its other public pages. What none
// of them says is "assumed"; they are silent on what is billed.
package glodon

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/session"
	"github.com/idvgate/idvgate/providers/settings"
	"github.com/idvgate/idvgate/providers/wire"
)

const (
	name = "glodon"
	// The base URLs in production (doc). Tests have others.
	defaultEndpoint      = "https://apigate.glodon.com/b-trust"
	defaultTokenEndpoint = "https://account.glodon.com"
	// Paths of the steps (seed) and of the login (doc).
	accountPath     = "/api/v2/account/person"
	identifyPath    = "/api/v2/identify/person/3/async"
	certificatePath = "/api/v2/account/apply/cert"
	tokenPath       = "/oauth2/token?grant_type=client_credentials"
)

// Info describes the provider.
func Info() providers.Info {
	return providers.Info{
		Name:     name,
		Vendor:   "Glodon B-Trust (广联达 实名认证)",
		Docs:     "https://aecore.glodon.com/docs/b-trust/",
		Checks:   []providers.Check{providers.Mobile3},
		Endpoint: defaultEndpoint,
		Config:   Config{},
		Codes:    codes(),
		New:      settings.Constructor(New),
	}
}

// A Provider asks Glodon. Apart from the token it holds nothing that changes; it is safe for concurrent use.
type Provider struct {
	url         string
	tokenURL    string // its base
	returnURL   string
	pages       []origin
	certificate bool
	session     *session.Session
	accounts    accounts
}

// Endpoints is the token server's base URL: logins go there.
func (p *Provider) Endpoints() []string { return []string{p.tokenURL} }

var (
	errCheck = errors.New("answers mobile3 only")
	errClaim = errors.New("a claim that the check needs is missing")
)

// Verify finds or creates the person's account and asks whether it is real-named: Match, or Pending on the page where
// the person can become so. A kept account that the vendor no longer has is replaced once.
func (p *Provider) Verify(ctx context.Context, do callout.Doer, q providers.Query) (providers.Result, error) {
	who, err := p.subject(q)
	if err != nil {
		return providers.Result{}, err
	}
	if account, ok := p.accounts.find(ctx, who); ok {
		result, err := p.identify(ctx, do, who, account)
		if !gone(err) {
			return result, err
		}
		p.accounts.forget(ctx, who)
	}
	account, err := p.newAccount(ctx, do, who)
	if err != nil {
		return providers.Result{}, err
	}
	return p.identify(ctx, do, who, account)
}

// Resume asks again about an account that Verify left Pending. The handle holds the account and a proof that it is the
// account of the person in q: another person's handle, or one that was made up, is an error before anything is sent.
func (p *Provider) Resume(ctx context.Context, do callout.Doer, q providers.Query, handle []byte) (providers.Result, error) {
	who, err := p.subject(q)
	if err != nil {
		return providers.Result{}, err
	}
	account, ok := p.accounts.open(handle, who)
	if !ok {
		return providers.Result{}, wire.NotSent(name, providers.Refused, errHandle)
	}
	return p.identify(ctx, do, who, account)
}

// subject is the three claims of q and no other.
func (p *Provider) subject(q providers.Query) (identity.Person, error) {
	if q.Check != providers.Mobile3 {
		return identity.Person{}, wire.NotSent(name, providers.Refused, errCheck)
	}
	who := q.Person.Only(identity.ClaimName, identity.ClaimIDNumber, identity.ClaimMobile)
	if who.Name.IsZero() || who.ID.IsZero() || who.Mobile.IsZero() {
		return identity.Person{}, wire.NotSent(name, providers.Refused, errClaim)
	}
	return who, nil
}

// identify is step 2, and step 4 where the policy asks for a certificate.
func (p *Provider) identify(ctx context.Context, do callout.Doer, who identity.Person, account string) (providers.Result, error) {
	r, err := p.call(ctx, do, identifyPath, identifyRequest{
		AccountID: account,
		Name:      who.Name.String(),
		IDNum:     who.ID.String(),
		Mobile:    who.Mobile.String(),
		ReturnURL: p.returnURL,
	})
	if err != nil {
		return providers.Result{}, err
	}
	result := providers.Result{Reference: providers.Token(account), Trace: providers.Token(account)}
	switch r.code() {
	case codeOK:
		page, err := p.page(string(r.Data.Value.URL))
		if err != nil {
			return providers.Result{}, malformed(err)
		}
		result.Outcome = providers.Pending
		result.Pending = &providers.Continuation{URL: page, Handle: p.accounts.seal(account, who)}
		return result, nil
	case codeRealNamed:
		result.Outcome, result.Billed = providers.Match, providers.BilledYes
		if p.certificate {
			result.Reference, err = p.certify(ctx, do, account)
			if err != nil {
				return providers.Result{}, err
			}
		}
		return result, nil
	case codeMismatch:
		result.Outcome, result.Billed = providers.Mismatch, providers.BilledYes
		return result, nil
	}
	return providers.Result{}, r.failure()
}

// certify is step 4: the certificate's number, or "" if one was issued before. The reply names an account too, which
// in the vendor's own sample is another one: not compared, what counts is the account we sent. Step 2 has been asked
// by now, so of no error here is it known what the question cost.
func (p *Provider) certify(ctx context.Context, do callout.Doer, account string) (string, error) {
	r, err := p.call(ctx, do, certificatePath, certificateRequest{AccountID: account})
	if err != nil {
		return "", billed(err, providers.BilledUnknown)
	}
	switch r.code() {
	case codeOK:
		if r.Data.Value.CertID == "" {
			return "", malformed(errCertID)
		}
		return providers.Token(string(r.Data.Value.CertID)), nil
	case codeHasCert:
		return "", nil
	}
	return "", billed(r.failure(), providers.BilledUnknown)
}

// call makes one step, or makes it once more after a 401 and a new login, and reads its reply.
func (p *Provider) call(ctx context.Context, do callout.Doer, path string, message any) (*reply, error) {
	body, err := json.Marshal(message)
	if err != nil {
		return nil, wire.NotSent(name, providers.Refused, err)
	}
	resp, err := p.session.Ask(ctx, do, func(token string) (*callout.Response, error) {
		return p.send(ctx, do, path, token, body)
	})
	if err != nil {
		return nil, err
	}
	return read(resp)
}

// send posts the body under the token, with the headers of the vendor's sample.
func (p *Provider) send(ctx context.Context, do callout.Doer, path, token string, body []byte) (*callout.Response, error) {
	resp, err := do.Do(ctx, &callout.Request{
		Method: "POST",
		URL:    p.url + path,
		Header: []callout.Header{
			{Name: "accept", Value: "application/json;charset=UTF-8"},
			{Name: "Content-Type", Value: "application/json"},
			{Name: "authorization", Value: "Bearer " + token},
		},
		Body: body,
	})
	if err != nil {
		return nil, providers.FromCallout(name, err)
	}
	return resp, nil
}
