package server

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

// cors answers preflights. They carry no credentials, so all that can be asked is whether some platform allows the
// origin; the call itself is held to its own platform's list, by admit.
func (s *Server) cors(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		origin := r.Header.Get("Origin")
		if origin == "" || sameOrigin(c, origin) {
			return next(c)
		}
		c.Response().Header().Add("Vary", "Origin")
		preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
		if !preflight {
			err := next(c)
			if err != nil && !errs.Is(err, errs.OriginNotAllowed) {
				// The page may read why its call failed, even before the call's platform was known.
				if known, lookUp := s.originKnown(c, origin); known && lookUp == nil {
					exposeTo(c, origin)
				}
			}
			return err
		}
		known, err := s.originKnown(c, origin)
		if err != nil {
			return err
		}
		if !known {
			return originNotAllowed(origin)
		}
		h := c.Response().Header()
		exposeTo(c, origin)
		h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
		h.Set("Access-Control-Allow-Headers",
			"Authorization, Content-Type, Idempotency-Key, X-Publishable-Key, X-User-Id, X-User-Plan")
		h.Set("Access-Control-Max-Age", "600")
		return c.NoContent(http.StatusNoContent)
	}
}

// sameOrigin reports whether the page is one of ours: a browser sends Origin with its own POSTs too.
func sameOrigin(c echo.Context, origin string) bool {
	_, host, _ := strings.Cut(origin, "://")
	return host == c.Request().Host
}

func (s *Server) originKnown(c echo.Context, origin string) (bool, error) {
	if domain, ok := domainOf(c.Request()); ok {
		return domain.Allows(origin), nil
	}
	return s.gate.OriginKnown(c.Request().Context(), origin)
}

// admit holds a browser's call to the allowed origins of the platform it is for.
func (s *Server) admit(c echo.Context, caller tenant.Caller) error {
	origin := c.Request().Header.Get("Origin")
	if origin == "" || sameOrigin(c, origin) {
		return nil
	}
	if !caller.Allows(origin) {
		return originNotAllowed(origin)
	}
	exposeTo(c, origin)
	return nil
}

func exposeTo(c echo.Context, origin string) {
	h := c.Response().Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers",
		"Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id")
}

func originNotAllowed(origin string) error {
	return errs.New(errs.OriginNotAllowed, "The origin %s is not among the allowed origins. Add it to the platform's settings.",
		origin)
}
