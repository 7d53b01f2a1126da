package filter

import (
	"math"
	"strings"

	"github.com/idvgate/idvgate/plugin"
	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
)

// metrics counts by the gateway's own metrics. They have a name and no labels, so labels stand in the name:
// idv_decisions_total.rule=pay.decision=deny, every byte of a value that is no letter, digit, dash or underscore as %XX.
// The configuration that idvgate renders takes them apart again. They count in whole numbers: seconds become
// milliseconds, money millionths.
type metrics struct{ gateway Gateway }

func (m metrics) Counter(name string, labels ...string) plugin.Add {
	return m.one(abi.Counter, name, labels)
}

func (m metrics) Histogram(name string, labels ...string) plugin.Add {
	return m.one(abi.Histogram, name, labels)
}

func (m metrics) Gauge(name string, labels ...string) plugin.Add {
	return m.one(abi.Gauge, name, labels)
}

func (m metrics) one(kind abi.Kind, name string, labels []string) plugin.Add {
	scale := 1.0
	switch name {
	case plugin.MetricCost:
		name, scale = "idv_cost_micros_total", 1e6
	case plugin.MetricLeft:
		name, scale = "idv_budget_left_micros", 1e6
	case plugin.MetricSeconds:
		name, scale = "idv_vendor_milliseconds", 1e3
	}
	return (&metric{gateway: m.gateway, kind: kind, name: flat(name, labels), scale: scale}).add
}

// metric is one of the gateway's, made when it is first counted: a gateway shows what was made.
type metric struct {
	gateway Gateway
	kind    abi.Kind
	name    string
	scale   float64
	id      uint32
	made    bool
	refused bool
}

func (m *metric) add(value float64) {
	if !m.made {
		id, status := m.gateway.Define(m.kind, m.name)
		m.made, m.id, m.refused = true, id, status != abi.OK
	}
	if m.scale != 0 {
		value *= m.scale
	}
	n := math.Round(value)
	switch {
	case m.refused || !(n >= 0) || n > 1<<53:
	case m.kind == abi.Histogram, m.kind == abi.Gauge:
		m.gateway.Record(m.id, uint64(n))
	default:
		m.gateway.Increment(m.id, int64(n))
	}
}

func flat(name string, labels []string) string {
	var b strings.Builder
	b.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		b.WriteString("." + labels[i] + "=" + escape(labels[i+1]))
	}
	return b.String()
}

// escape is a label's value in a name.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		}
	}
	return b.String()
}
