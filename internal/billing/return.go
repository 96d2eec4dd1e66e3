package billing

import (
	"context"
	"errors"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
)

// Return takes a customer back from Stripe: it looks at what became of the checkout, so the plan is right even where the
// event is late, and says where the browser goes. The id is Stripe's of the session, or ours of a change. With an address
// an error is only that the look failed: an event, or the reconciliation, will make up for it.
func (c *Cashier) Return(ctx context.Context, sessionID string) (string, error) {
	var at id.Platform
	err := c.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		found, err := queries.PlatformOfCheckout(ctx, tx, sessionID)
		at = id.Platform(found)
		return err
	})
	if err != nil {
		return "", err
	}
	notThere := errs.New(errs.NotFound, "There is no such checkout.")
	if at == "" {
		return "", notThere
	}
	var checkout billingdb.BillingCheckout
	var alive []billingdb.LivingRow
	err = c.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		checkout, err = queries.Checkout(ctx, tx, billingdb.CheckoutParams{PlatformID: string(at), SessionID: sessionID})
		if err != nil {
			return err
		}
		alive, err = queries.Living(ctx, tx, billingdb.LivingParams{PlatformID: string(at), CustomerID: checkout.CustomerID})
		return err
	})
	if db.NoRows(err) { // the customer was deleted meanwhile
		return "", notThere
	}
	if err != nil {
		return "", err
	}
	if checkout.Kind == "subscribe" {
		_, err = c.session(ctx, at, sessionID)
	} else {
		for _, one := range alive {
			_, failed := c.subscription(ctx, at, stripeapi.Account(one.Account), one.ID)
			err = errors.Join(err, failed)
		}
	}
	return checkout.SuccessUrl, err
}
