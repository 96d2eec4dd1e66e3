package server

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

// tierForm is a tier as its form shows it.
type tierForm struct {
	Tier            tenant.Tier
	Monthly, Yearly string // in major units; empty where there is no such price
	Example         string // of a price in the currency
	Features        string // one a line
	Meters          []meterRow
}

// meterRow is a row of the form for one meter. The first is that of the meter that every platform has.
type meterRow struct {
	Index            int
	Meter, Max       string // Max as typed: a number, or unlimited
	Period, Anchor   string
	Default, Unnamed bool // Unnamed: empty, for another meter
}

const (
	emptyRows = 2
	mostRows  = 50 + emptyRows
)

func tierFormOf(t tenant.Tier) tierForm {
	form := tierForm{
		Tier: t, Features: strings.Join(t.Features, "\n"), Example: plainMoney(19*pow10(decimalsOf(t.Currency)), t.Currency),
	}
	if p, ok := t.Per("month"); ok {
		form.Monthly = plainMoney(p.Amount, t.Currency)
	}
	if p, ok := t.Per("year"); ok {
		form.Yearly = plainMoney(p.Amount, t.Currency)
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(t.Limits)), func(name string) bool { return name == tenant.DefaultMeter })
	for i, name := range append([]string{tenant.DefaultMeter}, names...) {
		limit := t.Limits[name]
		most := "unlimited"
		if limit.Max != nil {
			most = strconv.FormatInt(*limit.Max, 10)
		}
		form.Meters = append(form.Meters, meterRow{i, name, most, limit.Period, limit.Anchor, i == 0, false})
	}
	for range emptyRows {
		form.Meters = append(form.Meters, meterRow{Index: len(form.Meters), Period: "month", Anchor: tenant.FromCalendar, Unnamed: true})
	}
	return form
}

// Periods are what a limit may hold for, the usual one first.
func (tierForm) Periods() []string {
	return []string{"month", "minute", "hour", "day", "week", "year", "lifetime"}
}

// Anchors are from where periods may be counted, and what the form calls that.
func (tierForm) Anchors() [][2]string {
	return [][2]string{
		{tenant.FromCalendar, "the calendar (UTC)"}, {tenant.FromCustomer, "each customer's start"},
		{tenant.FromSubscription, "each subscription"},
	}
}

// readTierForm reads all that the form of a tier says, but for the name, and lists every fault by its field.
func readTierForm(c echo.Context, currency string) (tenant.Tier, error) {
	var faults []errs.Fault
	fault := func(field, message string) {
		faults = append(faults, errs.Fault{Param: field, Message: field + " " + message + "."})
	}
	amounts := map[string]int64{}
	for _, price := range []struct{ field, interval string }{{"monthly", "month"}, {"yearly", "year"}} {
		text := posted(c, price.field)
		if text == "" {
			continue
		}
		amount, err := parseMoney(text, currency)
		if err != nil {
			fault(price.field, err.Error())
		}
		amounts[price.interval] = amount
	}
	if len(amounts) == 0 {
		fault("monthly", "or the yearly price is missing; 0 makes a free tier")
	}
	whole := func(field string, otherwise int) int {
		text := posted(c, field)
		if text == "" {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			fault(field, "is a whole number")
		}
		return n
	}
	t := tenant.Tier{
		DisplayName: posted(c, "displayName"), Prices: tenant.PricesOf(amounts), TrialDays: whole("trialDays", 0),
		RateLimit: whole("rateLimit", tenant.DefaultRateLimit), Features: postedLines(c, "features"), Limits: map[string]tenant.Limit{},
	}
	for i := range mostRows {
		name, text := posted(c, fmt.Sprintf("meter.%d", i)), posted(c, fmt.Sprintf("max.%d", i))
		if name == "" && text == "" {
			continue
		}
		field := fmt.Sprintf("max.%d", i)
		if name == "" {
			fault(fmt.Sprintf("meter.%d", i), "is missing: say what is counted, or empty the row")
			continue
		}
		if _, twice := t.Limits[name]; twice {
			fault(fmt.Sprintf("meter.%d", i), "is named twice")
			continue
		}
		limit := tenant.Limit{
			Period: posted(c, fmt.Sprintf("period.%d", i)), Anchor: cmp.Or(posted(c, fmt.Sprintf("anchor.%d", i)), tenant.FromCalendar),
		}
		if !strings.EqualFold(text, "unlimited") {
			n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
			if err != nil || n < 0 {
				fault(field, "is a whole number, or unlimited")
			}
			limit.Max = &n
		}
		t.Limits[name] = limit
	}
	return t, errs.Invalid(faults)
}

// tierField says which field of the form holds a parameter of a tier.
func tierField(c echo.Context) func(param string) string {
	rows := map[string]int{}
	for i := range mostRows {
		if name := posted(c, fmt.Sprintf("meter.%d", i)); name != "" {
			rows[name] = i
		}
	}
	return func(param string) string {
		if meter, ok := strings.CutPrefix(param, "meters."); ok {
			meter, field, _ := strings.Cut(meter, ".")
			row, ok := rows[meter]
			if !ok {
				return param
			}
			return fmt.Sprintf("%s.%d", cmp.Or(field, "meter"), row)
		}
		switch {
		case param == "limit":
			return fmt.Sprintf("max.%d", rows[tenant.DefaultMeter])
		case param == "prices.year", param == "price" && posted(c, "monthly") == "":
			return "yearly"
		case param == "price", param == "prices.month", param == "interval":
			return "monthly"
		default:
			return param
		}
	}
}
