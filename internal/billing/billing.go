// Package billing owns the money: checkouts, subscriptions and what Stripe says of them; the price list as Stripe knows
// it; connected accounts; and the plan for which developers pay us. What Stripe says is asked of Stripe and believed from
// nobody else. The calls themselves are package stripeapi's; tiers and customers are package tenant's; how much a plan
// lets somebody use is package usage's.
//
// The work is split by surface, because each surface has a role of its own in the database: Cashier for the customer
// surface, Desk for the dashboard, Bridge for the oauth surface, Background for the worker.
package billing

import (
	"context"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

var queries = billingdb.New()

// graceDays is for how long a customer's subscription that is past due counts on. Stripe tries the card again meanwhile.
const graceDays = 7

// URLs are our own public addresses, to which Stripe sends people back.
type URLs struct {
	Developer string
	OAuth     string
	Customer  string
}

// accountOf says where the platform's customers pay: on our account in test mode, or on the connected one, which charges
// is whether Stripe lets take payments. errs.NotConnected where there is none.
func accountOf(ctx context.Context, tx db.Tenant) (account stripeapi.Account, charges bool, err error) {
	mode, err := tenant.ModeOf(ctx, tx)
	if err != nil || mode == id.Test {
		return stripeapi.Preview, true, err
	}
	c, err := tenant.ConnectionOf(ctx, tx)
	if err != nil {
		return "", false, err
	}
	if !c.Lives() {
		return "", false, errs.New(errs.NotConnected, "This live platform has no connected Stripe account, so nobody can pay. Connect one "+
			"in the dashboard.")
	}
	return stripeapi.Account(c.Account), c.ChargesEnabled, nil
}

// orNil is a pointer to s, or nil where s is empty.
func orNil[T ~string](s T) *string {
	if s == "" {
		return nil
	}
	return new(string(s))
}
