package host

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// maxMetrics and maxSeries bound what guests may count. Beyond, counts are dropped, and that is counted.
	maxMetrics = 64
	maxSeries  = 2000
	// maxLabelBytes is the longest value of a label.
	maxLabelBytes = 128
)

// guestMetrics makes metrics of what guests count. A name's type and labels are those it is first seen with.
type guestMetrics struct {
	registry *prometheus.Registry
	dropped  prometheus.Counter

	mu      sync.Mutex
	metrics map[string]*guestMetric
	series  map[string]*guestSeries // by everything but the value, as the guest wrote it, and the shard for a gauge
}

type guestMetric struct {
	kind      string
	labels    []string
	counter   *prometheus.CounterVec
	gauge     *prometheus.GaugeVec
	histogram *prometheus.HistogramVec
}

type guestSeries struct {
	counter   prometheus.Counter
	gauge     prometheus.Gauge
	histogram prometheus.Observer
	shard     string
}

func newGuestMetrics(r *prometheus.Registry) *guestMetrics {
	g := &guestMetrics{
		registry: r, metrics: map[string]*guestMetric{}, series: map[string]*guestSeries{},
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "idvgate_guest_metrics_dropped_total",
			Help: "Counts of the guest that were dropped: too many series, or a name used in two ways.",
		}),
	}
	r.MustRegister(g.dropped)
	return g
}

// add takes the list of a metrics message. A gauge is a shard's own, and is labelled so.
func (g *guestMetrics) add(raw []byte, shard string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := scanner{b: raw}
	s.take('[')
	var key []byte
	for first := true; s.more(&first, ']'); {
		var name, kind, labels []byte
		var value float64
		s.take('{')
		for first := true; s.more(&first, '}'); {
			switch string(s.key()) {
			case "name":
				name = s.text()
			case "type":
				kind = s.text()
			case "value":
				value = s.float()
			case "labels":
				labels = s.raw()
			default:
				s.raw()
			}
		}
		if s.bad {
			return errMalformed
		}
		key = append(append(append(append(append(key[:0], name...), ' '), kind...), ' '), labels...)
		if string(kind) == "gauge" {
			key = append(append(key, ' '), shard...)
		}
		one := g.series[string(key)]
		if one == nil {
			if one = g.open(string(name), string(kind), labels, shard); one == nil {
				g.dropped.Inc()
				continue
			}
			g.series[string(key)] = one
		}
		one.add(value, g.dropped)
	}
	if !s.end() {
		return errMalformed
	}
	return nil
}

func (o *guestSeries) add(value float64, dropped prometheus.Counter) {
	switch {
	case o.gauge != nil:
		o.gauge.Set(value)
	case o.histogram != nil:
		o.histogram.Observe(value)
	case value >= 0:
		o.counter.Add(value)
	default:
		dropped.Inc()
	}
}

func (g *guestMetrics) open(name, kind string, labels []byte, shard string) *guestSeries {
	if len(g.series) >= maxSeries || !guestName(name) {
		return nil
	}
	pairs, err := readLabels(labels)
	if err != nil {
		return nil
	}
	if kind == "gauge" {
		pairs["shard"] = shard
	}
	of := make([]string, 0, len(pairs))
	for label := range pairs {
		of = append(of, label)
	}
	slices.Sort(of)
	m := g.metrics[name]
	if m == nil {
		if m = g.register(name, kind, of); m == nil {
			return nil
		}
	}
	if m.kind != kind || !slices.Equal(m.labels, of) {
		return nil
	}
	switch kind {
	case "counter":
		return &guestSeries{counter: m.counter.With(pairs)}
	case "gauge":
		return &guestSeries{gauge: m.gauge.With(pairs), shard: shard}
	}
	return &guestSeries{histogram: m.histogram.With(pairs)}
}

func (g *guestMetrics) register(name, kind string, labels []string) *guestMetric {
	if len(g.metrics) >= maxMetrics {
		return nil
	}
	m := &guestMetric{kind: kind, labels: labels}
	var c prometheus.Collector
	switch kind {
	case "counter":
		m.counter = prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: "Counted by the guest."}, labels)
		c = m.counter
	case "gauge":
		m.gauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: "Set by the guest, for each shard."}, labels)
		c = m.gauge
	case "histogram":
		m.histogram = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: "Observed by the guest.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, labels)
		c = m.histogram
	default:
		return nil
	}
	if g.registry.Register(c) != nil {
		return nil
	}
	g.metrics[name] = m
	return m
}

// forget sets a shard's gauges to 0: its VM is gone.
func (g *guestMetrics) forget(shard string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, one := range g.series {
		if one.gauge != nil && one.shard == shard {
			one.gauge.Set(0)
		}
	}
}

// guestName reports whether a guest may count under the name: ^idv_[a-z_]+$.
func guestName(name string) bool {
	rest, ok := strings.CutPrefix(name, "idv_")
	return ok && len(rest) <= 64 && labelName(rest)
}

func labelName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return s != "" && !strings.HasPrefix(s, "__")
}

func readLabels(raw []byte) (prometheus.Labels, error) {
	pairs := prometheus.Labels{}
	if raw == nil {
		return pairs, nil
	}
	s := scanner{b: raw}
	s.take('{')
	for first := true; s.more(&first, '}'); {
		label := string(s.key())
		value := string(s.text())
		if !labelName(label) || label == "shard" || len(pairs) >= 8 || len(value) > maxLabelBytes {
			return nil, errors.New("host: label")
		}
		pairs[label] = strings.ToValidUTF8(value, "\uFFFD")
	}
	if !s.end() {
		return nil, errMalformed
	}
	return pairs, nil
}
