package glodon

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

const (
	// renewBefore is how long before its end a token is replaced, at most; a short one after nine tenths (ours).
	renewBefore = 10 * time.Minute
	// renewAgain is how long a token that is still good is used after an early renewal failed (ours).
	renewAgain = 30 * time.Second
	// defaultLife is for a reply that does not say (assumed), maxLife for one that says more.
	defaultLife = time.Hour
	maxLife     = 365 * 24 * time.Hour
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
	basic string // the login's Authorization
	now   func() time.Time
	share func(context.Context, string, func(context.Context) ([]byte, error)) ([]byte, error)
	key   string // of share, without the generation

	current atomic.Pointer[token]
}

// newSession is a session without a token yet.
func newSession(base, appKey, appSecret string, env providers.Env) *session {
	// A policy that is loaded anew may keep the instance's name for another application: its logins are not shared.
	application := sha256.Sum256([]byte(base + "\x00" + appKey))
	return &session{
		url:   base + tokenPath,
		basic: "Basic " + base64.StdEncoding.EncodeToString([]byte(appKey+":"+appSecret)),
		now:   env.Now,
		share: env.Share,
		key:   env.Instance + ":token:" + hex.EncodeToString(application[:8]),
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
	return nil, asError(err)
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
		value, life, err := s.login(ctx, do)
		if err != nil {
			return nil, err
		}
		t := &token{value: value, renew: issued.Add(life - min(life/10, renewBefore)), expires: issued.Add(life), generation: next}
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

// pack writes a token for those who wait for it: when it is to be renewed and when it expires, in 8 bytes each of
// nanoseconds since 1970, and the value.
func pack(t *token) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 16+len(t.value)), uint64(t.renew.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, uint64(t.expires.UnixNano()))
	return append(b, t.value...)
}

// unpack reads what pack wrote. Anything else is a token that has expired already.
func unpack(b []byte, generation uint64) *token {
	if len(b) < 16 {
		return &token{generation: generation}
	}
	return &token{
		value:      string(b[16:]),
		renew:      time.Unix(0, int64(binary.BigEndian.Uint64(b))),
		expires:    time.Unix(0, int64(binary.BigEndian.Uint64(b[8:]))),
		generation: generation,
	}
}

// login fetches a token and says how long it lasts. Whatever goes wrong, nobody was asked about a person yet: it costs
// nothing.
func (s *session) login(ctx context.Context, do callout.Doer) (string, time.Duration, error) {
	resp, err := do.Do(ctx, &callout.Request{
		Method: "POST",
		URL:    s.url,
		Header: []callout.Header{
			{Name: "Accept", Value: "application/json"},
			{Name: "Authorization", Value: s.basic},
		},
	})
	if err != nil {
		return "", 0, billed(providers.FromCallout(name, err), providers.BilledNo)
	}
	return judgeLogin(resp)
}
