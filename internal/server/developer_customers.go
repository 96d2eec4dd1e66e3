package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
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

// resetPlatformCustomer sets what a customer has used of a meter in this period to nothing.
func (s *Server) resetPlatformCustomer(c echo.Context) error {
	var in struct {
		Meter  meterName `json:"meter"`
		Reason string    `json:"reason"`
	}
	r, err := s.decodeOnce(c, &in, true)
	if err != nil {
		return err
	}
	made, replayed, err := s.usage.Reset(c.Request().Context(), s.keeper, platformOf(c).ID, usage.Reset{
		UserID: c.Param("id"), Meter: string(in.Meter), Reason: in.Reason,
	}, r)
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	var reset *usage.Adjustment
	if made.Adjustment.Quantity > 0 {
		reset = &made.Adjustment
	}
	return c.JSON(http.StatusOK, object{{"success", true}, {"reset", reset}, {"usage", made.Usage}})
}

// openPlatformCustomerPortal leads to the billing portal of a customer.
func (s *Server) openPlatformCustomerPortal(c echo.Context) error {
	var in struct {
		ReturnURL string `json:"returnUrl"`
	}
	if _, err := decode(c, &in, true); err != nil {
		return err
	}
	if err := errs.Invalid(addressFaults("returnUrl", in.ReturnURL)); err != nil {
		return err
	}
	address, err := s.cashier.Portal(c.Request().Context(), platformOf(c).ID, c.Param("id"), in.ReturnURL)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"url", address}})
}

// listPlatformCustomerTimeline lists what happened to a customer.
func (s *Server) listPlatformCustomerTimeline(c echo.Context) error {
	most, err := numberParam(c, "limit", usualPage, mostOfAPage)
	if err != nil {
		return err
	}
	found, next, err := s.customersRead.Timeline(c.Request().Context(), platformOf(c).ID, c.Param("id"), c.QueryParam("cursor"), most)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(found, next))
}

// listPlatformTimeline lists what happened last to any customer.
func (s *Server) listPlatformTimeline(c echo.Context) error {
	most, err := numberParam(c, "limit", usualPage, mostOfAPage)
	if err != nil {
		return err
	}
	found, err := s.customersRead.Latest(c.Request().Context(), platformOf(c).ID, most)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(found, ""))
}

// getPlatformNear says who is near a limit.
func (s *Server) getPlatformNear(c echo.Context) error {
	most, err := numberParam(c, "limit", usualPage, mostOfAPage)
	if err != nil {
		return err
	}
	near, err := s.watch.Near(c.Request().Context(), platformOf(c).ID, most)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"near", near}})
}
