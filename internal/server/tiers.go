package server

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

// priceListEntry is a tier as customers see it.
type priceListEntry struct {
	Name        string           `json:"name"`
	DisplayName string           `json:"displayName"`
	Price       int64            `json:"price"`
	Currency    string           `json:"currency"`
	Interval    string           `json:"interval"`
	Limit       *int64           `json:"limit"` // of requests
	Meters      map[string]meter `json:"meters"`
	Features    []string         `json:"features"`
	PriceID     *string          `json:"priceId"` // at Stripe
	Prices      []price          `json:"prices"`
	TrialDays   int              `json:"trialDays"`
}

// price is what a tier costs for an interval. The first of a tier is the one that its own price repeats.
type price struct {
	Interval string  `json:"interval"`
	Price    int64   `json:"price"`
	PriceID  *string `json:"priceId"`
}

type meter struct {
	Limit  *int64 `json:"limit"`
	Period string `json:"period"`
	Anchor string `json:"anchor"` // from where periods are counted: calendar, customer or subscription
}

// tierEntry is a tier as its developer sees it.
type tierEntry struct {
	priceListEntry
	RateLimit int     `json:"rateLimit"`
	Position  int     `json:"position"`
	Archived  bool    `json:"archived"`
	ProductID *string `json:"productId"` // at Stripe
	Published bool    `json:"published"` // Stripe knows the tier as it is
	Problem   *string `json:"problem"`   // why it does not
}

func priceListEntryOf(t tenant.Tier) priceListEntry {
	entry := priceListEntry{
		Name: t.Name, DisplayName: t.DisplayName, Price: t.Primary().Amount, Currency: t.Currency, Interval: t.Primary().Interval,
		Limit: t.Limits[tenant.DefaultMeter].Max, Meters: map[string]meter{}, Features: notNil(t.Features),
		PriceID: t.Primary().StripeID, Prices: make([]price, len(t.Prices)), TrialDays: t.TrialDays,
	}
	for i, p := range t.Prices {
		entry.Prices[i] = price{p.Interval, p.Amount, p.StripeID}
	}
	for name, limit := range t.Limits {
		entry.Meters[name] = meter{limit.Max, limit.Period, limit.Anchor}
	}
	return entry
}

func tierEntryOf(t tenant.Tier) tierEntry {
	return tierEntry{
		priceListEntryOf(t), t.RateLimit, t.Position, t.Archived, t.ProductID, t.Published, t.Problem,
	}
}

// amountsOf changes the amounts that hold now, by interval, by what price and interval, for the primary one, and prices,
// for any, say. A price that is null goes.
func amountsOf(price *int64, interval *string, prices map[string]*int64, now map[string]int64) (map[string]int64, error) {
	amounts := map[string]int64{}
	maps.Copy(amounts, now)
	primary := "month"
	if _, monthly := amounts["month"]; !monthly && len(amounts) > 0 {
		primary = "year"
	}
	if interval != nil && *interval != primary {
		if amount, ok := amounts[primary]; ok { // the price moves to the interval
			delete(amounts, primary)
			amounts[*interval] = amount
		}
		primary = *interval
	}
	if price != nil {
		amounts[primary] = *price
	}
	for name, amount := range prices {
		stated := price != nil && name == primary
		switch {
		case amount == nil:
			delete(amounts, name)
		case stated && *amount != *price:
			return nil, errs.InvalidParam("price", "price and prices.%s say different things.", name)
		default:
			amounts[name] = *amount
		}
	}
	return amounts, nil
}

// limitValue is a limit as a developer may write it: a number, or null, -1 or "unlimited".
type limitValue struct {
	given bool
	max   *int64
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *limitValue) UnmarshalJSON(raw []byte) error {
	l.given = true
	switch string(raw) {
	case "null", "-1", `"unlimited"`:
		l.max = nil
		return nil
	}
	var n int64
	if err := json.Unmarshal(raw, &n); err != nil || n < 0 {
		return errors.New(`is a whole number from 0, or null, -1 or "unlimited" for no limit`)
	}
	l.max = &n
	return nil
}

type meterInput struct {
	Limit  limitValue `json:"limit"`
	Period string     `json:"period"`
	Anchor string     `json:"anchor"`
}

// limitsOf changes the limits that hold now by what limit, for requests, and meters, for any, say. A meter that is
// null goes; one without a period or an anchor keeps those it has, or has a month of the calendar.
func limitsOf(limit limitValue, meters map[string]*meterInput, now map[string]tenant.Limit) (map[string]tenant.Limit, error) {
	limits := map[string]tenant.Limit{}
	maps.Copy(limits, now)
	limitFor := func(name string, most *int64, stated *meterInput) tenant.Limit {
		l, ok := now[name]
		if !ok {
			l = tenant.Limit{Period: "month", Anchor: tenant.FromCalendar}
		}
		l.Max = most
		if stated != nil {
			l.Period, l.Anchor = cmp.Or(stated.Period, l.Period), cmp.Or(stated.Anchor, l.Anchor)
		}
		return l
	}
	var faults []errs.Fault
	for name, m := range meters {
		if m == nil {
			delete(limits, name)
			continue
		}
		before, ok := limits[name]
		saidAbove := name == tenant.DefaultMeter && limit.given
		switch {
		case m.Limit.given:
			before.Max = m.Limit.max
		case !ok && !saidAbove:
			faults = append(faults, errs.Fault{Param: "meters." + name + ".limit", Message: "meters." + name + ".limit is missing."})
		}
		limits[name] = limitFor(name, before.Max, m)
	}
	if limit.given {
		named := meters[tenant.DefaultMeter]
		if named != nil && named.Limit.given && !equal(named.Limit.max, limit.max) {
			faults = append(faults, errs.Fault{Param: "limit", Message: "limit and meters.requests.limit say different things."})
		}
		limits[tenant.DefaultMeter] = limitFor(tenant.DefaultMeter, limit.max, named)
	}
	return limits, errs.Invalid(faults)
}

func equal(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }
