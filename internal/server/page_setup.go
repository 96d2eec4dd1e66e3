package server

import (
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
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

// situation is what a platform has of all that it needs.
type situation struct {
	Tiers    []tenant.Tier
	Keys     []tenant.Key
	Standing billing.Standing
	Plan     platform.Plan
}

func (s *Server) situationOf(c echo.Context) (now situation, err error) {
	ctx, own := c.Request().Context(), platformOf(c).ID
	if now.Tiers, err = s.admin.Tiers(ctx, own); err != nil {
		return now, err
	}
	if now.Keys, err = s.admin.Keys(ctx, own); err != nil {
		return now, err
	}
	if now.Standing, err = s.desk.Standing(ctx, own); err != nil {
		return now, err
	}
	now.Plan, err = s.platform.Plan(ctx, developerOf(c).ID)
	return now, err
}

func (s *Server) setupPage(c echo.Context) error {
	own := platformOf(c)
	if own.Mode != id.Live {
		return s.view(c, "setup", "Go live", nil)
	}
	now, err := s.situationOf(c)
	if err != nil {
		return err
	}
	at := setup{Paid: now.Plan.Paid, Plan: planStateOf(now.Plan), Tiers: onSale(now.Tiers)}
	if account := now.Standing.Connection; account != nil && account.Lives() {
		at.Connected, at.ChargesEnabled, at.Account = true, account.ChargesEnabled, account.Name
	}
	at.Priced = slices.ContainsFunc(at.Tiers, known)
	at.FreeOnly = !slices.ContainsFunc(at.Tiers, func(t tenant.Tier) bool { return !t.Free() })
	at.KeysOpen = now.Standing.Lacks == ""
	has := func(kind id.KeyKind) bool { // customers' tokens name a publishable key, so both are needed
		return slices.ContainsFunc(now.Keys, func(k tenant.Key) bool {
			return k.Kind == kind && k.Works()
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
