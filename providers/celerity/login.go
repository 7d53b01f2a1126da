package celerity

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/session"
	"github.com/idvgate/idvgate/providers/wire"
)

// A token lasts 15 minutes; the vendor asks to fetch a new one after 10 (token page).
const (
	tokenLife  = 15 * time.Minute
	tokenRenew = 10 * time.Minute
)

var (
	errToken = errors.New("login without a token that a header may hold")
	errLogin = errors.New("login is refused")
)

// newSession is a session of the account.
func newSession(base string, l *Login, env providers.Env) *session.Session {
	body, _ := json.Marshal(loginRequest{SysName: l.SysName, UserCode: l.UserCode, Password: l.Password.Value()}) // strings only
	return session.New(session.Login{
		Provider: name,
		Account:  []string{base, l.SysName, l.UserCode},
		Ask: func(ctx context.Context, do callout.Doer) (string, time.Duration, error) {
			value, err := fetchToken(ctx, do, base+loginPath, body)
			return value, tokenLife, err
		},
		Renew: func(time.Duration) time.Duration { return tokenRenew },
	}, env)
}

// fetchToken logs in. Whatever goes wrong, nobody was asked about a person yet: it costs nothing.
func fetchToken(ctx context.Context, do callout.Doer, url string, body []byte) (string, error) {
	resp, err := do.Do(ctx, &callout.Request{
		Method: "POST",
		URL:    url,
		Header: []callout.Header{
			{Name: "Content-Type", Value: "application/json"},
			{Name: "Accept", Value: "application/json"},
		},
		Body: body,
	})
	if err != nil {
		e := providers.FromCallout(name, err)
		e.Billed = providers.BilledNo
		return "", e
	}
	return judgeLogin(resp)
}

// judgeLogin reads the token out of a login's reply, or says why there is none. A login is never billed.
func judgeLogin(resp *callout.Response) (string, error) {
	e := &providers.Error{Provider: name, Kind: providers.Malformed, Status: resp.Status, Billed: providers.BilledNo}
	var r loginReply
	err := callout.Decode(resp.Body, &r)
	if err == nil && r.ErrCode != nil {
		e.Code = short(*r.ErrCode)
	}
	switch {
	case resp.Status != 200:
		not200 := wire.Status(name, resp)
		not200.Billed, not200.Code = providers.BilledNo, e.Code
		return "", not200
	case err != nil:
		e.Err = err
	case r.ErrCode == nil:
		e.Err = errErrCode
	case *r.ErrCode != "0":
		e.Kind, e.Err = providers.Refused, errLogin
	case r.Data == nil || len(r.Data.Value.AccessToken) > session.MaxToken || !printable(string(r.Data.Value.AccessToken)):
		e.Code, e.Err = "", errToken
	default:
		return string(r.Data.Value.AccessToken), nil
	}
	return "", e
}
