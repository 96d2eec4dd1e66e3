package server

import (
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/tenant"
)

func (s *Server) tiersPage(c echo.Context) error {
	tiers, err := s.admin.Tiers(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	var archived []tenant.Tier
	for _, t := range tiers {
		if t.Archived {
			archived = append(archived, t)
		}
	}
	return s.view(c, "tiers", "Tiers", map[string]any{"Tiers": onSale(tiers), "Archived": archived})
}

func (s *Server) newTierPage(c echo.Context) error {
	settings, err := s.admin.Settings(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	start := tenant.Tier{
		Currency: settings.Currency, RateLimit: tenant.DefaultRateLimit,
		Limits: map[string]tenant.Limit{tenant.DefaultMeter: {Max: new(int64(1000)), Period: "month", Anchor: tenant.FromCalendar}},
	}
	return s.view(c, "new-tier", "New tier", tierFormOf(start))
}

func (s *Server) tierPage(c echo.Context) error {
	tier, err := s.admin.Tier(c.Request().Context(), platformOf(c).ID, c.Param("tier"))
	if err != nil {
		return err
	}
	return s.viewTier(c, tier, tierFormOf(tier), nil)
}

// tryTier shows what a change would do, above the form as it was sent. The change is made by the button there.
func (s *Server) tryTier(c echo.Context) error {
	before, change, err := s.readTierChange(c)
	if err != nil {
		return err
	}
	p, err := s.previewOf(c, before.Name, change)
	if err != nil {
		return renameFaults(err, tierField(c))
	}
	sent := url.Values{}
	for field, values := range c.Request().PostForm {
		if field != "back" {
			sent[field] = values
		}
	}
	return s.viewTier(c, before, tierFormOf(p.After), map[string]any{"Preview": p, "Sent": sent})
}

func (s *Server) viewTier(c echo.Context, tier tenant.Tier, form tierForm, more map[string]any) error {
	byPlan, err := s.admin.CustomersByPlan(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	data := map[string]any{"Tier": tier, "Form": form, "Customers": byPlan[tier.Name]}
	maps.Copy(data, more)
	return s.view(c, "tier", tier.DisplayName, data)
}

func (s *Server) addTier(c echo.Context) error {
	ctx, own := c.Request().Context(), platformOf(c).ID
	settings, err := s.admin.Settings(ctx, own)
	if err != nil {
		return err
	}
	entered, err := readTierForm(c, settings.Currency)
	if err != nil {
		return err
	}
	entered.Name = posted(c, "name")
	tier, _, err := s.admin.CreateTier(ctx, own, entered, nil, idempotency.Request{})
	if err != nil {
		return renameFaults(err, tierField(c))
	}
	affects(c, tier.Name)
	return s.tierSaved(c, tier, "added")
}

func (s *Server) editTier(c echo.Context) error {
	before, change, err := s.readTierChange(c)
	if err != nil {
		return err
	}
	tier, err := s.admin.ChangeTier(c.Request().Context(), platformOf(c).ID, before.Name, change)
	if err != nil {
		return renameFaults(err, tierField(c))
	}
	return s.tierSaved(c, tier, "saved")
}

// readTierChange reads the form of a tier that is there.
func (s *Server) readTierChange(c echo.Context) (before tenant.Tier, change tenant.TierChange, err error) {
	if before, err = s.admin.Tier(c.Request().Context(), platformOf(c).ID, c.Param("tier")); err != nil {
		return before, change, err
	}
	entered, err := readTierForm(c, before.Currency)
	if err != nil {
		return before, change, err
	}
	amounts := map[string]int64{}
	for _, p := range entered.Prices {
		amounts[p.Interval] = p.Amount
	}
	change = tenant.TierChange{
		DisplayName: &entered.DisplayName, TrialDays: &entered.TrialDays, Features: &entered.Features, RateLimit: &entered.RateLimit,
		Prices: func(map[string]int64) (map[string]int64, error) { return amounts, nil },
		Limits: func(map[string]tenant.Limit) (map[string]tenant.Limit, error) { return entered.Limits, nil },
	}
	if n, err := strconv.ParseInt(posted(c, "version"), 10, 64); err == nil {
		change.Version = &n
	}
	return before, change, nil
}

// tierSaved has Stripe know the tier, and leads to the list, which says whether it does.
func (s *Server) tierSaved(c echo.Context, tier tenant.Tier, what string) error {
	tier, err := s.published(c, platformOf(c).ID, tier)
	if err != nil {
		return err
	}
	f := flash{Title: "The tier " + tier.DisplayName + " is " + what}
	if !tier.Published && tier.Problem != nil {
		f.Message = "Stripe does not know it as it is yet: " + *tier.Problem + " It is tried again by itself."
	}
	return s.done(c, ownPage(c, "/tiers"), f)
}

func (s *Server) archiveTier(archived bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		tier, err := s.admin.ChangeTier(c.Request().Context(), platformOf(c).ID, c.Param("tier"), tenant.TierChange{Archived: &archived})
		if err != nil {
			return err
		}
		if archived {
			return s.tierSaved(c, tier, "archived")
		}
		return s.tierSaved(c, tier, "on sale again")
	}
}

// moveTier moves a tier by one place up or down among those on sale.
func (s *Server) moveTier(c echo.Context) error {
	ctx, own := c.Request().Context(), platformOf(c).ID
	tiers, err := s.admin.Tiers(ctx, own)
	if err != nil {
		return err
	}
	var names []string
	for _, t := range onSale(tiers) {
		names = append(names, t.Name)
	}
	moved, by := posted(c, "up"), -1
	if moved == "" {
		moved, by = posted(c, "down"), 1
	}
	at := slices.Index(names, moved)
	if at < 0 {
		return errs.New(errs.NotFound, "There is no such tier on sale.")
	}
	if to := at + by; to >= 0 && to < len(names) {
		names[at], names[to] = names[to], names[at]
	}
	if _, err := s.admin.OrderTiers(ctx, own, names); err != nil {
		return err
	}
	return go303(c, ownPage(c, "/tiers"))
}

func (s *Server) moveTierSubscribers(c echo.Context) error {
	n, err := s.desk.MoveSubscribers(c.Request().Context(), platformOf(c).ID, c.Param("tier"))
	if err != nil {
		return err
	}
	f := flash{Title: "Nobody is on an earlier price", Message: "All who subscribe to this tier pay what it costs now."}
	if n > 0 {
		counted, err := plural(n, "subscriber renews", "subscribers renew")
		if err != nil {
			return err
		}
		f = flash{Title: counted + " at the present price", Message: "From their next period on. It is being done in the background."}
	}
	return s.done(c, ownPage(c, "/tiers/"+c.Param("tier")), f)
}
