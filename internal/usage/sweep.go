package usage

import (
	"context"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// Sweep deletes the counters of minutes and hours that were over a week ago, in steps, each of which is kept.
func Sweep(ctx context.Context, worker *db.DB, platforms []id.Platform) error {
	const step = 5000
	for deleted := int64(step); deleted == step; {
		err := worker.Tenants(ctx, platforms, func(ctx context.Context, tx db.Tenants) (err error) {
			deleted, err = queries.Sweep(ctx, tx, usagedb.SweepParams{PlatformIds: id.Strings(platforms), Most: step})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
