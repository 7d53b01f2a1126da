package glodon

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"errors"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

var (
	errHandle    = errors.New("handle is not one for this person")
	errAccountID = errors.New("account without an accountId")
	errLongID    = errors.New("accountId is longer than any")
)

// maxAccount bounds an accountId, in bytes (assumed; the seed's has 22).
const maxAccount = 128

// accounts is which account we created for whom. It is kept by a digest of the three claims, under the application's
// secret: whoever reads the store learns nothing, and a person with another mobile or name is another person.
type accounts struct {
	keep  providers.Keeper
	share func(context.Context, string, func(context.Context) ([]byte, error)) ([]byte, error)
	keys  []*identity.Key // of appSecret, in its order: the first writes, all are read
	scope [][]byte        // endpoint and appKey: whose accounts these are, whatever a policy calls the provider
}

// newAccount creates an account for a person who has none, and keeps it. Those who ask about the same person at the
// same time share one creation, since the vendor would refuse the second.
func (p *Provider) newAccount(ctx context.Context, do callout.Doer, who identity.Person) (string, error) {
	key := p.accounts.key(p.accounts.keys[0], who)
	id, err := p.accounts.share(ctx, key, func(ctx context.Context) ([]byte, error) {
		if id, ok := p.accounts.find(ctx, who); ok {
			return []byte(id), nil // created just before we came
		}
		id, err := p.create(ctx, do, who)
		if err != nil {
			return nil, err
		}
		p.accounts.keep.Put(ctx, key, []byte(id))
		return []byte(id), nil
	})
	if err != nil {
		return "", asError(err)
	}
	return string(id), nil
}

// create is step 1. Whatever goes wrong, the question was not asked yet: it costs nothing. "Already registered" may
// mean another person's account with the same mobile or e-mail (doc), so it is good for nothing unless another worker
// has kept the account meanwhile.
func (p *Provider) create(ctx context.Context, do callout.Doer, who identity.Person) (string, error) {
	r, err := p.call(ctx, do, accountPath, accountRequest{
		Name:   who.Name.String(),
		IDNum:  who.ID.String(),
		Mobile: who.Mobile.String(),
	})
	if err != nil {
		return "", billed(err, providers.BilledNo)
	}
	switch id := string(r.Data.Value.AccountID); r.code() {
	case codeOK:
		switch {
		case id == "":
			return "", billed(malformed(errAccountID), providers.BilledNo)
		case len(id) > maxAccount:
			return "", billed(malformed(errLongID), providers.BilledNo)
		}
		return id, nil
	case codeRegistered:
		if id, ok := p.accounts.find(ctx, who); ok {
			return id, nil
		}
	}
	return "", billed(r.failure(), providers.BilledNo)
}

// find is the account kept for the person.
func (a *accounts) find(ctx context.Context, who identity.Person) (string, bool) {
	for _, k := range a.keys {
		if id, ok := a.keep.Get(ctx, a.key(k, who)); ok && len(id) > 0 {
			return string(id), true
		}
	}
	return "", false
}

// forget makes find miss: an empty value is no account.
func (a *accounts) forget(ctx context.Context, who identity.Person) {
	for _, k := range a.keys {
		if id, ok := a.keep.Get(ctx, a.key(k, who)); ok && len(id) > 0 {
			a.keep.Put(ctx, a.key(k, who), nil)
		}
	}
}

// key is what the person's account is kept under.
func (a *accounts) key(k *identity.Key, who identity.Person) string {
	sum := k.Sum("glodon account", append(a.scope[:len(a.scope):len(a.scope)], []byte(k.Person(who)))...)
	return "glodon:account:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// seal is the handle of the person's account: the account, a dot, and a digest over it and the person.
func (a *accounts) seal(account string, who identity.Person) []byte {
	return append([]byte(account), "."+a.proof(a.keys[0], account, who)...)
}

// open is the account in a handle that seal made for the same person.
func (a *accounts) open(handle []byte, who identity.Person) (string, bool) {
	dot := bytes.LastIndexByte(handle, '.')
	if dot <= 0 {
		return "", false
	}
	account := string(handle[:dot])
	for _, k := range a.keys {
		if hmac.Equal(handle[dot+1:], []byte(a.proof(k, account, who))) {
			return account, true
		}
	}
	return "", false
}

func (a *accounts) proof(k *identity.Key, account string, who identity.Person) string {
	parts := append(a.scope[:len(a.scope):len(a.scope)], []byte(k.Person(who)), []byte(account))
	sum := k.Sum("glodon handle", parts...)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
