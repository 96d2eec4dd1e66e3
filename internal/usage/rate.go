package usage

import (
	"context"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// window is a user's present minute: the calls in it so far, and the seconds left of it.
type window struct{ calls, reset int }

// rate is the window as the plan has it. A negative Remaining is a call too many.
func (w window) rate(plan tenant.Tier) Rate {
	return Rate{plan.RateLimit, plan.RateLimit - w.calls, w.reset}
}

// hitRate counts one call in the user's window, and holds the window's row until the transaction ends.
func hitRate(ctx context.Context, tx db.Tenant, userID string) (window, error) {
	row, err := queries.HitRateWindow(ctx, tx, usagedb.HitRateWindowParams{
		PlatformID: string(tx.Platform), UserID: userID,
	})
	return window{int(row.Calls), int(row.Reset)}, err
}

// readRate reads the user's window without counting.
func readRate(ctx context.Context, tx db.Tenant, userID string, plan tenant.Tier) (Rate, error) {
	row, err := queries.RateWindow(ctx, tx, usagedb.RateWindowParams{PlatformID: string(tx.Platform), UserID: userID})
	return Rate{plan.RateLimit, max(0, plan.RateLimit-int(row.Calls)), int(row.Reset)}, err
}
