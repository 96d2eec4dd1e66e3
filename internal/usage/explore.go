package usage

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// Unit is what the sums of a history are by.
type Unit string

// The units, of UTC. A week begins on Monday.
const (
	Hour  Unit = "hour"
	Daily Unit = "day"
	Week  Unit = "week"
	Month Unit = "month"
)

// Units are all of them, the shortest first.
var Units = []Unit{Hour, Daily, Week, Month}

// next is the beginning of the unit after the one that begins then.
func (u Unit) next(start time.Time, steps int) time.Time {
	switch u {
	case Hour:
		return start.Add(time.Duration(steps) * time.Hour)
	case Week:
		return start.AddDate(0, 0, 7*steps)
	case Month:
		return start.AddDate(0, steps, 0)
	default:
		return start.AddDate(0, 0, steps)
	}
}

// HistoryOf says of what a history is: of one meter, in the last units with the present one.
type HistoryOf struct {
	Meter  string
	By     Unit
	Points int    // how many units
	Plan   string // of the users of this plan alone; empty: of all
	UserID string // of this user alone, whose days are kept and not the hours; empty: of all

	Since    time.Time // when the platform began
	KeepDays int       // for so long the sums are kept; 0: for ever
}

// Point is what was counted in one unit.
type Point struct {
	Start time.Time        `json:"start"`
	Count int64            `json:"count"`
	Plans map[string]int64 `json:"plans,omitempty"` // by the plan that the users were on; nil for one user
}

// History is what was counted of a meter, the earliest first.
type History struct {
	Points []Point
	Before *int64 // in as many units before these; nil where there is nothing to compare with, as not all of them are known
}

// Total is what was counted in all.
func (h History) Total() int64 {
	var total int64
	for _, p := range h.Points {
		total += p.Count
	}
	return total
}

// History reports what was counted of a meter. That of all users is up to a quarter of a minute behind.
func (r *Reader) History(ctx context.Context, at id.Platform, of HistoryOf) (History, error) {
	var h History
	err := r.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		present, err := queries.Present(ctx, tx, string(of.By))
		if err != nil {
			return err
		}
		present = present.UTC()
		first := of.By.next(present, 1-of.Points)
		points := make(map[time.Time]*Point, of.Points)
		h.Points = make([]Point, of.Points)
		for i := range h.Points {
			h.Points[i].Start = of.By.next(first, i)
			points[h.Points[i].Start] = &h.Points[i]
			if of.UserID == "" {
				h.Points[i].Plans = map[string]int64{}
			}
		}
		began := of.By.next(first, -of.Points)
		if !began.Before(of.Since) && (of.KeepDays == 0 || !began.Before(present.AddDate(0, 0, 1-of.KeepDays))) {
			h.Before = new(int64)
		}
		return eachSum(ctx, tx, of, began, func(start time.Time, plan string, count int64) {
			switch p := points[start.UTC()]; {
			case p != nil:
				p.Count += count
				if p.Plans != nil {
					p.Plans[plan] += count
				}
			case start.Before(first) && h.Before != nil: // and not in the future, where a clock was turned back
				*h.Before += count
			}
		})
	})
	return h, err
}

func eachSum(ctx context.Context, tx db.Tenant, of HistoryOf, since time.Time, add func(start time.Time, plan string, count int64)) error {
	if of.UserID != "" {
		rows, err := queries.CountedOfUser(ctx, tx, usagedb.CountedOfUserParams{
			PlatformID: string(tx.Platform), UserID: of.UserID, Meter: of.Meter, Unit: string(of.By), Since: since,
		})
		for _, row := range rows {
			add(row.Start, "", row.Count)
		}
		return err
	}
	params := usagedb.CountedParams{PlatformID: string(tx.Platform), Meter: of.Meter, Unit: string(of.By), Since: since}
	if of.Plan != "" {
		params.Plan = &of.Plan
	}
	rows, err := queries.Counted(ctx, tx, params)
	for _, row := range rows {
		add(row.Start, row.Plan, row.Count)
	}
	return err
}
