package usage

import (
	"context"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// hitRate counts one call in the user's window. A negative Remaining is a call too many.
func hitRate(ctx context.Context, tx db.Tenant, userID string, plan tenant.Plan) (Rate, error) {
	row, err := queries.HitRateWindow(ctx, tx, usagedb.HitRateWindowParams{
		PlatformID: string(tx.Platform), UserID: userID,
	})
	return Rate{plan.RateLimit, plan.RateLimit - int(row.Calls), int(row.Reset)}, err
}

// readRate reads the user's window without counting.
func readRate(ctx context.Context, tx db.Tenant, userID string, plan tenant.Plan) (Rate, error) {
	row, err := queries.RateWindow(ctx, tx, usagedb.RateWindowParams{PlatformID: string(tx.Platform), UserID: userID})
	return Rate{plan.RateLimit, max(0, plan.RateLimit-int(row.Calls)), int(row.Reset)}, err
}
