package plugin

import (
	"context"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// tree is a node of testdata/combine.json.
type tree struct {
	Check providers.Check
	By    []string
	All   []tree
	Any   []tree
}

// scripted answers what a case says, and notes who was asked.
type scripted struct {
	name    string
	answers []string
	needs   []identity.Claim
	asked   *[]string
}

func (s *scripted) Claims(providers.Check) []identity.Claim { return s.needs }

func (s *scripted) Verify(_ context.Context, _ callout.Doer, q providers.Query) (providers.Result, error) {
	*s.asked = append(*s.asked, s.name+":"+string(q.Check))
	if len(s.answers) == 0 {
		panic("asked more often than scripted: " + s.name)
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	fail := &providers.Error{Provider: s.name}
	switch answer {
	case "error:unavailable":
		fail.Kind = providers.Unavailable
	case "error:timeout":
		fail.Err = &callout.Error{Kind: callout.Timeout}
	case "error:busy":
		fail.Kind = providers.Busy
	case "error:refused":
		fail.Kind = providers.Refused
	case "error:malformed":
		fail.Kind = providers.Malformed
	case "pending":
		return providers.Result{Outcome: providers.Pending, Pending: &providers.Continuation{URL: "https://page.example.cn/"}}, nil
	default:
		o, ok := providers.ParseOutcome(answer)
		if !ok {
			panic("no such answer: " + answer)
		}
		return providers.Result{Outcome: o}, nil
	}
	return providers.Result{}, fail
}

func TestCombine(t *testing.T) {
	raw, err := os.ReadFile("testdata/combine.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name           string
			Tree           tree
			Answers        map[string][]string
			Retry          map[string]int
			RetryOnTimeout []string
			Needs          map[string]string
			Claims         []string
			Asked          []string
			Outcome        string
			Error          string
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 40 {
		t.Fatalf("only %d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			asked := []string{}
			index := map[string]int{}
			e := &Engine{env: Env{Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, Random: strings.NewReader(strings.Repeat("r", 64)), Metrics: uncounted{}}, policy: &policy.Policy{}}
			for i, name := range []string{"a", "b"} {
				index[name] = i
				p := provider{Provider: policy.Provider{Name: name, Timeout: time.Second, Retry: c.Retry[name]}, claims: map[providers.Check][]identity.Claim{}}
				p.RetryOnTimeout = contains(c.RetryOnTimeout, name)
				s := &scripted{name: name, answers: c.Answers[name], asked: &asked}
				for _, check := range providers.Checks() {
					p.claims[check] = check.Claims()
					if need, ok := c.Needs[name]; ok {
						claim, known := identity.ParseClaim(need)
						if !known {
							t.Fatalf("no such claim: %s", need)
						}
						p.claims[check] = []identity.Claim{claim}
					}
				}
				p.adapter = s
				p.attempts = newAttempts(uncounted{}, &p.Provider)
				p.spending = newSpending(uncounted{}, &p.Provider, nil, i)
				e.providers = append(e.providers, p)
			}
			q := &question{reading: reading{
				Visit: &Visit{engine: e, ctx: context.Background(), head: &Head{}},
				rule:  &rule{Rule: &policy.Rule{Verify: verifyOf(c.Tree, index), Within: time.Second}},
			}}
			q.now = e.env.Now()
			q.person = person(t, c.Claims)
			if q.precheck() {
				q.verify()
			}
			switch {
			case c.Error != "":
				if got := q.fault.Claim.String(); got != c.Error || !q.stopped {
					t.Errorf("claim at fault %q, want %q", got, c.Error)
				}
			case q.stopped:
				t.Errorf("stopped: %s", q.detail)
			case q.outcome.String() != c.Outcome:
				t.Errorf("outcome %s, want %s", q.outcome, c.Outcome)
			}
			if !reflect.DeepEqual(asked, c.Asked) {
				t.Errorf("asked %v, want %v", asked, c.Asked)
			}
		})
	}
}

func verifyOf(n tree, index map[string]int) policy.Verify {
	v := policy.Verify{Check: n.Check}
	for _, name := range n.By {
		v.By = append(v.By, index[name])
	}
	for _, m := range n.All {
		v.All = append(v.All, verifyOf(m, index))
	}
	for _, m := range n.Any {
		v.Any = append(v.Any, verifyOf(m, index))
	}
	return v
}

// person has the claims named, or name, ID number, mobile and bank card if none are.
func person(t *testing.T, claims []string) identity.Person {
	t.Helper()
	if claims == nil {
		claims = []string{"name", "idNumber", "mobile", "bankCard"}
	}
	texts := map[string]string{"name": "李雷", "idNumber": "110101199003070003", "mobile": "13800001000", "bankCard": "6222020000000001008"}
	var p identity.Person
	for _, word := range claims {
		c, ok := identity.ParseClaim(word)
		if !ok {
			t.Fatalf("no such claim: %s", word)
		}
		if err := parse(&p, c, texts[word], true, time.Unix(1_800_000_000, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}
