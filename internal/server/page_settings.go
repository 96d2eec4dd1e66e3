package server

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/tenant"
)

func (s *Server) settingsPage(c echo.Context) error {
	settings, err := s.admin.Settings(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return s.view(c, "settings", "Settings", map[string]any{
		"Settings": settings, "Origins": strings.Join(settings.AllowedOrigins, "\n"),
	})
}

func (s *Server) saveSettings(c echo.Context) error {
	name, currency, origins := posted(c, "name"), strings.ToLower(posted(c, "currency")), postedLines(c, "allowedOrigins")
	_, err := s.changeSettings(c, tenant.SettingsChange{
		Name: &name, Currency: &currency, AllowedOrigins: &origins,
	})
	if err != nil {
		return err
	}
	return s.done(c, ownPage(c, "/settings"), flash{Title: "Saved"})
}

func (s *Server) attachDomain(c echo.Context) error {
	domain := posted(c, "domain")
	if _, err := s.attach(c, domain); err != nil {
		return err
	}
	return s.done(c, ownPage(c, "/settings"), flash{Title: "The domain " + domain + " leads to this platform"})
}

func (s *Server) detachDomain(c echo.Context) error {
	domain := c.Param("domain")
	if _, err := s.admin.RemoveDomain(c.Request().Context(), platformOf(c).ID, domain); err != nil {
		return err
	}
	return s.done(c, ownPage(c, "/settings"), flash{Title: "The domain " + domain + " is removed"})
}
