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

// concerned are the platforms that an event is about when it comes in, by our own books: those of the account, or the one that has the
// customer, or the checkout, on the account that the event names. None for an event about our own plan.
func concerned(ctx context.Context, tx db.Tx, event billingdb.BillingEvent) ([]id.Platform, error) {
	if Endpoint(event.Endpoint) == OwnEndpoint {
		return nil, nil
	}
	if aboutAccount(event.Type) {
		found, err := queries.PlatformsOfAccount(ctx, tx, event.Account)
		return id.Of[id.Platform](found), err
	}
	found, err := queries.PlatformOfStripeCustomer(ctx, tx, billingdb.PlatformOfStripeCustomerParams{
		Account: event.Account, StripeCustomerID: event.Customer,
	})
	if err == nil && found == "" && isSession(event.ObjectID) {
		found, err = queries.PlatformOfCheckout(ctx, tx, event.ObjectID)
	}
	if err != nil || found == "" {
		return nil, err
	}
	return []id.Platform{id.Platform(found)}, nil
}

// note keeps an event that came in for the developers of the platforms that it is about, without what must not be kept.
func note(ctx context.Context, tx db.Tx, from Endpoint, e stripeapi.Event, payload []byte) error {
	event := billingdb.BillingEvent{
		Endpoint: string(from), ID: e.ID, Type: e.Type, Account: e.Account, ObjectID: e.ObjectID, Customer: e.Customer,
		Subscription: e.Subscription,
	}
	at, err := concerned(ctx, tx, event)
	if err != nil || len(at) == 0 {
		return err
	}
	if _, err := tx.EnterAll(ctx, at); err != nil {
		return err
	}
	kept, shown := stripeapi.Redact(payload), []string{}
	for _, one := range at {
		customer, state, err := about(ctx, db.Tenant{Tx: tx, Platform: one}, event)
		if err != nil {
			return err
		}
		detail := tenant.EventDetail{
			Event: tenant.Event{
				ID: e.ID, Source: tenant.FromStripe, Endpoint: string(from), Type: e.Type, State: tenant.EventWaits, ObjectID: e.ObjectID,
				CustomerID: customer,
			},
			Payload: kept,
		}
		if !follows(e.Type) {
			detail.State, detail.Problem = tenant.EventIgnored, &tenant.Problem{Code: tenant.NotFollowed}
		}
		switch state {
		case elsewhere:
			continue
		case forgotten:
			detail.Payload, detail.ObjectID = nil, ""
		}
		if err := tenant.RecordEvent(ctx, tx, one, detail); err != nil {
			return err
		}
		shown = append(shown, string(one))
	}
	return queries.EventShown(ctx, tx, billingdb.EventShownParams{PlatformIds: shown, Endpoint: string(from), ID: e.ID})
}

// What can be said of the customer of an event.
const (
	here      = iota // it is the platform's, or of no customer
	forgotten        // of a customer who was deleted
	elsewhere        // the event names a checkout of the platform, and another account
)

// about finds which customer of the platform an event is about, and holds their row, so that nobody is written down who is
// being deleted.
func about(ctx context.Context, tx db.Tenant, event billingdb.BillingEvent) (customer string, state int, err error) {
	if aboutAccount(event.Type) {
		return "", here, nil
	}
	whose, err := queries.WhoseStripeCustomer(ctx, tx, billingdb.WhoseStripeCustomerParams{
		PlatformID: string(tx.Platform), Account: event.Account, StripeCustomerID: event.Customer,
	})
	switch {
	case db.NoRows(err):
		checkout, err := queries.Checkout(ctx, tx, billingdb.CheckoutParams{PlatformID: string(tx.Platform), SessionID: event.ObjectID})
		if db.NoRows(err) || err == nil && checkout.Account != event.Account {
			return "", elsewhere, nil
		}
		if err != nil {
			return "", here, err
		}
		customer = checkout.CustomerID
	case err != nil:
		return "", here, err
	case whose.Gone:
		return "", forgotten, nil
	default:
		customer = whose.CustomerID
	}
	if err := tenant.LockCustomer(ctx, tx, customer); errs.Is(err, errs.NotFound) {
		return "", forgotten, nil
	} else if err != nil {
		return "", here, err
	}
	return customer, here, nil
}

// Reprocess has an event of the platform worked again, by a job. It may be repeated: within a minute there is no second.
func (d *Desk) Reprocess(ctx context.Context, at id.Platform, event string) (tenant.EventDetail, error) {
	var found tenant.EventDetail
	err := d.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		again, waits, err := tenant.WorkEventAgain(ctx, tx, event)
		found = again
		if err != nil || waits {
			return err
		}
		if found.Source == tenant.FromClerkEvents {
			return d.queue.Enqueue(ctx, tx.Tx, tenant.ClerkEvent{EventID: event, Again: true, PlatformID: at})
		}
		return d.queue.Enqueue(ctx, tx.Tx, StripeEvent{Endpoint(found.Endpoint), event, true, at})
	})
	return found, err
}
