package providertest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers"
)

// compare proves that got and err are what is wanted, and that the parts hold what they must.
func (s *Suite) compare(t *testing.T, got providers.Result, err error, want providers.Result, wantErr *providers.Error) {
	t.Helper()
	if wantErr != nil {
		e := s.isError(t, got, err)
		if e == nil {
			return
		}
		if g, w := compared(e), compared(wantErr); g != w {
			t.Errorf("error\n got %s\nwant %s\ntext %v", g, w, e)
		}
		return
	}
	if err != nil {
		t.Errorf("error %v, want %s", err, show(want))
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("result\n got %s\nwant %s", show(got), show(want))
	}
	s.wellFormed(t, got)
}

// isError proves that err is an *Error of this provider and that there is no result beside it; nil if it is not.
func (s *Suite) isError(t *testing.T, got providers.Result, err error) *providers.Error {
	t.Helper()
	if err == nil {
		t.Errorf("got %s, want an error", show(got))
		return nil
	}
	if !reflect.DeepEqual(got, providers.Result{}) {
		t.Errorf("beside the error there is a result: %s", show(got))
	}
	e, ok := errors.AsType[*providers.Error](err)
	if !ok {
		t.Errorf("error is a %T (%v), want *providers.Error", err, err)
		return nil
	}
	if e.Provider != s.Info.Name || !strings.HasPrefix(e.Error(), s.Info.Name+": ") {
		t.Errorf("error %q of provider %q, want %q in front", e, e.Provider, s.Info.Name)
	}
	if e.Code != "" && providers.Token(e.Code) == "" {
		t.Errorf("code %q is no token", e.Code)
	}
	return e
}

func (s *Suite) wellFormed(t *testing.T, r providers.Result) {
	t.Helper()
	if (r.Pending != nil) != (r.Outcome == providers.Pending) {
		t.Errorf("outcome %s with continuation %v: one if and only if the other", r.Outcome, r.Pending != nil)
	}
	for name, text := range map[string]string{"reference": r.Reference, "trace": r.Trace, "reason": r.Reason} {
		if text != "" && providers.Token(text) == "" {
			t.Errorf("%s %q is no token", name, text)
		}
	}
	switch r.Carrier {
	case "", "mobile", "telecom", "unicom":
	default:
		t.Errorf("carrier %q is none", r.Carrier)
	}
}

// agree proves that the table of codes says what the row shows.
func (s *Suite) agree(t *testing.T, code string, want providers.Result, wantErr *providers.Error) {
	t.Helper()
	if code == "" {
		return
	}
	for _, c := range s.Info.Codes {
		if c.Code != code {
			continue
		}
		outcome, kind, billed := want.Outcome, "", want.Billed
		if wantErr != nil {
			outcome, kind, billed = providers.Unanswered, wantErr.Kind.String(), wantErr.Billed
		}
		if outcome != c.Outcome || kind != c.Kind || billed != c.Billed {
			t.Errorf("Info.Codes says %s %s billed %s of %q, the row shows %s %s billed %s",
				c.Outcome, c.Kind, c.Billed, code, outcome, kind, billed)
		}
		return
	}
	t.Errorf("Info.Codes has no code %q", code)
}

func (s *Suite) codesOfRows() map[string]bool {
	covered := map[string]bool{}
	for _, r := range s.Rows {
		covered[r.Code] = true
	}
	return covered
}

// compared is what of an Error is compared: all but its text.
func compared(e *providers.Error) string {
	return fmt.Sprintf("kind %s, status %d, code %q, retry %s, billed %s, unknown code %v",
		e.Kind, e.Status, e.Code, e.Retry, e.Billed, e.UnknownCode)
}

func show(r providers.Result) string {
	s := fmt.Sprintf("%s, reason %q, claim %q, reference %q, trace %q, billed %s, carrier %q, unknown code %v",
		r.Outcome, r.Reason, r.Claim, r.Reference, r.Trace, r.Billed, r.Carrier, r.UnknownCode)
	if p := r.Pending; p != nil {
		s += fmt.Sprintf(", pending at %q, handle %q, expires %s", p.URL, p.Handle, p.Expires)
	}
	return s
}

func pendingText(r providers.Result) string {
	if r.Pending == nil {
		return ""
	}
	return fmt.Sprintf(" %s %s", r.Pending.URL, r.Pending.Handle)
}

// errorText is everything that printing err or any error it wraps can show.
func errorText(err error) string {
	var s strings.Builder
	for ; err != nil; err = errors.Unwrap(err) {
		fmt.Fprintf(&s, " %v %+v %#v", err, err, err)
	}
	return s.String()
}
