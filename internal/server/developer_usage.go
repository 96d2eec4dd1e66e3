package server

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

// mostPoints is how many hours, days, weeks or months a history shows.
const mostPoints = 400

// exploredParams are the parameters of the history of usage.
var exploredParams = []string{"meter", "days", "by", "plan", "customer"}

// explored is what somebody asks of the usage: it is the query of the page and of the JSON.
type explored struct {
	Meter, Plan, Customer string
	Days                  int
	By                    usage.Unit
}

// exploredOf reads the query. The sums are by the hour for a day, by the day for up to three months, and else by the week,
// unless it says otherwise.
func exploredOf(c echo.Context) (explored, error) {
	x := explored{
		Meter: cmp.Or(c.QueryParam("meter"), tenant.DefaultMeter), Plan: c.QueryParam("plan"), Customer: c.QueryParam("customer"),
		Days: shownDays, By: usage.Unit(c.QueryParam("by")),
	}
	if err := onlyParams(c, exploredParams...); err != nil {
		return x, err
	}
	days, err := numberParam(c, "days", shownDays, mostPoints)
	if err != nil {
		return x, err
	}
	x.Days = days
	switch {
	case x.By != "":
	case x.Days <= 2 && x.Customer == "":
		x.By = usage.Hour
	case x.Days <= 92:
		x.By = usage.Daily
	default:
		x.By = usage.Week
	}
	switch {
	case !slices.Contains(usage.Units, x.By):
		return x, errs.InvalidParam("by", "by is hour, day, week or month.")
	case x.By == usage.Hour && x.Customer != "":
		return x, errs.InvalidParam("by", "by is day, week or month for one customer: their hours are not kept.")
	case x.Plan != "" && x.Customer != "":
		return x, errs.InvalidParam("plan", "plan goes without customer: what one customer used is not kept by plan.")
	case x.points() > mostPoints:
		return x, errs.InvalidParam("days", "days is at most %d by the hour.", mostPoints/24)
	}
	return x, nil
}

// points is how many units the days are, of which the first may begin before them.
func (x explored) points() int {
	switch x.By {
	case usage.Hour:
		return 24 * x.Days
	case usage.Week:
		return (x.Days + 6) / 7
	case usage.Month:
		return (x.Days + 29) / 30
	default:
		return x.Days
	}
}

// explore reads the query, in which a customer may stand by their email address: what it returns has the id.
func (s *Server) explore(c echo.Context) (explored, error) {
	x, err := exploredOf(c)
	if err != nil || !strings.Contains(x.Customer, "@") {
		return x, err
	}
	ctx, own := c.Request().Context(), platformOf(c).ID
	counted, err := s.usageRead.Knows(ctx, own, x.Customer) // an id may have an @ too
	if err != nil || counted {
		return x, err
	}
	_, err = s.customersRead.Get(ctx, own, x.Customer)
	if !errs.Is(err, errs.NotFound) {
		return x, err
	}
	found, err := s.customersRead.List(ctx, own, tenant.Filter{Email: x.Customer, Limit: 1})
	switch {
	case err != nil:
		return x, err
	case len(found.Customers) == 0:
		return x, errs.InvalidParam("customer", "No customer here has this email address.")
	case found.Next != "":
		return x, errs.InvalidParam("customer", "Several customers have this email address. Say which one by the id.")
	}
	x.Customer = found.Customers[0].ID
	return x, nil
}

func (s *Server) historyOf(c echo.Context, x explored) (usage.History, error) {
	own := platformOf(c)
	return s.usageRead.History(c.Request().Context(), own.ID, usage.HistoryOf{
		Meter: x.Meter, By: x.By, Points: x.points(), Plan: x.Plan, UserID: x.Customer, Since: own.CreatedAt, KeepDays: s.cfg.HistoryDays,
	})
}

func (s *Server) getPlatformUsage(c echo.Context) error {
	x, err := s.explore(c)
	if err != nil {
		return err
	}
	h, err := s.historyOf(c, x)
	if err != nil {
		return err
	}
	var customer *string
	if x.Customer != "" {
		customer = &x.Customer
	}
	return c.JSON(http.StatusOK, object{
		{"meter", x.Meter}, {"customer", customer}, {"by", x.By}, {"total", h.Total()}, {"before", h.Before}, {"points", h.Points},
	})
}

func (s *Server) listTopUsers(c echo.Context) error {
	days, err := numberParam(c, "days", shownDays, mostPoints)
	if err != nil {
		return err
	}
	if !slices.Contains(usage.TopDays, days) {
		return errs.InvalidParam("days", "days is 1, 7, 30, 90 or 365.")
	}
	most, err := numberParam(c, "limit", usualPage, mostOfAPage)
	if err != nil {
		return err
	}
	tops, err := s.usageRead.Tops(c.Request().Context(), platformOf(c).ID, cmp.Or(c.QueryParam("meter"), tenant.DefaultMeter), days, most)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"data", tops.Users}, {"takenAt", tops.TakenAt}})
}
