package jdcloud

import (
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/settings"
)

// Config is what a policy says about JD Cloud.
type Config struct {
	AccessKey    providers.Secret `json:"accessKey" jsonschema:"required" jsonschema_description:"The access key's id."`
	SecretKey    providers.Secret `json:"secretKey" jsonschema:"required" jsonschema_description:"The access key's secret, which signs each request."`
	SessionToken providers.Secret `json:"sessionToken,omitempty" jsonschema_description:"The token of temporary credentials. Sent base64-encoded as x-jdcloud-security-token, and signed."`
	Region       string           `json:"region,omitempty" jsonschema:"default=jdcloud-api" jsonschema_description:"The region in the signature's scope. personalAuth has none; the vendor's SDK then writes jdcloud-api."`
	Face3Fields  string           `json:"face3Fields,omitempty" jsonschema:"enum=idCard,enum=bankcard,default=idCard" jsonschema_description:"What face3 sends: name, ID number and image; with bankcard the card too, as the page of 2020 has it."`
	// Outcomes is there because the vendor publishes no list of its codes.
	Outcomes map[string]string `json:"outcomes,omitempty" jsonschema_description:"What the vendor's codes mean when it does not say success, such as NO_SUCH_PERSON: no_record. One of mismatch, no_record, invalid_input, limited, unanswered. A code that is not listed is a mismatch, and counted."`
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
	base, host, prefix := f.endpoint(env.Endpoint)
	p := &Provider{
		url:       base + path,
		now:       env.Now,
		random:    env.Random,
		outcomes:  f.outcomes(c.Outcomes),
		questions: questions(f.choice("face3Fields", c.Face3Fields, "idCard", "bankcard") == "bankcard"),
	}
	f.accessKey(c.AccessKey)
	f.Require("secretKey", c.SecretKey.Value())
	if c.SessionToken != nil && c.SessionToken.Value() == "" {
		f.Add("sessionToken", "is empty")
	}
	region := c.Region
	if region == "" {
		region = "jdcloud-api" // SDK
	}
	if !isWord(region) {
		f.Add("region", "may hold letters, digits and - only")
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	headers := []callout.Header{{Name: "content-type", Value: contentType}, {Name: "host", Value: host}}
	if token := c.SessionToken.Value(); token != "" {
		p.token = base64.StdEncoding.EncodeToString([]byte(token))
		headers = append(headers, callout.Header{Name: "x-jdcloud-security-token", Value: p.token})
	}
	p.signer = newSigner(
		credential{accessKey: c.AccessKey.Value(), secretKey: c.SecretKey.Value(), region: region, service: service},
		target{method: "POST", path: prefix + path, headers: headers},
	)
	return p, nil
}

// faults is what is wrong with a configuration, with checks of its own.
type faults struct{ settings.Faults }

func (f *faults) choice(field, value, first, second string) string {
	switch value {
	case "", first:
		return first
	case second:
		return second
	}
	f.Add(field, "is neither "+first+" nor "+second)
	return first
}

func (f *faults) accessKey(key providers.Secret) {
	switch {
	case key.Value() == "":
		f.Add("accessKey", "is required")
	case strings.ContainsFunc(key.Value(), func(r rune) bool { return r <= ' ' || r > '~' || r == ',' || r == '/' }):
		f.Add("accessKey", "has characters that no Authorization header may hold")
	}
}

// endpoint is the base URL with its path as it goes over the wire, the host with its port as the Host header has it, and
// the path alone. What is not one of A-Za-z0-9-._~/ is percent-escaped once, on the wire and in the signature (SDK).
func (f *faults) endpoint(base string) (clean, host, prefix string) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		f.Add("endpoint", "is no base URL: want http or https, a host, and at most a path")
		return "", "", ""
	}
	host = strings.TrimSuffix(u.Host, ":")
	prefix = escapePath(strings.TrimSuffix(u.Path, "/"))
	return u.Scheme + "://" + host + prefix, host, prefix
}

func (f *faults) outcomes(words map[string]string) map[string]providers.Outcome {
	m := make(map[string]providers.Outcome, len(words))
	for _, code := range slices.Sorted(maps.Keys(words)) {
		field := "outcomes." + code
		outcome, ok := providers.ParseOutcome(words[code])
		switch {
		case code == "":
			f.Add("outcomes", "has an empty code")
		case !ok:
			f.Add(field, "is not one of mismatch, no_record, invalid_input, limited, unanswered")
		case outcome == providers.Match:
			f.Add(field, "cannot be match: the vendor says success itself")
		case outcome == providers.Pending:
			f.Add(field, "cannot be pending: the vendor answers at once")
		default:
			m[code] = outcome
		}
	}
	return m
}

func isWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}
