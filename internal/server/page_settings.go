package server

import (
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

func (s *Server) settingsPage(c echo.Context) error {
	settings, err := s.admin.Settings(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	tiers, err := s.admin.Tiers(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	var first *tenant.Tier // that customers are on who have no other
	for _, t := range onSale(tiers) {
		if t.Free() && first == nil {
			first = &t
		}
	}
	limit := "unlimited"
	if settings.RateLimit != nil {
		limit = strconv.Itoa(int(*settings.RateLimit))
	}
	return s.view(c, "settings", "Settings", map[string]any{
		"Settings": settings, "Origins": strings.Join(settings.AllowedOrigins, "\n"), "RateLimit": limit, "Default": first,
		"SuccessURL": orDefault(settings.CheckoutSuccessURL, ""), "CancelURL": orDefault(settings.CheckoutCancelURL, ""),
	})
}

func (s *Server) saveSettings(c echo.Context) error {
	name, currency, origins := posted(c, "name"), strings.ToLower(posted(c, "currency")), postedLines(c, "allowedOrigins")
	limit := tenant.RateLimit{}
	if text := posted(c, "rateLimit"); text != "" && !strings.EqualFold(text, "unlimited") {
		calls, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
		if err != nil {
			return errs.InvalidParam("rateLimit", "rateLimit is a whole number, or unlimited.")
		}
		limit.Calls = &calls
	}
	_, err := s.changeSettings(c, tenant.SettingsChange{
		Name: &name, Currency: &currency, AllowedOrigins: &origins, RateLimit: &limit,
		CheckoutSuccessURL: postedAddress(c, "checkoutSuccessUrl"), CheckoutCancelURL: postedAddress(c, "checkoutCancelUrl"),
	})
	if err != nil {
		return err
	}
	return s.done(c, ownPage(c, "/settings"), flash{Title: "Saved"})
}

// postedAddress is what a field for an address holds, or that there shall be none.
func postedAddress(c echo.Context, field string) *tenant.Stated {
	if text := posted(c, field); text != "" {
		return &tenant.Stated{Text: &text}
	}
	return &tenant.Stated{}
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
