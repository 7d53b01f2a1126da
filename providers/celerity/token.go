package celerity

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

// A token lasts 15 minutes; the vendor asks to fetch a new one after 10 (token page).
const (
	tokenLife  = 15 * time.Minute
	tokenRenew = 10 * time.Minute
	// renewAgain is how long a token that is still good is used after an early renewal failed (ours).
	renewAgain = 30 * time.Second
	// maxToken bounds a token, in bytes: it becomes a header (assumed).
	maxToken = 4096
)

// A token is one granted token. It is replaced, never changed.
type token struct {
	value      string
	renew      time.Time // from here on a new one is fetched
	expires    time.Time // from here on it is not used at all
	generation uint64    // counts this session's tokens from 1
}

// number is the token's generation, 0 for none.
func (t *token) number() uint64 {
	if t == nil {
		return 0
	}
	return t.generation
}

// A session logs in and holds the token that came of it.
type session struct {
	url   string
	body  []byte // of the login
	now   func() time.Time
	share func(context.Context, string, func(context.Context) ([]byte, error)) ([]byte, error)
	key   string // of share, without the generation

	current atomic.Pointer[token]
}

// newSession is a session without a token yet.
func newSession(base string, l *Login, env providers.Env) *session {
	body, _ := encode(loginRequest{SysName: l.SysName, UserCode: l.UserCode, Password: l.Password.Value()}) // strings only
	// A policy that is loaded anew may keep the instance's name for another account: its logins are not shared.
	account := sha256.Sum256([]byte(base + "\x00" + l.SysName + "\x00" + l.UserCode))
	return &session{
		url:   base + loginPath,
		body:  body,
		now:   env.Now,
		share: env.Share,
		key:   env.Instance + ":token:" + hex.EncodeToString(account[:8]),
	}
}

// token is a token newer than the rejected generation (0: none was rejected), from a new login if need be. All who
// need one at the same time share one login: its key names the generation that is replaced, so that whoever was
// refused with a token cannot be handed that token again. While the old token is good a failed renewal is no error.
func (s *session) token(ctx context.Context, do callout.Doer, rejected uint64) (*token, error) {
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
	return nil, notSent(providers.Unavailable, err)
}

// replace is the token after held.
func (s *session) replace(ctx context.Context, do callout.Doer, held *token) (*token, error) {
	next := held.number() + 1
	key := s.key + ":" + strconv.FormatUint(next, 10)
	packed, err := s.share(ctx, key, func(ctx context.Context) ([]byte, error) {
		if t := s.current.Load(); t.number() >= next {
			return pack(t), nil // somebody's login ended just before ours began
		}
		issued := s.now()
		value, err := s.login(ctx, do)
		if err != nil {
			return nil, err
		}
		t := granted(value, issued, next)
		s.put(t)
		return pack(t), nil
	})
	if err != nil {
		return nil, err
	}
	t := unpack(packed, next)
	s.put(t)
	return t, nil
}

// put keeps t unless something newer is there.
func (s *session) put(t *token) {
	for {
		held := s.current.Load()
		if held.number() >= t.generation || s.current.CompareAndSwap(held, t) {
			return
		}
	}
}

// granted is a token whose time runs from before the login was sent.
func granted(value string, issued time.Time, generation uint64) *token {
	return &token{value: value, renew: issued.Add(tokenRenew), expires: issued.Add(tokenLife), generation: generation}
}

// pack writes a token for those who wait for it: when it expires, in 8 bytes of nanoseconds since 1970, and the value.
func pack(t *token) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(t.value)), uint64(t.expires.UnixNano()))
	return append(b, t.value...)
}

// unpack reads what pack wrote. Anything else is a token that has expired already.
func unpack(b []byte, generation uint64) *token {
	if len(b) < 8 {
		return &token{generation: generation}
	}
	expires := time.Unix(0, int64(binary.BigEndian.Uint64(b)))
	return granted(string(b[8:]), expires.Add(-tokenLife), generation)
}

// login fetches a token. Whatever goes wrong, nobody was asked about a person yet: it costs nothing.
func (s *session) login(ctx context.Context, do callout.Doer) (string, error) {
	resp, err := do.Do(ctx, &callout.Request{
		Method: "POST",
		URL:    s.url,
		Header: []callout.Header{
			{Name: "Content-Type", Value: "application/json"},
			{Name: "Accept", Value: "application/json"},
		},
		Body: s.body,
	})
	if err != nil {
		e := providers.FromCallout(name, err)
		e.Billed = providers.BilledNo
		return "", e
	}
	return judgeLogin(resp)
}
