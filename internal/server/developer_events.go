package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/tenant"
)

// eventParams are the parameters of a list of events.
var eventParams = []string{"type", "state", "from", "to", "cursor", "limit"}

func eventFilter(c echo.Context) (tenant.EventFilter, error) {
	if err := onlyParams(c, eventParams...); err != nil {
		return tenant.EventFilter{}, err
	}
	when, err := spanOf(c)
	if err != nil {
		return tenant.EventFilter{}, err
	}
	most, err := numberParam(c, "limit", usualPage, mostOfAPage)
	return tenant.EventFilter{
		Type: c.QueryParam("type"), State: c.QueryParam("state"), Since: when.Since, Until: when.Until, Cursor: c.QueryParam("cursor"), Limit: most,
	}, err
}

func (s *Server) listEvents(c echo.Context) error {
	filter, err := eventFilter(c)
	if err != nil {
		return err
	}
	events, next, err := s.admin.Events(c.Request().Context(), platformOf(c).ID, filter)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(events, next))
}

func (s *Server) getEvent(c echo.Context) error {
	event, err := s.admin.Event(c.Request().Context(), platformOf(c).ID, c.Param("event"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"event", event}})
}

func (s *Server) reprocessEvent(c echo.Context) error {
	if err := noIdempotencyKey(c, "it may be repeated as it is"); err != nil {
		return err
	}
	event, err := s.desk.Reprocess(c.Request().Context(), platformOf(c).ID, c.Param("event"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, object{{"event", event}})
}
