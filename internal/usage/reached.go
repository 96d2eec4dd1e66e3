package usage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/tenant"
)

// limitsRemembered are counters at their limit.
const limitsRemembered = 100_000

// limitsReached has it written down that a customer came to a limit: once for each counter and period, whoever else writes it
// down too. What this process has written is remembered, so that a customer who goes on calling does not cost a write each time.
type limitsReached struct {
	known *otter.Cache[counter, period]
}

// period is that of a counter of a customer who was created then.
type period struct{ since, ends time.Time }

func (r reached) period() period { return period{r.since.UTC(), r.ends.UTC()} }

func newLimitsReached() limitsReached {
	return limitsReached{otter.Must(&otter.Options[counter, period]{MaximumSize: limitsRemembered})}
}

func (l limitsReached) write(ctx context.Context, tx db.Tenants, list []reached) error {
	var events []tenant.TimelineEntry
	for _, r := range list {
		if known, ok := l.known.GetIfPresent(r.counter); ok && known == r.period() {
			continue
		}
		name := sha256.Sum256([]byte(r.user + "\x00" + r.slot + "\x00" + r.since.UTC().Format(time.RFC3339Nano) + "\x00" + r.ends.UTC().Format(time.RFC3339)))
		events = append(events, tenant.TimelineEntry{
			Platform: r.platform, ID: "lim_" + hex.EncodeToString(name[:16]), CustomerID: r.user, Kind: tenant.LimitReached,
			Detail: map[string]any{
				"meter": r.usage.Meter, "limit": r.usage.Limit, "plan": r.usage.Plan, "period": r.usage.Period, "periodEnd": r.usage.PeriodEnd,
			},
		})
	}
	return tenant.Record(ctx, tx, events...)
}

// remember takes note of what was written, once it is kept.
func (l limitsReached) remember(list []reached) {
	for _, r := range list {
		l.known.Set(r.counter, r.period())
	}
}
