// Package jdcloud asks JD Cloud's personalAuth: do the claims about a person belong together, by the bank's, the
// police's or the carrier's records. One signed request, answered at once.
//
// Sources: "seed" is the vendor's page of personalAuth (updated 2020-12-02), "2024 page" its later edition, "SDK" the
// vendor's public Go SDK v1.64.0 as it was run, "gateway page" its API gateway's page of error codes. What none of them
// says is "assumed".
package jdcloud

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

const (
	name     = "jdcloud"
	endpoint = "https://cloudauth.jdcloud-api.com" // seed
	path     = "/v1/personal"                      // seed
	service  = "cloudauth"                         // SDK
	// contentType has no charset (SDK), and is signed.
	contentType = "application/json"
)

// Info describes the provider.
func Info() providers.Info {
	return providers.Info{
		Name:     name,
		Vendor:   "JD Cloud personalAuth (京东云 个人实名认证)",
		Docs:     "https://docs.jdcloud.com/cn/real-name-authentication/api/checkpersonaluser",
		Checks:   providers.Checks(),
		Endpoint: endpoint,
		Config:   Config{},
		Codes:    codes(),
		New:      func(config []byte, env providers.Env) (providers.Provider, error) { return New(config, env) },
	}
}

// A Provider asks with one access key. It is safe for concurrent use.
type Provider struct {
	url       string
	now       func() time.Time
	random    io.Reader
	signer    *signer
	token     string // x-jdcloud-security-token as it is sent, or ""
	questions map[providers.Check]*question
	outcomes  map[string]providers.Outcome
	scratch   sync.Pool // of *scratch
}

// scratch is what one signature needs and the next can use again.
type scratch struct {
	digest digest
	random [16]byte
	nonce  [36]byte
}

var (
	errRandom   = errors.New("no randomness for a nonce")
	errQuestion = errors.New("the person lacks a claim that the check needs")
)

// Claims is what a check needs: as Check.Claims says, and the bank card too for face3 where so configured.
func (p *Provider) Claims(c providers.Check) []identity.Claim {
	if q := p.questions[c]; q != nil {
		return q.claims
	}
	return nil
}

// Verify asks once. Each call has a nonce of its own, so a repeated question is a new request to the vendor.
func (p *Provider) Verify(ctx context.Context, do callout.Doer, q providers.Query) (providers.Result, error) {
	r, err := p.request(q)
	if err != nil {
		return providers.Result{}, err
	}
	reply, err := do.Do(ctx, r)
	if err != nil {
		return providers.Result{}, providers.FromCallout(name, err)
	}
	return p.judge(reply)
}

// request is the signed request. An error is always a *providers.Error, of a question that was not sent.
func (p *Provider) request(q providers.Query) (*callout.Request, error) {
	kind := p.questions[q.Check]
	if kind == nil || !kind.answers(q.Person) {
		return nil, &providers.Error{Provider: name, Kind: providers.Refused, Billed: providers.BilledNo, Err: errQuestion}
	}
	s := p.borrow()
	defer p.scratch.Put(s)
	if _, err := io.ReadFull(p.random, s.random[:]); err != nil {
		return nil, &providers.Error{Provider: name, Kind: providers.Unavailable, Billed: providers.BilledNo, Err: errRandom}
	}
	writeUUID(&s.nonce, &s.random)
	nonce := string(s.nonce[:])
	body := kind.body(q.Person)
	date, authorization := p.signer.sign(&s.digest, p.now(), nonce, kind.state, body, len(kind.head))
	headers := make([]callout.Header, 4, 5)
	headers[0] = callout.Header{Name: "Content-Type", Value: contentType}
	headers[1] = callout.Header{Name: "X-Jdcloud-Date", Value: date}
	headers[2] = callout.Header{Name: "X-Jdcloud-Nonce", Value: nonce}
	headers[3] = callout.Header{Name: "Authorization", Value: authorization}
	if p.token != "" {
		headers = append(headers, callout.Header{Name: "X-Jdcloud-Security-Token", Value: p.token})
	}
	return &callout.Request{Method: "POST", URL: p.url, Header: headers, Body: body}, nil
}

func (p *Provider) borrow() *scratch {
	if s, ok := p.scratch.Get().(*scratch); ok {
		return s
	}
	return &scratch{digest: newDigest()}
}

// writeUUID makes random a UUID of version 4 (RFC 9562), as text.
func writeUUID(text *[36]byte, random *[16]byte) {
	random[6] = random[6]&0x0f | 0x40
	random[8] = random[8]&0x3f | 0x80
	at := 0
	for i, length := range [5]int{4, 2, 2, 2, 6} {
		if i > 0 {
			text[at] = '-'
			at++
		}
		from := (at - i) / 2
		at += hex.Encode(text[at:], random[from:from+length])
	}
}
