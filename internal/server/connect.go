package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/secret"
)

// oauthRoutes are where a developer's Stripe account is connected. The dashboard sends the browser here with a ticket;
// the cookie of this host, and the state that goes through Stripe, hold the way together.
func (s *Server) oauthRoutes(e *echo.Echo) {
	e.GET("/", func(c echo.Context) error {
		return s.page(c, http.StatusOK, "connect.html", map[string]any{"Title": "Connect"})
	})
	e.GET("/authorize", s.authorize)
	e.GET("/callback", s.callback)
}

func (s *Server) authorize(c echo.Context) error {
	address, cookie, err := s.bridge.Authorize(c.Request().Context(), secretParam(c, "ticket"))
	if err != nil {
		return err
	}
	s.setCookie(c, "connect", cookie, 600)
	return c.Redirect(http.StatusSeeOther, address)
}

func (s *Server) callback(c echo.Context) error {
	cookie := s.cookie(c, "connect")
	s.setCookie(c, "connect", secret.Text{}, -1)
	address, err := s.bridge.Callback(c.Request().Context(), secretParam(c, "state"), cookie,
		c.QueryParam("code"), c.QueryParam("error"))
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, address)
}

// secretParam reads a single-use secret of the query, which is spent by being shown.
func secretParam(c echo.Context, name string) secret.Text { return secret.New(c.QueryParam(name)) }
