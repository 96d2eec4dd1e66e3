package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant"
)

func (s *Server) listTiers(c echo.Context) error {
	tiers, err := s.admin.Tiers(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(tierEntries(tiers), ""))
}

func tierEntries(tiers []tenant.Tier) []tierEntry {
	entries := make([]tierEntry, len(tiers))
	for i, t := range tiers {
		entries[i] = tierEntryOf(t)
	}
	return entries
}

// publish makes the price list known to Stripe. Where that fails, the tiers say so, and a job tries again.
func (s *Server) publish(c echo.Context, own id.Platform) {
	if err := s.desk.Publish(c.Request().Context(), own); err != nil {
		s.log.WarnContext(c.Request().Context(), "a price list could not be published", "requestId", requestID(c), "error", err)
	}
}

// published publishes the price list and returns the tier with what it is called at Stripe.
func (s *Server) published(c echo.Context, own id.Platform, tier tenant.Tier) (tenant.Tier, error) {
	s.publish(c, own)
	return s.admin.Tier(c.Request().Context(), own, tier.Name)
}

func (s *Server) orderTiers(c echo.Context) error {
	var in struct {
		Names []string `json:"names"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	tiers, err := s.admin.OrderTiers(c.Request().Context(), platformOf(c).ID, in.Names)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(tierEntries(tiers), ""))
}

// copyFrom gives the platform the tiers of another of the developer's own, which it returns.
// With the fingerprint of a preview it is what that said, or nothing.
func (s *Server) copyFrom(c echo.Context, other, fingerprint string) (platform.Platform, error) {
	ctx, own := c.Request().Context(), platformOf(c).ID
	from, err := s.platform.Owned(ctx, developerOf(c).ID, other)
	if err != nil {
		return from, err
	}
	if _, err := s.admin.CopyTiers(ctx, from.ID, own, fingerprint); err != nil {
		return from, err
	}
	s.publish(c, own)
	return from, nil
}

func (s *Server) copyTiers(c echo.Context) error {
	var in struct {
		From        string `json:"from"`
		Fingerprint string `json:"fingerprint"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	if _, err := s.copyFrom(c, in.From, in.Fingerprint); err != nil {
		return err
	}
	tiers, err := s.admin.Tiers(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(tierEntries(tiers), ""))
}

func (s *Server) moveSubscribers(c echo.Context) error {
	n, err := s.desk.MoveSubscribers(c.Request().Context(), platformOf(c).ID, c.Param("tier"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, object{{"success", true}, {"subscribers", n}})
}

func (s *Server) createTier(c echo.Context) error {
	var in struct {
		Name        string                 `json:"name"`
		DisplayName string                 `json:"displayName"`
		Price       *int64                 `json:"price"`
		Currency    string                 `json:"currency"`
		Interval    *string                `json:"interval"`
		Prices      map[string]*int64      `json:"prices"`
		TrialDays   int                    `json:"trialDays"`
		Limit       limitValue             `json:"limit"`
		Meters      map[string]*meterInput `json:"meters"`
		Features    []string               `json:"features"`
		RateLimit   *int                   `json:"rateLimit"`
		Position    *int                   `json:"position"`
	}
	r, err := s.decodeOnce(c, &in, false)
	if err != nil {
		return err
	}
	limits, err := limitsOf(in.Limit, in.Meters, nil)
	if err != nil {
		return err
	}
	amounts, err := amountsOf(in.Price, in.Interval, in.Prices, nil)
	if err != nil {
		return err
	}
	own := platformOf(c).ID
	tier, replayed, err := s.admin.CreateTier(c.Request().Context(), own, tenant.Tier{
		Name: in.Name, DisplayName: in.DisplayName, Prices: tenant.PricesOf(amounts), Currency: in.Currency, TrialDays: in.TrialDays,
		Features: in.Features, RateLimit: orDefault(in.RateLimit, tenant.DefaultRateLimit), Limits: limits,
	}, in.Position, r)
	if err != nil {
		return err
	}
	affects(c, tier.Name)
	if !replayed {
		if tier, err = s.published(c, own, tier); err != nil {
			return err
		}
	}
	markReplayed(c, replayed)
	return c.JSON(http.StatusCreated, object{{"tier", tierEntryOf(tier)}})
}

func decodeTierChange(c echo.Context) (tenant.TierChange, error) {
	var in struct {
		DisplayName *string                `json:"displayName"`
		Price       *int64                 `json:"price"`
		Interval    *string                `json:"interval"`
		Prices      map[string]*int64      `json:"prices"`
		TrialDays   *int                   `json:"trialDays"`
		Limit       limitValue             `json:"limit"`
		Meters      map[string]*meterInput `json:"meters"`
		Features    *[]string              `json:"features"`
		RateLimit   *int                   `json:"rateLimit"`
		Position    *int                   `json:"position"`
		Archived    *bool                  `json:"archived"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return tenant.TierChange{}, err
	}
	change := tenant.TierChange{
		DisplayName: in.DisplayName, TrialDays: in.TrialDays, Features: in.Features,
		RateLimit: in.RateLimit, Position: in.Position, Archived: in.Archived,
	}
	if in.Price != nil || in.Interval != nil || in.Prices != nil {
		change.Prices = func(now map[string]int64) (map[string]int64, error) {
			return amountsOf(in.Price, in.Interval, in.Prices, now)
		}
	}
	if in.Limit.given || in.Meters != nil {
		change.Limits = func(now map[string]tenant.Limit) (map[string]tenant.Limit, error) {
			return limitsOf(in.Limit, in.Meters, now)
		}
	}
	return change, nil
}

func (s *Server) changeTier(c echo.Context) error {
	change, err := decodeTierChange(c)
	if err != nil {
		return err
	}
	own := platformOf(c).ID
	tier, err := s.admin.ChangeTier(c.Request().Context(), own, c.Param("tier"), change)
	if err != nil {
		return err
	}
	if tier, err = s.published(c, own, tier); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"tier", tierEntryOf(tier)}})
}
