package usage

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// Total is what all users of a platform have used of a meter, in the present period of one kind.
type Total struct {
	Meter  string `json:"meter"`
	Period string `json:"period"`
	Count  int64  `json:"count"`
	Users  int64  `json:"users"` // as of the last snapshot

	Anchored bool `json:"-"` // not all of the periods are the calendar's
}

// Totals sums up the present periods of a platform. Where all of a meter's periods of a kind are the calendar's it is the sum
// of what was counted, up to a quarter of a minute behind; of others it is as of the last snapshot.
func (r *Reader) Totals(ctx context.Context, at id.Platform) ([]Total, error) {
	totals := []Total{}
	err := r.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		snapshot, err := queries.Snapshot(ctx, tx, string(at))
		if err != nil && !db.NoRows(err) {
			return err
		}
		var before []Total
		if err == nil {
			if err := json.Unmarshal(snapshot.Totals, &before); err != nil {
				return err
			}
		}
		limits, err := queries.LimitedMeters(ctx, tx, string(at))
		if err != nil {
			return err
		}
		now, err := queries.Now(ctx, tx)
		if err != nil {
			return err
		}
		sums := map[string]map[string]int64{} // by period and meter
		for _, limit := range limits {
			total := Total{Meter: limit.Meter, Period: limit.Period}
			if i := slices.IndexFunc(before, func(b Total) bool { return b.Meter == limit.Meter && b.Period == limit.Period }); i >= 0 {
				total = before[i]
			}
			if limit.Calendar && limit.Period != "lifetime" && snapshot.At.Before(calendar(limit.Period, now.UTC()).starts) {
				total = Total{Meter: limit.Meter, Period: limit.Period} // that was another period
			}
			total.Anchored = !limit.Calendar && limit.Period != "lifetime"
			if summed := slices.Contains([]string{"hour", "day", "week", "month", "year"}, limit.Period); summed && limit.Calendar {
				if sums[limit.Period] == nil {
					if sums[limit.Period], err = sumSince(ctx, tx, limit.Period); err != nil {
						return err
					}
				}
				if sum := sums[limit.Period][limit.Meter]; sum > 0 { // the first call of all shows before it was added up
					total.Count = sum
				}
			}
			if total.Count > 0 {
				totals = append(totals, total)
			}
		}
		return nil
	})
	return totals, err
}

func sumSince(ctx context.Context, tx db.Tenant, period string) (map[string]int64, error) {
	rows, err := queries.SumSince(ctx, tx, usagedb.SumSinceParams{PlatformID: string(tx.Platform), Period: period})
	sums := map[string]int64{}
	for _, row := range rows {
		sums[row.Meter] = row.Count
	}
	return sums, err
}
