package source_test

import (
	"encoding/json"
	"errors"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

// acme is a vendor with everything a configuration can have; bell one that is asked by user id, has no public
// endpoint and calls a second address.
type acmeConfig struct {
	Key    providers.Secret  `json:"key" jsonschema:"required"`
	Style  string            `json:"style,omitempty" jsonschema:"enum=plain,enum=fancy" jsonschema_description:"How it looks."`
	Tries  int               `json:"tries,omitempty" jsonschema:"minimum=1,maximum=9"`
	Loud   bool              `json:"loud,omitempty"`
	Login  *acmeLogin        `json:"login,omitempty"`
	Codes  map[string]string `json:"codes,omitempty" jsonschema:"enum=match,enum=mismatch"`
	Hosts  []string          `json:"hosts,omitempty"`
	hidden string
}

type acmeLogin struct {
	User     string           `json:"user" jsonschema:"required"`
	Password providers.Secret `json:"password" jsonschema:"required"`
}

type bellConfig struct {
	TokenURL string `json:"tokenUrl,omitempty"`
	By       string `json:"by,omitempty" jsonschema:"enum=number,enum=user"`
}

type acme struct{ providers.Provider }

type bell struct {
	providers.Provider
	config bellConfig
}

func (b *bell) Endpoints() []string {
	if b.config.TokenURL == "" {
		return nil
	}
	return []string{b.config.TokenURL}
}

func (b *bell) Claims(c providers.Check) []identity.Claim {
	if b.config.By == "user" {
		return []identity.Claim{identity.ClaimName, identity.ClaimUserID}
	}
	return c.Claims()
}

func fakes() providers.List {
	return providers.List{
		{
			Name: "acme", Vendor: "Acme", Checks: providers.Checks(), Endpoint: "https://api.acme.example/v1/", Config: acmeConfig{hidden: ""},
			New: func(config []byte, _ providers.Env) (providers.Provider, error) {
				var c acmeConfig
				if err := json.Unmarshal(config, &c); err != nil {
					return nil, &providers.ConfigError{Problem: err.Error()}
				}
				var wrong []error
				if c.Key.Value() == "too short" {
					wrong = append(wrong, &providers.ConfigError{Field: "key", Problem: "is too short"})
				}
				if c.Style == "fancy" && c.Login == nil {
					wrong = append(wrong, &providers.ConfigError{Field: "login", Problem: "is required for fancy"})
				}
				if len(c.Hosts) > 1 {
					wrong = append(wrong, &providers.ConfigError{Field: "hosts.1", Problem: "is one too many"})
				}
				return &acme{}, errors.Join(wrong...)
			},
		},
		{
			Name: "bell", Vendor: "Bell", Checks: []providers.Check{providers.Mobile3, providers.ID2}, Config: bellConfig{},
			New: func(config []byte, _ providers.Env) (providers.Provider, error) {
				var c bellConfig
				if err := json.Unmarshal(config, &c); err != nil {
					return nil, &providers.ConfigError{Problem: err.Error()}
				}
				return &bell{config: c}, nil
			},
		},
	}
}

// variables is what the test's environment holds.
func variables(name string) (string, bool) {
	v, ok := map[string]string{
		"KEY": "key-value-7731", "SHORT": "too short", "EMPTY": "", "BELL_URL": "https://bell.example", "LOCAL_URL": "http://127.0.0.1:8081/bell",
		"SUBJECT": "subject-value-9920", "WITH_PASSWORD": "https://user:hunter2@bell.example",
	}[name]
	return v, ok
}
