package server

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/platform"
)

// planState is how a developer's plan stands, in words.
type planState struct {
	Kind  string // good, warn, bad or info
	Label string
	Text  string
	On    *time.Time // the day that the text ends with
}

func planStateOf(p platform.Plan) planState {
	live := p.Status == "active" || p.Status == "trialing"
	switch {
	case p.Status == "none":
		return planState{"info", "Not subscribed", "Test platforms are free. Live keys need the plan.", nil}
	case p.Paid && live && p.CancelAt != nil:
		return planState{"warn", "Ends soon", "You cancelled. Live keys work until the plan has ended and a week more. It ends on", p.CancelAt}
	case p.Paid && live:
		return planState{"good", "Active", "It renews on", p.CurrentPeriodEnd}
	case p.Paid && p.Status == "past_due":
		return planState{"bad", "Payment failed", "Update your card in the billing portal. Live keys work until", p.GraceUntil}
	case p.Paid:
		return planState{"bad", "Ended", "Live platforms go on for a short while. Subscribe again to keep them running past", p.GraceUntil}
	case p.Status == "incomplete":
		return planState{"warn", "Not paid yet", "The first payment was not completed. Pay to open your live platforms.", nil}
	default:
		return planState{"bad", "Suspended", "Live keys answer 403 and nothing is lost. They work again as soon as you subscribe.", nil}
	}
}

func (s *Server) planPage(c echo.Context) error {
	plan, err := s.platform.Plan(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return err
	}
	invoices, next, away, err := s.shownInvoices(c)
	faults, ok := filterFaults(err)
	if err != nil && !ok {
		return err
	}
	ongoing := plan.Status != "none" && plan.Status != "canceled" && plan.Status != "incomplete_expired"
	return s.filteredView(c, "plan", "Plan", faults, map[string]any{
		"Plan": plan, "State": planStateOf(plan), "Ongoing": ongoing, "HasPortal": plan.StripeCustomerID != "",
		"CallsShare": percent(plan.Calls.Count, plan.Calls.Limit),
		"Invoices":   invoices, "Next": next, "Later": c.QueryParam("cursor") != "", "Away": away,
	})
}

const (
	invoicesAtOnce = 12
	shortPatience  = 3 * time.Second // of a page, with what only Stripe knows
)

// shownInvoices are those of a page; away is whether Stripe does not answer, without which the page is of use too.
func (s *Server) shownInvoices(c echo.Context) (invoices []billing.Invoice, next string, away bool, err error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), shortPatience)
	defer cancel()
	invoices, next, err = s.desk.PlanInvoices(ctx, developerOf(c).ID, c.QueryParam("cursor"), invoicesAtOnce)
	if err != nil && statuses[asError(err).Code] >= http.StatusInternalServerError {
		s.log.WarnContext(ctx, "the invoices could not be shown", "requestId", requestID(c), "error", err)
		return nil, "", true, nil
	}
	return invoices, next, false, err
}

func (s *Server) payForPlan(c echo.Context) error {
	address, err := s.desk.PlanCheckout(c.Request().Context(), developerOf(c))
	if err != nil {
		return err
	}
	return go303(c, address)
}

func (s *Server) visitPlanPortal(c echo.Context) error {
	address, err := s.desk.PlanPortal(c.Request().Context(), developerOf(c))
	if err != nil {
		return err
	}
	return go303(c, address)
}

// returnToPlan is where Stripe sends a developer back to, from the checkout or the portal.
func (s *Server) returnToPlan(c echo.Context) error {
	ctx, who := c.Request().Context(), developerOf(c)
	if err := s.desk.PlanReturn(ctx, who); err != nil {
		if !failed(err) {
			return err
		}
		s.log.WarnContext(ctx, "the way back from Stripe failed", "requestId", requestID(c), "error", err)
		return s.done(c, "/plan", flash{Failed: true, Title: "Stripe does not answer right now",
			Message: "What you did there is not lost: it shows here within a few minutes."})
	}
	plan, err := s.platform.Plan(ctx, who.ID)
	if err != nil {
		return err
	}
	if !plan.Paid {
		return go303(c, "/plan")
	}
	if plan.CancelAt != nil {
		return s.done(c, "/plan", flash{Title: "Your plan ends", Message: "It counts until then. You can resume it before that."})
	}
	return s.done(c, "/plan", flash{Title: "Your plan is up to date", Message: "Go on with the set-up of your live platforms below."})
}
