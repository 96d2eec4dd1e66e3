package server

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/tenant"
)

// tierPreview is what a change of a tier would do.
type tierPreview struct {
	Changes     []tierChange        `json:"changes"`
	Customers   int64               `json:"customers"`   // who are on the tier
	Subscribers billing.Subscribers `json:"subscribers"` // of them, who subscribe
	Refused     map[string]int64    `json:"refused"`     // by meter: who have used up the new limit already, and had not the old one

	After tenant.Tier `json:"-"`
}

// tierChange is a field that would change, and for whom that holds, in the words of the page.
type tierChange struct {
	tenant.FieldDifference
	Effect string `json:"-"`
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
	p.Changes = []tierChange{}
	for _, d := range before.Differences(after) {
		p.Changes = append(p.Changes, tierChange{d, p.effectOf(d)})
	}
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

// effectOf says for whom a change holds, and from when on.
func (p tierPreview) effectOf(d tenant.FieldDifference) string {
	if _, price := strings.CutPrefix(d.Field, "prices."); price {
		if d.Becomes == nil {
			return "Nobody can choose it any more." + p.keep()
		}
		return "For those who subscribe from now on." + p.keep()
	}
	if meter, limit := strings.CutPrefix(d.Field, "meters."); limit {
		return p.effectOnLimit(meter, d)
	}
	switch d.Field {
	case "rateLimit":
		return p.atOnce()
	case "trialDays":
		return "For those who begin from now on."
	case "archived":
		return "Who is on it stays on it, and pays as before."
	default:
		return "On your price list."
	}
}

func (p tierPreview) effectOnLimit(meter string, d tenant.FieldDifference) string {
	was, had := d.Was.(tenant.Limit)
	becomes, has := d.Becomes.(tenant.Limit)
	switch {
	case !has:
		return "At once: calls that count it are refused."
	case had && (was.Period != becomes.Period || was.Anchor != becomes.Anchor):
		return p.atOnce() + " What was counted for another kind of period does not count for this one."
	case p.Refused[meter] > 0:
		counted, _ := plural(p.Refused[meter], "of them has", "of them have") // an int64 is a number
		return p.atOnce() + " " + counted + " used that much already, and will be refused until the period ends."
	default:
		return p.atOnce()
	}
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
