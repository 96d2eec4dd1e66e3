package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/api"
)

// docRoutes are what the API is, for programs and for people. They are on the surface that it is about.
func (s *Server) docRoutes(e *echo.Echo) {
	e.GET("/openapi.yaml", s.contract)
}

// contract is the API's contract, with the addresses of this server.
func (s *Server) contract(c echo.Context) error {
	header := c.Response().Header()
	header.Set(echo.HeaderCacheControl, "public, max-age=3600")
	header.Set(echo.HeaderAccessControlAllowOrigin, "*") // it is public, and readers of it run on other sites
	return c.Blob(http.StatusOK, "application/yaml", []byte(api.Contract(s.apiURL(), s.cfg.DeveloperURL.String(), s.cfg.OAuthURL.String())))
}
