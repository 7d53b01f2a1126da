package settings

import (
	"context"
	"errors"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
)

type config struct {
	Login *struct {
		User string `json:"user"`
	} `json:"login"`
	Async bool `json:"async"`
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name, json, faults string
		ok                 bool
	}{
		{"a configuration without a fault", `{"login":{"user":"u"},"async":true}`, "", true},
		{"an unknown field", `{"asynch":true}`, "asynch: unknown field", true},
		{"a wrong type", `{"async":"yes"}`, "async: is of the wrong type", true},
		{"a wrong type further down", `{"login":{"user":1}}`, "login.user: is of the wrong type", true},
		{"no object", `[`, "is not the JSON of a vendor configuration", false},
		{"nothing", ``, "is not the JSON of a vendor configuration", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var (
				f    Faults
				into config
			)
			ok := f.Decode("vendor", []byte(c.json), &into)
			if got := text(f.Err()); got != c.faults || ok != c.ok {
				t.Errorf("got %q, %v, want %q, %v", got, ok, c.faults, c.ok)
			}
			if c.faults == "" && (into.Login == nil || into.Login.User != "u" || !into.Async) {
				t.Errorf("read %+v", into)
			}
		})
	}
}

func TestFaultsAreAllSaidInOrder(t *testing.T) {
	var f Faults
	f.Require("a", "set")
	f.Require("b", "")
	f.Add("c", "is odd")
	if got, want := text(f.Err()), "b: is required\nc: is odd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var e *providers.ConfigError
	if !errors.As(f.Err(), &e) || e.Field != "b" {
		t.Errorf("got %v, want a ConfigError for b", e)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

type provider struct{}

func (*provider) Verify(context.Context, callout.Doer, providers.Query) (providers.Result, error) {
	return providers.Result{}, nil
}

func TestConstructor(t *testing.T) {
	wrong := errors.New("wrong")
	for _, c := range []struct {
		name string
		made *provider
		err  error
	}{
		{"a provider", &provider{}, nil},
		{"no provider beside an error", nil, wrong},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Constructor(func([]byte, providers.Env) (*provider, error) { return c.made, c.err })(nil, providers.Env{})
			if !errors.Is(err, c.err) || (p == nil) != (c.err != nil) {
				t.Errorf("got %v, %v", p, err)
			}
		})
	}
}
