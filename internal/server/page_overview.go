package server

import (
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

const (
	shownRepairs = 5
	shownEvents  = 8
)

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
	happened, err := s.customersRead.Latest(ctx, own.ID, shownEvents)
	if err != nil {
		return err
	}
	var failed tenant.Page
	if o.Standings.PastDue > 0 {
		if failed, err = s.customersRead.List(ctx, own.ID, tenant.Filter{Status: "past_due", Limit: shownNear}); err != nil {
			return err
		}
	}
	return s.view(c, "overview", "Overview", map[string]any{
		"Figures": drawn, "Happened": linesOf(happened), "Failed": failed.Customers, "NoPlan": tenant.NoPlan,
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
	calls, err := s.usageRead.History(c.Request().Context(), own, usage.HistoryOf{
		Meter: tenant.DefaultMeter, By: usage.Daily, Points: shownDays, Since: platformOf(c).CreatedAt, KeepDays: s.cfg.HistoryDays,
	})
	if err != nil {
		return figures{}, err
	}
	drawn := usageChart(calls, usage.Daily, tiers)
	drawn.Title, drawn.Note = "Calls a day", "Days of UTC; up to 15 seconds behind."
	return figures{revenue, mrrChart(revenue).draw(), movementChart(revenue).draw(), drawn.draw(), compare(calls)}, nil
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
		Tick: func(n int64) string { return shortMoney(n, r.Currency) },
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
		Tick:  func(n int64) string { return shortMoney(n, r.Currency) },
	}
	for _, m := range r.Months {
		label, name := monthName(m.Month)
		c.Columns = append(c.Columns, chartColumn{label, name, []int64{m.New, m.Reactivation, m.Expansion, -m.Contraction, -m.Churn}})
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
