package server

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

func (s *Server) eventsPage(c echo.Context) error {
	ctx, own := c.Request().Context(), platformOf(c).ID
	types, err := s.admin.EventTypes(ctx, own)
	if err != nil {
		return err
	}
	var events []tenant.Event
	next := ""
	filter, err := eventFilter(c)
	if err == nil {
		events, next, err = s.admin.Events(ctx, own, filter)
	}
	faults, ok := filterFaults(err)
	if err != nil && !ok {
		return err
	}
	if next != "" {
		next = "?" + withCursor(c, next).Encode()
	}
	return s.filteredView(c, "events", "Webhooks", faults, map[string]any{
		"Events": events, "Next": next, "Types": types, "States": tenant.EventStates,
		"Type": c.QueryParam("type"), "State": c.QueryParam("state"), "From": c.QueryParam("from"), "To": c.QueryParam("to"),
		"First": "?" + withCursor(c, "").Encode(), "Later": c.QueryParam("cursor") != "",
		"Filtered": c.QueryParam("type")+c.QueryParam("state")+c.QueryParam("from")+c.QueryParam("to") != "",
	})
}

// withCursor is the query of the page with another cursor, and without what is empty.
func withCursor(c echo.Context, cursor string) url.Values {
	query := url.Values{}
	for name, values := range c.QueryParams() {
		if name != "cursor" && values[0] != "" {
			query.Set(name, values[0])
		}
	}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	return query
}

func (s *Server) eventPage(c echo.Context) error {
	event, err := s.admin.Event(c.Request().Context(), platformOf(c).ID, c.Param("event"))
	if err != nil {
		return err
	}
	var payload bytes.Buffer
	if len(event.Payload) > 0 {
		if err := json.Indent(&payload, event.Payload, "", "  "); err != nil {
			return err
		}
	}
	again := event.Problem == nil || event.Problem.Code != tenant.NotFollowed
	return s.view(c, "event", event.Type, map[string]any{"Event": event, "Payload": payload.String(), "Again": again})
}

func (s *Server) workEventAgain(c echo.Context) error {
	event, err := s.desk.Reprocess(c.Request().Context(), platformOf(c).ID, c.Param("event"))
	if err != nil {
		return err
	}
	return s.done(c, eventAt(platformOf(c).ID, event.ID), flash{Title: "It is being processed again",
		Message: "That takes a moment. Open this page again to see how it came out."})
}

// eventAt is the page of an event.
func eventAt(own id.Platform, event string) string {
	return "/platforms/" + string(own) + "/events/" + url.PathEscape(event)
}

// eventAttention tells of events that failed.
func (s *Server) eventAttention(c echo.Context) ([]attention, error) {
	own := platformOf(c).ID
	n, err := s.admin.FailedEvents(c.Request().Context(), own)
	if err != nil || n == 0 {
		return nil, err
	}
	title, err := plural(n, "event could not be processed", "events could not be processed")
	if n == tenant.MostFailed {
		title = "At least " + title
	}
	return []attention{{"bad", title, "What Stripe or Clerk told of may not have happened here yet, such as a change of somebody's plan. " +
		"It is tried again by itself.", "/platforms/" + string(own) + "/events?state=" + tenant.EventFailed, "See what failed"}}, err
}

var eventStateWords = map[string][2]string{ // how it is marked, and called
	tenant.EventWaits: {"info", "Waiting"}, tenant.EventProcessed: {"good", "Processed"}, tenant.EventFailed: {"bad", "Failed"},
	tenant.EventIgnored: {"", "Ignored"},
}

// took says how long something took, which is in milliseconds.
func took(ms *int32) string {
	switch {
	case ms == nil:
		return ""
	case *ms < 1:
		return "less than 1 ms"
	case *ms >= 1000:
		return strconv.FormatFloat(float64(*ms)/1000, 'f', 1, 64) + " s"
	default:
		return strconv.Itoa(int(*ms)) + " ms"
	}
}
