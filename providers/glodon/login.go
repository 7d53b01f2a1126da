package glodon

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/session"
	"github.com/idvgate/idvgate/providers/wire"
)

const (
	// renewBefore is how long before its end a token is replaced, at most; a short one after nine tenths (ours).
	renewBefore = 10 * time.Minute
	// defaultLife is for a reply that does not say (assumed), maxLife for one that says more.
	defaultLife = time.Hour
	maxLife     = 365 * 24 * time.Hour
)

var (
	errLogin     = errors.New("login is refused")
	errToken     = errors.New("login without a token that a header may hold")
	errTokenType = errors.New("login with a token that is no bearer token")
	errExpiresIn = errors.New("login with an expires_in that is no number of seconds")
)

// newSession is a session of the application.
func newSession(base, appKey, appSecret string, env providers.Env) *session.Session {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(appKey+":"+appSecret))
	return session.New(session.Login{
		Provider: name,
		Account:  []string{base, appKey},
		Ask: func(ctx context.Context, do callout.Doer) (string, time.Duration, error) {
			return fetchToken(ctx, do, base+tokenPath, basic)
		},
		Renew: func(life time.Duration) time.Duration { return life - min(life/10, renewBefore) },
	}, env)
}

// fetchToken logs in, and says how long the token lasts. Whatever goes wrong, nobody was asked about a person yet: it
// costs nothing.
func fetchToken(ctx context.Context, do callout.Doer, url, authorization string) (string, time.Duration, error) {
	resp, err := do.Do(ctx, &callout.Request{
		Method: "POST",
		URL:    url,
		Header: []callout.Header{
			{Name: "Accept", Value: "application/json"},
			{Name: "Authorization", Value: authorization},
		},
	})
	if err != nil {
		return "", 0, billed(providers.FromCallout(name, err), providers.BilledNo)
	}
	return judgeLogin(resp)
}

// judgeLogin reads the token and its life out of a login's reply, or says why there is none.
func judgeLogin(resp *callout.Response) (string, time.Duration, error) {
	var r tokenReply
	err := callout.Decode(resp.Body, &r)
	if resp.Status != 200 {
		e := wire.Status(name, resp)
		e.Billed = providers.BilledNo
		if err == nil {
			e.Code = providers.Token(string(r.Error))
		}
		return "", 0, e
	}
	e := &providers.Error{Provider: name, Kind: providers.Malformed, Status: 200, Billed: providers.BilledNo}
	life, hasLife := seconds(r.ExpiresIn)
	switch {
	case err != nil:
		e.Err = err
	case r.Error != "":
		e.Kind, e.Code, e.Err = providers.Refused, providers.Token(string(r.Error)), errLogin
	case len(r.AccessToken) > session.MaxToken || !printable(string(r.AccessToken)):
		e.Err = errToken
	case r.TokenType != nil && !strings.EqualFold(string(*r.TokenType), "bearer"):
		e.Err = errTokenType
	case !hasLife:
		e.Err = errExpiresIn
	default:
		return string(r.AccessToken), life, nil
	}
	return "", 0, e
}

// seconds reads expires_in. It may be absent (RFC 6749); what is there must be more than 0.
func seconds(t *wire.Text) (time.Duration, bool) {
	if t == nil {
		return defaultLife, true
	}
	n, err := strconv.ParseUint(string(*t), 10, 63)
	if err != nil || n == 0 {
		return 0, false
	}
	if n > uint64(maxLife/time.Second) {
		return maxLife, true
	}
	return time.Duration(n) * time.Second, true
}
