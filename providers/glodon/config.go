package glodon

import (
	"strings"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
	"github.com/idvgate/idvgate/providers/settings"
)

// Config is what a policy says about Glodon.
type Config struct {
	AppKey        providers.Secret `json:"appKey" jsonschema:"required" jsonschema_description:"The application's key at Glodon."`
	AppSecret     providers.Secret `json:"appSecret" jsonschema:"required" jsonschema_description:"The application's secret. It also keys the digests that accounts are kept by: while it is rotated, list the old one after the new one, or the people who have an account cannot be asked about any more."`
	ReturnURL     string           `json:"returnUrl" jsonschema:"required" jsonschema_description:"Where the page sends the person's browser afterwards."`
	PageHosts     []string         `json:"pageHosts" jsonschema:"required" jsonschema_description:"Hosts that a verification page may be on, with their port unless it is 443. A page in clear text must be written out, as http://127.0.0.1:8081."`
	TokenEndpoint string           `json:"tokenEndpoint,omitempty" jsonschema:"default=https://account.glodon.com" jsonschema_description:"The base URL of the token server."`
	Certificate   bool             `json:"certificate,omitempty" jsonschema_description:"After a match, apply for the person's digital certificate; its number is the reference."`
}

// New makes a Provider. Its error is every fault of the configuration, each a *providers.ConfigError, joined.
func New(config []byte, env providers.Env) (*Provider, error) {
	var (
		f faults
		c Config
	)
	f.Decode(name, config, &c)
	if err := f.Err(); err != nil {
		return nil, err
	}
	p := &Provider{
		url:         strings.TrimSuffix(env.Endpoint, "/"),
		tokenURL:    strings.TrimSuffix(c.TokenEndpoint, "/"),
		returnURL:   c.ReturnURL,
		certificate: c.Certificate,
	}
	if c.TokenEndpoint == "" {
		p.tokenURL = defaultTokenEndpoint
	}
	f.secret("appKey", c.AppKey)
	f.secret("appSecret", c.AppSecret)
	if strings.Contains(c.AppKey.Value(), ":") {
		f.Add("appKey", "must hold no colon: it is sent by HTTP Basic") // RFC 7617
	}
	f.url("returnUrl", c.ReturnURL, "")
	f.url("tokenEndpoint", p.tokenURL, "?#")
	p.pages = f.origins("pageHosts", c.PageHosts)
	if err := f.Err(); err != nil {
		return nil, err
	}
	p.session = newSession(p.tokenURL, c.AppKey.Value(), c.AppSecret.Value(), env)
	p.accounts = accounts{
		keep:  env.Keep,
		share: env.Share,
		scope: [][]byte{[]byte(p.url), []byte(c.AppKey.Value())},
	}
	for _, s := range c.AppSecret {
		p.accounts.keys = append(p.accounts.keys, identity.NewKey([]byte(s)))
	}
	return p, nil
}

// faults is what is wrong with a configuration, with checks of its own.
type faults struct{ settings.Faults }

func (f *faults) secret(field string, s providers.Secret) {
	f.Require(field, s.Value())
	for i, v := range s {
		if v == "" && i > 0 {
			f.Add(field, "has an empty value in its list")
		}
	}
}

// url refuses what is no absolute URL of http or https, or holds one of the characters in without.
func (f *faults) url(field, s, without string) {
	switch {
	case s == "":
		f.Add(field, "is required")
	case strings.ContainsAny(s, without):
		f.Add(field, "must have neither query nor fragment")
	default:
		if _, err := parseURL(s); err != nil {
			f.Add(field, err.Error())
		}
	}
}
