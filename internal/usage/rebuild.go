package usage

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// Difference is a day of a platform and a meter for which the two histories say different things.
type Difference struct {
	Platform id.Platform
	Day      time.Time
	Meter    string
	Days     int64 // what the users used, by their own days
	Hours    int64 // what the hours of the platform add up to
	Mended   bool
}

// Surplus is whether the hours have more than the days of the users. That need not be a fault: the days of a user who was
// deleted are forgotten, and what they used stays in the sums.
func (d Difference) Surplus() bool { return d.Hours > d.Days }

// nobodysPlan is that of hours for which no plan can be told.
const nobodysPlan = "unknown"

// Rebuild compares the sums by hour with the days of the users, for each platform, meter and day that is over, and has those
// hours add up to the days again for which mend says so. The journal, of which the hours were made, is gone once it is added up,
// so at what hour and on which plan something was used can not be found out again: the day's total is spread as the hours that
// are left are, or as those of the nearest day.
func Rebuild(ctx context.Context, worker *db.DB, keepDays int, mend func(Difference) bool) ([]Difference, error) {
	if err := AddUp(ctx, worker); err != nil { // what is not added up yet is no difference
		return nil, err
	}
	var all []Difference
	err := platform.EachPlatform(ctx, worker, func(ctx context.Context, platforms []id.Platform) error {
		for _, at := range platforms {
			err := worker.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
				rows, err := queries.DaysThatDiffer(ctx, tx, usagedb.DaysThatDifferParams{PlatformID: string(at), KeepDays: int32(keepDays)})
				if err != nil {
					return err
				}
				for _, row := range rows {
					d := Difference{Platform: at, Day: row.Day.UTC(), Meter: row.Meter, Days: row.Days, Hours: row.Hours}
					if mend(d) {
						if err := mendHours(ctx, tx, d); err != nil {
							return err
						}
						d.Mended = true
					}
					all = append(all, d)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// mendHours has the hours of a day add up to what the users used on it.
func mendHours(ctx context.Context, tx db.Tenant, d Difference) error {
	hoursOf := func(day time.Time) ([]usagedb.HoursOfDayRow, error) {
		return queries.HoursOfDay(ctx, tx, usagedb.HoursOfDayParams{
			PlatformID: string(d.Platform), Meter: d.Meter, Begins: day, Ends: day.AddDate(0, 0, 1),
		})
	}
	present, err := hoursOf(d.Day)
	if err != nil {
		return err
	}
	shape := present
	if sumOf(shape) <= 0 {
		near, err := queries.NearestDay(ctx, tx, usagedb.NearestDayParams{PlatformID: string(d.Platform), Meter: d.Meter, Begins: d.Day})
		switch {
		case db.NoRows(err):
			shape = append(shape, usagedb.HoursOfDayRow{Hour: d.Day.Add(12 * time.Hour), Plan: nobodysPlan, Count: 1})
		case err != nil:
			return err
		default:
			another := near.UTC().Truncate(24 * time.Hour)
			if shape, err = hoursOf(another); err != nil {
				return err
			}
			for i := range shape {
				shape[i].Hour = d.Day.Add(shape[i].Hour.UTC().Sub(another))
			}
		}
	}
	counts := spread(d.Days, shape)
	var rows []usagedb.PutHourParams
	put := func(hour time.Time, plan string, count int64) {
		rows = append(rows, usagedb.PutHourParams{PlatformID: string(d.Platform), Hour: hour, Meter: d.Meter, Plan: plan, Count: count})
	}
	for _, s := range present { // what stands there, and is not part of the shape, counts no more
		put(s.Hour, s.Plan, 0)
	}
	for i, s := range shape {
		put(s.Hour, s.Plan, counts[i])
	}
	return all(queries.PutHour(ctx, tx, rows))
}

func sumOf(rows []usagedb.HoursOfDayRow) (sum int64) {
	for _, r := range rows {
		sum += r.Count
	}
	return sum
}

// spread shares a total out as the rows share theirs; the first, which is the largest, takes what does not divide.
func spread(total int64, rows []usagedb.HoursOfDayRow) []int64 {
	sum, left := sumOf(rows), total
	counts := make([]int64, len(rows))
	for i, r := range rows {
		if sum > 0 {
			counts[i] = int64(float64(total) * (float64(r.Count) / float64(sum)))
		}
		left -= counts[i]
	}
	if len(counts) > 0 {
		counts[0] += left
	}
	return counts
}
