// Package settings reads a provider's configuration out of a policy and gathers everything that is wrong with it.
package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/idvgate/idvgate/providers"
)

// WrongType is the problem of a field that Decode finds to be of another JSON type. A provider may say it better.
const WrongType = "is of the wrong type"

// Faults is what is wrong with one configuration, so that an author hears of everything at once. The zero Faults is
// ready to use.
type Faults []*providers.ConfigError

// Add notes a fault of the field, a json path such as login.sysName; "" is the whole.
func (f *Faults) Add(field, problem string) {
	*f = append(*f, &providers.ConfigError{Field: field, Problem: problem})
}

// Require notes a fault if the field's value is empty.
func (f *Faults) Require(field, value string) {
	if value == "" {
		f.Add(field, "is required")
	}
}

// Err is all faults joined, nil if there is none.
func (f Faults) Err() error {
	all := make([]error, len(f))
	for i, e := range f {
		all[i] = e
	}
	return errors.Join(all...)
}

// Decode reads the provider's configuration into a pointer to its struct, and refuses unknown fields. It notes one
// fault at most, encoding/json's first; false if it is one that leaves nothing else to be said.
func (f *Faults) Decode(provider string, config []byte, into any) bool {
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
	case errors.As(err, &wrong):
		f.Add(wrong.Field, WrongType)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		f.Add(strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`), "unknown field")
	default:
		f.Add("", "is not the JSON of a "+provider+" configuration")
		return false
	}
	return true
}

// Constructor is a provider's New as Info has it: no provider at all beside an error, where a nil pointer would pass
// for one.
func Constructor[P providers.Provider](construct func([]byte, providers.Env) (P, error)) func([]byte, providers.Env) (providers.Provider, error) {
	return func(config []byte, env providers.Env) (providers.Provider, error) {
		p, err := construct(config, env)
		if err != nil {
			return nil, err
		}
		return p, nil
	}
}
