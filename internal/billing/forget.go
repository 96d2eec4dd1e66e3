package billing

import (
	"context"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
)

// Forget ends what a customer who is deleted pays for, at once and without refund, in the transaction that deletes the
// customer; it is a tenant.Forget. Jobs do it at Stripe.
func (l looker) Forget(ctx context.Context, tx db.Tenant, userID string) error {
	checkouts, err := queries.DeleteCheckouts(ctx, tx, billingdb.DeleteCheckoutsParams{
		PlatformID: string(tx.Platform), CustomerID: userID,
	})
	if err != nil {
		return err
	}
	for _, checkout := range checkouts {
		if checkout.Kind == "subscribe" && checkout.Status == "open" {
			if err := end(ctx, tx, l.queue, stripeapi.Account(checkout.Account), *checkout.SessionID, false); err != nil {
				return err
			}
		}
	}
	var subscriptions []billingdb.DeleteSubscriptionsRow
	err = withMRR(ctx, tx, userID, func() (err error) {
		subscriptions, err = queries.DeleteSubscriptions(ctx, tx, billingdb.DeleteSubscriptionsParams{
			PlatformID: string(tx.Platform), CustomerID: userID,
		})
		return err
	})
	if err != nil {
		return err
	}
	err = queries.ForgetMovements(ctx, tx, billingdb.ForgetMovementsParams{PlatformID: string(tx.Platform), CustomerID: userID})
	if err != nil {
		return err
	}
	for _, s := range subscriptions {
		if living(s.Status) || s.Status == "incomplete" {
			if err := end(ctx, tx, l.queue, stripeapi.Account(s.Account), s.ID, false); err != nil {
				return err
			}
		}
	}
	return queries.CustomersGone(ctx, tx, billingdb.CustomersGoneParams{PlatformID: string(tx.Platform), CustomerID: userID})
}
