package usage

import (
	"context"
	"errors"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// TopDays are the spans, in days with the present one, over which it is known who used most.
var TopDays = []int{1, 7, 30, 90, 365}

const (
	mostTops = 100
	fewUsers = 1000 // of a platform, that are added up whenever somebody looks
)

// Top is a user who used much of a meter.
type Top struct {
	Place    int    `json:"place"` // from 1
	UserID   string `json:"userId"`
	Customer bool   `json:"customer"` // who may have been created here, or be known by their calls alone
	Email    string `json:"email"`    // of a customer who has one; else empty
	Count    int64  `json:"count"`
}

// Tops are those who used most of a meter, the first first.
type Tops struct {
	Users   []Top
	TakenAt *time.Time // when they were added up; nil: not yet
}

// Tops reports who used most of a meter over one of TopDays, at most so many of the 100 that are known. On a platform with many
// users it is what the worker found some minutes ago, or longer where that takes long.
func (r *Reader) Tops(ctx context.Context, at id.Platform, meter string, days, most int) (Tops, error) {
	tops := Tops{Users: []Top{}}
	err := r.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		users, err := queries.CountUsers(ctx, tx, usagedb.CountUsersParams{PlatformID: string(at), Most: fewUsers + 1})
		if err != nil {
			return err
		}
		if users <= fewUsers {
			err = tops.addUp(ctx, tx, meter, days)
		} else {
			err = tops.read(ctx, tx, meter, days)
		}
		if err != nil {
			return err
		}
		tops.Users = tops.Users[:min(len(tops.Users), most)]
		return tops.name(ctx, tx)
	})
	return tops, err
}

func (t *Tops) addUp(ctx context.Context, tx db.Tenant, meter string, days int) error {
	now, err := queries.Now(ctx, tx)
	if err != nil {
		return err
	}
	t.TakenAt = &now
	rows, err := queries.AddUpUsers(ctx, tx, usagedb.AddUpUsersParams{
		PlatformID: string(tx.Platform), Days: int32(days), Meter: &meter, Most: mostTops,
	})
	for _, row := range rows {
		t.Users = append(t.Users, Top{Place: int(row.Place), UserID: row.UserID, Count: row.Count})
	}
	return err
}

func (t *Tops) read(ctx context.Context, tx db.Tenant, meter string, days int) error {
	taken, err := queries.WhenTopsTaken(ctx, tx, usagedb.WhenTopsTakenParams{PlatformID: string(tx.Platform), Days: int32(days)})
	if db.NoRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	t.TakenAt = &taken
	rows, err := queries.Tops(ctx, tx, usagedb.TopsParams{PlatformID: string(tx.Platform), Days: int32(days), Meter: meter})
	for i, row := range rows {
		t.Users = append(t.Users, Top{Place: i + 1, UserID: row.UserID, Count: row.Count}) // one may have been forgotten since
	}
	return err
}

// name adds the addresses.
func (t *Tops) name(ctx context.Context, tx db.Tenant) error {
	ids := make([]string, len(t.Users))
	for i, user := range t.Users {
		ids[i] = user.UserID
	}
	rows, err := queries.CustomersAmong(ctx, tx, usagedb.CustomersAmongParams{PlatformID: string(tx.Platform), Users: ids})
	emails := map[string]string{}
	for _, row := range rows {
		emails[row.ID] = row.Email
	}
	for i := range t.Users {
		user := &t.Users[i]
		user.Email, user.Customer = emails[user.UserID]
	}
	return err
}

// TakeTops finds who used most on each of the platforms on which something was counted since it was last done, or of which a day
// is over. The one first for which it was tried the longest ago; what there is no time for is left to the next run. One that fails
// leaves the others as they are, and waits for its turn.
func TakeTops(ctx context.Context, worker *db.DB, platforms []id.Platform) error {
	var due []usagedb.DueTopsRow
	err := worker.Tenants(ctx, platforms, func(ctx context.Context, tx db.Tenants) (err error) {
		due, err = queries.DueTops(ctx, tx, usagedb.DueTopsParams{Platforms: id.Strings(platforms), Spans: spans()})
		return err
	})
	return errors.Join(err, inTurn(ctx, due, func(one usagedb.DueTopsRow) error {
		return attemptTops(ctx, worker, id.Platform(one.PlatformID), one.Days)
	}))
}

func spans() []int32 {
	list := make([]int32, len(TopDays))
	for i, days := range TopDays {
		list[i] = int32(days)
	}
	return list
}

// attemptTops writes the attempt down before it is made, unless somebody else is quicker.
func attemptTops(ctx context.Context, worker *db.DB, at id.Platform, days int32) error {
	var mine int64
	err := worker.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		mine, err = queries.ClaimTops(ctx, tx, usagedb.ClaimTopsParams{PlatformID: string(at), Days: days})
		return err
	})
	if err != nil || mine == 0 {
		return err
	}
	began := time.Now()
	err = bounded(ctx, func(ctx context.Context) error {
		return worker.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error { return takeTops(ctx, tx, days) })
	})
	if err == nil {
		return nil
	}
	return errors.Join(err, worker.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		return queries.TopsFailed(ctx, tx, usagedb.TopsFailedParams{PlatformID: string(at), Days: days, TookMs: time.Since(began).Milliseconds()})
	}))
}

func takeTops(ctx context.Context, tx db.Tenant, days int32) error {
	began, at := time.Now(), string(tx.Platform)
	now, err := queries.Now(ctx, tx)
	if err != nil {
		return err
	}
	rows, err := queries.AddUpUsers(ctx, tx, usagedb.AddUpUsersParams{PlatformID: at, Days: days, Most: mostTops})
	if err != nil {
		return err
	}
	taken, err := queries.TopsTaken(ctx, tx, usagedb.TopsTakenParams{
		PlatformID: at, Days: days, TakenAt: &now, TookMs: time.Since(began).Milliseconds(),
	})
	if err != nil || taken == 0 { // later ones are there
		return err
	}
	kept := usagedb.KeepTopsParams{PlatformID: at, Days: days}
	for _, row := range rows {
		kept.Meters, kept.Places = append(kept.Meters, row.Meter), append(kept.Places, row.Place)
		kept.Users, kept.Counts = append(kept.Users, row.UserID), append(kept.Counts, row.Count)
	}
	if err := queries.DropTops(ctx, tx, usagedb.DropTopsParams{PlatformID: at, Days: days}); err != nil {
		return err
	}
	return queries.KeepTops(ctx, tx, kept)
}
