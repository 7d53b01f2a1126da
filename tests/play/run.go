package play

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// run is one scenario being played.
type run struct {
	*Stand
	before map[string]float64 // counts, when the scenario began
	step   string
	seen   []Seen // of each step so far
	faults []string
}

func (r *run) fault(format string, args ...any) {
	r.faults = append(r.faults, r.step+fmt.Sprintf(format, args...))
}

func (r *run) leak(what string, text []byte) {
	if claim := r.canary.Find(text); claim != "" {
		r.fault("%s is in %s", claim, what)
	}
}

func (r *run) steps(steps []Step) error {
	for i := range steps {
		if len(steps) > 1 {
			r.step = fmt.Sprintf("step %d: ", i+1)
		}
		if what := steps[i].Store; what != "" {
			if err := r.stage.Store.Do(what); err != nil {
				return err
			}
		}
		if len(steps[i].Faults) > 0 {
			if err := r.stage.faults(steps[i].Faults); err != nil {
				return err
			}
		}
		if err := r.visit(steps[i].Page); err != nil {
			return err
		}
		request, err := steps[i].Request.build(r.stage.People)
		if err != nil {
			return err
		}
		if err := r.bring(request); err != nil {
			return err
		}
		r.canary.Watch(request)
		seen, err := r.gateway.Play(request)
		if err != nil {
			return fmt.Errorf("play: %w", err)
		}
		r.seen = append(r.seen, seen)
		if err := r.check(&steps[i].Expect, request, &seen); err != nil {
			return err
		}
	}
	return nil
}

// visit is the person on the page that the last problem named.
func (r *run) visit(says string) error {
	if says == "" {
		return nil
	}
	var problem struct{ VerifyURL string }
	if len(r.seen) == 0 || json.Unmarshal(r.seen[len(r.seen)-1].Body, &problem) != nil || problem.VerifyURL == "" {
		return errors.New("play: the last step named no page")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.PostForm(problem.VerifyURL, url.Values{"said": {says}})
	if err != nil {
		return fmt.Errorf("play: the page: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("play: the page says %s", answer.Status)
	}
	return nil
}

// brings is a response header of an earlier step, in a header of this one.
var brings = regexp.MustCompile(`\{step (\d+): ([a-z-]+)\}`)

// bring puts what earlier responses said in the request's headers.
func (r *run) bring(request *Request) (err error) {
	for i := range request.Headers {
		request.Headers[i][1] = brings.ReplaceAllStringFunc(request.Headers[i][1], func(s string) string {
			m := brings.FindStringSubmatch(s)
			if n, _ := strconv.Atoi(m[1]); n >= 1 && n <= len(r.seen) && len(r.seen[n-1].Header[m[2]]) == 1 {
				return r.seen[n-1].Header[m[2]][0]
			}
			err = fmt.Errorf("play: step %s has not answered with one %s", m[1], m[2])
			return s
		})
	}
	return err
}

// check compares one request with what was expected of it.
func (r *run) check(e *Expect, request *Request, seen *Seen) error {
	lines, err := r.takeAudit(e)
	if err != nil {
		return fmt.Errorf("%w; status is %d (was there no rule for the request, where unmatched is not set?)", err, seen.Status)
	}
	enforce := map[string]any{}
	if !e.Unmatched {
		if len(lines[""]) != 1 {
			return fmt.Errorf("%d audit lines of the deciding rule, not one", len(lines[""]))
		}
		enforce = lines[""][0]
		r.checkAudit(e, enforce)
	}
	r.checkShadow(e, lines)
	if err := r.checkCalls(e); err != nil {
		return err
	}
	r.checkMetrics(e)

	status := e.Status
	if status == 0 {
		status = 200
	}
	if seen.Status != status {
		r.fault("status is %d, not %d (%s)", seen.Status, status, seen.Body)
	}
	for name, want := range e.Headers {
		r.compareHeader("response header "+name, seen.Header[name], want)
	}
	if read := seen.BodyRead; e.Unmatched && read != nil && *read != e.BodyRead {
		r.fault("the body of a request that no rule decides about: read is %v, not %v", *read, e.BodyRead)
	}
	if e.Decision == "allow" {
		r.checkPassed(e, request, seen, enforce)
		r.leak("the response's headers", []byte(fmt.Sprint(seen.Header)))
		return nil
	}
	if seen.Upstream != nil {
		r.fault("the upstream saw a request that was not to pass")
	}
	r.checkProblem(e, seen, enforce)
	r.leak("the problem", seen.Body)
	r.leak("the response's headers", []byte(fmt.Sprint(seen.Header)))
	return nil
}

// takeAudit waits for the step's audit lines and returns them by shadow rule, "" for the rule that decided.
func (r *run) takeAudit(e *Expect) (map[string][]map[string]any, error) {
	want := len(e.Shadow)
	if !e.Unmatched {
		want++
	}
	if err := r.record.waitAudit(r.audits + want); err != nil {
		return nil, fmt.Errorf("%w: want %d, have %s", err, want, r.record.lines(r.audits))
	}
	by := map[string][]map[string]any{}
	for _, line := range r.record.lines(r.audits)[:want] {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			return nil, fmt.Errorf("audit line is no JSON: %s", line)
		}
		rule := ""
		if m["mode"] == "shadow" {
			rule, _ = m["rule"].(string)
		}
		by[rule] = append(by[rule], m)
	}
	r.audits += want
	return by, nil
}

func (r *run) checkAudit(e *Expect, line map[string]any) {
	word := func(name, want string) {
		got, _ := line[name].(string)
		if got != want {
			r.fault("audit line: %s is %q, not %q (%s)", name, got, want, text(line))
		}
	}
	word("decision", e.Decision)
	word("outcome", e.Outcome)
	word("reason", e.Reason)
	if e.Detail != "" {
		word("detail", e.Detail)
	}
	word("claim", e.Claim)
	status := float64(e.Status)
	if e.Decision == "allow" {
		status = 0
	}
	if line["status"] != status {
		r.fault("audit line: status is %v, not %v", line["status"], status)
	}
	r.members("audit line", e.Audit, line)
}

func (r *run) checkShadow(e *Expect, lines map[string][]map[string]any) {
	count := map[string]int{}
	for _, want := range e.Shadow {
		rule, _ := want["rule"].(string)
		got := lines[rule]
		if count[rule] >= len(got) {
			r.fault("no audit line of shadow rule %q", rule)
			continue
		}
		r.members("shadow rule "+rule, want, got[count[rule]])
		count[rule]++
	}
	for rule, got := range lines {
		if rule != "" && len(got) > count[rule] {
			r.fault("unexpected audit line of shadow rule %q: %s", rule, text(got[0]))
		}
	}
}

// members compares those members of got that are wanted; null wants none.
func (r *run) members(where string, want, got map[string]any) {
	for name, w := range want {
		g, there := got[name]
		switch {
		case w == nil && there:
			r.fault("%s: %s is %s, but is not to be there", where, name, text(g))
		case w == nil:
		case !equal(w, g):
			r.fault("%s: %s is %s, not %s", where, name, text(g), text(w))
		}
	}
}

// checkPassed is for a request that went on to the upstream.
func (r *run) checkPassed(e *Expect, request *Request, seen *Seen, audit map[string]any) {
	if seen.Upstream == nil {
		r.fault("the upstream saw nothing (status %d, %s)", seen.Status, seen.Body)
		return
	}
	r.checkBody(e, request, seen.Upstream)
	want := map[string]*string{}
	for name, value := range e.Upstream {
		want[name] = value
	}
	if !e.Unmatched {
		id, _ := audit["id"].(string)
		want["x-idv-decision-id"] = &id
		if _, said := want["x-idv-outcome"]; !said {
			want["x-idv-outcome"] = &e.Outcome
		}
	}
	for name, value := range want {
		r.compareHeader("upstream header "+name, seen.Upstream.Headers[name], value)
	}
	for _, names := range []map[string][]string{seen.Upstream.Headers, seen.Upstream.Trailers} {
		for name, values := range names {
			if w, said := want[name]; ours(name) && (!said || w == nil) {
				r.fault("the upstream got %s: %q", name, values)
			}
		}
	}
}

// checkBody is for the body that the upstream got.
func (r *run) checkBody(e *Expect, request *Request, got *Forwarded) {
	if lengths := got.Headers["content-length"]; len(lengths) > 1 || len(lengths) == 1 && lengths[0] != strconv.Itoa(len(got.Body)) {
		r.fault("the upstream got content-length %q with %d bytes of body", lengths, len(got.Body))
	}
	if e.Forwards == nil {
		if string(got.Body) != string(request.Body) {
			r.fault("the upstream got %d bytes of body, not the client's %d", len(got.Body), len(request.Body))
		}
		return
	}
	var was, is map[string]any
	if json.Unmarshal(request.Body, &was) != nil || json.Unmarshal(got.Body, &is) != nil {
		r.fault("the upstream got %d bytes of body that are no JSON object", len(got.Body))
		return
	}
	r.members("the upstream's body", e.Forwards, is)
	for name, value := range was {
		if _, said := e.Forwards[name]; !said && !equal(value, is[name]) {
			r.fault("the upstream's body has another %s than the client's", name)
		}
	}
	for name := range is {
		if _, there := was[name]; !there {
			r.fault("the upstream's body has a member %s, which the client's has not", name)
		}
	}
}

// ours reports whether an upstream could take the header for one of the gateway's.
func ours(name string) bool {
	folded := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(name))
	return strings.HasPrefix(folded+"-", "x-idv-") || folded == "idv-pending" || folded == "idv-assertion"
}

func (r *run) compareHeader(where string, got []string, want *string) {
	switch {
	case want == nil && len(got) > 0:
		r.fault("%s is %q, but is not to be there", where, got)
	case want == nil:
	case len(got) != 1:
		r.fault("%s is there %d times (%q), not once as %q", where, len(got), got, *want)
	case !equal(*want, got[0]):
		r.fault("%s is %q, not %q", where, got[0], *want)
	}
}

func (r *run) checkCalls(e *Expect) error {
	calls, err := r.stage.calls()
	if err != nil {
		return err
	}
	steps := strings.Contains(strings.Join(e.Calls, " "), ":")
	var got []string
	billed := 0
	for _, c := range calls {
		if c.Billed {
			billed++
		}
		switch {
		case steps:
			got = append(got, c.Vendor+":"+c.Step)
		case c.Step == "verify":
			got = append(got, c.Vendor)
		}
	}
	if !sameCalls(got, e.Calls, len(e.Shadow) > 0) {
		r.fault("calls are %v, not %v (%v)", got, e.Calls, calls)
	}
	if billed != e.Billed {
		r.fault("%d calls are billed, not %d", billed, e.Billed)
	}
	return nil
}

func (r *run) checkMetrics(e *Expect) {
	if len(e.Metrics) == 0 {
		return
	}
	got := r.record.counts()
	for key, want := range e.Metrics {
		if added := got[key] - r.before[key]; added-want > 1e-9 || want-added > 1e-9 {
			r.fault("metric %s is %v, not %v (%v)", key, added, want, got)
		}
	}
}
