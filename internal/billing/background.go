package billing

import (
	"context"
	"errors"
	"strings"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant"
)

// Background is what the worker does about money: it works events, publishes price lists, ends what must end at Stripe,
// and finds what no event told.
type Background struct {
	looker
	planner   planner
	publisher publisher
}

// NewBackground makes a Background that works under the worker's role. The price is that of our plan.
func NewBackground(worker *db.DB, api *stripeapi.API, queue *jobs.Enqueuer, urls URLs, price string) *Background {
	return &Background{looker{worker, api, queue}, planner{worker, api, queue, urls, price}, publisher{worker, api}}
}

// EndAtStripe is the job that ends a subscription, or an open checkout, that must not go on.
type EndAtStripe struct {
	PlatformID id.Platform `json:"platformId"`
	ObjectID   string      `json:"objectId"`
}

// Kind names the job.
func (EndAtStripe) Kind() string { return "billing.end_at_stripe" }

// Outside says that the job waits for Stripe.
func (EndAtStripe) Outside() {}

// MoveSubscriber is the job that moves a subscriber of an earlier price of a tier to the present one.
type MoveSubscriber struct {
	PlatformID     id.Platform `json:"platformId"`
	SubscriptionID string      `json:"subscriptionId"`
}

// Kind names the job.
func (MoveSubscriber) Kind() string { return "billing.move_subscriber" }

// Outside says that the job waits for Stripe.
func (MoveSubscriber) Outside() {}

// LetGo is the job that ends our access to an account that agreed to be connected and was not.
type LetGo struct {
	Account string `json:"account"`
}

// Kind names the job.
func (LetGo) Kind() string { return "billing.let_go" }

// Outside says that the job waits for Stripe.
func (LetGo) Outside() {}

// Register adds the work to the registry.
func (b *Background) Register(r *jobs.Registry) {
	jobs.Handle(r, b.work)
	jobs.Handle(r, func(ctx context.Context, args EndAtStripe) error {
		return b.endNow(ctx, args.PlatformID, args.ObjectID)
	})
	jobs.Handle(r, func(ctx context.Context, args MoveSubscriber) error {
		return b.move(ctx, args.PlatformID, args.SubscriptionID)
	})
	jobs.Handle(r, func(ctx context.Context, args EndPlan) error {
		return b.planner.end(ctx, args.DeveloperID, args.SubscriptionID)
	})
	jobs.Handle(r, func(ctx context.Context, args LetGo) error { return b.letGo(ctx, args.Account) })
	jobs.Handle(r, func(ctx context.Context, args tenant.TiersChanged) error {
		return b.publisher.publish(ctx, args.PlatformID)
	})
	jobs.Handle(r, func(ctx context.Context, args platform.DeveloperGone) error {
		return b.planner.lookPlan(ctx, args.DeveloperID)
	})
}

// endNow ends a subscription or a checkout at Stripe. It may be repeated.
func (b *Background) endNow(ctx context.Context, at id.Platform, object string) error {
	var ending billingdb.EndingRow
	err := b.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		ending, err = queries.Ending(ctx, tx, billingdb.EndingParams{PlatformID: string(at), ObjectID: object})
		return err
	})
	if db.NoRows(err) { // done before
		return nil
	}
	if err != nil {
		return err
	}
	err = b.endObject(ctx, at, stripeapi.Account(ending.Account), object, ending.Refund)
	if err != nil && !errors.Is(err, stripeapi.ErrRevoked) {
		if errors.Is(err, stripeapi.ErrUnsettled) { // no failure: the reconciliation comes back to it
			err = nil
		}
		return errors.Join(err, b.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
			return queries.EndingChecked(ctx, tx, billingdb.EndingCheckedParams{PlatformID: string(at), ObjectID: object})
		}))
	}
	revoked := err != nil
	return b.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if revoked { // only the account's owner can end it now, so they must know
			err := queries.InsertRepair(ctx, tx, billingdb.InsertRepairParams{
				PlatformID: string(at), ID: id.NewRepair(), ObjectID: object, Was: encode(&state{Status: "to be ended"}),
				Became: encode(&state{Status: "left to you: the account no longer lets us act for it"}),
			})
			if err != nil {
				return err
			}
		}
		return queries.EndingDone(ctx, tx, billingdb.EndingDoneParams{PlatformID: string(at), ObjectID: object})
	})
}

func (b *Background) endObject(ctx context.Context, at id.Platform, account stripeapi.Account, object string, refund bool) error {
	if isSession(object) {
		err := b.api.ExpireSession(ctx, account, object)
		if !errors.Is(err, stripeapi.ErrRefused) && !errors.Is(err, stripeapi.ErrNotFound) {
			return err
		}
		// It was paid a moment ago: then what was paid for must end, and be paid back.
		now, err := b.api.Session(ctx, account, object)
		if errors.Is(err, stripeapi.ErrNotFound) || err == nil && now.Subscription == "" {
			return nil
		}
		if err != nil {
			return err
		}
		object, refund = now.Subscription, true
	}
	if err := b.api.EndSubscription(ctx, account, object, refund); err != nil {
		return err
	}
	_, err := b.subscription(ctx, at, account, object)
	return err
}

// letGo ends our access to an account, unless a platform has it by now.
func (b *Background) letGo(ctx context.Context, account string) error {
	var used []string
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		used, err = queries.PlatformsOfAccount(ctx, tx, account)
		return err
	})
	if err != nil || len(used) > 0 {
		return err
	}
	return b.api.Deauthorize(ctx, account)
}

func isSession(object string) bool { return strings.HasPrefix(object, "cs_") }

// move has a subscriber of an earlier price renew at the present one of the interval, if that is still on sale.
func (b *Background) move(ctx context.Context, at id.Platform, subscription string) error {
	var known billingdb.BillingSubscription
	var price tenant.Price
	err := b.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		known, err = queries.Subscription(ctx, tx, billingdb.SubscriptionParams{PlatformID: string(at), ID: subscription})
		if err != nil || known.Tier == nil || known.Interval == nil {
			return err
		}
		tier, err := tenant.TierNamed(ctx, tx, *known.Tier)
		price, _ = tier.Per(*known.Interval)
		return err
	})
	if db.NoRows(err) || err == nil && price.StripeID == nil {
		return nil
	}
	if err != nil {
		return err
	}
	account := stripeapi.Account(known.Account)
	now, err := b.api.Subscription(ctx, account, subscription)
	if err == nil && now.Items == 1 && now.PriceID != *price.StripeID && living(now.Status) {
		err = b.api.MoveSubscription(ctx, account, now, *price.StripeID)
	}
	if err == nil {
		_, err = b.subscription(ctx, at, account, subscription)
	}
	return err
}
