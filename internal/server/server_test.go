package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
)

func TestEveryCodeHasAStatus(t *testing.T) {
	t.Parallel()
	for _, code := range errs.Codes() {
		if status := statuses[code]; status < 400 || status > 599 || http.StatusText(status) == "" {
			t.Errorf("%s has the status %d", code, status)
		}
	}
	if len(statuses) != len(errs.Codes()) {
		t.Errorf("%d statuses for %d codes", len(statuses), len(errs.Codes()))
	}
}

func TestWhatIsNotOursIsInternalAndSaysNothing(t *testing.T) {
	t.Parallel()
	inside := errors.New("pq: password authentication failed for user dreamapi")
	for name, c := range map[string]struct {
		err  error
		code errs.Code
	}{
		"unknown":            {inside, errs.Internal},
		"wrapped":            {fmt.Errorf("while: %w", inside), errs.Internal},
		"ours, wrapped":      {fmt.Errorf("while: %w", errs.New(errs.NotFound, "No.")), errs.NotFound},
		"too late":           {fmt.Errorf("while: %w", context.DeadlineExceeded), errs.Unavailable},
		"given up":           {context.Canceled, errs.Unavailable},
		"too large":          {fmt.Errorf("while: %w", &http.MaxBytesError{Limit: 1}), errs.TooLarge},
		"no route":           {echo.ErrNotFound, errs.NotFound},
		"no method":          {echo.ErrMethodNotAllowed, errs.MethodNotAllowed},
		"another of Echo's":  {echo.NewHTTPError(http.StatusTeapot, inside.Error()), errs.Internal},
		"401 is never guess": {echo.ErrUnauthorized, errs.Internal},
	} {
		e := asError(c.err)
		if e.Code != c.code {
			t.Errorf("%s: %s, want %s", name, e.Code, c.code)
		}
		if e.Code == errs.Internal && e.Message != "Something is broken on our side. It is in our log under the requestId." {
			t.Errorf("%s: %s", name, e.Message)
		}
	}
}

func TestTheFieldsOfAnErrorHaveTheirOrder(t *testing.T) {
	t.Parallel()
	s := &Server{cfg: Config{CustomerURL: &url.URL{Scheme: "https", Host: "api.example"}}}
	e := errs.New(errs.InvalidRequest, "a < b").With("usage", 1).With("customerId", "c")
	e.Param, e.Faults = "a", []errs.Fault{{Param: "a", Message: "m"}}
	encoded, err := s.errorBody(e, "req_1").MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"error":"Invalid request"
,"message":"a < b"
,"code":"invalid_request"
,"param":"a"
,"requestId":"req_1"
,"docUrl":"https://api.example/docs/errors/invalid_request"
,"errors":[{"param":"a","message":"m"}]
,"customerId":"c"
,"usage":1
}`
	if string(encoded) != want {
		t.Errorf("got %s", encoded)
	}
}

func TestMiddlewareIsAroundWhateverIsFound(t *testing.T) {
	t.Parallel()
	var seen []string
	see := func(name string) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				seen = append(seen, name)
				return next(c)
			}
		}
	}
	e := echo.New()
	e.Use(see("outside")) // which comes before, and is not lost
	useAround(e, see("first"), see("second"))
	e.GET("/a", func(c echo.Context) error { return c.String(http.StatusOK, c.Path()) }, see("of the route"))
	e.GET("/c/:name", func(c echo.Context) error { return c.String(http.StatusOK+len(c.Param("name")), "") })
	for _, want := range []struct {
		method, path, seen string
		status             int
	}{
		{http.MethodGet, "/a", "outside, first, second, of the route", http.StatusOK},
		{http.MethodGet, "/b", "outside, first, second", http.StatusNotFound},
		{http.MethodGet, "/c/xx", "outside, first, second", http.StatusAccepted},
		{http.MethodOptions, "/a", "outside, first, second", http.StatusNoContent},
		{http.MethodPost, "/a", "outside, first, second", http.StatusMethodNotAllowed},
	} {
		seen = nil
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), want.method, want.path, nil))
		if got := strings.Join(seen, ", "); got != want.seen || w.Code != want.status {
			t.Errorf("%s %s is answered with %d behind %s", want.method, want.path, w.Code, got)
		}
	}
}

func TestHostname(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"api.example": "api.example", "API.Example:8080": "api.example", "api.example.": "api.example", "api.example.:80": "api.example",
		"[::1]:80": "::1", "[::1]": "::1", "127.0.0.1:1": "127.0.0.1", "": "", ":80": "", "a..": "a.",
	} {
		if got := hostname(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

func TestAClientsAddressIsItsOwnUnlessAProxyIsTrusted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trusted             string
		peer, forwarded, ip string
	}{
		"nobody is trusted":       {"", "203.0.113.9:1", "198.51.100.1", "203.0.113.9"},
		"loopback neither":        {"", "127.0.0.1:1", "198.51.100.1", "127.0.0.1"},
		"a proxy that is trusted": {"10.0.0.0/8", "10.1.2.3:1", "198.51.100.1", "198.51.100.1"},
		"what the client added":   {"10.0.0.0/8", "10.1.2.3:1", "6.6.6.6, 198.51.100.1", "198.51.100.1"},
		"a stranger":              {"10.0.0.0/8", "203.0.113.9:1", "198.51.100.1", "203.0.113.9"},
		"another private network": {"10.0.0.0/8", "192.168.1.1:1", "198.51.100.1", "192.168.1.1"},
	} {
		s := &Server{}
		if c.trusted != "" {
			s.cfg.TrustedProxies = append(s.cfg.TrustedProxies, mustPrefix(t, c.trusted))
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("X-Forwarded-For", c.forwarded)
		if got := s.ipExtractor()(r); got != c.ip {
			t.Errorf("%s: %s, want %s", name, got, c.ip)
		}
	}
}
