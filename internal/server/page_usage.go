package server

import (
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

// usagePage explores the usage. All that is chosen is in its address, so that it can be shared.
func (s *Server) usagePage(c echo.Context) error {
	ctx, own := c.Request().Context(), platformOf(c).ID
	tiers, err := s.admin.Tiers(ctx, own)
	if err != nil {
		return err
	}
	x, err := s.explore(c)
	if err == nil && x.Customer != c.QueryParam("customer") { // who was named by an address is shown by the id
		query := c.QueryParams()
		query.Set("customer", x.Customer)
		return go303(c, ownPage(c, "/usage?"+query.Encode()))
	}
	faults, ok := filterFaults(err)
	if err != nil && !ok {
		return err
	}
	data := map[string]any{
		"X": x, "By": usage.Unit(c.QueryParam("by")), "Units": usage.Units, "Tiers": tiers, "Meters": metersOf(tiers, x.Meter),
	}
	if faults != nil {
		return s.filteredView(c, "usage", "Usage", faults, data)
	}
	h, err := s.historyOf(c, x)
	if err != nil {
		return err
	}
	drawn := usageChart(h, x.By, tiers)
	drawn.Title, drawn.Note = x.Meter+" "+periodWords[string(x.By)], "UTC; up to 15 seconds behind."
	data["Chart"], data["Counted"], data["Most"] = drawn.draw(), compare(h), busiest(h, x.By)
	if x.Customer != "" {
		customer, err := s.customersRead.Get(ctx, own, x.Customer)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		data["IsCustomer"], data["Name"] = err == nil, orDefault(customer.Email, x.Customer)
	}
	if x.Customer == "" && slices.Contains(usage.TopDays, x.Days) {
		tops, err := s.usageRead.Tops(ctx, own, x.Meter, x.Days, usualPage)
		if err != nil {
			return err
		}
		data["HasTops"], data["Tops"], data["TakenAt"] = true, topBars(tops), tops.TakenAt
	}
	return s.filteredView(c, "usage", "Usage", nil, data)
}

// Spans are the days that the page offers, and what it calls them.
func (x explored) Spans() []offered {
	spans := []offered{{1, "24 hours"}, {7, "7 days"}, {30, "30 days"}, {90, "90 days"}, {365, "a year"}}
	if !slices.ContainsFunc(spans, func(s offered) bool { return s.Days == x.Days }) {
		spans = append(spans, offered{x.Days, fmt.Sprintf("%d days", x.Days)})
	}
	return spans
}

// offered is a span of days that can be chosen.
type offered struct {
	Days int
	Name string
}

// For is the address of the same for one customer, or for all of them.
func (x explored) For(customer string) template.URL {
	query := url.Values{"meter": {x.Meter}, "days": {strconv.Itoa(x.Days)}}
	if customer != "" {
		query.Set("customer", customer)
	}
	return template.URL("?" + query.Encode()) //nolint:gosec // encoded
}

// metersOf are the meters that the tiers limit, and one more.
func metersOf(tiers []tenant.Tier, one string) []string {
	names := map[string]bool{one: true, tenant.DefaultMeter: true}
	for _, t := range tiers {
		for name := range t.Limits {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// mostSeries is how many plans a chart tells apart; those behind it are drawn as one.
const mostSeries = 5

// usageChart is what was counted, by plan in the order of the price list where it is of all users.
func usageChart(h usage.History, by usage.Unit, tiers []tenant.Tier) chart {
	c := chart{Write: short}
	place := map[string]int{}
	for _, t := range tiers {
		if len(c.Series) < mostSeries-1 {
			place[t.Name] = len(c.Series)
			c.Series = append(c.Series, t.DisplayName)
		}
	}
	other := len(c.Series)
	used := make([]bool, other+1)
	for _, p := range h.Points {
		parts := make([]int64, other+1)
		for plan, n := range p.Plans {
			i, ok := place[plan]
			if !ok {
				i = other
			}
			parts[i] += n
			used[i] = true
		}
		if p.Plans == nil {
			parts[other] = p.Count
		}
		label, name := unitName(by, p.Start, len(h.Points) > shownDays)
		c.Columns = append(c.Columns, chartColumn{label, name, parts})
	}
	switch {
	case len(h.Points) > 0 && h.Points[0].Plans == nil:
		c.Series = []string{"This customer"}
		c.keep(other, other+1)
	case used[other] || other == 0:
		c.Series = append(c.Series, "Other plans")
	default:
		c.keep(0, other)
	}
	return c
}

// keep leaves some parts of each column.
func (c *chart) keep(from, to int) {
	for i := range c.Columns {
		c.Columns[i].Parts = c.Columns[i].Parts[from:to]
	}
}

// unitName is what a chart writes below the column of a unit, and what it says of it.
func unitName(by usage.Unit, start time.Time, many bool) (label, name string) {
	switch by {
	case usage.Hour:
		return start.Format("15:04"), start.Format("2 January, 15:04 UTC")
	case usage.Week:
		return start.Format("2 Jan"), start.Format("week from 2 January 2006")
	case usage.Month:
		return start.Format("Jan"), start.Format("January 2006")
	default:
		if many { // of several months
			return start.Format("2 Jan"), start.Format("2 January 2006")
		}
		return start.Format("2"), start.Format("2 January")
	}
}

// comparison is what was counted, against what was in as much time before.
type comparison struct {
	Now    int64
	Change string // such as +12 %; empty where there is nothing to compare with
}

func compare(h usage.History) comparison {
	c := comparison{Now: h.Total()}
	switch {
	case h.Before == nil || *h.Before <= 0:
	case c.Now / *h.Before >= 10:
		c.Change = "more than ten times as much"
	default:
		c.Change = fmt.Sprintf("%+d %%", percent(c.Now-*h.Before, *h.Before))
	}
	return c
}

// busy is the unit in which most was counted.
type busy struct {
	Name  string
	Count int64
}

func busiest(h usage.History, by usage.Unit) busy {
	var most busy
	for _, p := range h.Points {
		if p.Count > most.Count {
			_, name := unitName(by, p.Start, len(h.Points) > shownDays)
			most = busy{name, p.Count}
		}
	}
	return most
}

// topBar is a user with a bar that is as long as their part of what the first used.
type topBar struct {
	usage.Top
	Share int64 // in percent
}

func topBars(tops usage.Tops) []topBar {
	var bars []topBar
	for _, user := range tops.Users {
		bars = append(bars, topBar{user, percent(user.Count, tops.Users[0].Count)})
	}
	return bars
}
