// Package providertest is the contract of package providers as tests: a Suite that every provider passes, and a runner
// of wire vectors, which are recorded requests and replies compared whole.
//
// A provider's test fills a Suite in and calls Run:
//
//	func TestProvider(t *testing.T) {
//		providertest.Run(t, providertest.Suite{
//			Info:        celerity.Info(),
//			Config:      `{"login":{"sysName":"gate","userCode":"u1","password":["pw"]}}`,
//			Setup:       []providertest.Reply{providertest.JSON(200, `{"errcode":0,"data":{"accessToken":"t"}}`)},
//			Match:       providertest.JSON(200, `…`),
//			UnknownCode: providertest.JSON(200, `…`),
//			MissingCode: providertest.JSON(200, `…`),
//			Rows:        []providertest.Row{{Name: "…", Code: "-4", Replies: …, Want: …}},
//		})
//	}
package providertest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

// A Suite is what has to be known of a provider to test it.
type Suite struct {
	Info   providers.Info
	Config string // a valid configuration, secrets as lists of values
	// Env makes the world of one test; nil: Env. If Info.Endpoint is set it replaces Env's endpoint.
	Env func(t testing.TB) providers.Env
	// Person has every claim; the zero Person: Sample. The vendor's replies below are about this person.
	Person identity.Person

	// Setup is the replies to what a new provider asks before the verifying exchange (login, account).
	Setup []Reply
	// Match is the verifying exchange's reply that means match, for every check.
	Match Reply
	// UnknownCode is a reply as Match with a code nobody has seen: must be Malformed with Error.UnknownCode.
	UnknownCode Reply
	// MissingCode is a reply as Match without its code: must be Malformed.
	MissingCode Reply

	// Sends is the claims whose values may be sent for a check; a check that is absent: those the provider's Claimer
	// or else Check.Claims says.
	Sends map[providers.Check][]identity.Claim
	// Rows is questions beyond the wire vectors. Each row of Info.Codes is proved by a Row or, better, by a vector.
	Rows []Row
	// BadConfigs is configurations that New must refuse.
	BadConfigs []BadConfig
	// Vectors is the directory of the wire vectors, at least one; "": testdata. What the files hold stands in vector.go
	// and message.go: write CASE.reply, and a CASE.want.json with what, code and query; -update adds the rest.
	Vectors string
}

// A Row is one question, the vendor's replies, and what the provider must make of them.
type Row struct {
	Name string // a sentence
	// Code is the row of Info.Codes that this row proves, "" for none. Outcome, kind and billing must agree with it.
	Code   string
	Check  providers.Check // "": the first of Info.Checks
	Config string          // "": Suite.Config
	Person *identity.Person
	// Replies is what the vendor answers after Suite.Setup; all must be asked for.
	Replies []Reply
	// Alone: Suite.Setup is left out, Replies is everything.
	Alone bool
	// Resume, if set, is the handle to call Resume with instead of Verify.
	Resume []byte

	Want  providers.Result
	Error *providers.Error // set: an error is wanted, equal in Kind, Code, Billed, UnknownCode, Status and Retry
}

// A BadConfig is a configuration that New must refuse with a ConfigError for that field.
type BadConfig struct {
	Name   string // a sentence
	Config string
	Field  string
	// Endpoint, if set, replaces Env's.
	Endpoint string
}

// Run proves the contract for one provider.
func Run(t *testing.T, s Suite) {
	t.Helper()
	if s.Person == (identity.Person{}) {
		s.Person = Sample(t)
	}
	t.Run("info", s.info)
	t.Run("configuration", s.badConfigs)
	t.Run("claims", s.claims)
	t.Run("fault", s.faults)
	for _, row := range s.Rows {
		t.Run("row/"+row.Name, func(t *testing.T) { s.row(t, row) })
	}
	covered := s.codesOfRows()
	t.Run("vector", func(t *testing.T) { s.vectors(t, covered) })
	t.Run("codes", func(t *testing.T) {
		for _, c := range s.Info.Codes {
			if !covered[c.Code] {
				t.Errorf("no row and no vector proves code %q (%s)", c.Code, c.Meaning)
			}
		}
	})
}

func (s *Suite) env(t testing.TB) providers.Env {
	t.Helper()
	makeEnv := s.Env
	if makeEnv == nil {
		makeEnv = Env
	}
	env := makeEnv(t)
	if s.Info.Endpoint != "" && env.Endpoint == Endpoint {
		env.Endpoint = s.Info.Endpoint
	}
	return env
}

// provider makes a new one; its configuration must be right.
func (s *Suite) provider(t testing.TB, config string) (providers.Provider, providers.Env) {
	t.Helper()
	if config == "" {
		config = s.Config
	}
	env := s.env(t)
	p, err := s.Info.New([]byte(config), env)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return p, env
}

func (s *Suite) info(t *testing.T) {
	i := s.Info
	if i.Name == "" || i.Name != strings.ToLower(i.Name) || i.Vendor == "" || i.Docs == "" {
		t.Errorf("name %q, vendor %q, docs %q: all three, the name in lower case", i.Name, i.Vendor, i.Docs)
	}
	if len(i.Checks) == 0 {
		t.Error("answers no check")
	}
	for _, c := range i.Checks {
		if c.Claims() == nil {
			t.Errorf("%q is no check", c)
		}
	}
	if reflect.ValueOf(i.Config).Kind() != reflect.Struct {
		t.Errorf("Config is a %T, want a struct", i.Config)
	}
	if len(i.Codes) == 0 {
		t.Error("has no table of codes")
	}
	seen := map[string]bool{}
	for _, c := range i.Codes {
		if c.Code == "" || c.Meaning == "" || c.Source == "" || seen[c.Code] {
			t.Errorf("code %q needs a meaning and a source and to be listed once", c.Code)
		}
		seen[c.Code] = true
		if (c.Kind == "") == (c.Outcome == providers.Unanswered) {
			t.Errorf("code %q: Kind exactly where the outcome is unanswered", c.Code)
		}
	}
}

func (s *Suite) badConfigs(t *testing.T) {
	s.provider(t, "")
	for _, bad := range s.BadConfigs {
		t.Run(bad.Name, func(t *testing.T) {
			env := s.env(t)
			if bad.Endpoint != "" {
				env.Endpoint = bad.Endpoint
			}
			_, err := s.Info.New([]byte(bad.Config), env)
			if err == nil {
				t.Fatal("was accepted")
			}
			for _, e := range configErrors(err) {
				if e.Field == bad.Field {
					return
				}
			}
			t.Errorf("got %v, want a *ConfigError for field %q", err, bad.Field)
		})
	}
}

// configErrors is every *ConfigError in err.
func configErrors(err error) []*providers.ConfigError {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*providers.ConfigError
		for _, e := range many.Unwrap() {
			all = append(all, configErrors(e)...)
		}
		return all
	}
	var one *providers.ConfigError
	if errors.As(err, &one) {
		return []*providers.ConfigError{one}
	}
	return nil
}

func (s *Suite) row(t *testing.T, row Row) {
	do := NewDoer(row.Replies...)
	if !row.Alone {
		do = NewDoer(append(append([]Reply{}, s.Setup...), row.Replies...)...)
	}
	person := s.Person
	if row.Person != nil {
		person = *row.Person
	}
	got, err := s.ask(t, do, row.Config, providers.Query{Check: s.check(row.Check), Person: person, DecisionID: decisionID}, row.Resume)
	s.compare(t, got, err, row.Want, row.Error)
	if do.Left() > 0 || do.Extra() > 0 {
		t.Errorf("%d replies nobody asked for, %d requests too many", do.Left(), do.Extra())
	}
	s.agree(t, row.Code, row.Want, row.Error)
}

// decisionID is the same in every query.
const decisionID = "d-00000000000000000001"

func (s *Suite) check(c providers.Check) providers.Check {
	if c == "" {
		return s.Info.Checks[0]
	}
	return c
}

// ask puts one question to a new provider and proves what holds for every question: requests go where they may, with
// no more claims than the check needs, and nothing that comes back holds a claim.
func (s *Suite) ask(t *testing.T, do *Doer, config string, q providers.Query, resume []byte) (providers.Result, error) {
	t.Helper()
	p, env := s.provider(t, config)
	got, err := s.call(t, p, do, q, resume)
	s.requests(t, p, env, q, do.Requests())
	for _, leak := range leaks(fmt.Sprintf("%v %+v %#v", got, got, got)+errorText(err)+pendingText(got), q.Person) {
		t.Errorf("the %s of the person is in what comes back", leak)
	}
	return got, err
}

func (s *Suite) call(t *testing.T, p providers.Provider, do *Doer, q providers.Query, resume []byte) (providers.Result, error) {
	t.Helper()
	if resume == nil {
		return p.Verify(t.Context(), do, q)
	}
	r, ok := p.(providers.Resumer)
	if !ok {
		t.Fatal("the provider cannot resume")
	}
	return r.Resume(t.Context(), do, q, resume)
}

// verify is Verify after Setup with one more reply, on a context of the caller's.
func (s *Suite) verify(ctx context.Context, t *testing.T, do *Doer, c providers.Check) (providers.Result, error) {
	t.Helper()
	p, _ := s.provider(t, "")
	return p.Verify(ctx, do, providers.Query{Check: c, Person: s.Person, DecisionID: decisionID})
}
