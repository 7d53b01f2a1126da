package main

import (
	"fmt"
	"go/ast"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/idvgate/idvgate/plugin"
)

// problemsPage is what a client gets instead of an answer, and what the upstream gets besides the request.
func problemsPage(f facts) ([]byte, error) {
	p := newPage("Problems and headers", "the engine's reasons and headers")
	p.text("What the client gets when a request does not pass, what the upstream gets when it does, and what a client cannot send.")
	ends, err := f.ends()
	if err != nil {
		return nil, err
	}
	for _, part := range []func(facts, *endings) error{p.reasons, p.members, p.details, p.headers} {
		if err := part(f, ends); err != nil {
			return nil, err
		}
	}
	return p.bytes(), nil
}

// endings is where the engine ends a request's way: which reason goes with which status and detail.
type endings struct {
	status  map[string][]string // by the reason's identifier
	details map[string][]string // by the reason's identifier
}

func (e *endings) add(reason string, status int, detail string) {
	if s := strconv.Itoa(status); !slices.Contains(e.status[reason], s) {
		e.status[reason] = append(e.status[reason], s)
		sort.Strings(e.status[reason])
	}
	if detail != "" && !slices.Contains(e.details[reason], detail) {
		e.details[reason] = append(e.details[reason], detail)
	}
}

// ends reads them out of the engine's sources: calls of stop and end, faults, and the table in decide.
func (f facts) ends() (*endings, error) {
	e := &endings{map[string][]string{}, map[string][]string{}}
	err := f.inspect("plugin", func(n ast.Node) error {
		var three []ast.Expr
		switch n := n.(type) {
		case *ast.CallExpr:
			if name := nameOf(n.Fun); name == "stop" || name == "end" {
				three = n.Args
			}
		case *ast.CompositeLit:
			if nameOf(n.Type) == "fault" {
				three = n.Elts
			}
		case *ast.AssignStmt:
			if len(n.Lhs) == 2 && nameOf(n.Lhs[0]) == "reason" && nameOf(n.Lhs[1]) == "status" && len(n.Rhs) == 2 {
				three = n.Rhs
			}
		case *ast.ReturnStmt: // of routes.find: nil, "why it is ambiguous"
			if len(n.Results) == 2 && nameOf(n.Results[0]) == "nil" {
				if word, ok := textOf(n.Results[1]); ok {
					e.add("InvalidRequest", 400, word)
				}
			}
			return nil
		}
		if len(three) < 2 {
			return nil
		}
		status, ok := numberOf(three[1])
		if !ok {
			return nil
		}
		detail := ""
		if len(three) == 3 {
			detail, _ = textOf(three[2])
		}
		e.add(nameOf(three[0]), status, detail)
		return nil
	})
	return e, err
}

func (p *page) reasons(f facts, ends *endings) error {
	reasons, err := f.constants("plugin", func(_, of string) bool { return of == "Reason" })
	if err != nil {
		return err
	}
	p.heading(2, "Problems")
	p.text("An RFC 9457 problem, `application/problem+json`, never cached. `type` is `urn:idvgate:problem:` and the reason. A fault of ours or the vendor's is " +
		"never a 403. A 503 carries `Retry-After: 5`.")
	var rows [][]string
	for _, r := range reasons {
		status := ends.status[r.name]
		if len(status) == 0 || r.about == "" {
			return unknown("reason", r.value, "the comment of its constant, and end the way with a literal status")
		}
		if r.name == "VerificationNeeded" {
			status = append(status, "303 to a browser that navigates")
		}
		rows = append(rows, []string{code(r.value), strings.Join(status, ", "), plugin.Reason(r.value).Title(), sentence(r.about)})
	}
	p.table([]string{"reason", "status", "title", "meaning"}, rows)
	p.text("A request that passes has no problem; in its audit line and metrics the reason is the outcome's word, such as `match`.")

	rows = nil
	err = f.inspect("host", func(n ast.Node) error {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return nil
		}
		for _, v := range spec.Values {
			lit, ok := v.(*ast.CompositeLit)
			if !ok || nameOf(lit.Type) != "fault" || len(lit.Elts) != 3 {
				continue
			}
			status, _ := numberOf(lit.Elts[0])
			reason, _ := textOf(lit.Elts[1])
			title, _ := textOf(lit.Elts[2])
			rows = append(rows, []string{code(reason), strconv.Itoa(status), title})
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.text("The gateway `idvgate` itself answers, in the same form, where there is no guest to ask or no upstream to reach:")
	p.table([]string{"reason", "status", "title"}, rows)
	return nil
}

// memberMeanings says what a problem's members are.
var memberMeanings = map[string]string{
	"type":      "`urn:idvgate:problem:` and the reason",
	"title":     "one sentence, the same for each reason",
	"status":    "the HTTP status",
	"reason":    "the word above; branch on this",
	"claim":     "of `invalid_request`: the claim at fault, where one is known; never its value",
	"verifyUrl": "of `verification_required`: the page to visit",
	"pending":   "of `verification_required`, where the policy has a `state` key: the handle to bring back as the header `idv-pending`, with the same claims; the header of that name says it too",
	"instance":  "the decision's id, as in the audit line and in `x-idv-decision-id`",
}

func (p *page) members(f facts, _ *endings) error {
	p.heading(2, "Members")
	var rows [][]string
	err := f.inspect("plugin", func(n ast.Node) error {
		fn, ok := n.(*ast.FuncDecl)
		if !ok || fn.Name.Name != "problem" {
			return nil
		}
		rows = append(rows, []string{code("type"), memberMeanings["type"]})
		var err error
		ast.Inspect(fn, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 || err != nil {
				return err == nil
			}
			name, isText := textOf(call.Args[0])
			switch {
			case !isText:
				return true
			case nameOf(call.Fun) == "Raw" && strings.HasSuffix(name, `":`) && strings.Contains(name, `,"`):
				name = name[strings.LastIndex(name, `,"`)+2 : len(name)-2]
			case nameOf(call.Fun) != "Name" && nameOf(call.Fun) != "Member":
				return true
			}
			if memberMeanings[name] == "" {
				err = unknown("member of a problem", name, "memberMeanings")
			}
			rows = append(rows, []string{code(name), memberMeanings[name]})
			return true
		})
		return err
	})
	if err != nil {
		return err
	}
	if len(rows) < 5 {
		return fmt.Errorf("only %d members of a problem were found in plugin's func problem", len(rows))
	}
	p.table([]string{"member", "meaning"}, rows)
	p.text("A wrong check digit, and a vendor that does not answer:")
	p.code("json", f.played.problem["invalid_request"]+"\n"+f.played.problem["verification_unavailable"])
	return nil
}

// details are the audit line's words that tell cases of one reason apart.
func (p *page) details(f facts, ends *endings) error {
	p.heading(2, "Details")
	p.text("The client is told no more than the above. The audit line's `detail` tells cases of one reason apart. Where a claim is at fault, it is one of:")
	var rows [][]string
	claims, err := f.constants("providers/identity", func(_, of string) bool { return of == "Fault" })
	if err != nil {
		return err
	}
	for _, c := range claims {
		if c.about == "" {
			return unknown("detail", c.value, "the comment of its constant")
		}
		rows = append(rows, []string{code(c.value), sentence(c.about)})
	}
	p.table([]string{"detail", "the claim"}, rows)
	p.text("Where the body is at fault as JSON:")
	rows = nil
	faults, err := f.constants("providers/strictjson", func(_, of string) bool { return of == "Fault" })
	if err != nil {
		return err
	}
	for _, c := range faults {
		rows = append(rows, []string{code("json_" + c.value), sentence(c.about)})
	}
	p.table([]string{"detail", "the body"}, rows)
	p.text("And otherwise:")
	rows = nil
	reasons, err := f.constants("plugin", func(_, of string) bool { return of == "Reason" })
	if err != nil {
		return err
	}
	for _, r := range reasons {
		for _, d := range ends.details[r.name] {
			if strings.HasPrefix(d, "json_") {
				continue // above
			}
			if detailMeanings[d] == "" {
				return unknown("detail", d, "detailMeanings")
			}
			rows = append(rows, []string{code(r.value), code(d), detailMeanings[d]})
		}
	}
	p.table([]string{"reason", "detail", "meaning"}, rows)
	p.text("Of `verification_unavailable` the attempts say what happened; after a fault of ours the detail is `panic` with file and line.")
	return nil
}

// detailMeanings says what the engine's details are.
var detailMeanings = map[string]string{
	"no_rule":           "No rule is for the request, and the gateway was told to deny such.",
	"ambiguous_host":    "The host could be read in two ways: a comma, a trailing dot, two Host headers, a port that is none, an address in brackets in another spelling than its shortest.",
	"ambiguous_method":  "The method is not written in capitals.",
	"ambiguous_path":    "The path could be read in two ways: empty or dot segments, a semicolon, a backslash, an encoded slash, question mark or hash, a second layer of encoding, a fragment, an absolute target, no UTF-8.",
	"overriding_header": "A header from which upstreams take method or path instead, such as X-HTTP-Method-Override.",
	"upgrade":           "An upgrade or CONNECT on a route with a rule: nobody could read its body.",
	"content_type":      "Not exactly one Content-Type of JSON or form, in UTF-8, or a Content-Encoding.",
	"max_body":          "The body is larger than the rule reads.",
	"body_broken_off":   "The body ended before it was whole.",
	"token_unreadable":  "The verified token's payload is no JSON object.",
	"claims":            "The claims do not go together.",
	"forward":           "The body could not be rewritten as the rule's forward says.",
	"proof":             "The rule requires a proof, and the request brings no assertion of it that is this client's.",
	"age":               "The age is outside the bounds, or the ID number does not tell it.",
}

func (p *page) headers(f facts, _ *endings) error {
	p.heading(2, "Headers to the upstream")
	p.text("Added to a request that a rule let pass. The first and the decision's id are always there, the rest as the rule's `annotate` asks; one without a value is left out. " +
		"A request that no rule is for has none of them.")
	headers, err := f.constants("plugin", func(name, _ string) bool { return strings.HasPrefix(name, "Header") })
	if err != nil {
		return err
	}
	var rows [][]string
	for _, h := range headers {
		if h.about == "" {
			return unknown("header", h.value, "the comment of its constant")
		}
		value := f.played.upstream[h.value]
		if value == "" {
			return fmt.Errorf("no example of %s: have the policy in tools/docs/example.go annotate it", h.value)
		}
		rows = append(rows, []string{code(h.value), sentence(h.about), code(value)})
	}
	p.table([]string{"header", "meaning", "such as"}, rows)
	p.heading(2, "What the body holds")
	p.text("What the client sent, byte by byte, unless the rule has `forward`: then each claim that it names is, where it stood in the JSON body, the person's digest (as `x-idv-subject`, also where " +
		"`annotate` asks for none), its last four characters, or gone; where there is no digest it is gone. An element of a list that is dropped becomes null. It is so whatever let the request pass. The rest of " +
		"the body is as it came; `content-length` is the new one, and `content-md5`, `digest`, `content-digest` and `repr-digest` of the old bytes are taken off. The body is all that is rewritten: what a client says a second time " +
		"elsewhere goes on.")
	p.heading(2, "What is stripped")
	p.text("`x-idv-*` belongs to the gateway. What a client sends under such a name is removed from every request, matched by a rule or not, in headers and trailers. " +
		"Upstreams fold names: so every byte of a name that is no letter or digit counts as a dash. `X_IDV_Outcome` and `x-idv.outcome` are removed, `x-idvendor` is not. " +
		"Routes and rules that look at `x-idv-*` look at nothing.")
	return nil
}
