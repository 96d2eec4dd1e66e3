package server

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dream-api/dream-api/internal/db"
)

// Operations is what watches the program ask: a listener of its own, which the world does not reach.
type Operations struct {
	mux      *http.ServeMux
	draining atomic.Bool
}

// NewOperations makes Operations. The program is ready while every pool reaches the database.
func NewOperations(metrics *Metrics, pools ...*db.DB) *Operations {
	o := &Operations{mux: http.NewServeMux()}
	o.mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "alive") })
	o.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if o.draining.Load() {
			answer(w, http.StatusServiceUnavailable, "draining")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		for _, pool := range pools {
			if err := pool.Tx(ctx, func(context.Context, db.Tx) error { return nil }); err != nil {
				answer(w, http.StatusServiceUnavailable, "the database does not answer")
				return
			}
		}
		answer(w, http.StatusOK, "ready")
	})
	o.mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{}))
	return o
}

// Drain has readyz fail from now on, so that no new request is sent here.
func (o *Operations) Drain() { o.draining.Store(true) }

// ServeHTTP implements http.Handler.
func (o *Operations) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.mux.ServeHTTP(w, r) }

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
