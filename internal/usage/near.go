package usage

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// Who is near a limit is worked out beside the counting, now and then, and kept as of that moment: the worker does it for the
// platforms that were active since, and a page for a small one. The database finds who may be near one by the counters as they
// stand; whether they are, of what limit and until when, is decided by what decides a call.

const (
	nearFrom    = 8_000 // hundredths of a percent of a limit
	mostShare   = 990_000
	nearAtMost  = 1_000 // customers of a platform: those nearest their limit
	smallAtMost = 2_000 // users, of a platform for which a page waits
)

// NearLimit is a customer who has used most of a limit, as of a snapshot.
type NearLimit struct {
	CustomerID string     `json:"customerId"`
	Email      string     `json:"email"` // empty where there is none
	Meter      string     `json:"meter"`
	Plan       string     `json:"plan"`
	Count      int64      `json:"count"`
	Limit      int64      `json:"limit"` // with the units granted beyond it
	Period     string     `json:"period"`
	PeriodEnd  *time.Time `json:"periodEnd"` // nil for a lifetime
}

// Nearest is who is near a limit.
type Nearest struct {
	AsOf      *time.Time  `json:"asOf"`      // nil: it has not been worked out yet
	Customers int64       `json:"customers"` // how many, a thousand at the most
	Full      int64       `json:"full"`      // of them at the limit
	List      []NearLimit `json:"list"`      // the nearest first
}

// Watch works out who is near a limit, under the role of a pool that may write it down: the customer surface's or the worker's.
type Watch struct{ db *db.DB }

// NewWatch makes a Watch.
func NewWatch(pool *db.DB) *Watch { return &Watch{pool} }

// Near lists the customers of a platform who are nearest a limit. If the platform is small and the snapshot a few seconds old, it
// is taken anew first.
func (w *Watch) Near(ctx context.Context, at id.Platform, most int) (Nearest, error) {
	if err := w.freshen(ctx, at); err != nil {
		return Nearest{}, err
	}
	n := Nearest{List: []NearLimit{}}
	err := w.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		snapshot, err := queries.Snapshot(ctx, tx, string(at))
		if db.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		n.AsOf = new(snapshot.At.UTC())
		counts, err := queries.CountNear(ctx, tx, string(at))
		if err != nil {
			return err
		}
		n.Customers, n.Full = counts.Users, counts.Full
		rows, err := queries.Near(ctx, tx, usagedb.NearParams{PlatformID: string(at), Most: int32(most)})
		for _, row := range rows {
			n.List = append(n.List, NearLimit{row.UserID, row.Email, row.Meter, row.Plan, row.Count, row.Max, row.Period, periodEnd(row.Ends)})
		}
		return err
	})
	return n, err
}

// AsOf is the moment of a platform's snapshot, which is taken anew as for Near; nil where there is none yet.
func (w *Watch) AsOf(ctx context.Context, at id.Platform) (*time.Time, error) {
	n, err := w.Near(ctx, at, 0)
	return n.AsOf, err
}

// freshen takes the snapshot of a small platform if it is old. Of a crowd one does; the others see the one that is there.
func (w *Watch) freshen(ctx context.Context, at id.Platform) error {
	due := false
	err := w.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		snapshot, err := queries.Snapshot(ctx, tx, string(at))
		switch {
		case db.NoRows(err):
			n, err := queries.CountUsers(ctx, tx, usagedb.CountUsersParams{PlatformID: string(at), Most: smallAtMost + 1})
			due = n <= smallAtMost
			return err
		case err != nil:
			return err
		}
		due = snapshot.Old && snapshot.Users <= smallAtMost
		return nil
	})
	if err != nil || !due {
		return err
	}
	return w.attempt(ctx, at, usagedb.ClaimSnapshotParams{PauseSeconds: 2, Times: 50})
}

// Work takes the snapshots of those platforms that were active since theirs. What there is no time for is left to the next
// run.
func (w *Watch) Work(ctx context.Context, platforms []id.Platform) error {
	var due []string
	err := w.db.Tenants(ctx, platforms, func(ctx context.Context, tx db.Tenants) (err error) {
		due, err = queries.DueSnapshots(ctx, tx, id.Strings(platforms))
		return err
	})
	return errors.Join(err, inTurn(ctx, due, func(one string) error {
		return w.attempt(ctx, id.Platform(one), usagedb.ClaimSnapshotParams{PauseSeconds: 60, Times: 30})
	}))
}

// attempt takes the snapshot of a platform unless somebody else has tried to, so short a while ago or in so many times as long as
// it takes. The attempt is written down before: one that fails waits for its turn as others do, and the longer, the longer it
// took to fail.
func (w *Watch) attempt(ctx context.Context, at id.Platform, claim usagedb.ClaimSnapshotParams) error {
	claim.PlatformID = string(at)
	var mine int64
	err := w.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		mine, err = queries.ClaimSnapshot(ctx, tx, claim)
		return err
	})
	if err != nil || mine == 0 {
		return err
	}
	began := time.Now()
	err = bounded(ctx, func(ctx context.Context) error { return w.Take(ctx, at) })
	if err == nil {
		return nil
	}
	return errors.Join(err, w.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		return queries.SnapshotFailed(ctx, tx, usagedb.SnapshotFailedParams{PlatformID: string(at), Seconds: time.Since(began).Seconds()})
	}))
}

// Take takes the snapshot of a platform. What takes long is read before anybody is kept waiting; those who seem to be near a limit
// are looked at again when the snapshot is ours, so that a grant or a deletion in between counts.
func (w *Watch) Take(ctx context.Context, at id.Platform) error {
	return w.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		began := time.Now()
		now, err := queries.Now(ctx, tx)
		if err != nil {
			return err
		}
		candidates, err := queries.NearCandidates(ctx, tx, usagedb.NearCandidatesParams{PlatformID: string(at), Most: nearAtMost})
		if err != nil {
			return err
		}
		totals, err := queries.Totals(ctx, tx, string(at))
		if err != nil {
			return err
		}
		users, err := queries.CountUsers(ctx, tx, usagedb.CountUsersParams{PlatformID: string(at), Most: math.MaxInt32})
		if err != nil {
			return err
		}
		list := make([]Total, len(totals))
		for i, row := range totals {
			list[i] = Total{Meter: row.Meter, Period: row.Period, Count: row.Count, Users: row.Users}
		}
		encoded, err := json.Marshal(list)
		if err != nil {
			return err
		}
		kept, err := queries.KeepSnapshot(ctx, tx, usagedb.KeepSnapshotParams{
			PlatformID: string(at), At: &now, Users: users, Totals: encoded, Seconds: time.Since(began).Seconds(),
		})
		if err != nil || kept == 0 { // a later one is there
			return err
		}
		nearest, err := near(ctx, tx, candidates)
		if err != nil {
			return err
		}
		if err := queries.ForgetNear(ctx, tx, usagedb.ForgetNearParams{PlatformID: string(at)}); err != nil {
			return err
		}
		return queries.KeepNear(ctx, tx, nearest)
	})
}

// near works out who of some users is near a limit.
func near(ctx context.Context, tx db.Tenant, users []string) (usagedb.KeepNearParams, error) {
	kept := usagedb.KeepNearParams{PlatformID: string(tx.Platform)}
	if len(users) == 0 {
		return kept, nil
	}
	rows, err := queries.UsersAmong(ctx, tx, usagedb.UsersAmongParams{PlatformID: string(tx.Platform), Users: users})
	if err != nil {
		return kept, err
	}
	entitlements, err := tenant.EntitlementsOf(ctx, tx, users)
	if err != nil {
		return kept, err
	}
	now, err := queries.Now(ctx, tx)
	if err != nil {
		return kept, err
	}
	for _, row := range rows {
		if e := entitlements[row.UserID]; e != nil {
			for _, u := range sheetOf(row).report(e, now).Meters {
				keepIfNear(&kept, row.UserID, u)
			}
		}
	}
	return kept, nil
}

// keepIfNear adds a meter of a customer to those that are kept if most of its limit is used. A limit of nothing is none that
// anybody comes near to.
func keepIfNear(kept *usagedb.KeepNearParams, customer string, u Usage) {
	share := shareOf(u)
	if share < nearFrom {
		return
	}
	ends := always.ends
	if u.PeriodEnd != nil {
		ends = *u.PeriodEnd
	}
	kept.Users, kept.Meters, kept.Plans = append(kept.Users, customer), append(kept.Meters, u.Meter), append(kept.Plans, u.Plan)
	kept.Counts, kept.Maxima = append(kept.Counts, u.Count), append(kept.Maxima, *u.Limit)
	kept.Shares, kept.Periods = append(kept.Shares, share), append(kept.Periods, u.Period)
	kept.Ends = append(kept.Ends, ends)
}

// periodEnd is the end of a period; nil of a lifetime.
func periodEnd(ends time.Time) *time.Time {
	if (span{ends: ends}).isAlways() {
		return nil
	}
	return new(ends.UTC())
}

// shareOf is how much of its limit is used, in hundredths of a percent; 0 without one.
func shareOf(u Usage) int32 {
	if u.Limit == nil || *u.Limit == 0 {
		return 0
	}
	return int32(min(float64(u.Count)/float64(*u.Limit)*10_000, mostShare))
}

// renew corrects what a snapshot says of one customer, after an act that the next one would come too late for.
func renew(ctx context.Context, tx db.Tenant, customer string, report Report) error {
	if err := forgetNear(ctx, tx, customer); err != nil {
		return err
	}
	kept := usagedb.KeepNearParams{PlatformID: string(tx.Platform)}
	for _, u := range report.Meters {
		keepIfNear(&kept, customer, u)
	}
	return queries.KeepNear(ctx, tx, kept)
}

// forgetNear deletes what a snapshot says of one customer.
func forgetNear(ctx context.Context, tx db.Tenant, customer string) error {
	if err := keepOffSnapshots(ctx, tx); err != nil {
		return err
	}
	return queries.ForgetNear(ctx, tx, usagedb.ForgetNearParams{PlatformID: string(tx.Platform), UserID: &customer})
}

// keepOffSnapshots sees to it that no snapshot is kept until the transaction ends. Who is going to lock a user's counters comes
// here first: whoever waits here must hold nothing that a call waits for.
func keepOffSnapshots(ctx context.Context, tx db.Tenant) error {
	return cmp.Or(queries.HaveSnapshot(ctx, tx, string(tx.Platform)), queries.KeepOffSnapshots(ctx, tx, string(tx.Platform)))
}
