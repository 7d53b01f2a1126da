package providertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/callout"
	"github.com/idvgate/idvgate/providers/identity"
)

// faults plays what can go wrong with any vendor on the verifying exchange of every check, and on each exchange of
// the set-up. All of it must be an error of the right kind.
func (s *Suite) faults(t *testing.T) {
	for _, f := range s.faultReplies() {
		t.Run(f.name, func(t *testing.T) {
			for _, c := range s.Info.Checks {
				do := NewDoer(append(append([]Reply{}, s.Setup...), f.reply)...)
				got, err := s.ask(t, do, "", providers.Query{Check: c, Person: s.Person, DecisionID: decisionID}, nil)
				if e := s.isError(t, got, err); e != nil {
					f.proves(t, e)
				}
			}
		})
	}
	t.Run("a reply cut anywhere is never a match", s.cutAnywhere)
	t.Run("a reply that has a claim for a value", s.echoed)
	t.Run("a context that is done", s.cancelled)
	for i := range s.Setup {
		t.Run(fmt.Sprintf("set-up exchange %d", i+1), func(t *testing.T) { s.setupFaults(t, i) })
	}
}

// A fault is a reply and what the error must be.
type fault struct {
	name        string
	reply       Reply
	kind        providers.ErrorKind
	status      int
	billed      providers.Billing
	anyBilling  bool
	unknownCode bool
}

func (s *Suite) faultReplies() []fault {
	nested := strings.Repeat("[", 10_000)
	cut := s.Match
	cut.Body = cut.Body[:len(cut.Body)/2]
	return []fault{
		{name: "a code nobody has seen", reply: s.UnknownCode, kind: providers.Malformed, status: s.UnknownCode.Status, anyBilling: true, unknownCode: true},
		{name: "no code", reply: s.MissingCode, kind: providers.Malformed, status: s.MissingCode.Status, anyBilling: true},
		{name: "HTML with 200", reply: HTML(200), kind: providers.Malformed, status: 200},
		{name: "HTML with 500", reply: HTML(500), kind: providers.Unavailable, status: 500},
		{name: "HTML with 502", reply: HTML(502), kind: providers.Unavailable, status: 502},
		{name: "a page with 200 that quotes the person", reply: s.quoting(200), kind: providers.Malformed, status: 200},
		{name: "a page with 500 that quotes the person", reply: s.quoting(500), kind: providers.Unavailable, status: 500},
		{name: "JSON cut in the middle", reply: cut, kind: providers.Malformed, status: cut.Status},
		{name: "an empty body", reply: JSON(200, ""), kind: providers.Malformed, status: 200},
		{name: "an empty object", reply: JSON(200, "{}"), kind: providers.Malformed, status: 200},
		{name: "null", reply: JSON(200, "null"), kind: providers.Malformed, status: 200},
		{name: "10,000 arrays in each other", reply: JSON(200, nested), kind: providers.Malformed, status: 200},
		{name: "10,000 arrays in an object", reply: JSON(200, `{"data":`+nested), kind: providers.Malformed, status: 200},
		{name: "a reply that is too large", reply: Fail(callout.TooLarge), kind: providers.Malformed},
		{name: "a time-out", reply: Fail(callout.Timeout), kind: providers.Unavailable},
		{name: "an unreachable vendor", reply: Fail(callout.Unreachable), kind: providers.Unavailable},
		{name: "a blocked callout", reply: Fail(callout.Blocked), kind: providers.Unavailable, billed: providers.BilledNo},
	}
}

// quoting is a page that says back every claim; ask finds those that come through.
func (s *Suite) quoting(status int) Reply {
	page := HTML(status)
	for _, c := range identity.Claims() {
		page.Body = append(page.Body, value(s.Person, c)+"<br>"...)
	}
	return page
}

func (f fault) proves(t *testing.T, e *providers.Error) {
	t.Helper()
	if e.Kind != f.kind || e.Status != f.status || e.UnknownCode != f.unknownCode {
		t.Errorf("got kind %s, status %d, unknown code %v; want %s, %d, %v", e.Kind, e.Status, e.UnknownCode, f.kind, f.status, f.unknownCode)
	}
	if !f.anyBilling && e.Billed != f.billed {
		t.Errorf("billed %s, want %s", e.Billed, f.billed)
	}
}

// cutAnywhere cuts the match at every byte; only what is whole may be one.
func (s *Suite) cutAnywhere(t *testing.T) {
	whole := len(strings.TrimRight(string(s.Match.Body), " \r\n\t"))
	for n := range whole {
		cut := s.Match
		cut.Body = cut.Body[:n]
		do := NewDoer(append(append([]Reply{}, s.Setup...), cut)...)
		got, err := s.verify(t.Context(), t, do, s.Info.Checks[0])
		if s.isError(t, got, err) == nil {
			t.Fatalf("after %d of %d bytes", n, whole)
		}
	}
}

// echoed puts each claim in the place of each value of a reply with an unknown code: whatever is an error then does not
// say it, as a code least of all, since a mobile passes for a token.
func (s *Suite) echoed(t *testing.T) {
	var whole any
	if json.Unmarshal(s.UnknownCode.Body, &whole) != nil {
		t.Fatal("Suite.UnknownCode is no JSON")
	}
	for i := range scalars(whole, -1, nil) {
		for _, c := range []identity.Claim{identity.ClaimIDNumber, identity.ClaimMobile, identity.ClaimBankCard, identity.ClaimUserID} {
			var changed any
			_ = json.Unmarshal(s.UnknownCode.Body, &changed) // as above
			claim := value(s.Person, c)
			scalars(changed, i, claim)
			reply := s.UnknownCode
			reply.Body, _ = json.Marshal(changed) // what JSON was read from
			do := NewDoer(append(append([]Reply{}, s.Setup...), reply)...)
			_, err := s.verify(t.Context(), t, do, s.Info.Checks[0])
			if strings.Contains(errorText(err), claim) {
				t.Errorf("the %s of the person is in the error after %s", c, reply.Body)
			}
		}
	}
}

// scalars counts the values in v that are neither object nor list, and puts in the one with that number.
func scalars(v any, number int, in any) int {
	n := 0
	each := func(of any, put func(any)) {
		switch of.(type) {
		case map[string]any, []any:
			n += scalars(of, number-n, in)
		default:
			if n == number {
				put(in)
			}
			n++
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			each(v[k], func(to any) { v[k] = to })
		}
	case []any:
		for i := range v {
			each(v[i], func(to any) { v[i] = to })
		}
	}
	return n
}

func (s *Suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	do := NewDoer(append(append([]Reply{}, s.Setup...), s.Match)...)
	got, err := s.verify(ctx, t, do, s.Info.Checks[0])
	if e := s.isError(t, got, err); e != nil && e.Kind != providers.Unavailable {
		t.Errorf("kind %s, want unavailable", e.Kind)
	}
}

// setupFaults plays faults on exchange i of the set-up.
func (s *Suite) setupFaults(t *testing.T, i int) {
	for _, f := range []fault{
		{name: "HTML with 200", reply: HTML(200), kind: providers.Malformed},
		{name: "HTML with 500", reply: HTML(500), kind: providers.Unavailable},
		{name: "an empty body", reply: JSON(200, ""), kind: providers.Malformed},
		{name: "an empty object", reply: JSON(200, "{}"), kind: providers.Malformed},
		{name: "10,000 arrays in each other", reply: JSON(200, strings.Repeat("[", 10_000)), kind: providers.Malformed},
		{name: "a reply that is too large", reply: Fail(callout.TooLarge), kind: providers.Malformed},
		{name: "a time-out", reply: Fail(callout.Timeout), kind: providers.Unavailable},
		{name: "an unreachable vendor", reply: Fail(callout.Unreachable), kind: providers.Unavailable},
		{name: "a blocked callout", reply: Fail(callout.Blocked), kind: providers.Unavailable},
	} {
		t.Run(f.name, func(t *testing.T) {
			do := NewDoer(append(append([]Reply{}, s.Setup[:i]...), f.reply)...)
			got, err := s.ask(t, do, "", providers.Query{Check: s.Info.Checks[0], Person: s.Person, DecisionID: decisionID}, nil)
			if e := s.isError(t, got, err); e != nil && e.Kind != f.kind {
				t.Errorf("kind %s, want %s", e.Kind, f.kind)
			}
		})
	}
}
