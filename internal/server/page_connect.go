package server

import (
	"context"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
)

func (s *Server) connectPage(c echo.Context) error {
	standing, err := s.desk.Standing(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), shortPatience)
	defer cancel()
	account, err := s.desk.ConnectedAccount(ctx, platformOf(c).ID)
	revoked := errs.Is(err, errs.NotConnected)
	if err != nil { // the page is of use without it
		s.log.WarnContext(ctx, "an account could not be looked at", "requestId", requestID(c), "error", err)
	}
	return s.view(c, "connect", "Stripe", map[string]any{
		"Connection": standing.Connection, "Account": account, "Revoked": revoked, "Away": err != nil && !revoked,
	})
}

// requirementWords say what Stripe wants to know of an account, by its own names for it:
// https://docs.stripe.com/api/accounts/object#account_object-requirements
func requirementWords(name string) string {
	for _, one := range [][2]string{
		{"external_account", "A bank account to pay out to"}, {"tos_acceptance", "Your agreement to Stripe's terms"},
		{"individual.verification", "A document that shows who you are"}, {"individual", "Details about you"},
		{"company.verification", "A document about the company"}, {"company", "Details about the company"},
		{"business_profile", "Details about the business"}, {"business_type", "Which kind of business it is"},
		{"representative", "Details about who represents the company"}, {"owners", "Details about the owners"},
		{"directors", "Details about the directors"}, {"executives", "Details about the executives"}, {"person", "Details about a person"},
	} {
		if strings.HasPrefix(name, one[0]) {
			return one[1]
		}
	}
	return "Something else"
}

// disabledWords say why Stripe has disabled an account.
func disabledWords(reason string) string {
	for _, one := range [][2]string{
		{"requirements.past_due", "Stripe waited too long for what is missing below."},
		{"requirements.pending_verification", "Stripe is checking what you sent. There is nothing to do until it has."},
		{"under_review", "Stripe is reviewing the account. There is nothing to do until it has."},
		{"rejected", "Stripe has rejected the account. Connect another one, or write to Stripe's support."},
		{"listed", "Stripe is comparing the account with lists of persons that it must not serve."},
		{"platform_paused", "The account was paused."},
		{"action_required", "Something is to be done in Stripe's dashboard."},
	} {
		if strings.HasPrefix(reason, one[0]) {
			return one[1]
		}
	}
	return "Stripe's dashboard says why."
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
