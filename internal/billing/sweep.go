package billing

import (
	"context"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
)

// Sweep deletes the platforms' checkouts of more than three months ago, unless they are open.
func Sweep(ctx context.Context, worker *db.DB, platforms []id.Platform) error {
	return worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
		return queries.SweepCheckouts(ctx, tx, billingdb.SweepCheckoutsParams{PlatformIds: id.Strings(platforms), Most: step})
	})
}
