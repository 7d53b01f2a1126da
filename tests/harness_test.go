package tests

import (
	"strings"
	"testing"

	"github.com/idvgate/idvgate/tests/play"
)

// TestTheHarnessNotices plays one scenario with one expectation wrong at a time.
func TestTheHarnessNotices(t *testing.T) {
	root, all := load(t)
	var matched *play.Scenario
	for i := range all {
		if all[i].Name == "JD Cloud finds a match and it is billed" {
			matched = &all[i]
		}
	}
	if matched == nil {
		t.Fatal("the scenario to spoil is gone")
	}
	other := "other"
	for _, c := range []struct {
		name  string
		spoil func(*play.Expect)
		want  string
	}{
		{"another decision", func(e *play.Expect) { e.Decision, e.Status = "deny", 403 }, "audit line: decision"},
		{"another status", func(e *play.Expect) { e.Status = 201 }, "status is 200"},
		{"another outcome", func(e *play.Expect) { e.Outcome = "mismatch" }, "audit line: outcome"},
		{"another reason", func(e *play.Expect) { e.Reason = "mismatch" }, "audit line: reason"},
		{"another detail", func(e *play.Expect) { e.Detail = "age" }, "audit line: detail"},
		{"a claim at fault", func(e *play.Expect) { e.Claim = "name" }, "audit line: claim"},
		{"no rule", func(e *play.Expect) { e.Unmatched = true }, "the body of a request that no rule decides about"},
		{"another header at the upstream", func(e *play.Expect) { e.Upstream = map[string]*string{"x-idv-check": &other} }, "upstream header x-idv-check"},
		{"a header that nobody expected", func(e *play.Expect) { e.Upstream = nil }, "the upstream got x-idv-"},
		{"a header that is not to be there", func(e *play.Expect) { e.Upstream = map[string]*string{"content-type": nil} }, "is not to be there"},
		{"a header for the client", func(e *play.Expect) { e.Headers = map[string]*string{"retry-after": &other} }, "response header retry-after"},
		{"no calls", func(e *play.Expect) { e.Calls = nil }, "calls are"},
		{"another vendor's call", func(e *play.Expect) { e.Calls = []string{"celerity"} }, "calls are"},
		{"nothing billed", func(e *play.Expect) { e.Billed = 0 }, "1 calls are billed"},
		{"another member of the audit line", func(e *play.Expect) { e.Audit = map[string]any{"rule": "other"} }, "audit line: rule"},
		{"an attempt more", func(e *play.Expect) { e.Audit = map[string]any{"attempts": []any{}} }, "audit line: attempts"},
		{"a shadow rule", func(e *play.Expect) { e.Shadow = []map[string]any{{"rule": "other"}} }, "an audit line is missing"},
		{"another count", func(e *play.Expect) {
			e.Metrics = map[string]float64{`idv_cost_total{currency="CNY",provider="jd"}`: 0.3}
		}, "metric idv_cost_total"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			spoilt, expect := *matched, *matched.Expect
			c.spoil(&expect)
			spoilt.Expect = &expect
			faults := strings.Join(play.Run(root, play.NativeRuntime{}, &spoilt), "\n")
			if !strings.Contains(faults, c.want) {
				t.Errorf("faults are %q, nothing of %q", faults, c.want)
			}
		})
	}
}

// TestScenariosCover: no rejection, no outcome and no vendor is without a scenario.
func TestScenariosCover(t *testing.T) {
	_, all := load(t)
	seen := map[string]int{}
	for i := range all {
		steps := all[i].Steps
		if all[i].Request != nil {
			steps = []play.Step{{Request: *all[i].Request, Expect: *all[i].Expect}}
		}
		for _, s := range steps {
			seen["outcome "+s.Expect.Outcome]++
			seen["reason "+s.Expect.Reason]++
			for _, c := range s.Expect.Calls {
				vendor, _, _ := strings.Cut(c, ":")
				seen["vendor "+vendor]++
			}
		}
	}
	wanted := []string{
		"outcome match", "outcome mismatch", "outcome no_record", "outcome invalid_input", "outcome limited", "outcome pending", "outcome unanswered",
		"reason no_rule", "reason too_many_tries", "reason invalid_request", "reason age_requirement", "reason identity_not_verified", "reason verification_required",
		"reason body_too_large", "reason unsupported_media_type", "reason verification_unavailable",
	}
	for _, name := range vendors {
		wanted = append(wanted, "vendor "+name)
	}
	for _, want := range wanted {
		if seen[want] == 0 {
			t.Errorf("no scenario has %s", want)
		}
	}
	if len(all) < 300 {
		t.Errorf("only %d scenarios are left", len(all))
	}
}
