package usage

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

const journalStep = 2000 // entries that are added up at once

// AddUp adds the journal to the sums by hour, and takes what it has added out of it, in one transaction each time:
// nothing is added twice or lost.
func AddUp(ctx context.Context, worker *db.DB) error {
	for taken := journalStep; taken == journalStep; {
		err := worker.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
			entries, err := queries.TakeJournal(ctx, tx, journalStep)
			taken = len(entries)
			if err != nil || taken == 0 {
				return err
			}
			sums, platforms := addUp(entries)
			t, err := tx.EnterAll(ctx, platforms)
			if err != nil {
				return err
			}
			if err := queries.MarkActive(ctx, t, id.Strings(platforms)); err != nil {
				return err
			}
			return queries.AddHours(ctx, t, sums)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func addUp(entries []usagedb.TenantUsageJournal) (usagedb.AddHoursParams, []id.Platform) {
	type sum struct {
		tally
		hour time.Time
	}
	sums, seen := map[sum]int64{}, map[id.Platform]bool{}
	for _, entry := range entries {
		hour := entry.At.UTC().Truncate(time.Hour)
		for _, group := range entry.Counted {
			i := entry.Tallies[group-1] - 1
			at := id.Platform(entry.Platforms[i])
			sums[sum{tally{at, entry.Meters[i], entry.Plans[i]}, hour}] += entry.Counts[group-1]
			seen[at] = true
		}
	}
	var params usagedb.AddHoursParams
	for s, n := range sums {
		params.Platforms, params.Hours = append(params.Platforms, string(s.platform)), append(params.Hours, s.hour)
		params.Meters, params.Plans = append(params.Meters, s.meter), append(params.Plans, s.plan)
		params.Counts = append(params.Counts, n)
	}
	var platforms []id.Platform
	for at := range seen {
		platforms = append(platforms, at)
	}
	return params, platforms
}
