package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/usage"
)

// What a developer does to a customer in the dashboard, for programs.

func (s *Server) updatePlatformCustomer(c echo.Context) error {
	return s.respondUpdated(c, platformOf(c).ID)
}

func (s *Server) deletePlatformCustomer(c echo.Context) error {
	return s.respondDeleted(c, platformOf(c).ID)
}

func (s *Server) listPlatformCustomerDays(c echo.Context) error {
	if _, err := s.customersRead.Get(c.Request().Context(), platformOf(c).ID, c.Param("id")); err != nil {
		return err
	}
	days, err := s.usageRead.Days(c.Request().Context(), platformOf(c).ID, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(days, ""))
}

func (s *Server) createPlatformGrant(c echo.Context) error {
	var in struct {
		Meter    meterName `json:"meter"`
		Quantity int64     `json:"quantity"`
		Expires  string    `json:"expires"`
		Reason   string    `json:"reason"`
	}
	r, err := s.decodeOnce(c, &in, false)
	if err != nil {
		return err
	}
	made, replayed, err := s.usage.Grant(c.Request().Context(), s.keeper, platformOf(c).ID, usage.Grant{
		UserID: c.Param("id"), Meter: string(in.Meter), Quantity: in.Quantity, Expires: in.Expires, Reason: in.Reason,
	}, r)
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	return c.JSON(http.StatusCreated, object{{"success", true}, {"grant", made.Adjustment}, {"usage", made.Usage}})
}

func (s *Server) listPlatformCustomerSessions(c echo.Context) error {
	sessions, err := s.endUsers.Sessions(c.Request().Context(), platformOf(c).ID, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(sessions, ""))
}

func (s *Server) endPlatformCustomerSessions(c echo.Context) error {
	if err := s.endUsers.EndSessions(c.Request().Context(), platformOf(c).ID, c.Param("id"), ""); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"success", true}})
}
