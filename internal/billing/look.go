package billing

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/tenant"
)

// looker keeps what is seen at Stripe. It works under the customer surface's role, for somebody who returns from a
// checkout, and under the worker's, for events and the reconciliation.
//
// Whoever looks takes a number first, then asks Stripe outside any transaction, and keeps what was seen only if no later
// look has been kept meanwhile. So it does not matter how often, or in which order, events arrive: the last state wins.
type looker struct {
	db    *db.DB
	api   *stripeapi.API
	queue *jobs.Enqueuer
}

// state is what a repair records of a subscription.
type state struct {
	Tier     string     `json:"tier"`
	Status   string     `json:"status"`
	CancelAt *time.Time `json:"cancelAt"`
}

// seen is what became of a look.
type seen struct {
	customer string
	was, is  *state // nil: there was, or is, no subscription of ours
}

func (s seen) changed() bool {
	if s.was == nil || s.is == nil {
		return s.was != s.is
	}
	sameEnd := s.was.CancelAt == nil && s.is.CancelAt == nil ||
		s.was.CancelAt != nil && s.is.CancelAt != nil && s.was.CancelAt.Equal(*s.is.CancelAt)
	return s.was.Tier != s.is.Tier || s.was.Status != s.is.Status || !sameEnd
}

// subscription looks at a subscription that is, or may be, of a customer of the platform. If it lives, the customer's
// others are looked at too: which one stays must not follow from what was true before.
func (l looker) subscription(ctx context.Context, at id.Platform, account stripeapi.Account, subscription string) (seen, error) {
	return l.look(ctx, at, account, subscription, func(now stripeapi.Subscription) error {
		var others []billingdb.OthersRow
		err := l.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
			others, err = queries.Others(ctx, tx, billingdb.OthersParams{
				PlatformID: string(at), Account: string(account), StripeCustomerID: now.Customer, ID: now.ID,
			})
			return err
		})
		for _, other := range others {
			_, failed := l.look(ctx, at, stripeapi.Account(other.Account), other.ID, nil)
			if !errors.Is(failed, stripeapi.ErrRevoked) {
				err = errors.Join(err, failed)
			}
		}
		return err
	})
}

// look asks Stripe and keeps what it says. before, if there is one, is called for a subscription that lives, between the
// two.
func (l looker) look(
	ctx context.Context, at id.Platform, account stripeapi.Account, subscription string, before func(stripeapi.Subscription) error,
) (seen, error) {
	var number int64
	err := l.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		number, err = queries.TakeLook(ctx, tx, billingdb.TakeLookParams{PlatformID: string(at), ObjectID: subscription})
		return err
	})
	if err != nil {
		return seen{}, err
	}
	now, err := l.api.Subscription(ctx, account, subscription)
	if errors.Is(err, stripeapi.ErrNotFound) {
		// Only the data of a test account can vanish; what is not there any more has ended.
		now, err = stripeapi.Subscription{ID: subscription, Status: "canceled"}, nil
	}
	if err == nil && before != nil && living(now.Status) {
		err = before(now)
	}
	if err != nil {
		return seen{}, err
	}
	var result seen
	err = l.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		n, err := queries.KeepLook(ctx, tx, billingdb.KeepLookParams{
			PlatformID: string(at), ObjectID: subscription, Number: number,
		})
		if err != nil || n == 0 { // somebody looked later and has kept that
			return err
		}
		result, err = l.keep(ctx, tx, account, now)
		return err
	})
	return result, err
}

// keep stores a subscription as it was seen.
func (l looker) keep(ctx context.Context, tx db.Tenant, account stripeapi.Account, now stripeapi.Subscription) (seen, error) {
	var result seen
	before, err := queries.Subscription(ctx, tx, billingdb.SubscriptionParams{PlatformID: string(tx.Platform), ID: now.ID})
	known := err == nil
	if err != nil && !db.NoRows(err) {
		return result, err
	}
	if known {
		result.was = stateOf(before)
		if now.Customer == "" { // it vanished
			now.Customer = before.StripeCustomerID
		}
		if before.Account != string(account) {
			return seen{}, nil // an id is Stripe's own, so this can only be a forgery
		}
	}
	whose, err := queries.WhoseStripeCustomer(ctx, tx, billingdb.WhoseStripeCustomerParams{
		PlatformID: string(tx.Platform), Account: string(account), StripeCustomerID: now.Customer,
	})
	if db.NoRows(err) { // the account's owner does other business too
		return seen{}, nil
	}
	if err != nil {
		return result, err
	}
	result.customer = whose.CustomerID
	tier, price, err := tenant.TierOfStripe(ctx, tx, now.PriceID, now.ProductID)
	if err != nil {
		return result, err
	}
	if now.Items > 1 { // changed by hand into something that no tier describes
		tier, price = "", ""
	}
	ending, err := queries.Ended(ctx, tx, billingdb.EndedParams{PlatformID: string(tx.Platform), ObjectID: now.ID})
	if err != nil {
		return result, err
	}
	if tier == "" && !known || ending && living(now.Status) { // what is being ended is nobody's any more
		return seen{}, nil
	}
	if whose.Gone { // paid by somebody who was deleted meanwhile
		if living(now.Status) {
			return seen{}, end(ctx, tx, l.queue, account, now.ID, true)
		}
		return seen{}, nil
	}
	if err := tenant.LockCustomer(ctx, tx, whose.CustomerID); err != nil {
		return result, err
	}
	if living(now.Status) {
		superfluous, err := l.oneOnly(ctx, tx, account, whose.CustomerID, now)
		if err != nil || superfluous {
			return seen{}, err
		}
	}
	params := billingdb.PutSubscriptionParams{
		PlatformID: string(tx.Platform), ID: now.ID, CustomerID: whose.CustomerID, Tier: orNil(tier), Status: now.Status,
		GraceDays: graceDays, CreatedAt: now.CreatedAt, Account: string(account), StripeCustomerID: now.Customer,
		PriceID: orNil(price), StripePriceID: now.PriceID, Interval: orNil(now.Interval),
		IntervalCount: int32(min(now.IntervalCount, math.MaxInt32)), Amount: now.Amount, Quantity: now.Quantity,
		Currency: now.Currency, CurrentPeriodStart: now.CurrentPeriodStart, CurrentPeriodEnd: now.CurrentPeriodEnd,
		TrialEnd: now.TrialEnd, CancelAt: now.CancelAt, EndedAt: now.EndedAt,
	}
	if now.PercentOff > 0 {
		params.PercentOff = &now.PercentOff
	}
	if now.AmountOff > 0 {
		params.AmountOff = &now.AmountOff
	}
	if now.NextPriceID != "" {
		_, next, err := tenant.TierOfStripe(ctx, tx, now.NextPriceID, "")
		if err != nil {
			return result, err
		}
		params.NextPriceID = orNil(next)
	}
	if known && now.CreatedAt.IsZero() { // it vanished
		params.Tier, params.PriceID, params.StripePriceID = before.Tier, before.PriceID, before.StripePriceID
		params.Interval, params.Amount, params.Quantity, params.Currency = before.Interval, before.Amount, before.Quantity, before.Currency
		params.IntervalCount = before.IntervalCount
	}
	err = withMRR(ctx, tx, whose.CustomerID, func() error { return queries.PutSubscription(ctx, tx, params) })
	if err != nil {
		return result, err
	}
	if now.Status != "incomplete" && now.Status != "incomplete_expired" {
		err := queries.Subscribed(ctx, tx, billingdb.SubscribedParams{
			PlatformID: string(tx.Platform), Account: string(account), CustomerID: whose.CustomerID,
		})
		if err != nil {
			return result, err
		}
	}
	stored, err := queries.Subscription(ctx, tx, billingdb.SubscriptionParams{PlatformID: string(tx.Platform), ID: now.ID})
	if err != nil {
		return result, err
	}
	result.is = stateOf(stored)
	return result, stands(ctx, tx, now.ID, result)
}

// stands works out how a customer stands after a look at a subscription of theirs, and writes down what it changed.
func stands(ctx context.Context, tx db.Tenant, subscription string, result seen) error {
	if err := tenant.Restand(ctx, tx, result.customer); err != nil || !result.changed() {
		return err
	}
	return tenant.RecordHere(ctx, tx, tenant.TimelineEntry{
		CustomerID: result.customer, Kind: tenant.SubscriptionChanged,
		Detail: map[string]any{"subscription": subscription, "was": result.was, "is": result.is},
	})
}

// oneOnly sees to it that a customer has one subscription, whatever raced: of two, the one that began later is ended and
// paid back. Stripe tells whole seconds: of two that began in the same one, that which is known here stays, so that nobody loses
// what they have been using. superfluous is whether the one that was seen is to go.
func (l looker) oneOnly(
	ctx context.Context, tx db.Tenant, account stripeapi.Account, customer string, now stripeapi.Subscription,
) (superfluous bool, err error) {
	others, err := queries.Living(ctx, tx, billingdb.LivingParams{PlatformID: string(tx.Platform), CustomerID: customer})
	if err != nil {
		return false, err
	}
	known := slices.ContainsFunc(others, func(one billingdb.LivingRow) bool { return one.ID == now.ID })
	for _, other := range others {
		switch {
		case other.ID == now.ID:
		case other.CreatedAt.Before(now.CreatedAt), other.CreatedAt.Equal(now.CreatedAt) && (!known || other.ID < now.ID):
			return true, end(ctx, tx, l.queue, account, now.ID, true)
		default:
			if err := end(ctx, tx, l.queue, stripeapi.Account(other.Account), other.ID, true); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// session looks at a checkout, and at the subscription that it led to.
func (l looker) session(ctx context.Context, at id.Platform, sessionID string) (seen, error) {
	var checkout billingdb.BillingCheckout
	err := l.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		checkout, err = queries.Checkout(ctx, tx, billingdb.CheckoutParams{PlatformID: string(at), SessionID: sessionID})
		return err
	})
	if err != nil {
		return seen{}, err
	}
	account := stripeapi.Account(checkout.Account)
	now, err := l.api.Session(ctx, account, sessionID)
	if errors.Is(err, stripeapi.ErrNotFound) {
		now, err = stripeapi.Session{ID: sessionID, Status: "expired"}, nil
	}
	if err != nil {
		return seen{}, err
	}
	var result seen
	if now.Subscription != "" {
		if result, err = l.subscription(ctx, at, account, now.Subscription); err != nil {
			return result, err
		}
	}
	return result, l.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		return queries.CheckoutIs(ctx, tx, billingdb.CheckoutIsParams{
			PlatformID: string(at), ID: checkout.ID, Status: now.Status,
		})
	})
}

// end has a subscription or an open checkout ended at Stripe, by a job.
func end(ctx context.Context, tx db.Tenant, queue *jobs.Enqueuer, account stripeapi.Account, object string, refund bool) error {
	n, err := queries.InsertEnding(ctx, tx, billingdb.InsertEndingParams{
		PlatformID: string(tx.Platform), ObjectID: object, Account: string(account), Refund: refund,
	})
	if err != nil || n == 0 {
		return err
	}
	return queue.Enqueue(ctx, tx.Tx, EndAtStripe{tx.Platform, object})
}

// living reports whether a subscription in the status is one that may still be paid for.
func living(status string) bool {
	switch status {
	case "trialing", "active", "past_due", "unpaid", "paused":
		return true
	default:
		return false
	}
}

func stateOf(s billingdb.BillingSubscription) *state {
	st := &state{Status: s.Status, CancelAt: s.CancelAt}
	if s.Tier != nil {
		st.Tier = *s.Tier
	}
	return st
}

func encode(s *state) json.RawMessage {
	encoded, err := json.Marshal(s)
	if err != nil {
		panic(err) // a struct of texts always marshals
	}
	return encoded
}
