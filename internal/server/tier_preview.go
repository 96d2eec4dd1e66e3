package server

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/tenant"
)

// tierPreview is what a change of a tier would do.
type tierPreview struct {
	Changes     []tierDifference    `json:"changes"`
	Customers   int64               `json:"customers"`   // who are on the tier
	Subscribers billing.Subscribers `json:"subscribers"` // of them, who subscribe
	Refused     map[string]int64    `json:"refused"`     // by meter: who have used up the new limit already, and had not the old one

	After tenant.Tier `json:"-"`
}

// tierDifference is one field that would change. The words are those of the page.
type tierDifference struct {
	Field  string `json:"field"` // such as prices.month or meters.requests
	Before any    `json:"before"`
	After  any    `json:"after"` // null: it goes

	Label, Was, Will, Effect string `json:"-"`
}

func (s *Server) previewOf(c echo.Context, name string, change tenant.TierChange) (tierPreview, error) {
	ctx, own := c.Request().Context(), platformOf(c).ID
	before, after, err := s.admin.TryTier(ctx, own, name, change)
	if err != nil {
		return tierPreview{}, err
	}
	p := tierPreview{After: after, Refused: map[string]int64{}}
	byPlan, err := s.admin.CustomersByPlan(ctx, own)
	if err != nil {
		return p, err
	}
	p.Customers = byPlan[name]
	if p.Subscribers, err = s.desk.Subscribers(ctx, own, after); err != nil {
		return p, err
	}
	// One kind of period does not share its count with another, so a new kind begins at nothing.
	tighter, looser := map[string]tenant.Limit{}, map[string]tenant.Limit{}
	for meter, limit := range after.Limits {
		was, ok := before.Limits[meter]
		if ok && was.Period == limit.Period && was.Anchor == limit.Anchor && limit.Max != nil && (was.Max == nil || *was.Max > *limit.Max) {
			tighter[meter], looser[meter] = limit, was
		}
	}
	if p.Refused, err = s.usageRead.Reached(ctx, own, name, tighter); err != nil {
		return p, err
	}
	already, err := s.usageRead.Reached(ctx, own, name, looser)
	for meter := range p.Refused {
		p.Refused[meter] -= already[meter]
	}
	p.Changes = p.differences(before, after)
	return p, err
}

func (s *Server) previewTier(c echo.Context) error {
	change, err := decodeTierChange(c)
	if err != nil {
		return err
	}
	p, err := s.previewOf(c, c.Param("tier"), change)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"preview", p}, {"tier", tierEntryOf(p.After)}})
}

// differences lists what a change changes, in the order of the form.
func (p tierPreview) differences(before, after tenant.Tier) []tierDifference {
	list := []tierDifference{}
	add := func(changed bool, d tierDifference) {
		if changed {
			list = append(list, d)
		}
	}
	add(before.DisplayName != after.DisplayName, tierDifference{
		"displayName", before.DisplayName, after.DisplayName, "Display name", before.DisplayName, after.DisplayName, "On your price list.",
	})
	for _, interval := range []string{"month", "year"} {
		was, had := before.Per(interval)
		will, has := after.Per(interval)
		d := tierDifference{Field: "prices." + interval, Label: "Price " + periodWords[interval], Was: "none", Will: "none"}
		if had {
			d.Before, d.Was = was.Amount, priceWords(was.Amount, before.Currency)
		}
		if has {
			d.After, d.Will = will.Amount, priceWords(will.Amount, after.Currency)
		}
		d.Effect = "For those who subscribe from now on." + p.keep()
		if !has {
			d.Effect = "Nobody can choose it any more." + p.keep()
		}
		add(had != has || had && was.Amount != will.Amount, d)
	}
	add(before.TrialDays != after.TrialDays, tierDifference{
		"trialDays", before.TrialDays, after.TrialDays, "Trial, in days", strconv.Itoa(before.TrialDays), strconv.Itoa(after.TrialDays),
		"For those who begin from now on.",
	})
	for _, meter := range slices.Sorted(maps.Keys(union(before.Limits, after.Limits))) {
		if d, changed := p.limitDifference(meter, before, after); changed {
			list = append(list, d)
		}
	}
	add(before.RateLimit != after.RateLimit, tierDifference{
		"rateLimit", before.RateLimit, after.RateLimit, "Calls a minute", grouped(strconv.Itoa(before.RateLimit)),
		grouped(strconv.Itoa(after.RateLimit)), p.atOnce(),
	})
	add(!slices.Equal(before.Features, after.Features), tierDifference{
		"features", notNil(before.Features), notNil(after.Features), "Features", strings.Join(before.Features, "; "),
		strings.Join(after.Features, "; "), "On your price list.",
	})
	add(before.Position != after.Position, tierDifference{
		"position", before.Position, after.Position, "Place", strconv.Itoa(before.Position), strconv.Itoa(after.Position), "On your price list.",
	})
	add(before.Archived != after.Archived, tierDifference{
		"archived", before.Archived, after.Archived, "Archived", yesNo(before.Archived), yesNo(after.Archived),
		"Who is on it stays on it, and pays as before.",
	})
	return list
}

func (p tierPreview) limitDifference(meter string, before, after tenant.Tier) (tierDifference, bool) {
	was, had := before.Limits[meter]
	will, has := after.Limits[meter]
	d := tierDifference{Field: "meters." + meter, Label: meter, Was: "not part of it", Will: "not part of it", Effect: p.atOnce()}
	if had {
		d.Before, d.Was = was, limitWords(was)
	}
	if has {
		d.After, d.Will = will, limitWords(will)
	}
	switch {
	case !has:
		d.Effect = "At once: calls that count it are refused."
	case had && (was.Period != will.Period || was.Anchor != will.Anchor):
		d.Effect = p.atOnce() + " What was counted for another kind of period does not count for this one."
	case p.Refused[meter] > 0:
		counted, _ := plural(p.Refused[meter], "of them has", "of them have") // an int64 is a number
		d.Effect += " " + counted + " used that much already, and will be refused until the period ends."
	}
	return d, had != has || had && (!equal(was.Max, will.Max) || was.Period != will.Period || was.Anchor != will.Anchor)
}

// keep says who keeps an earlier price.
func (p tierPreview) keep() string {
	if p.Subscribers.Count == 0 {
		return ""
	}
	counted, _ := plural(p.Subscribers.Count, "subscriber keeps", "subscribers keep") // an int64 is a number
	return " " + counted + " their price."
}

func (p tierPreview) atOnce() string {
	counted, _ := plural(p.Customers, "customer", "customers") // an int64 is a number
	return "At once, for " + counted + "."
}

func priceWords(amount int64, currency string) string {
	if amount == 0 {
		return "free"
	}
	return formatMoney(amount, currency)
}

// limitWords are a limit in words, such as 1,000 a month.
func limitWords(l tenant.Limit) string {
	most, _ := number(l.Max) // a *int64 is a number
	words := most + " " + periodWords[l.Period]
	if from := anchorOf(l); from != "" {
		words += ", counted " + from
	}
	return words
}

// anchorOf is from where the limit's periods are counted, where that is not the calendar.
func anchorOf(l tenant.Limit) string {
	if l.Period == "lifetime" {
		return ""
	}
	return anchorWords[l.Anchor]
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func union[K comparable, V any](a, b map[K]V) map[K]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
