package server

import (
	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
)

func (s *Server) connectPage(c echo.Context) error {
	standing, err := s.desk.Standing(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return s.view(c, "connect", "Stripe", standing)
}

func (s *Server) beginConnect(c echo.Context) error {
	address, err := s.desk.BeginConnect(c.Request().Context(), platformOf(c), sessionOf(c))
	if err != nil {
		return err
	}
	return go303(c, address)
}

func (s *Server) endConnection(c echo.Context) error {
	if err := s.desk.Disconnect(c.Request().Context(), platformOf(c).ID); err != nil {
		return err
	}
	return s.done(c, ownPage(c, "/connect"), flash{Title: "Stripe is disconnected"})
}

// finishConnect is where the oauth surface sends a developer back to, with a receipt that works once.
func (s *Server) finishConnect(c echo.Context) error {
	at, err := s.desk.FinishConnect(c.Request().Context(), sessionOf(c), secretParam(c, "receipt"))
	page := "/platforms/" + string(at) + "/connect"
	switch {
	case err != nil && (at == "" || !failed(err)):
		return err
	case err != nil:
		s.log.WarnContext(c.Request().Context(), "an account was not connected", "requestId", requestID(c), "error", err)
		return s.done(c, page, flash{Failed: true, Title: "Nothing was connected", Message: asError(err).Message})
	default:
		return s.done(c, page, flash{Title: "Stripe is connected"})
	}
}

// connectDenied is where the oauth surface sends a developer back to who did not agree. It knows of no platform, so the
// page is the one on which such a way can begin, if it is one alone.
func (s *Server) connectDenied(c echo.Context) error {
	projects, err := s.platform.Projects(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return err
	}
	var live []id.Platform
	for _, project := range projects {
		for _, own := range project.Platforms {
			if own.Mode == id.Live {
				live = append(live, own.ID)
			}
		}
	}
	page := "/projects"
	if len(live) == 1 {
		page = "/platforms/" + string(live[0]) + "/connect"
	}
	return s.done(c, page, flash{Failed: true, Title: "Nothing was connected",
		Message: "You did not agree at Stripe. Connect again whenever you like."})
}
