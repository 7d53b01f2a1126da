package providers

import (
	"context"
	"io"
	"time"
)

// Info describes a provider: everything the policy, the command and the documents need to know of it.
type Info struct {
	Name   string // the word after `use:` in a policy, lower case
	Vendor string // the company and the product
	Docs   string // where the vendor describes it
	Checks []Check
	// Endpoint is the base URL if the policy names none; empty: the policy must.
	Endpoint string
	// Config is a zero value of the provider's configuration struct: exported fields with json tags in camelCase,
	// `jsonschema:"required"` where there is no default, and jsonschema_description. Secret fields are Secret.
	Config any
	// Codes is the vendor's codes and what we make of them, for the documents and the tests.
	Codes []Code
	// New makes a provider from its configuration, the JSON of a Config with secrets filled in. Any error is a
	// *ConfigError, or several joined.
	New func(config []byte, env Env) (Provider, error)
}

// Code is one row of a vendor's outcome table.
type Code struct {
	Code    string  // as the vendor writes it, at the level that decides; listed once
	Outcome Outcome // Unanswered where Kind says how
	Kind    string  // for Unanswered: the ErrorKind's word; else ""
	Billed  Billing // where a reply says so itself, what it says for this code as a rule
	Meaning string  // in our words
	Source  string  // where that is written, with its date; or "assumed"
}

// List is the providers a policy may use. catalog.List returns all of them.
type List []Info

// Find is the provider of that name.
func (l List) Find(name string) (Info, bool) {
	for _, i := range l {
		if i.Name == name {
			return i, true
		}
	}
	return Info{}, false
}

// Env is what a provider gets from the world.
type Env struct {
	// Endpoint is the base URL to call, without a trailing slash: the policy's, or Info.Endpoint.
	Endpoint string
	// Instance is the policy's name for this provider: unique in it, so it can key what is shared or kept.
	Instance string
	Now      func() time.Time
	Random   io.Reader // cryptographically strong
	// Sign makes RSA signatures outside the guest where the gateway can; nil: the provider signs itself.
	Sign Signer
	// Share runs ask once for all who call it with the same key at the same time, and gives all the same answer.
	// It may suspend. If the one who asks is given up, another one of those who wait asks.
	Share func(ctx context.Context, key string, ask func(context.Context) ([]byte, error)) ([]byte, error)
	Keep  Keeper
}

// A Keeper holds small values beyond one request (Glodon's accounts). It may forget.
type Keeper interface {
	Get(ctx context.Context, key string) (value []byte, ok bool)
	Put(ctx context.Context, key string, value []byte)
}

// A Signer signs text with RSA PKCS#1 v1.5. hash is "sha256" or "sha1", key a PKCS#8 DER private key.
type Signer func(hash string, key, text []byte) (signature []byte, err error)

// Secret is a secret's values: the first is used, the rest are accepted while rotating, where that has a meaning.
// In a policy it is {secret: NAME} or {secret: [NAME, OLD_NAME]}; a provider gets the values.
type Secret []string

// Value is the secret in use, or "".
func (s Secret) Value() string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// ConfigError is a fault in a provider's configuration.
type ConfigError struct {
	Field   string // the json path inside the provider's configuration, such as login.sysName; "" for the whole
	Problem string // what is wrong, without a secret's value
}

func (e *ConfigError) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return e.Field + ": " + e.Problem
}
