package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/dream-api/dream-api/internal/db"
)

// Metrics is what the program tells of itself to Prometheus.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

// NewMetrics makes Metrics that also watch the pools.
func NewMetrics(version string, pools ...*db.DB) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "dreamapi_http_request_duration_seconds",
			Help:    "How long requests took, by surface, method, route and status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"surface", "method", "route", "status"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "dreamapi_build_info", Help: "Always 1; the label is the version.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, build)
	for _, pool := range pools {
		labels := prometheus.Labels{"role": string(pool.Role())}
		m.registry.MustRegister(
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "dreamapi_db_connections_used", Help: "Connections in use.", ConstLabels: labels,
			}, func() float64 { return float64(pool.Stat().AcquiredConns()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "dreamapi_db_connections_max", Help: "Connections that may be made.", ConstLabels: labels,
			}, func() float64 { return float64(pool.Stat().MaxConns()) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{
				Name: "dreamapi_db_waits_total", Help: "How often a connection had to be waited for.", ConstLabels: labels,
			}, func() float64 { return float64(pool.Stat().EmptyAcquireCount()) }),
		)
	}
	return m
}

// request records a request. The labels come from our own routes and never from the request, so they stay few.
func (m *Metrics) request(surface, method, route string, status int, took time.Duration) {
	switch method {
	case "GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD", "PUT":
	default:
		method = "other"
	}
	m.requests.WithLabelValues(surface, method, route, strconv.Itoa(status)).Observe(took.Seconds())
}
