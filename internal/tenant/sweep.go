package tenant

import (
	"context"
	"errors"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// Sweep deletes codes and counts of sign-ups that are older than a day, sessions that ended more than 30 days ago, and events
// that came in before that.
func Sweep(ctx context.Context, worker *db.DB, platforms []id.Platform) error {
	list := id.Strings(platforms)
	return errors.Join(
		worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
			return queries.SweepCodes(ctx, tx, tenantdb.SweepCodesParams{PlatformIds: list, Most: step})
		}),
		worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
			return queries.SweepSessions(ctx, tx, tenantdb.SweepSessionsParams{PlatformIds: list, Most: step})
		}),
		worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
			return queries.SweepSignUps(ctx, tx, tenantdb.SweepSignUpsParams{PlatformIds: list, Most: step})
		}),
		worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
			return queries.SweepEvents(ctx, tx, tenantdb.SweepEventsParams{PlatformIds: list, Most: step})
		}),
	)
}

// SweepTimeline deletes what happened to customers more than so many days ago.
func SweepTimeline(ctx context.Context, worker *db.DB, platforms []id.Platform, keepDays int) error {
	return worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
		return queries.SweepTimeline(ctx, tx, tenantdb.SweepTimelineParams{PlatformIds: id.Strings(platforms), KeepDays: int32(keepDays), Most: step})
	})
}
