package usage

import (
	"context"
	"errors"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// Sweep deletes receipts that are older than a day and an hour, and history that is older than so many days.
func Sweep(ctx context.Context, worker *db.DB, platforms []id.Platform, keepDays int) error {
	list, days := id.Strings(platforms), int32(keepDays)
	return errors.Join(
		worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
			return queries.SweepReceipts(ctx, tx, usagedb.SweepReceiptsParams{PlatformIds: list, Most: step})
		}),
		worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
			return queries.SweepDays(ctx, tx, usagedb.SweepDaysParams{PlatformIds: list, KeepDays: days, Most: step})
		}),
		worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
			return queries.SweepHours(ctx, tx, usagedb.SweepHoursParams{PlatformIds: list, KeepDays: days, Most: step})
		}),
	)
}
