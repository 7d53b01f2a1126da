package celerity

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/idvgate/idvgate/providers"
)

// Config is what a policy says about celerity. The endpoint is the policy's own field: the vendor's page names only a
// private address in clear text. Exactly one of Login and Token is given.
type Config struct {
	Login   *Login           `json:"login,omitempty" jsonschema_description:"Log in for a token that lasts 15 minutes. Either login or token."`
	Token   providers.Secret `json:"token,omitempty" jsonschema_description:"A token granted once, sent as it is. Either login or token."`
	Group   string           `json:"group,omitempty" jsonschema:"default=real" jsonschema_description:"The vendor's group number."`
	Async   bool             `json:"async,omitempty" jsonschema_description:"Ask for an answer by feedback: an accepted question is pending, without a page, and cannot be resumed."`
	ExtData *ExtData         `json:"extData,omitempty" jsonschema_description:"What the vendor is to keep with each question, for its bookkeeping."`
}

// Login is the account that tokens are fetched with.
type Login struct {
	SysName  string           `json:"sysName" jsonschema:"required" jsonschema_description:"The system's name at the vendor."`
	UserCode string           `json:"userCode" jsonschema:"required" jsonschema_description:"The user's code at the vendor."`
	Password providers.Secret `json:"password" jsonschema:"required" jsonschema_description:"The user's password."`
}

// ExtData is registered by the vendor with each question (token page). No claim belongs in it.
type ExtData struct {
	Branch   string            `json:"branch,omitempty" jsonschema_description:"The branch that asks."`
	Operator string            `json:"operator,omitempty" jsonschema_description:"Who asks."`
	ExtInfo  map[string]string `json:"extInfo,omitempty" jsonschema_description:"Further words, as the vendor agreed to."`
	SerialNo bool              `json:"serialNo,omitempty" jsonschema_description:"Send the decision's id as serialNo."`
}

// New makes a Provider. Its error is every fault of the configuration, each a *providers.ConfigError, joined.
func New(config []byte, env providers.Env) (*Provider, error) {
	var f faults
	c := f.decode(config)
	p := &Provider{
		url:   strings.TrimSuffix(env.Endpoint, "/"),
		group: c.Group,
		async: c.Async,
	}
	if p.group == "" {
		p.group = "real" // 实名认证 (seed)
	}
	if e := c.ExtData; e != nil {
		p.serialNo = e.SerialNo
		if e.Branch != "" || e.Operator != "" || len(e.ExtInfo) > 0 {
			p.extData = &extData{Branch: e.Branch, Operator: e.Operator, ExtInfo: e.ExtInfo}
		}
	}
	switch {
	case len(f) > 0: // what was given could not be read
	case c.Login != nil && c.Token != nil:
		f.add("token", "either login or token, not both")
	case c.Login != nil:
		f.login(c.Login)
		p.session = newSession(p.url, c.Login, env)
	case c.Token.Value() != "":
		if !printable(c.Token.Value()) {
			f.add("token", "has characters that no header may hold")
		}
		p.fixed = &token{value: c.Token.Value()}
	case c.Token != nil:
		f.add("token", "is empty")
	default:
		f.add("login", "is required, unless there is a token")
	}
	if len(f) > 0 {
		return nil, errors.Join(f...)
	}
	return p, nil
}

// faults gathers what is wrong, so that an author hears of everything at once.
type faults []error

func (f *faults) add(field, problem string) {
	*f = append(*f, &providers.ConfigError{Field: field, Problem: problem})
}

func (f *faults) decode(config []byte) Config {
	var c Config
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	err := d.Decode(&c)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
	case errors.As(err, &wrong):
		f.add(wrong.Field, "is of the wrong type")
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		f.add(strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`), "unknown field")
	default:
		f.add("", "is not the JSON of a celerity configuration")
	}
	return c
}

func (f *faults) login(l *Login) {
	if l.SysName == "" {
		f.add("login.sysName", "is required")
	}
	if l.UserCode == "" {
		f.add("login.userCode", "is required")
	}
	if l.Password.Value() == "" {
		f.add("login.password", "is required")
	}
}

// printable says that s may stand in a header: visible ASCII and inner spaces.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && s[0] != ' ' && s[len(s)-1] != ' '
}
