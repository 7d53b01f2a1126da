package host

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are the gateway's own, and those its guests count.
type metrics struct {
	registry *prometheus.Registry
	guest    *guestMetrics

	allowed, denied, challenged, failed, refused, left prometheus.Counter // of idvgate_requests_total

	restarts *prometheus.CounterVec
	calls    *prometheus.CounterVec
	reloads  *prometheus.CounterVec
	upstream prometheus.Counter
	lost     prometheus.Counter
}

func newMetrics(flows, bodies func() float64) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "idvgate_requests_total",
		Help: "Requests by what became of them: allow, deny, challenge; failed: 503 by the gateway; refused: unreadable; left: the client went away.",
	},
		[]string{"result"})
	m.allowed, m.denied, m.challenged = requests.WithLabelValues("allow"), requests.WithLabelValues("deny"), requests.WithLabelValues("challenge")
	m.failed, m.refused, m.left = requests.WithLabelValues("failed"), requests.WithLabelValues("refused"), requests.WithLabelValues("left")
	m.restarts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "idvgate_vm_restarts_total",
		Help: "Guest VMs that were discarded, by why.",
	}, []string{"reason"})
	m.calls = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "idvgate_callouts_total",
		Help: "Callouts by what became of them: reply, unreachable, timeout, too_large, blocked.",
	}, []string{"result"})
	m.reloads = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "idvgate_reloads_total",
		Help: "Reloads: loaded or refused.",
	}, []string{"result"})
	m.upstream = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "idvgate_upstream_errors_total",
		Help: "Requests that passed and that the upstream did not answer.",
	})
	m.lost = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "idvgate_audit_lost_total",
		Help: "Times audit lines were lost because their writer failed or was too slow.",
	})
	m.registry.MustRegister(requests, m.restarts, m.calls, m.reloads, m.upstream, m.lost,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "idvgate_flows", Help: "Suspended requests."}, flows),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "idvgate_body_bytes", Help: "Bytes of bodies held for the guest."}, bodies),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.guest = newGuestMetrics(m.registry)
	return m
}
