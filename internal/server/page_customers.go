package server

import (
	"maps"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/usage"
)

func (s *Server) customersPage(c echo.Context) error {
	ctx, own := c.Request().Context(), platformOf(c).ID
	filter, err := customerFilter(c)
	if err != nil {
		return err
	}
	page, err := s.customersRead.List(ctx, own, filter)
	if err != nil {
		return err
	}
	tiers, err := s.admin.Tiers(ctx, own)
	if err != nil {
		return err
	}
	next := ""
	if page.Next != "" {
		query := url.Values{"cursor": {page.Next}}
		for _, name := range []string{"q", "plan", "email", "limit"} {
			if value := c.QueryParam(name); value != "" {
				query.Set(name, value)
			}
		}
		next = "?" + query.Encode()
	}
	return s.view(c, "customers", "Customers", map[string]any{
		"Customers": page.Customers, "Next": next, "Q": filter.Q, "Plan": filter.Plan, "Later": filter.Cursor != "",
		"Filtered": filter.Q != "" || filter.Plan != "" || filter.Email != "", "Tiers": tiers,
	})
}

// meterBar is the usage of one meter as a page draws it.
type meterBar struct {
	usage.Usage
	Share int64  // of the limit, in percent
	Kind  string // good, warn when little is left, bad when nothing is
}

func (s *Server) customerPage(c echo.Context) error {
	d, err := s.customerDetailOf(c, platformOf(c).ID, c.Param("id"))
	if err != nil {
		return err
	}
	title := d.Customer.ID
	if d.Customer.Email != nil {
		title = *d.Customer.Email
	}
	return s.view(c, "customer", title, map[string]any{
		"Customer": d.Customer, "Subscription": d.Subscription, "Bars": barsOf(d.Usage.Meters), "Rate": d.Usage.Rate,
	})
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
