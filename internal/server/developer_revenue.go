package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/id"
)

const (
	shownMonths = 12
	mostMonths  = 60
	shownDays   = 30
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
