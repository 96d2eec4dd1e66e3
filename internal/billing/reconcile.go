package billing

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant"
)

// Reconcile looks at what nobody has looked at for long, puts right what an event missed, and records what it put right.
// It works events, and endings, that were left behind too.
func (b *Background) Reconcile(ctx context.Context) error {
	var left []billingdb.LeftEventsRow
	var developers []id.Developer
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		if err := queries.SweepEvents(ctx, tx); err != nil {
			return err
		}
		for {
			account, err := queries.TakeAbandonedAccount(ctx, tx)
			if err != nil {
				return err
			}
			if account == "" {
				break
			}
			if err := b.queue.Enqueue(ctx, tx, LetGo{account}); err != nil {
				return err
			}
		}
		if left, err = queries.LeftEvents(ctx, tx); err != nil {
			return err
		}
		developers, err = platform.PlansToCheck(ctx, tx)
		return err
	})
	failed := err
	for _, event := range left {
		failed = errors.Join(failed, b.work(ctx, StripeEvent{Endpoint: Endpoint(event.Endpoint), EventID: event.ID}))
	}
	for _, developer := range developers {
		failed = errors.Join(failed, b.planner.lookPlan(ctx, developer))
	}
	return errors.Join(failed, platform.EachPlatform(ctx, b.db, b.reconcile))
}

// atOnce is how many looks the reconciliation has under way: Stripe answers in a quarter of a second or so.
const atOnce = 8

func (b *Background) reconcile(ctx context.Context, platforms []id.Platform) error {
	var due []billingdb.ToCheckRow
	err := b.db.Tenants(ctx, platforms, func(ctx context.Context, tx db.Tenants) (err error) {
		due, err = queries.ToCheck(ctx, tx, id.Strings(platforms))
		return err
	})
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	var mu sync.Mutex
	var failed error
	resting := map[string]bool{} // accounts on which Stripe does not answer: the rest would only wait for the same
	for _, one := range due {
		group.Go(func() error {
			mu.Lock()
			skip := resting[one.Account]
			mu.Unlock()
			if skip {
				return nil
			}
			err := b.check(ctx, one)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			resting[one.Account] = resting[one.Account] || errs.Is(err, errs.Unavailable)
			return nil
		})
	}
	_ = group.Wait() // the failures are joined
	return failed
}

func (b *Background) check(ctx context.Context, due billingdb.ToCheckRow) error {
	at, account := id.Platform(due.PlatformID), stripeapi.Account(due.Account)
	switch due.Kind {
	case "ending":
		return b.endNow(ctx, at, due.ObjectID)
	case "connection":
		return b.account(ctx, due.Account, true)
	}
	var result seen
	var err error
	if due.Kind == "checkout" {
		result, err = b.session(ctx, at, due.ObjectID)
	} else {
		result, err = b.subscription(ctx, at, account, due.ObjectID)
	}
	if errors.Is(err, stripeapi.ErrRevoked) {
		return errors.Join(b.account(ctx, due.Account, true), b.lapse(ctx, at, due.ObjectID))
	}
	if err != nil || !result.changed() {
		return err
	}
	return b.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		return queries.InsertRepair(ctx, tx, billingdb.InsertRepairParams{
			PlatformID: string(at), ID: id.NewRepair(), ObjectID: due.ObjectID, CustomerID: result.customer,
			Was: encode(result.was), Became: encode(result.is),
		})
	})
}

// lapse has what we can not see any more, because its account has left us, end a grace after what was last paid for.
func (b *Background) lapse(ctx context.Context, at id.Platform, object string) error {
	return b.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if isSession(object) {
			return queries.ExpireCheckout(ctx, tx, billingdb.ExpireCheckoutParams{PlatformID: string(at), SessionID: object})
		}
		whose, err := queries.Subscription(ctx, tx, billingdb.SubscriptionParams{PlatformID: string(at), ID: object})
		if db.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := tenant.LockCustomer(ctx, tx, whose.CustomerID); err != nil {
			return err
		}
		err = withMRR(ctx, tx, whose.CustomerID, func() error {
			return queries.LapseSubscription(ctx, tx, billingdb.LapseSubscriptionParams{PlatformID: string(at), ID: object, GraceDays: graceDays})
		})
		if err != nil {
			return err
		}
		is, err := queries.Subscription(ctx, tx, billingdb.SubscriptionParams{PlatformID: string(at), ID: object})
		if err != nil {
			return err
		}
		return stands(ctx, tx, object, seen{whose.CustomerID, stateOf(whose), stateOf(is)})
	})
}

// plan follows an event about a customer of our own account.
func (b *Background) plan(ctx context.Context, stripeCustomer string) error {
	var developer id.Developer
	var ok bool
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		developer, ok, err = platform.DeveloperOfStripeCustomer(ctx, tx, stripeCustomer)
		return err
	})
	if err != nil || !ok {
		return err
	}
	return b.planner.lookPlan(ctx, developer)
}
