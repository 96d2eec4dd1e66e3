package server

import (
	"fmt"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

// attention is something that a developer should see to.
type attention struct {
	Kind        string // bad, warn or info
	Title, Text string
	Link, Do    string // where, and what to do there
}

// planShare is how many customers are on a plan.
type planShare struct {
	Name, DisplayName string
	Customers, Share  int64 // Share in percent
}

const shownRepairs = 5

func (s *Server) overviewPage(c echo.Context) error {
	ctx, own := c.Request().Context(), platformOf(c)
	o, err := s.overviewOf(c, own.ID)
	if err != nil {
		return err
	}
	now, err := s.situationOf(c)
	if err != nil {
		return err
	}
	repairs, err := s.desk.Repairs(ctx, own.ID)
	if err != nil {
		return err
	}
	drawn, err := s.figuresOf(c, own.ID, now.Tiers)
	if err != nil {
		return err
	}
	events, err := s.eventAttention(c)
	if err != nil {
		return err
	}
	return s.view(c, "overview", "Overview", map[string]any{
		"Figures":  drawn,
		"Overview": o, "Plans": sharesOf(o, now.Tiers), "Attention": append(attentionOf(own, o, now.Tiers, now.Standing, now.Plan), events...),
		"Repairs": repairs[:min(len(repairs), shownRepairs)], "PublishableKey": publishableKey(now.Keys), "Tiers": onSale(now.Tiers),
	})
}

// attentionOf lists what a developer should see to, the worst first.
func attentionOf(
	own platform.Platform, o overview, tiers []tenant.Tier, standing billing.Standing, plan platform.Plan,
) []attention {
	var list []attention
	at := "/platforms/" + string(own.ID)
	if own.Mode == id.Live {
		list = append(list, planAttention(plan)...)
		list = append(list, connectionAttention(at, standing)...)
		if standing.Lacks != "" {
			list = append(list, attention{"info", "This live platform is not open yet",
				"A few steps are left before you can have live keys.", at + "/setup", "Go on with the set-up"})
		}
	}
	for _, t := range tiers {
		if !t.Published && t.Problem != nil {
			list = append(list, attention{"warn", "Stripe does not know the tier " + t.DisplayName + " as it is", *t.Problem +
				" It is tried again by itself.", at + "/tiers", "See the tiers"})
		}
	}
	if n := o.ByPlan[""]; n > 0 {
		title, _ := plural(n, "customer has no plan", "customers have no plan") // an int64 is a number
		list = append(list, attention{"warn", title,
			"Nothing can be counted for them: there is no free tier to fall back on. Add one, or give them a plan.", at + "/new-tier", "Add a tier"})
	}
	return list
}

func planAttention(plan platform.Plan) []attention {
	state := planStateOf(plan)
	if state.Kind == "good" || plan.Status == "none" {
		return nil
	}
	return []attention{{state.Kind, "Your plan: " + state.Label, state.Text, "/plan", "See your plan"}}
}

func connectionAttention(at string, standing billing.Standing) []attention {
	connection := standing.Connection
	switch {
	case connection == nil:
		return nil
	case connection.EndedAt != nil:
		how := "You disconnected it."
		if connection.EndReason != nil && *connection.EndReason == "deauthorized" {
			how = "It was disconnected at Stripe."
		}
		return []attention{{"bad", "No Stripe account is connected any more", how + " Nobody can pay until one is.", at + "/connect", "Connect Stripe"}}
	case !connection.ChargesEnabled:
		return []attention{{"warn", "Stripe does not let your account take payments yet",
			"Finish its set-up at Stripe; we see it by ourselves once that is done.", at + "/connect", "See the connection"}}
	default:
		return nil
	}
}

// figures are what the overview draws.
type figures struct {
	Revenue              billing.Revenue
	MRR, Movement, Calls drawnChart
	Counted              comparison
}

// Earns reports whether there is, or was, anything to draw of the revenue.
func (f figures) Earns() bool { return len(f.Revenue.Movements) > 0 || f.Revenue.Trials > 0 }

func (s *Server) figuresOf(c echo.Context, own id.Platform, tiers []tenant.Tier) (figures, error) {
	revenue, err := s.revenueOf(c, own, shownMonths)
	if err != nil {
		return figures{}, err
	}
	days, err := s.usageRead.ByDay(c.Request().Context(), own, tenant.DefaultMeter, 2*shownDays)
	if err != nil {
		return figures{}, err
	}
	return figures{
		revenue, mrrChart(revenue).draw(), movementChart(revenue).draw(), callsChart(days[shownDays:], tiers).draw(), compare(days),
	}, nil
}

func monthName(month string) (short, long string) {
	at, err := time.Parse("2006-01", month)
	if err != nil {
		return month, month
	}
	return at.Format("Jan"), at.Format("January 2006")
}

func mrrChart(r billing.Revenue) chart {
	c := chart{
		Title: "Monthly recurring revenue", Series: []string{"MRR"}, Write: func(n int64) string { return formatMoney(n, r.Currency) },
		Note: "What the customers pay a month: yearly prices count a twelfth, trials nothing, discounts are taken off.",
	}
	for _, m := range r.Months {
		label, name := monthName(m.Month)
		c.Columns = append(c.Columns, chartColumn{label, name, []int64{m.MRR}})
	}
	return c
}

func movementChart(r billing.Revenue) chart {
	c := chart{
		Title: "Where it came from and went", Series: []string{"New", "Returned", "Upgrades", "Downgrades", "Left"},
		Write: func(n int64) string { return formatMoney(n, r.Currency) },
	}
	for _, m := range r.Months {
		label, name := monthName(m.Month)
		c.Columns = append(c.Columns, chartColumn{label, name, []int64{m.New, m.Reactivation, m.Expansion, -m.Contraction, -m.Churn}})
	}
	return c
}

// mostSeries is how many plans a chart tells apart; those behind it are drawn as one.
const mostSeries = 5

// callsChart is the calls of each day by plan, in the order of the price list.
func callsChart(days []usage.PlanDay, tiers []tenant.Tier) chart {
	c := chart{Title: "Calls a day", Note: "Days of UTC; up to 15 seconds behind.", Write: short}
	place := map[string]int{}
	for _, t := range tiers {
		if len(c.Series) < mostSeries-1 {
			place[t.Name] = len(c.Series)
			c.Series = append(c.Series, t.DisplayName)
		}
	}
	other := len(c.Series)
	others := false
	for _, day := range days {
		parts := make([]int64, other+1)
		for plan, n := range day.Plans {
			i, ok := place[plan]
			if !ok {
				i, others = other, true
			}
			parts[i] += n
		}
		name := day.Day
		if at, err := time.Parse(time.DateOnly, day.Day); err == nil {
			name = at.Format("2 January")
		}
		c.Columns = append(c.Columns, chartColumn{strings.TrimLeft(day.Day[8:], "0"), name, parts})
	}
	if others || other == 0 {
		c.Series = append(c.Series, "Other plans")
		return c
	}
	for i := range c.Columns {
		c.Columns[i].Parts = c.Columns[i].Parts[:other]
	}
	return c
}

// comparison is what was counted in the second half of some days, against the first.
type comparison struct {
	Now, Before int64
	Change      string // such as +12 %; empty where there is nothing to compare with
}

func compare(days []usage.PlanDay) comparison {
	var c comparison
	for i, day := range days {
		for _, n := range day.Plans {
			if i < len(days)/2 {
				c.Before += n
			} else {
				c.Now += n
			}
		}
	}
	if c.Before > 0 {
		c.Change = fmt.Sprintf("%+d %%", percent(c.Now-c.Before, c.Before))
	}
	return c
}

// sharesOf are the customers by plan, in the order of the price list.
func sharesOf(o overview, tiers []tenant.Tier) []planShare {
	var shares []planShare
	for _, t := range tiers {
		if n := o.ByPlan[t.Name]; n > 0 || !t.Archived {
			shares = append(shares, planShare{t.Name, t.DisplayName, n, percent(n, o.Customers)})
		}
	}
	if n := o.ByPlan[""]; n > 0 {
		shares = append(shares, planShare{"", "No plan", n, percent(n, o.Customers)})
	}
	return shares
}

// publishableKey is the newest that works, or empty.
func publishableKey(keys []tenant.Key) string {
	found := ""
	for _, k := range keys {
		if k.Value != nil && k.State == "active" {
			found = *k.Value
		}
	}
	return found
}

func onSale(tiers []tenant.Tier) []tenant.Tier {
	var list []tenant.Tier
	for _, t := range tiers {
		if !t.Archived {
			list = append(list, t)
		}
	}
	return list
}
