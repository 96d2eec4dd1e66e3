package billing

import (
	"context"
	"errors"

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
	return &Background{looker{worker, api, queue}, planner{worker, api, urls, price}, publisher{worker, api}}
}

// EndAtStripe is the job that ends a subscription, or an open checkout, that must not go on.
type EndAtStripe struct {
	PlatformID id.Platform `json:"platformId"`
	ObjectID   string      `json:"objectId"`
}

// Kind names the job.
func (EndAtStripe) Kind() string { return "billing.end_at_stripe" }

// MoveSubscribers is the job that moves those who subscribed to earlier prices of a tier to the present ones.
type MoveSubscribers struct {
	PlatformID id.Platform `json:"platformId"`
	Tier       string      `json:"tier"`
}

// Kind names the job.
func (MoveSubscribers) Kind() string { return "billing.move_subscribers" }

// LetGo is the job that ends our access to an account that agreed to be connected and was not.
type LetGo struct {
	Account string `json:"account"`
}

// Kind names the job.
func (LetGo) Kind() string { return "billing.let_go" }

// Register adds the work to the registry.
func (b *Background) Register(r *jobs.Registry) {
	jobs.Handle(r, func(ctx context.Context, args StripeEvent) error { return b.work(ctx, args.Endpoint, args.EventID) })
	jobs.Handle(r, func(ctx context.Context, args EndAtStripe) error {
		return b.endNow(ctx, args.PlatformID, args.ObjectID)
	})
	jobs.Handle(r, func(ctx context.Context, args MoveSubscribers) error { return b.move(ctx, args.PlatformID, args.Tier) })
	jobs.Handle(r, func(ctx context.Context, args LetGo) error { return b.letGo(ctx, args.Account) })
	jobs.Handle(r, func(ctx context.Context, args tenant.TiersChanged) error {
		return b.publisher.publish(ctx, args.PlatformID)
	})
	jobs.Handle(r, func(ctx context.Context, args platform.DeveloperGone) error {
		return b.planner.endPlan(ctx, args.DeveloperID)
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
	if err != nil && !errors.Is(err, stripeapi.ErrRevoked) { // without access there is nothing that we could end
		return err
	}
	return b.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
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
	if err := b.api.CancelSubscription(ctx, account, object); err != nil {
		return err
	}
	if refund {
		if err := b.api.RefundSubscription(ctx, account, object); err != nil && !errors.Is(err, stripeapi.ErrNotFound) {
			return err
		}
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

func isSession(object string) bool { return len(object) > 3 && object[:3] == "cs_" }

// move has the subscribers of a tier's earlier prices renew at the present one of their interval. Those whose interval is
// no longer on sale stay as they are.
func (b *Background) move(ctx context.Context, at id.Platform, name string) error {
	var tier tenant.Tier
	var subscribers []billingdb.SubscribersOfOldPricesRow
	err := b.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		if tier, err = tenant.TierNamed(ctx, tx, name); err != nil {
			return err
		}
		subscribers, err = queries.SubscribersOfOldPrices(ctx, tx, billingdb.SubscribersOfOldPricesParams{
			PlatformID: string(at), Tier: &name,
		})
		return err
	})
	if err != nil {
		return err
	}
	var failed error
	for _, s := range subscribers {
		if s.Interval == nil {
			continue
		}
		price, ok := tier.Per(*s.Interval)
		if !ok || price.StripeID == nil {
			continue
		}
		failed = errors.Join(failed, b.moveOne(ctx, at, stripeapi.Account(s.Account), s.ID, *price.StripeID))
	}
	return failed
}

func (b *Background) moveOne(ctx context.Context, at id.Platform, account stripeapi.Account, subscription, price string) error {
	now, err := b.api.Subscription(ctx, account, subscription)
	if err != nil {
		return err
	}
	if now.Items == 1 && now.PriceID != price && living(now.Status) {
		if err := b.api.MoveSubscription(ctx, account, now, price); err != nil {
			return err
		}
	}
	_, err = b.subscription(ctx, at, account, subscription)
	return err
}
