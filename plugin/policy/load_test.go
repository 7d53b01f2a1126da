package policy_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/plugin/policy/shape"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/identity"
)

type vendorConfig struct {
	Key   providers.Secret            `json:"key" jsonschema:"required"`
	Note  string                      `json:"note,omitempty"`
	Count int                         `json:"count,omitempty"`
	Deep  map[string]providers.Secret `json:"deep,omitempty"`
}

type vendor struct{ providers.Provider }

func list() providers.List {
	made := func([]byte, providers.Env) (providers.Provider, error) { return vendor{}, nil }
	return providers.List{
		{Name: "acme", Checks: providers.Checks(), Endpoint: "https://API.acme.example:8443/v1/", Config: vendorConfig{}, New: made},
		{Name: "bell", Checks: []providers.Check{providers.Mobile3}, Config: struct{}{}, New: made},
	}
}

func lookup(name string) (string, bool) {
	v, ok := map[string]string{"KEY": "k1", "OLD": "k0", "SUBJECT": "s", "URL": "http://127.0.0.1:9/x/", "EMPTY": "", "NOTE": "${KEY}"}[name]
	return v, ok
}

const whole = `{
  "version": 1,
  "providers": {
    "z": {"use": "bell", "endpoint": "${URL}", "allow": ["plaintext", "privateAddress"], "target": "outbound|443||bell", "timeout": "1500ms",
          "retry": 2, "retryOn": ["timeout"], "price": {"mobile3": "0.25 CNY"}},
    "a": {"use": "acme", "key": {"secret": ["KEY", "GONE", "EMPTY", "OLD"]}, "note": "${NOTE} ${GONE:-d:-e} $${KEY} $1", "count": 7,
          "deep": {"x": {"secret": "KEY"}}, "price": {"id2": "12 USD", "bank4": "0.000001 USD"}}
  },
  "subject": {"key": {"secret": "SUBJECT"}},
  "jwt": {"header": "X-JWT", "vouchedBy": "the token filter"},
  "state": {"key": {"secret": ["KEY", "OLD"]}, "pendingFor": "72h", "tenant": "retail"},
  "rules": [
    {"name": "long", "route": {"hosts": ["A.Example", "[::1]"], "methods": ["POST"], "path": "/V1/*/a/**", "ignoreCase": true},
     "when": {"any": [{"body": "n", "above": 1.5}, {"all": [{"header": "X-A", "equals": "b"}, {"query": "q", "in": [1, true, "x"]}, {"jwt": "s", "exists": false}]}]},
     "claims": {"mobile": {"header": "X-Mobile"}, "bankCard": {"body": "cards.0"}, "idNumber": {"jwt": "https://x\\.example/id"}, "name": {"body": "u\\.v.name"}},
     "require": {"age": {"min": 18, "max": 60}, "luhn": false, "virtualOperators": "deny"},
     "verify": {"any": [{"check": "bank4", "by": ["a"]}, {"all": [{"check": "bank3", "by": ["a"]}, {"check": "mobile3", "by": ["z", "a"]}]}], "within": "4s"},
     "decide": {"match": "deny", "pending": "deny", "unanswered": {"allow": true, "reason": "signed"}},
     "annotate": ["version", "subject"], "maxBody": "1MiB", "mode": "shadow", "sample": "0.5%"},
    {"name": "short", "route": {"path": "/"}, "claims": {"name": {"form": "name"}, "idNumber": {"form": "id"}}, "verify": {"check": "id2", "by": ["a"]},
     "remember": {"match": "720h", "no_record": "1h30m", "staleFor": "2h"}}
  ]
}`

func TestLoadReadsEveryWordOfAPolicy(t *testing.T) {
	got, problems := policy.Load([]byte(whole), list(), lookup)
	if problems != nil {
		t.Fatal(problems)
	}
	defaults := [8]policy.Row{providers.Match: {Action: policy.Allow}, providers.Pending: {Action: policy.Challenge}}
	want := &policy.Policy{
		Digest: got.Digest,
		Providers: []policy.Provider{
			{
				Name: "z", Endpoint: "http://127.0.0.1:9/x", Target: "outbound|443||bell", Plaintext: true, Private: true, Timeout: 1500 * time.Millisecond,
				Retry: 2, RetryOnTimeout: true, Price: map[providers.Check]policy.Price{providers.Mobile3: {Micros: 250000, Currency: "CNY"}}, Config: json.RawMessage(`{}`),
			},
			{
				Name: "a", Endpoint: "https://api.acme.example:8443/v1", Target: "api.acme.example:8443", Timeout: 3 * time.Second,
				Price:  map[providers.Check]policy.Price{providers.ID2: {Micros: 12000000, Currency: "USD"}, providers.Bank4: {Micros: 1, Currency: "USD"}},
				Config: json.RawMessage(`{"key":["k1","k0"],"note":"${KEY} d:-e ${KEY} $1","count":7,"deep":{"x":["k1"]}}`),
			},
		},
		Subject: policy.Subject{Key: providers.Secret{"s"}},
		JWT:     policy.JWT{Header: "x-jwt", VouchedBy: "the token filter"},
		State:   policy.State{Keys: providers.Secret{"k1", "k0"}, Pending: 72 * time.Hour, Tenant: "retail"},
		Rules: []policy.Rule{
			{
				Name: "long",
				Route: policy.Route{Hosts: []string{"a.example", "[::1]"}, Methods: []string{"POST"}, IgnoreCase: true, Path: []policy.Segment{
					{Text: "v1"}, {Kind: policy.One}, {Text: "a"}, {Kind: policy.Rest},
				}},
				When: &policy.Condition{Any: []policy.Condition{
					{Source: policy.Source{Place: policy.Body, Path: "n", Keys: []string{"n"}}, Op: policy.Above, Number: 1.5},
					{All: []policy.Condition{
						{Source: policy.Source{Place: policy.Header, Path: "x-a"}, Op: policy.Equals, Values: []policy.Scalar{{Text: "b"}}},
						{Source: policy.Source{Place: policy.Query, Path: "q"}, Op: policy.In, Values: []policy.Scalar{
							{Kind: policy.NumberKind, Number: 1}, {Kind: policy.BoolKind, Bool: true}, {Text: "x"},
						}},
						{Source: policy.Source{Place: policy.JWTClaim, Path: "s", Keys: []string{"s"}}, Op: policy.Exists},
					}},
				}},
				Claims: []policy.ClaimSource{
					{Claim: identity.ClaimName, Source: policy.Source{Place: policy.Body, Path: `u\.v.name`, Keys: []string{"u.v", "name"}}},
					{Claim: identity.ClaimIDNumber, Source: policy.Source{Place: policy.JWTClaim, Path: `https://x\.example/id`, Keys: []string{"https://x.example/id"}}},
					{Claim: identity.ClaimMobile, Source: policy.Source{Place: policy.Header, Path: "x-mobile"}},
					{Claim: identity.ClaimBankCard, Source: policy.Source{Place: policy.Body, Path: "cards.0", Keys: []string{"cards", "0"}}},
				},
				Require: policy.Require{MinAge: 18, MaxAge: 60, DenyVirtual: true},
				Verify: policy.Verify{Any: []policy.Verify{
					{Check: providers.Bank4, By: []int{1}},
					{All: []policy.Verify{{Check: providers.Bank3, By: []int{1}}, {Check: providers.Mobile3, By: []int{0, 1}}}},
				}},
				Within:   4 * time.Second,
				Decide:   [8]policy.Row{providers.Unanswered: {Action: policy.Allow, Signed: "signed"}},
				Annotate: []policy.Annotation{policy.AnnotateVersion, policy.AnnotateSubject},
				MaxBody:  1 << 20, Shadow: true, Sample: 0.005,
			},
			{
				Name:  "short",
				Route: policy.Route{Path: []policy.Segment{}},
				Claims: []policy.ClaimSource{
					{Claim: identity.ClaimName, Source: policy.Source{Place: policy.Form, Path: "name"}},
					{Claim: identity.ClaimIDNumber, Source: policy.Source{Place: policy.Form, Path: "id"}},
				},
				Require: policy.Require{Luhn: true},
				Verify:  policy.Verify{Check: providers.ID2, By: []int{1}},
				Within:  5 * time.Second, Decide: defaults,
				Remember: policy.Remember{
					For:      [8]time.Duration{providers.Match: 720 * time.Hour, providers.NoRecord: 90 * time.Minute},
					StaleFor: 2 * time.Hour,
				},
				Annotate: []policy.Annotation{policy.AnnotateOutcome, policy.AnnotateCheck},
				MaxBody:  256 << 10, Sample: 1,
			},
		},
	}
	for i := range got.Providers { // functions cannot be compared
		if name := got.Providers[i].Info.Name; name != [2]string{"bell", "acme"}[i] {
			t.Errorf("provider %d uses %s", i, name)
		}
		if len(got.Providers[i].Meaning) != 16 { // what it is a digest of, the engine's tests tell
			t.Errorf("provider %d means %q", i, got.Providers[i].Meaning)
		}
		got.Providers[i].Info, got.Providers[i].Meaning = providers.Info{}, ""
	}
	for i := range want.Rules {
		if !reflect.DeepEqual(got.Rules[i], want.Rules[i]) {
			t.Errorf("rule %d\n got %+v\nwant %+v", i, got.Rules[i], want.Rules[i])
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestTheDigestIsOfWhatIsWritten(t *testing.T) {
	load := func(doc string, lookup func(string) (string, bool)) string {
		p, problems := policy.Load([]byte(doc), list(), lookup)
		if problems != nil {
			t.Fatal(problems)
		}
		return p.Digest
	}
	const doc = `{"version":1,"providers":{"a":{"use":"acme","key":{"secret":"KEY"},"note":"${NOTE}"}},"rules":[{"name":"x","route":{"path":"/"},"claims":{"name":{"body":"n"},"idNumber":{"body":"i"}},"verify":{"check":"id2","by":["a"]}}]}`
	first := load(doc, lookup)
	if len(first) != 22 || strings.ContainsAny(first, "+/=") {
		t.Errorf("digest %q", first)
	}
	for _, c := range []struct {
		name, doc string
		lookup    func(string) (string, bool)
		same      bool
	}{
		{"white space does not count", strings.ReplaceAll(doc, ",", ",\n  "), lookup, true},
		{"the order of keys does not count", `{"providers":{"a":{"note":"${NOTE}","use":"acme","key":{"secret":"KEY"}}},"version":1,` + doc[strings.Index(doc, `"rules"`):], lookup, true},
		{"what variables and secrets hold does not count", doc, func(string) (string, bool) { return "other", true }, true},
		{"a word counts", strings.Replace(doc, `"x"`, `"y"`, 1), lookup, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := load(c.doc, c.lookup); (got == first) != c.same {
				t.Errorf("%s and %s", first, got)
			}
		})
	}
}

func TestProblemsNameTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"no JSON", `{`, "not one JSON value that everybody reads alike: syntax at byte 1"},
		{"two values", `{} {}`, "not one JSON value that everybody reads alike: syntax at byte 3"},
		{"too deep for any parser", strings.Repeat("[", 10000), "not one JSON value that everybody reads alike: depth at byte 64"},
		{"a list", `[]`, "a mapping is due, not a list"},
		{
			"a misspelt field", `{"version":1,"providers":{"a":{"use":"acme","key":{"secret":"KEY"}}},"rules":[{"name":"x","route":{"metod":[],"path":"/"},"claims":{"name":{"body":"n"},"idNumber":{"body":"i"}},"verify":{"check":"id2","by":["a"]}}]}`,
			`rules[0].route.metod: unknown field "metod"; did you mean "methods"?`,
		},
		{
			"variables and secrets say who asks", `{"version":1,"providers":{"phone":{"use":"bell","endpoint":"${CELERITY_URL}"},"jd":{"use":"acme","key":{"secret":"JD_ACCESS_KEY"}}},"rules":[{"name":"x","route":{"path":"/"},"claims":{"name":{"body":"n"},"idNumber":{"body":"i"}},"verify":{"check":"id2","by":["jd"]}}]}`,
			"unset variable CELERITY_URL, asked for by providers.phone.endpoint\nproviders.jd.key.secret: missing secret JD_ACCESS_KEY, asked for by providers.jd.key",
		},
		{
			"a key that occurs twice, at any depth", `{"version":1,"version":1,"providers":{"a":{"use":"acme","use":"bell","key":{"secret":"KEY"}}},"rules":[{"name":"x","route":{"path":"/"},"claims":{"name":{"body":"n"},"idNumber":{"body":"i"}},"verify":{"check":"id2","by":["a"]}}]}`,
			`version: duplicate key "version"` + "\n" + `providers.a.use: duplicate key "use"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, problems := policy.Load([]byte(c.doc), list(), lookup)
			if p != nil || problems.Error() != c.want {
				t.Errorf("%v\nwant %s", problems, c.want)
			}
		})
	}
}

func TestQuantities(t *testing.T) {
	for _, c := range []struct {
		in     string
		micros int64
		ok     bool
	}{
		{"0.25 CNY", 250000, true},
		{"3 USD", 3000000, true},
		{"999999999.999999 CNY", 999999999999999, true},
		{"0.0000001 CNY", 0, false},
		{"1. CNY", 0, false},
		{".5 CNY", 0, false},
		{"-1 CNY", 0, false},
		{"1 cny", 0, false},
		{"1  CNY", 0, false},
		{"1e3 CNY", 0, false},
		{"9999999999 CNY", 0, false},
	} {
		if micros, _, ok := shape.ParsePrice(c.in); micros != c.micros || ok != c.ok {
			t.Errorf("price %q is %d, %v", c.in, micros, ok)
		}
	}
	for in, want := range map[string]int64{"1B": 1, "256KiB": 256 << 10, "16MiB": 16 << 20, "999999999MiB": 999999999 << 20, "KiB": -1, "1.5KiB": -1, "1kb": -1, "-1B": -1, "1": -1, "": -1, "9999999999B": -1} {
		if got, ok := shape.ParseSize(in); ok != (want >= 0) || ok && got != want {
			t.Errorf("size %q is %d, %v", in, got, ok)
		}
	}
	for in, want := range map[string]time.Duration{"2s": 2 * time.Second, "1m30s": 90 * time.Second, "0s": 0, "0.5s": time.Second / 2, "2": -1, "-2s": -1, "+2s": -1, "": -1, "0": -1, ".5s": -1, "9999999999h": -1} {
		if got, ok := shape.ParseDuration(in); ok != (want >= 0) || ok && got != want {
			t.Errorf("duration %q is %s, %v", in, got, ok)
		}
	}
	for in, want := range map[string]float64{"5%": 0.05, "0.5%": 0.005, "100%": 1, "0%": -1, "100.1%": -1, "5": -1, "-5%": -1, "1e1%": -1, "%": -1, "NaN%": -1} {
		if got, ok := shape.ParsePercent(in); ok != (want >= 0) || ok && got != want {
			t.Errorf("percent %q is %v, %v", in, got, ok)
		}
	}
}

// Whatever loads can be evaluated: every row decided, every index in range, every bound kept.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"version":1,"providers":{"a":{"use":"acme","key":{"secret":"KEY"}}},"rules":[{"name":"x","route":{"path":"/**"},"when":{"all":[]},"claims":{},"verify":{"any":[{"check":"id2","by":["a"]}]}}]}`))
	f.Add([]byte(`{"rules":[null,{"when":[],"decide":{"match":{}},"annotate":[[]]}],"providers":{"":null,"a":{"use":"acme","deep":{"x":{"secret":[null]}}}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, problems := policy.Load(doc, list(), lookup)
		if (p == nil) != (problems != nil) || problems != nil && len(problems) == 0 {
			t.Fatalf("policy %v with problems %v", p != nil, problems)
		}
		if p == nil {
			_ = problems.Error()
			return
		}
		for _, r := range p.Rules {
			total(t, p, &r)
		}
	})
}

func total(t *testing.T, p *policy.Policy, r *policy.Rule) {
	t.Helper()
	if r.Name == "" || r.Route.Path == nil || len(r.Claims) == 0 || r.MaxBody <= 0 || r.Within <= 0 || r.Sample <= 0 || r.Sample > 1 {
		t.Fatalf("rule %+v", r)
	}
	for o, row := range r.Decide {
		signed := row.Signed != ""
		if row.Action == policy.Allow && signed != (providers.Outcome(o) != providers.Match) || row.Action == policy.Challenge && providers.Outcome(o) != providers.Pending {
			t.Fatalf("row %d %+v", o, row)
		}
	}
	claims := map[identity.Claim]bool{}
	for _, c := range r.Claims {
		claims[c.Claim] = c.Path != ""
		if needsKeys := c.Place == policy.Body || c.Place == policy.JWTClaim; needsKeys != (len(c.Keys) > 0) {
			t.Fatalf("source %+v", c)
		}
	}
	var walk func(v *policy.Verify)
	walk = func(v *policy.Verify) {
		for i := range v.All {
			walk(&v.All[i])
		}
		for i := range v.Any {
			walk(&v.Any[i])
		}
		if v.All == nil && v.Any == nil && len(v.By) == 0 {
			t.Fatalf("nobody to ask in %+v", v)
		}
		for _, i := range v.By {
			if i < 0 || i >= len(p.Providers) {
				t.Fatalf("provider %d of %d", i, len(p.Providers))
			}
		}
		for _, c := range v.Check.Claims() {
			if len(v.By) > 0 && !claims[c] {
				t.Fatalf("%s without %s", v.Check, c)
			}
		}
	}
	walk(&r.Verify)
}
