package usage

import (
	"context"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// Sweep deletes the counters of minutes and hours that were over a week ago.
func Sweep(ctx context.Context, worker *db.DB, platforms []id.Platform) error {
	return worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
		return queries.Sweep(ctx, tx, usagedb.SweepParams{PlatformIds: id.Strings(platforms), Most: step})
	})
}
