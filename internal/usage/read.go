package usage

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// Reader reads what is counted.
type Reader struct{ db *db.DB }

// NewReader makes a Reader that works under the role of the pool.
func NewReader(pool *db.DB) *Reader { return &Reader{pool} }

// Report is all the usage of a user.
type Report struct {
	Plan         string
	Meters       map[string]Usage // those of the plan, and those of which units were granted beyond it
	Rate         Rate
	PlatformRate *Rate // where the platform has a limit for all users together
}

// Of reports the usage of a user; stated is the plan that the developer says of one who is no customer of ours.
func (r *Reader) Of(ctx context.Context, at id.Platform, userID, stated string) (Report, error) {
	if !tenant.ValidUserID(userID) {
		return Report{}, errs.InvalidParam("X-User-Id", "X-User-Id has 1 to 128 letters, digits and _ . : @ | -")
	}
	var report Report
	err := r.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		e, err := tenant.EntitlementOf(ctx, tx, userID, stated)
		if err != nil {
			return err
		}
		row, err := queries.User(ctx, tx, usagedb.UserParams{PlatformID: string(at), UserID: userID})
		if err != nil && !db.NoRows(err) {
			return err
		}
		now, err := queries.Now(ctx, tx)
		if err != nil {
			return err
		}
		report = sheetOf(row).report(e, now)
		users, err := queries.PlatformRate(ctx, tx, string(at))
		if err == nil && users.RateLimit != nil {
			together := crowd{minute: users.Minute.UTC(), calls: int(users.Calls)}
			report.PlatformRate = together.rate(new(int(*users.RateLimit)), now)
		}
		return err
	})
	return report, err
}

// report shows the sheet as a call at the moment would find it. The sheet is not good for anything else afterwards.
func (s *sheet) report(e *tenant.Entitlement, now time.Time) Report {
	s.turn(now)
	s.settle(e, now)
	report := Report{Plan: e.Plan, Meters: map[string]Usage{}, Rate: s.rate(e.RateLimit, now)}
	for _, l := range e.Limits {
		u := s.slot(l.Meter, l.Limit, e, now).usage(e.Plan, l.Limit)
		u.Anchored = l.Anchor != tenant.FromCalendar && u.PeriodEnd != nil
		report.Meters[l.Meter] = u
	}
	for _, meter := range e.Meters {
		if _, ok := report.Meters[meter]; ok || !s.has(meter) {
			continue
		}
		if granted := s.slot(meter, nothing, e, now).usage(e.Plan, nothing); granted.Extra > 0 {
			report.Meters[meter] = granted
		}
	}
	return report
}

// Day is how much a user used of a meter on a day of UTC.
type Day struct {
	Day   string `json:"day"` // 2006-01-02
	Meter string `json:"meter"`
	Count int64  `json:"count"`
}

// Days lists what a user used day by day, the earliest first.
func (r *Reader) Days(ctx context.Context, at id.Platform, userID string) ([]Day, error) {
	days := []Day{}
	err := r.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		over, err := queries.DaysOf(ctx, tx, usagedb.DaysOfParams{PlatformID: string(at), UserID: userID})
		if err != nil {
			return err
		}
		for _, row := range over {
			days = append(days, Day{row.Day.Format(time.DateOnly), row.Meter, row.Count})
		}
		row, err := queries.User(ctx, tx, usagedb.UserParams{PlatformID: string(at), UserID: userID})
		if db.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		// The last day goes to the others when the next one begins.
		last := sheetOf(row)
		for meter, count := range last.todayByMeter() {
			days = append(days, Day{last.day.Format(time.DateOnly), meter, count})
		}
		slices.SortStableFunc(days[len(over):], func(a, b Day) int { return strings.Compare(a.Meter, b.Meter) })
		return nil
	})
	return days, err
}

// todayByMeter is what was counted on the sheet's day.
func (s *sheet) todayByMeter() map[string]int64 {
	counts := map[string]int64{}
	for _, slot := range s.slots {
		if slot.today != 0 {
			meter, _ := parts(slot.name)
			counts[meter] += slot.today
		}
	}
	return counts
}

// Any reports whether a call was ever tracked on the platform.
func (r *Reader) Any(ctx context.Context, at id.Platform) (counted bool, err error) {
	err = r.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		counted, err = queries.AnyCounted(ctx, tx, string(at))
		return err
	})
	return counted, err
}

// Knows reports whether a call was ever tracked of the user, who need not be a customer.
func (r *Reader) Knows(ctx context.Context, at id.Platform, userID string) (known bool, err error) {
	err = r.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		_, err := queries.User(ctx, tx, usagedb.UserParams{PlatformID: string(at), UserID: userID})
		if db.NoRows(err) {
			return nil
		}
		known = err == nil
		return err
	})
	return known, err
}

// Reached counts, for each meter, the customers on a plan who have used up what a limit grants. The counters are those of the
// limit's kind of period, so a limit for another kind than the plan has was reached by nobody.
func (r *Reader) Reached(ctx context.Context, at id.Platform, plan string, limits map[string]tenant.Limit) (map[string]int64, error) {
	reached := map[string]int64{}
	err := r.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		for meter, limit := range limits {
			if limit.Max == nil {
				continue
			}
			n, err := queries.Reached(ctx, tx, usagedb.ReachedParams{
				PlatformID: string(at), Plan: plan, Slot: limit.Slot(meter), Max: *limit.Max,
			})
			if err != nil {
				return err
			}
			reached[meter] = n
		}
		return nil
	})
	return reached, err
}

// Forget deletes what is counted of a user; it is a tenant.Forget. A call under way ends before, and one that comes
// later finds the user gone.
func Forget(ctx context.Context, tx db.Tenant, userID string) error {
	at := string(tx.Platform)
	if err := keepOffSnapshots(ctx, tx); err != nil { // before a call has to wait for us
		return err
	}
	if err := queries.Forget(ctx, tx, usagedb.ForgetParams{PlatformID: at, UserID: userID}); err != nil {
		return err
	}
	if err := forgetNear(ctx, tx, userID); err != nil {
		return err
	}
	if err := queries.ForgetDays(ctx, tx, usagedb.ForgetDaysParams{PlatformID: at, UserID: userID}); err != nil {
		return err
	}
	if err := queries.ForgetTops(ctx, tx, usagedb.ForgetTopsParams{PlatformID: at, UserID: userID}); err != nil {
		return err
	}
	return queries.ForgetAdjustments(ctx, tx, usagedb.ForgetAdjustmentsParams{PlatformID: at, UserID: userID})
}
