package server

import (
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// setup is how far a live platform is on its way: pay, connect, tiers, keys. Next is the first step that is not done.
type setup struct {
	Paid, Connected, Priced, Keyed bool
	Next                           string // pay, connect, tiers, keys; empty when all is done
	ChargesEnabled                 bool
	FreeOnly                       bool // all that is on sale is free
	KeysOpen                       bool // live keys can be made
	Account                        string
	Plan                           planState
	Tiers                          []tenant.Tier
}

func (s *Server) setupPage(c echo.Context) error {
	own := platformOf(c)
	if own.Mode != id.Live {
		return s.view(c, "setup", "Go live", nil)
	}
	ctx := c.Request().Context()
	standing, err := s.desk.Standing(ctx, own.ID)
	if err != nil {
		return err
	}
	plan, err := s.platform.Plan(ctx, developerOf(c).ID)
	if err != nil {
		return err
	}
	tiers, err := s.admin.Tiers(ctx, own.ID)
	if err != nil {
		return err
	}
	keys, err := s.admin.Keys(ctx, own.ID)
	if err != nil {
		return err
	}
	at := setup{Paid: plan.Paid, Plan: planStateOf(plan), Tiers: onSale(tiers)}
	if standing.Connection != nil && standing.Connection.Lives() {
		at.Connected, at.ChargesEnabled, at.Account = true, standing.Connection.ChargesEnabled, standing.Connection.Name
	}
	at.Priced = slices.ContainsFunc(at.Tiers, known)
	at.FreeOnly = !slices.ContainsFunc(at.Tiers, func(t tenant.Tier) bool { return !t.Free() })
	at.KeysOpen = standing.Lacks == ""
	has := func(kind id.KeyKind) bool { // customers' tokens name a publishable key, so both are needed
		return slices.ContainsFunc(keys, func(k tenant.Key) bool {
			return k.Kind == kind && (k.State == "active" || k.State == "expiring")
		})
	}
	at.Keyed = has(id.Secret) && has(id.Publishable)
	switch {
	case !at.Paid:
		at.Next = "pay"
	case !at.Connected:
		at.Next = "connect"
	case !at.Priced:
		at.Next = "tiers"
	case !at.Keyed:
		at.Next = "keys"
	}
	return s.view(c, "setup", "Go live", at)
}

// known is whether Stripe has a price of the tier.
func known(t tenant.Tier) bool {
	return slices.ContainsFunc(t.Prices, func(p tenant.Price) bool { return p.StripeID != nil })
}
