package main

import (
	"go/ast"
	"slices"
	"strings"

	"github.com/idvgate/idvgate/plugin/policy"
	"github.com/idvgate/idvgate/providers"
)

// A metric is one name, with what kind it is and its labels.
type metric struct {
	name, kind, about string
	labels            []string
}

// metricsPage is what the guest and the gateway count.
func metricsPage(f facts) ([]byte, error) {
	p := newPage("Metrics", "the code that counts")
	p.text("The gateway's admin port serves them at `/metrics`, for Prometheus. The guest says what happened in [metered](messages.md#metered) messages, and its host adds it up: " +
		"another host of the guest has those under the same names. No label holds anything of a person.")
	guest, err := f.guestMetrics()
	if err != nil {
		return nil, err
	}
	p.heading(2, "Of the guest")
	p.metrics(guest)
	p.heading(2, "Labels")
	if err := p.labels(guest); err != nil {
		return nil, err
	}
	host, err := f.hostMetrics()
	if err != nil {
		return nil, err
	}
	p.heading(2, "Of the gateway")
	p.metrics(host)
	p.text("Besides, the Go runtime's `go_*` and the process's `process_*`. What the guest counts beyond 64 names or 2,000 series is dropped, and counted as dropped; a gauge of the guest " +
		"has a label `shard`.")
	return p.bytes(), nil
}

func (p *page) metrics(all []metric) {
	var rows [][]string
	for _, m := range all {
		rows = append(rows, []string{code(m.name), m.kind, codes(m.labels), sentence(m.about)})
	}
	p.table([]string{"metric", "kind", "labels", "counts"}, rows)
}

// guestMetrics are the engine's: its constants, with the calls that make them.
func (f facts) guestMetrics() ([]metric, error) {
	names, err := f.constants("plugin", func(name, _ string) bool { return strings.HasPrefix(name, "Metric") })
	if err != nil {
		return nil, err
	}
	made := map[string]metric{}
	err = f.inspect("plugin", func(n ast.Node) error {
		call, ok := n.(*ast.CallExpr)
		kind := ""
		if ok {
			kind = strings.ToLower(nameOf(call.Fun))
		}
		if kind != "counter" && kind != "histogram" && kind != "gauge" || len(call.Args) == 0 {
			return nil
		}
		m := metric{kind: kind}
		for i := 1; i < len(call.Args); i += 2 {
			if label, ok := textOf(call.Args[i]); ok {
				m.labels = append(m.labels, label)
			}
		}
		made[nameOf(call.Args[0])] = m
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []metric
	for _, c := range names {
		m, ok := made[c.name]
		if !ok || c.about == "" {
			return nil, unknown("metric", c.value, "the comment of its constant, and make it with literal labels")
		}
		m.name, m.about = c.value, c.about
		all = append(all, m)
	}
	return all, nil
}

// labels says what the labels of the guest's metrics hold.
func (p *page) labels(all []metric) error {
	var actions, outcomes, billed []string
	for _, a := range []policy.Action{policy.Allow, policy.Deny, policy.Challenge} {
		actions = append(actions, a.String())
	}
	for _, o := range providers.Outcomes() {
		outcomes = append(outcomes, o.String())
	}
	for _, b := range []providers.Billing{providers.BilledYes, providers.BilledNo, providers.BilledUnknown} {
		billed = append(billed, b.String())
	}
	meanings := map[string]string{
		"rule":     "The rule's name; empty where the way ended before one was chosen.",
		"decision": oneOfWords(actions),
		"reason":   "Of a rejection as in [problems](problems.md), else the outcome's word.",
		"mode":     oneOfWords([]string{"enforce", "shadow"}),
		"provider": "The policy's name for it.",
		"outcome":  oneOfWords(outcomes),
		"billed":   oneOfWords(billed),
		"currency": "Three capitals, as in the policy's prices.",
		"per":      "one of `hour`, `day`, `month`",
		"state":    "one of `taken`, `warned` (past `warnAt`; it counts as taken too), `refused`",
		"result":   "of recall one of `miss`, `hit`, `joined`, `stale`: as `cache` in [audit lines](audit.md); of pending `issued`, `resumed`, `ignored` (somebody else's, used or late: the question began anew); of shared `done`, `down`, `forged`",
	}
	seen := map[string]bool{}
	var rows [][]string
	for _, m := range all {
		for _, label := range m.labels {
			if meanings[label] == "" {
				return unknown("label", label, "labels in tools/docs/metrics.go")
			}
			if !slices.Contains(policy.MetricLabels(), label) {
				return unknown("label", label, "policy.MetricLabels")
			}
			if !seen[label] {
				seen[label] = true
				rows = append(rows, []string{code(label), meanings[label]})
			}
		}
	}
	p.table([]string{"label", "holds"}, rows)
	return nil
}

// hostMetrics are the gateway's own: what it registers with a literal name.
func (f facts) hostMetrics() ([]metric, error) {
	var all []metric
	err := f.inspect("host", func(n ast.Node) error {
		call, ok := n.(*ast.CallExpr)
		if !ok || !strings.HasPrefix(nameOf(call.Fun), "New") || len(call.Args) == 0 {
			return nil
		}
		options, ok := call.Args[0].(*ast.CompositeLit)
		if !ok || !strings.HasSuffix(nameOf(options.Type), "Opts") {
			return nil
		}
		m := metric{kind: strings.ToLower(strings.TrimSuffix(nameOf(options.Type), "Opts"))}
		for _, e := range options.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			switch nameOf(kv.Key) {
			case "Name":
				m.name, _ = textOf(kv.Value)
			case "Help":
				m.about, _ = textOf(kv.Value)
			}
		}
		if m.name == "" {
			return nil // one of the guest's
		}
		if m.about == "" {
			return unknown("metric", m.name, "its Help")
		}
		if len(call.Args) > 1 {
			if labels, ok := call.Args[1].(*ast.CompositeLit); ok {
				for _, e := range labels.Elts {
					if label, ok := textOf(e); ok {
						m.labels = append(m.labels, label)
					}
				}
			}
		}
		all = append(all, m)
		return nil
	})
	return all, err
}
