package play

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// equal compares what is wanted with what there is. A wanted text that starts with ~ is a regular expression. Of objects in
// a list, ms, reference and trace are only compared where they are wanted: they differ from run to run.
func equal(want, got any) bool {
	switch w := want.(type) {
	case string:
		g, ok := got.(string)
		if ok && strings.HasPrefix(w, "~") {
			return regexp.MustCompile("^(?:" + w[1:] + ")$").MatchString(g)
		}
		return ok && g == w
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !equal(w[i], g[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return false
		}
		for name := range g {
			if _, wanted := w[name]; !wanted && name != "ms" && name != "reference" && name != "trace" {
				return false
			}
		}
		for name := range w {
			if !equal(w[name], g[name]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, got)
}

// text is a value as JSON, for messages.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// sameCalls compares lists of calls, in any order where shadow rules run beside.
func sameCalls(got, want []string, anyOrder bool) bool {
	got, want = slices.Clone(got), slices.Clone(want)
	if anyOrder {
		slices.Sort(got)
		slices.Sort(want)
	}
	return slices.Equal(got, want)
}

// checkProblem looks at what a client gets that is not allowed.
func (r *run) checkProblem(e *Expect, seen *Seen, audit map[string]any) {
	one := func(name string) string {
		if v := seen.Header[name]; len(v) == 1 {
			return v[0]
		}
		return fmt.Sprintf("%q", seen.Header[name])
	}
	if got := one("content-type"); got != "application/problem+json" {
		r.fault("the problem's content-type is %s", got)
	}
	if got := one("cache-control"); got != "no-store" {
		r.fault("the problem's cache-control is %s", got)
	}
	var problem map[string]any
	if err := json.Unmarshal(seen.Body, &problem); err != nil {
		r.fault("the problem is no JSON: %q", seen.Body)
		return
	}
	if title, _ := problem["title"].(string); title == "" {
		r.fault("the problem has no title: %s", seen.Body)
	}
	want := map[string]any{
		"type": "urn:idvgate:problem:" + e.Reason, "reason": e.Reason, "status": float64(e.Status), "instance": audit["id"],
		"claim": nil, "verifyUrl": nil,
	}
	if e.Claim != "" && e.Reason == "invalid_request" {
		want["claim"] = e.Claim
	}
	if e.Decision == "challenge" {
		delete(want, "verifyUrl")
	}
	for name, value := range e.Problem {
		want[name] = value
	}
	r.members("problem", want, problem)
	wantRetry := ""
	if e.Status == 503 {
		wantRetry = "5"
	}
	got := strings.Join(seen.Header["retry-after"], ",")
	switch seconds, err := strconv.Atoi(got); {
	case e.Status == 429: // how long is the rule's to say
		if err != nil || seconds < 1 {
			r.fault("retry-after is %q, no number of seconds", got)
		}
	case got != wantRetry:
		r.fault("retry-after is %q, not %q", got, wantRetry)
	}
	wantLocation := ""
	if e.Status == 303 {
		wantLocation, _ = problem["verifyUrl"].(string)
	}
	if got := strings.Join(seen.Header["location"], ","); got != wantLocation {
		r.fault("location is %q, not %q", got, wantLocation)
	}
	if id, _ := audit["id"].(string); !decisionID.MatchString(id) {
		r.fault("the decision's id is %q", id)
	}
}

var decisionID = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)
