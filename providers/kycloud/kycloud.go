// Package kycloud asks kycloud's idcard check: a look-up of a person whom kycloud's platform already holds. The vendor
// does not compare; we do, with the name (and by user id, the ID number) it returns.
//
// Sources: "seed" is the vendor's page of the interface (2023), "doc" its pages on signatures and common codes.
// Nobody outside the vendor knows the rest: it is a configuration field, and its comment says "assumed".
//
// The reply also carries the person's address, age and photographs of the card. No struct here has a field for them.
package kycloud

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/settings"
	"github.com/idvgate/idvgate/providers/wire"
)

const (
	name = "kycloud"
	// path follows the base URL (seed).
	path = "/api/kycloud/open/v1.0/auth/idcard/check"
)

// Info describes the provider.
func Info() providers.Info {
	return providers.Info{
		Name:   name,
		Vendor: "kycloud idcard check (查询实名认证信息)",
		Docs:   "https://www.showdoc.com.cn/kycloudopen",
		Checks: []providers.Check{providers.ID2},
		Config: Config{},
		Codes:  append([]providers.Code(nil), codeTable[:]...),
		New:    settings.Constructor(New),
	}
}

// A Provider asks kycloud. It is read only after New and safe for concurrent use.
type Provider struct {
	url       string
	now       func() time.Time
	random    io.Reader
	outside   providers.Signer // may be nil
	key       *rsaKey
	signHash  hash
	signType  string
	charset   charset
	companyID string
	asNumber  bool // companyId goes as a JSON number
	byUserID  bool
	form      bool
	object    bool // bizContent goes as a JSON object
	zone      *time.Location
	expired   providers.Outcome // of a document past its end
}

// Claims says that a look-up by user id needs the name and the user id, not the ID number. If the request claims an
// ID number as well, it has to be the stored one.
func (p *Provider) Claims(c providers.Check) []identity.Claim {
	if c != providers.ID2 {
		return nil
	}
	if p.byUserID {
		return []identity.Claim{identity.ClaimName, identity.ClaimUserID}
	}
	return c.Claims()
}

var (
	errCheck = errors.New("answers id2 only")
	errClaim = errors.New("a claim that the check needs is missing")
)

// Verify looks the person up and compares. A request that the vendor calls expired is sent once more, with a new
// timestamp and signature: both are part of what it judged.
func (p *Provider) Verify(ctx context.Context, do callout.Doer, q providers.Query) (providers.Result, error) {
	if q.Check != providers.ID2 {
		return providers.Result{}, wire.NotSent(name, providers.Refused, errCheck)
	}
	person := q.Person
	if person.Name.IsZero() || p.byUserID && person.UserID.IsZero() || !p.byUserID && person.ID.IsZero() {
		return providers.Result{}, wire.NotSent(name, providers.Refused, errClaim)
	}
	if !p.charset.holds(person.Name.String()) {
		return providers.Result{
			Outcome: providers.InvalidInput, Reason: reasonCharset, Claim: identity.ClaimName, Billed: providers.BilledNo,
		}, nil
	}
	content := p.content(person)
	r, err := p.ask(ctx, do, content)
	if err == nil && r.code() == codeExpired {
		r, err = p.ask(ctx, do, content)
	}
	if err != nil {
		return providers.Result{}, err
	}
	return p.judge(person, r)
}

// ask sends one signed request and reads the reply.
func (p *Provider) ask(ctx context.Context, do callout.Doer, content string) (*reply, error) {
	req, err := p.request(content)
	if err != nil {
		return nil, wire.NotSent(name, providers.Unavailable, err)
	}
	resp, err := do.Do(ctx, req)
	if err != nil {
		return nil, providers.FromCallout(name, err)
	}
	return p.read(resp)
}
