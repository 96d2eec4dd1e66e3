package server

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

// listFilters are the parameters by which the page narrows and sorts its list.
var listFilters = []string{"q", "plan", "status", "near", "sort", "email"}

// statusWords are what a customer can be filtered by, as the page says it.
var statusWords = [][2]string{
	{"paying", "Paying"}, {"active", "Active"}, {"trialing", "In trial"}, {"past_due", "Payment failed"}, {"cancelling", "Cancelling"}, {"paused", "Paused"},
	{"none", "No subscription"},
}

// sortWords are how the list can be sorted.
var sortWords = [][2]string{{"created", "Newest first"}, {"email", "By email"}, {"usage", "Nearest a limit first"}}

func (s *Server) customersPage(c echo.Context) error {
	ctx, own := c.Request().Context(), platformOf(c).ID
	var asOf *time.Time
	var page tenant.Page
	filter, err := customerFilter(c)
	if err == nil && filter.Near {
		asOf, err = s.watch.AsOf(ctx, own)
	}
	if err == nil {
		page, err = s.customersRead.List(ctx, own, filter)
	}
	faults, ok := filterFaults(err)
	if err != nil && !ok {
		return err
	}
	for _, name := range []string{"status", "sort"} { // of which the page has a list, with names of its own
		if faults[name] != "" {
			faults[name] = fieldLabels[name] + " is none of those that there are. Choose another."
		}
	}
	tiers, err := s.admin.Tiers(ctx, own)
	if err != nil {
		return err
	}
	currency := "" // of which there is one on a platform
	if len(tiers) > 0 {
		currency = tiers[0].Currency
	}
	next, query := "", url.Values{}
	for _, name := range listFilters {
		if value := c.QueryParam(name); value != "" && faults[name] == "" {
			query.Set(name, value)
		}
	}
	export := ownPage(c, "/export-customers?"+query.Encode())
	first := ownPage(c, "/customers?"+query.Encode())
	if page.Next != "" {
		query.Set("cursor", page.Next)
		if limit := c.QueryParam("limit"); limit != "" {
			query.Set("limit", limit)
		}
		next = "?" + query.Encode()
	}
	return s.filteredView(c, "customers", "Customers", faults, map[string]any{
		"Customers": page.Customers, "Next": next, "Export": export, "First": first, "Filter": filter, "Later": filter.Cursor != "", "AsOf": asOf,
		"Filtered": filter.Q != "" || filter.Plan != "" || filter.Email != "" || filter.Status != "" || filter.Near,
		"Tiers":    tiers, "Statuses": statusWords, "Sorts": sortWords, "NoPlan": tenant.NoPlan, "Currency": currency,
	})
}

// meterBar is the usage of one meter as a page draws it.
type meterBar struct {
	usage.Usage
	Share int64  // of the limit, in percent
	Kind  string // good, warn when little is left, bad when nothing is
}

func (s *Server) customerPage(c echo.Context) error {
	ctx, own, customer := c.Request().Context(), platformOf(c).ID, c.Param("id")
	d, err := s.customerDetailOf(c, own, customer)
	if err != nil {
		return err
	}
	days, err := s.usageRead.Days(ctx, own, customer)
	if err != nil {
		return err
	}
	sessions, err := s.endUsers.Sessions(ctx, own, customer)
	if err != nil {
		return err
	}
	adjustments, _, err := s.usageRead.Adjustments(ctx, own, customer, "", shownAdjustments)
	if err != nil {
		return err
	}
	tiers, err := s.admin.Tiers(ctx, own)
	if err != nil {
		return err
	}
	happened, earlier, err := s.customersRead.Timeline(ctx, own, customer, c.QueryParam("cursor"), shownHappened)
	faults, ok := filterFaults(err)
	if err != nil && !ok {
		return err
	}
	query := ""
	if earlier != "" {
		query = "?" + url.Values{"cursor": {earlier}}.Encode() + "#timeline"
	}
	title := d.Customer.ID
	if d.Customer.Email != nil {
		title = *d.Customer.Email
	}
	return s.filteredView(c, "customer", title, faults, map[string]any{
		"Customer": d.Customer, "Subscription": d.Subscription, "Bars": barsOf(d.Usage.Meters), "Rate": d.Usage.Rate,
		"Charts": daysCharts(days, time.Now()), "Sessions": sessions, "Adjustments": adjustments, "Tiers": onSale(tiers),
		"Meters": slices.Sorted(maps.Keys(d.Usage.Meters)), "Title": title,
		"Timeline": linesOf(happened), "Earlier": query, "Later": c.QueryParam("cursor") != "", "StripeLink": s.stripeLink(d.Subscription),
	})
}

// stripeLink is the address of a subscription in Stripe's dashboard; empty where it is on our own account, which the developer
// does not see.
func (s *Server) stripeLink(subscription *billing.Subscription) string {
	if subscription == nil || subscription.Account == "" {
		return ""
	}
	mode := ""
	if s.cfg.StripeTest {
		mode = "/test"
	}
	return "https://dashboard.stripe.com/" + url.PathEscape(subscription.Account) + mode + "/subscriptions/" + url.PathEscape(subscription.ID)
}

const (
	shownAdjustments = 10
	shownHappened    = 15
)

// daysCharts are what a customer used on each of the last days, one for each meter, as their units differ.
func daysCharts(days []usage.Day, now time.Time) []drawnChart {
	last := now.UTC()
	counts := map[string]map[string]int64{}
	for _, day := range days {
		if counts[day.Meter] == nil {
			counts[day.Meter] = map[string]int64{}
		}
		counts[day.Meter][day.Day] += day.Count
		if at, err := time.Parse(time.DateOnly, day.Day); err == nil && at.After(last) { // a clock that was turned
			last = at
		}
	}
	if len(counts) == 0 {
		counts[tenant.DefaultMeter] = nil
	}
	var drawn []drawnChart
	for _, meter := range slices.Sorted(maps.Keys(counts)) {
		c := chart{Title: meter + " a day", Note: "Days of UTC.", Series: []string{meter}, Write: short}
		for back := shownDays - 1; back >= 0; back-- {
			day := last.AddDate(0, 0, -back)
			c.Columns = append(c.Columns, chartColumn{day.Format("2"), day.Format("2 January"), []int64{counts[meter][day.Format(time.DateOnly)]}})
		}
		drawn = append(drawn, c.draw())
	}
	return drawn
}

// What is done to a customer is done under the customer surface's role, whoever asks for it: one path writes.

func (s *Server) setCustomerPlan(c echo.Context) error {
	plan := posted(c, "plan")
	_, err := s.customers.Update(c.Request().Context(), platformOf(c).ID, c.Param("id"), tenant.CustomerChange{Plan: &plan})
	if err != nil {
		return err
	}
	return s.done(c, customerAt(c), flash{Title: "The plan is " + plan + " from now on"})
}

func (s *Server) grantToCustomer(c echo.Context) error {
	quantity, err := strconv.ParseInt(strings.ReplaceAll(posted(c, "quantity"), ",", ""), 10, 64)
	if err != nil {
		return errs.InvalidParam("quantity", "quantity is a whole number.")
	}
	made, _, err := s.usage.Grant(c.Request().Context(), s.keeper, platformOf(c).ID, usage.Grant{
		UserID: c.Param("id"), Meter: posted(c, "meter"), Quantity: quantity, Expires: posted(c, "expires"), Reason: posted(c, "reason"),
	}, idempotency.Request{})
	if err != nil {
		return err
	}
	units, err := number(made.Adjustment.Quantity)
	if err != nil {
		return err
	}
	return s.done(c, customerAt(c), flash{Title: units + " more " + made.Adjustment.Meter + " are granted"})
}

func (s *Server) resetCustomer(c echo.Context) error {
	made, _, err := s.usage.Reset(c.Request().Context(), s.keeper, platformOf(c).ID, usage.Reset{
		UserID: c.Param("id"), Meter: posted(c, "meter"), Reason: posted(c, "reason"),
	}, idempotency.Request{})
	if err != nil {
		return err
	}
	units, err := number(made.Adjustment.Quantity)
	if err != nil {
		return err
	}
	return s.done(c, customerAt(c), flash{Title: made.Adjustment.Meter + " are counted from 0 again", Message: units + " were used in this period until now."})
}

func (s *Server) visitCustomerPortal(c echo.Context) error {
	back := s.cfg.DeveloperURL.String() + customerAt(c)
	address, err := s.cashier.Portal(c.Request().Context(), platformOf(c).ID, c.Param("id"), back)
	if err != nil {
		return err
	}
	return go303(c, address)
}

func (s *Server) signCustomerOut(c echo.Context) error {
	if err := s.endUsers.EndSessions(c.Request().Context(), platformOf(c).ID, c.Param("id"), ""); err != nil {
		return err
	}
	return s.done(c, customerAt(c), flash{Title: "Signed out everywhere", Message: "Their tokens open nothing any more."})
}

// removeCustomer deletes a customer, whose address or id was typed to be sure.
func (s *Server) removeCustomer(c echo.Context) error {
	ctx, own, customer := c.Request().Context(), platformOf(c).ID, c.Param("id")
	found, err := s.customersRead.Get(ctx, own, customer)
	if err != nil {
		return err
	}
	expected := found.ID
	if found.Email != nil {
		expected = *found.Email
	}
	if !strings.EqualFold(posted(c, "confirm"), expected) {
		return errs.InvalidParam("confirm", "confirm is not what is asked for. Nothing was deleted.")
	}
	if err := s.customers.Delete(ctx, own, customer); err != nil {
		return err
	}
	return s.done(c, ownPage(c, "/customers"), flash{Title: expected + " is deleted"})
}

// customerAt is the page of the customer of the path.
func customerAt(c echo.Context) string {
	return ownPage(c, "/customers/"+url.PathEscape(c.Param("id")))
}

func barsOf(meters map[string]usage.Usage) []meterBar {
	var bars []meterBar
	for _, name := range slices.Sorted(maps.Keys(meters)) {
		bar := meterBar{Usage: meters[name], Kind: "good"}
		if bar.Limit != nil {
			bar.Share = 100
			if *bar.Limit > 0 {
				bar.Share = min(percent(bar.Count, *bar.Limit), 100)
			}
			switch {
			case bar.Count >= *bar.Limit:
				bar.Kind = "bad"
			case bar.Share >= 80:
				bar.Kind = "warn"
			}
		}
		bars = append(bars, bar)
	}
	return bars
}
