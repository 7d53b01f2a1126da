package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// auditMeanings says what the members of an audit line are that the schema does not describe.
var auditMeanings = map[string]string{
	"time":               "When the line was written, UTC, to the millisecond.",
	"id":                 "The decision's id: `x-idv-decision-id` at the upstream, `instance` at the client.",
	"request":            "The gateway's request id, if it has one.",
	"traceparent":        "The request's W3C trace context, if it has one.",
	"rule":               "The rule that decided; empty where the way ended before one was chosen.",
	"mode":               "A shadow rule's line says what would have been decided.",
	"reason":             "Why: of a rejection as in [problems](problems.md), else the outcome's word.",
	"decision":           "What the gateway did.",
	"attempts":           "Each question that was asked, in order.",
	"subject":            "The person, as a keyed digest; absent without `subject.key`.",
	"policy":             "The policy's digest, as `x-idv-version`.",
	"cache":              "How the answers were come by: `miss` where somebody was asked for this request, else as the last one: `hit` remembered, `joined` asked for another request at the same time, `assertion` proven before, as the request says with `idv-assertion`, `stale` past its time, while every provider is down.",
	"attempts.provider":  "The policy's name for it.",
	"attempts.check":     "What was asked.",
	"attempts.outcome":   "What it answered; `unanswered` where it did not.",
	"attempts.reason":    "The vendor's word that tells answers of one outcome apart.",
	"attempts.reference": "The vendor's number for the question, for asking its support.",
	"attempts.trace":     "The vendor's second number, where it has two.",
	"attempts.ms":        "How long it took, in milliseconds, a login it needed included.",
	"attempts.billed":    "Whether the vendor charges for it; a time-out is `unknown`.",
	"attempts.cache":     "How the answer was come by where the provider was not asked for this request.",
	"attempts.retry":     "True where the same provider had just been asked.",
}

// auditPage is the fields of an audit line.
func auditPage(f facts) ([]byte, error) {
	schemas, err := f.protocol()
	if err != nil {
		return nil, err
	}
	s, ok := schemas.by["audit"]
	if !ok {
		return nil, errors.New("the schema has no definition audit")
	}
	if err := schemas.conforms("audit", f.played.audit); err != nil {
		return nil, err
	}
	p := newPage("Audit lines", code(messagesFile))
	p.text(s.Description + " A line is one JSON object. `idvgate run` writes it to standard output or `--audit FILE`; any other host of the guest writes the " +
		"[audited](messages.md#audited) message as it is. A request that no rule is for, and that passes, has no line. " +
		"What comes from a vendor is cut to `[A-Za-z0-9._-]{1,64}` or left out.")
	attempts, err := p.auditFields(s, "")
	if err != nil {
		return nil, err
	}
	if attempts == nil {
		return nil, errors.New("an audit line has no attempts")
	}
	p.heading(2, "An attempt")
	if _, err := p.auditFields(*attempts, "attempts."); err != nil {
		return nil, err
	}
	p.heading(2, "An example")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(f.played.audit), "", "  "); err != nil {
		return nil, err
	}
	p.code("json", pretty.String())
	return p.bytes(), nil
}

// auditFields is the table of a line's members, or of an attempt's; it returns what the items of a list look like.
func (p *page) auditFields(s schema, path string) (items *schema, err error) {
	var rows [][]string
	for _, m := range s.Properties {
		var of schema
		if err := json.Unmarshal(m.value, &of); err != nil {
			return nil, err
		}
		about := of.Description
		if about == "" {
			about = auditMeanings[path+m.key]
		}
		if about == "" {
			return nil, unknown("member of the audit line", path+m.key, "the schema, or auditMeanings")
		}
		always := ""
		if slices.Contains(s.Required, m.key) {
			always = "yes"
		}
		rows = append(rows, []string{code(m.key), kind(of), always, about})
		if of.Items != nil {
			items = new(schema)
			if err := json.Unmarshal(of.Items, items); err != nil {
				return nil, err
			}
		}
	}
	p.table([]string{"member", "is", "always there", "meaning"}, rows)
	return items, nil
}
