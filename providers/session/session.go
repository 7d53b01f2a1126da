// Package session keeps the token that a vendor's login grants: renewed before its end, fetched by one login however
// many wait for it, and replaced once where the vendor turns it away with a 401. How to log in, and when to renew, is
// the vendor's to say.
package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

const (
	// MaxToken bounds a token, in bytes: it becomes a header (assumed). A login that brings a longer one has failed.
	MaxToken = 4096
	// renewAgain is how long a token that is still good is used after an early renewal failed (ours).
	renewAgain = 30 * time.Second
)

// A Login is how one vendor grants tokens to one account.
type Login struct {
	Provider string // Info.Name, which errors begin with
	// Account tells whose tokens these are: the base URL, the account's name. Never a secret.
	Account []string
	// Ask logs in: the token, and how long it lasts from before the login was sent. Its error is a *providers.Error
	// that costs nothing, since nobody was asked about a person yet.
	Ask func(ctx context.Context, do callout.Doer) (value string, life time.Duration, err error)
	// Renew is the age at which a token with that life is replaced, while it is still good.
	Renew func(life time.Duration) time.Duration
}

// A Session logs in and holds the token that came of it. It is safe for concurrent use.
type Session struct {
	login Login
	now   func() time.Time
	share func(context.Context, string, func(context.Context) ([]byte, error)) ([]byte, error)
	key   string // of share, without the generation

	current atomic.Pointer[token]
}

// New makes a Session without a token yet: the first Ask logs in.
func New(login Login, env providers.Env) *Session {
	// A policy that is loaded anew may keep the instance's name for another account: its logins are not shared.
	account := sha256.Sum256([]byte(strings.Join(login.Account, "\x00")))
	return &Session{
		login: login,
		now:   env.Now,
		share: env.Share,
		key:   env.Instance + ":token:" + hex.EncodeToString(account[:8]),
	}
}

// Ask makes the exchange send with a token. A 401 is answered by one new login and the same exchange once more: the
// token ran out before its time, and a call without a valid one is not looked at.
func (s *Session) Ask(ctx context.Context, do callout.Doer, send func(token string) (*callout.Response, error)) (*callout.Response, error) {
	t, err := s.token(ctx, do, 0)
	if err != nil {
		return nil, err
	}
	resp, err := send(t.value)
	if err != nil || resp.Status != 401 {
		return resp, err
	}
	if t, err = s.token(ctx, do, t.generation); err != nil {
		return nil, err
	}
	return send(t.value)
}

// token is a token newer than the rejected generation (0: none was rejected), from a new login if need be. All who
// need one at the same time share one login: its key names the generation that is replaced, so that whoever was
// refused with a token cannot be handed that token again. While the old token is good a failed renewal is no error.
func (s *Session) token(ctx context.Context, do callout.Doer, rejected uint64) (*token, error) {
	held := s.current.Load()
	now := s.now()
	good := held != nil && held.generation > rejected && now.Before(held.expires)
	if good && now.Before(held.renew) {
		return held, nil
	}
	t, err := s.replace(ctx, do, held)
	if err == nil {
		return t, nil
	}
	if good {
		later := *held
		later.renew = now.Add(renewAgain)
		s.current.CompareAndSwap(held, &later)
		return held, nil
	}
	var e *providers.Error
	if errors.As(err, &e) {
		return nil, e
	}
	// A context that was done while others logged in.
	return nil, &providers.Error{Provider: s.login.Provider, Kind: providers.Unavailable, Billed: providers.BilledNo, Err: err}
}

// replace is the token after held.
func (s *Session) replace(ctx context.Context, do callout.Doer, held *token) (*token, error) {
	next := held.number() + 1
	key := s.key + ":" + strconv.FormatUint(next, 10)
	packed, err := s.share(ctx, key, func(ctx context.Context) ([]byte, error) {
		if t := s.current.Load(); t.number() >= next {
			return t.pack(), nil // somebody's login ended just before ours began
		}
		issued := s.now()
		value, life, err := s.login.Ask(ctx, do)
		if err != nil {
			return nil, err
		}
		t := &token{value: value, renew: issued.Add(s.login.Renew(life)), expires: issued.Add(life), generation: next}
		s.put(t)
		return t.pack(), nil
	})
	if err != nil {
		return nil, err
	}
	t := unpack(packed, next)
	s.put(t)
	return t, nil
}

// put keeps t unless something newer is there.
func (s *Session) put(t *token) {
	for {
		held := s.current.Load()
		if held.number() >= t.generation || s.current.CompareAndSwap(held, t) {
			return
		}
	}
}
