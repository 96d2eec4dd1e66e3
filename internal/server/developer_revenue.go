package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

const (
	shownMonths = 12
	mostMonths  = 60
	shownDays   = 30
	mostDays    = 400
)

// revenueOf is the revenue of a platform in its own currency.
func (s *Server) revenueOf(c echo.Context, own id.Platform, months int) (billing.Revenue, error) {
	settings, err := s.admin.Settings(c.Request().Context(), own)
	if err != nil {
		return billing.Revenue{}, err
	}
	return s.desk.Revenue(c.Request().Context(), own, settings.Currency, months)
}

func (s *Server) getRevenue(c echo.Context) error {
	months, err := numberParam(c, "months", shownMonths, mostMonths)
	if err != nil {
		return err
	}
	revenue, err := s.revenueOf(c, platformOf(c).ID, months)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"revenue", revenue}})
}

func (s *Server) getPlatformUsage(c echo.Context) error {
	days, err := numberParam(c, "days", shownDays, mostDays)
	if err != nil {
		return err
	}
	meter := c.QueryParam("meter")
	if meter == "" {
		meter = tenant.DefaultMeter
	}
	list, err := s.usageRead.ByDay(c.Request().Context(), platformOf(c).ID, meter, days)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"meter", meter}, {"days", list}})
}
