package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
)

const (
	largestBody    = 1 << 20
	longestAddress = 1024
	longest        = 30 * time.Second
)

func requestID(c echo.Context) string { return c.Response().Header().Get("X-Request-Id") }

// useAround puts middleware around whatever a surface answers. It is put together once: Echo would do that anew for each
// request, as the handler that it found is another each time; here the innermost one looks which that is. So it comes last:
// what is used behind it is never reached.
func useAround(e *echo.Echo, middleware ...echo.MiddlewareFunc) {
	whole := func(c echo.Context) error { return c.Handler()(c) }
	for _, m := range slices.Backward(middleware) {
		whole = m(whole)
	}
	e.Use(func(echo.HandlerFunc) echo.HandlerFunc { return whole })
}

// identify gives the request an id, for the answer and the log.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header()["X-Request-Id"] = []string{id.NewRequest()}
		return next(c)
	}
}

// observe logs and measures the request. The query is not logged: it may hold what a user typed.
func (s *Server) observe(surface string) echo.MiddlewareFunc {
	log := s.log.With("surface", surface).Handler()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			if err := next(c); err != nil {
				c.Error(err)
			}
			took := time.Since(start)
			route := c.Path()
			if route == "" {
				route = "none" // an address that is not ours must not become a label
			}
			s.metrics.request(surface, c.Request().Method, route, c.Response().Status, took)
			if !log.Enabled(c.Request().Context(), slog.LevelInfo) {
				return nil
			}
			line := slog.NewRecord(start.Add(took), slog.LevelInfo, "request", 0)
			line.AddAttrs(
				slog.String("requestId", requestID(c)),
				slog.String("method", c.Request().Method),
				slog.String("path", c.Request().URL.Path),
				slog.Int("status", c.Response().Status),
				slog.Float64("ms", float64(took.Microseconds())/1000),
				slog.String("ip", c.RealIP()))
			_ = log.Handle(c.Request().Context(), line) // the request is answered, whether or not it can be logged
			return nil
		}
	}
}

// recoverPanic makes an error of a panic, inside observe, so that it is logged and counted as any other.
func (s *Server) recoverPanic(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if value := recover(); value != nil {
				if value == http.ErrAbortHandler { //nolint:errorlint // net/http panics with this very value
					panic(value)
				}
				err = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
			}
		}()
		return next(c)
	}
}

// header is one of an answer's. Its values are of all answers, so they are not to be changed, but may be replaced.
type header struct {
	name   string // in its canonical form
	values []string
}

// ofAll are the headers of every answer that tell the browser to be strict.
var ofAll = []header{
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"Cache-Control", []string{"no-store"}},
}

// ofJSON is that of the answers of an API, which are nothing to look at.
var ofJSON = header{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}}

// ofPages are those of all others, most of which mean nothing for JSON: it has no links, and opens no window. Each tracked
// call would pay for them: a map of more than eight headers is several times as dear. Pages bring everything from their own
// origin and run no inline script.
var ofPages = []header{
	{"Content-Security-Policy", []string{"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}},
	{"X-Frame-Options", []string{"DENY"}}, // for browsers that do not know frame-ancestors
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
}

// securityHeaders tells the browser to be strict.
func (s *Server) securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	always := slices.Clone(ofAll)
	if s.cfg.CustomerURL.Scheme == "https" {
		always = append(always, header{"Strict-Transport-Security", []string{"max-age=31536000"}})
	}
	return func(c echo.Context) error {
		h := c.Response().Header()
		for _, header := range always {
			h[header.name] = header.values
		}
		if strings.HasPrefix(c.Request().URL.Path, "/api/") {
			h[ofJSON.name] = ofJSON.values
		} else {
			for _, header := range ofPages {
				h[header.name] = header.values
			}
		}
		return next(c)
	}
}

// bound limits the size and the time of a request, and refuses text that no database takes.
func (s *Server) bound(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		query, err := url.QueryUnescape(r.URL.RawQuery)
		if err != nil || !storable(query) || !storable(r.URL.Path) {
			return errs.New(errs.InvalidRequest, "The address holds characters that are not UTF-8, or a NUL.")
		}
		if len(r.URL.Path) > longestAddress { // no id of ours is nearly as long
			return echo.ErrNotFound
		}
		for _, name := range []string{"Origin", "X-User-Id", "X-User-Plan"} { // they are looked up
			if !storable(r.Header.Get(name)) {
				return errs.InvalidParam(name, "%s holds characters that are not UTF-8.", name)
			}
			if len(r.Header.Values(name)) > 1 {
				return errs.InvalidParam(name, "%s is given twice.", name)
			}
		}
		ctx := &deadline{Context: r.Context(), at: time.Now().Add(longest)}
		defer ctx.stop()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(c.Response(), r.Body, largestBody)
		c.SetRequest(r)
		return next(c)
	}
}

func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
