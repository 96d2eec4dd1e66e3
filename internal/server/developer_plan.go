package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

// counted counts a change by the JSON API against the developer's month; one that is refused, or only repeats an earlier
// answer, takes its count back.
func (s *Server) counted(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, who := c.Request().Context(), developerOf(c).ID
		if err := s.platform.CountCall(ctx, who); err != nil {
			return err
		}
		err := next(c)
		if err != nil || c.Response().Header().Get("Idempotent-Replayed") != "" {
			if back := s.platform.UncountCall(ctx, who); back != nil {
				s.log.WarnContext(ctx, "a call could not be uncounted", "requestId", requestID(c), "error", back)
			}
		}
		return err
	}
}

func (s *Server) getPlan(c echo.Context) error {
	plan, err := s.platform.Plan(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"plan", plan}})
}

func (s *Server) listPlanInvoices(c echo.Context) error {
	most, err := numberParam(c, "limit", usualPage, mostOfAPage)
	if err != nil {
		return err
	}
	invoices, next, err := s.desk.PlanInvoices(c.Request().Context(), developerOf(c).ID, c.QueryParam("cursor"), most)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(invoices, next))
}

func (s *Server) createPlanCheckout(c echo.Context) error {
	if err := noIdempotencyKey(c, "it changes nothing: each answer is a fresh address"); err != nil {
		return err
	}
	address, err := s.desk.PlanCheckout(c.Request().Context(), developerOf(c))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"url", address}})
}

func (s *Server) createPlanPortal(c echo.Context) error {
	if err := noIdempotencyKey(c, "it changes nothing: each answer is a fresh address"); err != nil {
		return err
	}
	address, err := s.desk.PlanPortal(c.Request().Context(), developerOf(c))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"url", address}})
}

func (s *Server) listSessions(c echo.Context) error {
	sessions, err := s.platform.Sessions(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(sessions, ""))
}

func (s *Server) endSession(c echo.Context) error {
	if err := s.platform.SignOut(c.Request().Context(), developerOf(c).ID, id.Session(c.Param("session"))); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"success", true}})
}

func (s *Server) endSessions(c echo.Context) error {
	if err := s.platform.SignOut(c.Request().Context(), developerOf(c).ID, ""); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"success", true}})
}

// getConnection answers how the platform stands with Stripe, and what Stripe says of the account now.
func (s *Server) getConnection(c echo.Context) error {
	standing, err := s.desk.Standing(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	account, err := s.desk.ConnectedAccount(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"stripe", standing}, {"account", account}})
}

// createConnect answers with the page on which a developer connects an account. It must be opened in the developer's own
// browser, as what is agreed to there counts in that session alone.
func (s *Server) createConnect(c echo.Context) error {
	if err := noIdempotencyKey(c, "it changes nothing"); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"url", s.cfg.DeveloperURL.String() + "/platforms/" + string(platformOf(c).ID) + "/connect"}})
}

func (s *Server) disconnect(c echo.Context) error {
	if err := s.desk.Disconnect(c.Request().Context(), platformOf(c).ID); err != nil {
		return err
	}
	standing, err := s.desk.Standing(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"stripe", standing}})
}

func (s *Server) listRepairs(c echo.Context) error {
	repairs, err := s.desk.Repairs(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(repairs, ""))
}

// overview is the state of a platform at a glance.
type overview struct {
	Customers int64            `json:"customers"`
	ByPlan    map[string]int64 `json:"byPlan"`
	Usage     []usage.Total    `json:"usage"` // in this period
	Standings tenant.Standings `json:"standings"`
	Near      usage.Nearest    `json:"near"` // a limit
	Live      livePlatforms    `json:"live"`
}

// livePlatforms are how many live platforms the developer has, and how many of them have a key that works.
type livePlatforms struct {
	Platforms int64 `json:"platforms"`
	Open      int64 `json:"open"`
}

const shownNear = 5

func (s *Server) overviewOf(c echo.Context, own id.Platform) (overview, error) {
	ctx := c.Request().Context()
	byPlan, err := s.admin.CustomersByPlan(ctx, own)
	if err != nil {
		return overview{}, err
	}
	o := overview{ByPlan: byPlan}
	if o.Near, err = s.watch.Near(ctx, own, shownNear); err != nil {
		return o, err
	}
	if o.Usage, err = s.usageRead.Totals(ctx, own); err != nil {
		return o, err
	}
	if o.Standings, err = s.admin.Standings(ctx, own); err != nil {
		return o, err
	}
	o.Customers = o.Standings.Customers
	o.Live, err = s.livePlatformsOf(c)
	return o, err
}

func (s *Server) livePlatformsOf(c echo.Context) (livePlatforms, error) {
	projects, err := s.platform.Projects(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return livePlatforms{}, err
	}
	var live []id.Platform
	for _, project := range projects {
		for _, one := range project.Platforms {
			if one.Mode == id.Live {
				live = append(live, one.ID)
			}
		}
	}
	open, err := s.admin.OpenPlatforms(c.Request().Context(), live)
	return livePlatforms{int64(len(live)), open}, err
}

func (s *Server) getOverview(c echo.Context) error {
	o, err := s.overviewOf(c, platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"overview", o}})
}

func (s *Server) listPlatformCustomers(c echo.Context) error {
	return s.respondCustomers(c, s.customersRead, platformOf(c).ID)
}

// customerDetail is all that a developer sees of one customer.
type customerDetail struct {
	Customer     tenant.Customer
	Usage        usage.Report
	Subscription *billing.Subscription
}

func (s *Server) customerDetailOf(c echo.Context, own id.Platform, customer string) (customerDetail, error) {
	ctx := c.Request().Context()
	found, err := s.customersRead.Get(ctx, own, customer)
	if err != nil {
		return customerDetail{}, err
	}
	d := customerDetail{Customer: found}
	if found.Plan != "" {
		if d.Usage, err = s.usageRead.Of(ctx, own, customer, ""); err != nil {
			return d, err
		}
	}
	d.Subscription, err = s.desk.SubscriptionOf(ctx, own, customer)
	return d, err
}

func (s *Server) getPlatformCustomer(c echo.Context) error {
	d, err := s.customerDetailOf(c, platformOf(c).ID, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"customer", d.Customer}, {"usage", d.Usage.Meters}, {"subscription", d.Subscription}})
}
