package tenant

import (
	"context"
	"errors"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// How customers stand: what a list of them is filtered by, and how many there are of each kind. It stands with the customer
// and is counted in lines that are only ever added, so that neither a list nor a number reads all customers, and no two
// changes wait for each other.

// Standings are how many customers of a platform stand how with their subscription.
type Standings struct {
	Customers  int64 `json:"customers"`
	Active     int64 `json:"active"`
	Trialing   int64 `json:"trialing"`
	PastDue    int64 `json:"pastDue"`
	Cancelling int64 `json:"cancelling"` // each of them is one of the above too
}

// StandingsOf counts the platform's customers.
func StandingsOf(ctx context.Context, tx db.Tenant) (Standings, error) {
	row, err := queries.CustomersByStanding(ctx, tx, string(tx.Platform))
	return Standings(row), err
}

// Restand works out anew how a customer stands, after a change of their subscriptions in the same transaction, which has
// locked the customer. A plan that is another by it is written down.
func Restand(ctx context.Context, tx db.Tenant, customer string) error {
	return restand(ctx, db.Tenants{Tx: tx.Tx}, []string{string(tx.Platform)}, []string{customer}, BySubscription)
}

func restand(ctx context.Context, tx db.Tenants, platforms, customers []string, by string) error {
	moved, err := queries.Restand(ctx, tx, tenantdb.RestandParams{Platforms: platforms, Customers: customers})
	if err != nil || len(moved) == 0 {
		return err
	}
	var events []TimelineEntry
	for _, m := range moved {
		events = append(events, TimelineEntry{
			Platform: id.Platform(m.PlatformID), CustomerID: m.ID, Kind: PlanChanged, Via: by, Detail: planChange(m.Before, m.After),
		})
	}
	return Record(ctx, tx, events...)
}

const (
	lapsedAtOnce = 500
	manyCounts   = 64 // lines of a platform from which they are made fewer
)

// Tidy moves customers whose grace is over to the plan that they are on since, which reading them has allowed for, and makes
// fewer lines of the numbers of customers.
func (b *Background) Tidy(ctx context.Context, platforms []id.Platform) error {
	list := id.Strings(platforms)
	var failed error
	for left := lapsedAtOnce; left == lapsedAtOnce && failed == nil; {
		failed = b.db.Tenants(ctx, platforms, func(ctx context.Context, tx db.Tenants) error {
			rows, err := queries.LockLapsed(ctx, tx, tenantdb.LockLapsedParams{PlatformIds: list, Most: lapsedAtOnce})
			left = len(rows)
			if err != nil || left == 0 {
				return err
			}
			at, customers := make([]string, left), make([]string, left)
			for i, row := range rows {
				at[i], customers[i] = row.PlatformID, row.ID
			}
			return restand(ctx, tx, at, customers, GraceOver)
		})
	}
	return errors.Join(failed, b.db.Tenants(ctx, platforms, func(ctx context.Context, tx db.Tenants) error {
		return queries.CompactCounts(ctx, tx, tenantdb.CompactCountsParams{PlatformIds: list, Most: manyCounts})
	}))
}

// Recount compares the numbers of customers with the customers, platform by platform, and mends those that differ, which it answers:
// a process from before there were such numbers, or a hand, may have changed customers and not them.
func (b *Background) Recount(ctx context.Context, platforms []id.Platform) (mended []id.Platform, err error) {
	for _, at := range platforms {
		var lines int64
		failed := b.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
			if err := queries.OneCountsAtATime(ctx, tx, string(at)); err != nil {
				return err
			}
			lines, err = queries.MendCounts(ctx, tx, string(at))
			return err
		})
		if failed == nil && lines > 0 {
			mended = append(mended, at)
		}
		err = errors.Join(err, failed)
	}
	return mended, err
}
