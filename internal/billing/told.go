package billing

import (
	"context"
	"errors"
	"strings"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// tell writes down, with the customer whom an event is about, that it came, and what became of the payment if it is about one:
// as Stripe says it when asked. What is told of twice is written once.
func (b *Background) tell(ctx context.Context, at id.Platform, event billingdb.BillingEvent) error {
	if at == "" {
		return nil
	}
	account := stripeapi.Account(event.Account)
	events := []tenant.TimelineEntry{{
		ID: event.ID, Kind: tenant.StripeEvent, Detail: map[string]any{"type": event.Type, "event": event.ID},
	}}
	if paid := event.Type == "invoice.paid" || event.Type == "invoice.payment_succeeded"; paid || event.Type == "invoice.payment_failed" {
		payment, err := b.api.Payment(ctx, account, event.ObjectID)
		switch {
		case errors.Is(err, stripeapi.ErrNotFound): // a test account's data can vanish
		case err != nil:
			return err
		case payment.Customer == event.Customer:
			if e := paymentEvent(event.ID, payment, paid); e.Detail["amount"] != int64(0) {
				events = append(events, e)
			}
		}
	}
	return b.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		whose, err := queries.WhoseStripeCustomer(ctx, tx, billingdb.WhoseStripeCustomerParams{
			PlatformID: string(at), Account: event.Account, StripeCustomerID: event.Customer,
		})
		if db.NoRows(err) || err == nil && whose.Gone {
			return nil
		}
		if err != nil {
			return err
		}
		if err := tenant.LockCustomer(ctx, tx, whose.CustomerID); err != nil { // else who is being deleted leaves something behind
			return err
		}
		for i := range events {
			events[i].CustomerID = whose.CustomerID
		}
		return tenant.RecordHere(ctx, tx, events...)
	})
}

// paymentEvent is what an event about an invoice says. An invoice is paid once, of which two events tell. Each attempt to pay it
// may fail, and has an event of its own: the invoice has moved on since, so the event alone says which attempt it was.
func paymentEvent(event string, p stripeapi.Payment, paid bool) tenant.TimelineEntry {
	name, kind, amount := event+" failed", tenant.PaymentFailed, p.AmountDue
	if paid {
		name, kind, amount = p.Invoice+" paid", tenant.PaymentSucceeded, p.AmountPaid
	}
	return tenant.TimelineEntry{
		ID: name, Kind: kind, Detail: map[string]any{"amount": amount, "currency": strings.ToLower(p.Currency), "invoice": p.Invoice},
	}
}
