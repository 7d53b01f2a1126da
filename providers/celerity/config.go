package celerity

import (
	"strings"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/settings"
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
	var (
		f settings.Faults
		c Config
	)
	f.Decode(name, config, &c)
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
		f.Add("token", "either login or token, not both")
	case c.Login != nil:
		f.Require("login.sysName", c.Login.SysName)
		f.Require("login.userCode", c.Login.UserCode)
		f.Require("login.password", c.Login.Password.Value())
		p.session = newSession(p.url, c.Login, env)
	case c.Token.Value() != "":
		if !printable(c.Token.Value()) {
			f.Add("token", "has characters that no header may hold")
		}
		p.fixed = c.Token.Value()
	case c.Token != nil:
		f.Add("token", "is empty")
	default:
		f.Add("login", "is required, unless there is a token")
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return p, nil
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
