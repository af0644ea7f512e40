package inference

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what /metrics shows.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	candidates prometheus.Counter
}

func newMetrics(q *Queue) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ouroflow_verifier_requests_total", Help: "Requests by kind and status.",
		}, []string{"kind", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ouroflow_verifier_request_seconds", Help: "Time from the first byte of a request to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 14),
		}, []string{"kind"}),
		candidates: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ouroflow_verifier_candidates_total", Help: "Candidates in requests that were taken.",
		}),
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ouroflow_verifier_waiting", Help: "Requests that no worker has taken yet.",
	}, func() float64 { return float64(q.Waiting()) })
	m.registry.MustRegister(m.requests, m.seconds, m.candidates, waiting)
	return m
}

func (m *metrics) seen(kind, status string, took time.Duration) {
	m.requests.WithLabelValues(kind, status).Inc()
	m.seconds.WithLabelValues(kind).Observe(took.Seconds())
}
