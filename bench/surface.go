package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dream-api/dream-api/internal/id"
)

// The servers that the program is compared with differ only in how they count. What they do around that is here: no less than
// what the program does, in the ways of Echo, slog and encoding/json. Where the program has found cheaper ones, that is part of
// what is compared.

// told is what such a server must know, on its standard input.
type told struct {
	DatabaseURL string
	Platforms   []platform
}

// wanted is a call that is to be counted.
type wanted struct {
	key      id.Key
	user     string
	meter    string
	quantity int64
}

// counted is what came of it: nothing was counted if it is refused.
type counted struct {
	count, calls, rate int64
	refused            bool
	at                 time.Time
}

// counting counts a call, or returns errUnknownKey.
type counting func(context.Context, wanted) (counted, error)

var errUnknownKey = errors.New("there is no such key")

// serve is a process that answers calls.
func serve(ctx context.Context, kind string, in io.Reader, log io.Writer) error {
	var t told
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("what the server must know can not be read: %w", err)
	}
	count, err := newCounting(ctx, kind, t)
	if err != nil {
		return err
	}
	s := &surface{count: count, log: slog.New(slog.NewJSONHandler(log, nil)), requests: prometheus.NewHistogramVec(
		prometheus.HistogramOpts{
			Name:    "http_request_duration_seconds",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"surface", "method", "route", "status"})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	s.log.Info("serving", "addr", listener.Addr().String())
	return server.Serve(listener)
}

func newCounting(ctx context.Context, kind string, t told) (counting, error) {
	switch kind {
	case "null":
		return newNull(t), nil
	case "naive":
		return newNaive(ctx, t)
	case "upsert":
		return newUpsert(ctx, t)
	default:
		return nil, fmt.Errorf("there is no server %q: they are null, naive and upsert", kind)
	}
}

type surface struct {
	count    counting
	log      *slog.Logger
	requests *prometheus.HistogramVec
}

func (s *surface) routes() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		status := http.StatusInternalServerError
		var known *echo.HTTPError
		if errors.As(err, &known) {
			status = known.Code
		}
		_ = c.JSON(status, map[string]string{"error": err.Error()})
	}
	e.Use(s.identify, s.observe, recovered, securityHeaders, bound)
	e.POST("/api/data", s.track)
	return e
}

func (s *surface) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		name := id.NewRequest()
		c.Set("requestId", name)
		c.Response().Header().Set("X-Request-Id", name)
		return next(c)
	}
}

func (s *surface) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		if err := next(c); err != nil {
			c.Error(err)
		}
		took := time.Since(start)
		r, status := c.Request(), c.Response().Status
		s.requests.WithLabelValues("customer", r.Method, c.Path(), strconv.Itoa(status)).Observe(took.Seconds())
		s.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("requestId", c.Get("requestId").(string)),
			slog.String("surface", "customer"),
			slog.String("method", r.Method),
			slog.String("path", r.URL.Path),
			slog.Int("status", status),
			slog.Float64("ms", float64(took.Microseconds())/1000),
			slog.String("ip", c.RealIP()))
		return nil
	}
}

func recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if value := recover(); value != nil {
				err = fmt.Errorf("panic: %v", value)
			}
		}()
		return next(c)
	}
}

func securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}

func bound(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		query, err := url.QueryUnescape(r.URL.RawQuery)
		if err != nil || !utf8.ValidString(query) || !utf8.ValidString(r.URL.Path) {
			return echo.ErrBadRequest
		}
		for _, name := range []string{"Origin", "X-User-Id", "X-User-Plan"} {
			if text := r.Header.Get(name); !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return echo.ErrBadRequest
			}
		}
		ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(c.Response(), r.Body, 1<<20)
		c.SetRequest(r)
		return next(c)
	}
}
