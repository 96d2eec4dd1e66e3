package server

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

// ServeHTTP hands a request to the surface that its host names, and answers 421 to a host that is nobody's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead { // as GET; net/http leaves the body away
		r = r.WithContext(r.Context())
		r.Method = http.MethodGet
	}
	// The decoded path decides, and so the parameters in it: Echo would take an id that was sent as a%40b for another than
	// a@b.
	r.URL.RawPath = ""
	host := hostname(r.Host)
	if surface, ok := s.hosts[host]; ok {
		surface.ServeHTTP(w, r)
		return
	}
	caller, ok, err := s.gate.ByDomain(r.Context(), host)
	if err == nil && ok {
		s.customer.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), domainKey{}, caller)))
		return
	}
	if err == nil {
		err = errs.New(errs.MisdirectedRequest, "This server does not serve the host %q.", host)
	}
	c := s.customer.NewContext(r, w)
	c.Set(refusalKey, err)
	_ = s.turnAway(c) // which has written the error
}

const refusalKey = "refusal"

// turnAway answers with why a request comes to no surface.
func turnAway(c echo.Context) error { return c.Get(refusalKey).(error) }

// hostname is a Host header without the port and the trailing dot, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

type domainKey struct{}

// domainOf is the platform whose custom domain the request came to.
func domainOf(r *http.Request) (tenant.Caller, bool) {
	caller, ok := r.Context().Value(domainKey{}).(tenant.Caller)
	return caller, ok
}
