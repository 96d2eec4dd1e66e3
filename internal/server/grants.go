package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

// createGrant gives a user units beyond what the plan grants.
func (s *Server) createGrant(c echo.Context) error {
	var in struct {
		UserID   string    `json:"userId"`
		Plan     string    `json:"plan"`
		Meter    meterName `json:"meter"`
		Quantity int64     `json:"quantity"`
		Expires  string    `json:"expires"`
		Reason   string    `json:"reason"`
	}
	r, err := s.decodeOnce(c, &in, false)
	if err != nil {
		return err
	}
	r.User = in.UserID
	made, replayed, err := s.usage.Grant(c.Request().Context(), s.keeper, callerOf(c).Platform, usage.Grant{
		UserID: in.UserID, Stated: in.Plan, Meter: string(in.Meter), Quantity: in.Quantity, Expires: in.Expires, Reason: in.Reason,
	}, r)
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	return c.JSON(http.StatusCreated, object{{"success", true}, {"grant", made.Adjustment}, {"usage", made.Usage}})
}

// listAdjustments lists what was granted to a user, and what was given back.
func (s *Server) listAdjustments(c echo.Context) error {
	user := c.QueryParam("userId")
	if !tenant.ValidUserID(user) {
		return errs.InvalidParam("userId", "userId says whose they are: 1 to 128 letters, digits and _ . : @ | -")
	}
	most, err := numberParam(c, "limit", usualPage, mostOfAPage)
	if err != nil {
		return err
	}
	cursor := c.QueryParam("cursor")
	if cursor != "" && !id.IsAdjustment(cursor) {
		return errs.InvalidParam("cursor", "cursor is the nextCursor of an earlier answer.")
	}
	found, more, err := s.usageReader.Adjustments(c.Request().Context(), callerOf(c).Platform, user, cursor, most)
	if err != nil {
		return err
	}
	next := ""
	if more {
		next = found[len(found)-1].ID
	}
	return c.JSON(http.StatusOK, list(found, next))
}
