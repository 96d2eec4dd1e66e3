package usage

import (
	"context"
	"fmt"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// Until when granted units last.
const (
	UntilPeriodEnds = "period"
	UntilUsed       = "used"
)

const (
	mostExtra     = 1 << 53 // what every JSON reader holds exactly
	longestReason = 500
)

// Adjustment is units that were granted beyond a limit or given back, or a count that was set to nothing.
type Adjustment struct {
	ID        string    `json:"id"`
	UserID    string    `json:"userId"`
	Meter     string    `json:"meter"`
	Kind      string    `json:"kind"` // grant, return or reset
	Quantity  int64     `json:"quantity"`
	Expires   *string   `json:"expires"` // of a grant: period or used
	Reason    string    `json:"reason"`
	CreatedAt time.Time `json:"createdAt"`
}

// Grant is units to be granted. Units for the period are used before units that last.
type Grant struct {
	UserID, Stated string // Stated: the plan, of a user who is no customer of ours
	Meter          string // empty: requests
	Quantity       int64
	Expires        string
	Reason         string
}

// Granted is a grant and the state after it.
type Granted struct {
	Adjustment Adjustment
	Usage      Usage
}

func (g *Grant) check() error {
	var faults []errs.Fault
	fault := func(param, message string) {
		faults = append(faults, errs.Fault{Param: param, Message: message})
	}
	if !tenant.ValidUserID(g.UserID) {
		fault("userId", "userId has 1 to 128 letters, digits and _ . : @ | -")
	}
	if g.Quantity < 1 || g.Quantity > mostAtOnce {
		fault("quantity", fmt.Sprintf("quantity is a whole number from 1 to %d.", mostAtOnce))
	}
	if g.Expires != UntilPeriodEnds && g.Expires != UntilUsed {
		fault("expires", "expires is period, for units of this period, or used, for units that last until they are used.")
	}
	if len(g.Reason) > longestReason {
		fault("reason", fmt.Sprintf("reason has %d bytes at the most.", longestReason))
	}
	return errs.Invalid(faults)
}

// Grant grants units to a user, beyond what the plan does.
func (s *Service) Grant(
	ctx context.Context, keeper *idempotency.Keeper, at id.Platform, g Grant, r idempotency.Request,
) (made Granted, replayed bool, err error) {
	if g.Meter == "" {
		g.Meter = tenant.DefaultMeter
	}
	if err := g.check(); err != nil {
		return Granted{}, false, err
	}
	err = s.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		made, replayed, err = idempotency.Once(ctx, keeper, tx, r, func() (Granted, error) { return grant(ctx, tx, g) })
		return err
	})
	return made, replayed, err
}

func grant(ctx context.Context, tx db.Tenant, g Grant) (Granted, error) {
	made := Adjustment{UserID: g.UserID, Meter: g.Meter, Kind: "grant", Quantity: g.Quantity, Expires: &g.Expires, Reason: g.Reason}
	return adjust(ctx, tx, g.Stated, made, func(x *slot) (int64, error) {
		if x.extra+x.kept+g.Quantity > mostExtra {
			return 0, errs.InvalidParam("quantity", "quantity is more than a user can be granted.")
		}
		if g.Expires == UntilUsed {
			x.kept += g.Quantity
		} else {
			x.extra += g.Quantity
		}
		return g.Quantity, nil
	})
}

// Reset sets what a user has used of a meter in the present period to nothing. What was used on which day stays in the history.
type Reset struct {
	UserID string
	Meter  string // empty: requests
	Reason string
}

// Reset resets a meter of a user's. Nothing is written down where nothing was used: then the Adjustment has no id.
func (s *Service) Reset(
	ctx context.Context, keeper *idempotency.Keeper, at id.Platform, what Reset, r idempotency.Request,
) (made Granted, replayed bool, err error) {
	if what.Meter == "" {
		what.Meter = tenant.DefaultMeter
	}
	if len(what.Reason) > longestReason {
		return Granted{}, false, errs.InvalidParam("reason", "reason has %d bytes at the most.", longestReason)
	}
	err = s.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		made, replayed, err = idempotency.Once(ctx, keeper, tx, r, func() (Granted, error) {
			reset := Adjustment{UserID: what.UserID, Meter: what.Meter, Kind: "reset", Reason: what.Reason}
			return adjust(ctx, tx, "", reset, func(x *slot) (int64, error) {
				used := x.count
				x.count = 0
				return used, nil
			})
		})
		return err
	})
	return made, replayed, err
}

// adjust changes the counter of a user's meter, and writes the change down with the quantity that change answers.
func adjust(ctx context.Context, tx db.Tenant, stated string, made Adjustment, change func(*slot) (int64, error)) (Granted, error) {
	user := made.UserID
	who := account{tx.Platform, user}
	before, err := tenant.EntitlementOf(ctx, tx, user, stated) // before a row is made for somebody unknown
	if err != nil {
		return Granted{}, err
	}
	if before.Kind != "" { // before the row is ours: calls wait for it
		if err := keepOffSnapshots(ctx, tx); err != nil {
			return Granted{}, err
		}
	}
	one := usagedb.MakeUsersParams{Platforms: []string{string(tx.Platform)}, Users: []string{user}}
	if err := queries.MakeUsers(ctx, tx, one); err != nil {
		return Granted{}, err
	}
	row, err := queries.LockUser(ctx, tx, usagedb.LockUserParams{PlatformID: string(tx.Platform), UserID: user})
	if err != nil {
		return Granted{}, err
	}
	e, err := tenant.EntitlementOf(ctx, tx, user, stated) // as it is now that the row is ours
	if err != nil {
		return Granted{}, err
	}
	limit, _, err := (&Call{Entitlement: e, Meter: made.Meter}).limit()
	if err != nil {
		return Granted{}, err
	}
	now, err := queries.Now(ctx, tx)
	if err != nil {
		return Granted{}, err
	}
	page := sheetOf(row)
	page.turn(now)
	page.settle(e, now)
	x := page.slot(made.Meter, limit, e, now)
	if made.Quantity, err = change(x); err != nil {
		return Granted{}, err
	}
	usage := x.usage(e.Plan, limit)
	written := page.row(who)
	if err := all(queries.WriteUser(ctx, tx, []usagedb.WriteUserParams{written})); err != nil {
		return Granted{}, err
	}
	if err := all(queries.EndDay(ctx, tx, page.endedDays(who))); err != nil {
		return Granted{}, err
	}
	if e.Kind != "" {
		if err := renew(ctx, tx, user, page.report(e, now)); err != nil {
			return Granted{}, err
		}
	}
	if made.Quantity == 0 {
		return Granted{made, usage}, nil
	}
	made.ID, made.CreatedAt = id.NewAdjustment(), now.UTC()
	err = all(queries.Adjust(ctx, tx, []usagedb.AdjustParams{{
		PlatformID: string(tx.Platform), ID: made.ID, UserID: user, Meter: made.Meter, Kind: made.Kind, Quantity: made.Quantity,
		Expires: made.Expires, Reason: made.Reason,
	}}))
	return Granted{made, usage}, err
}

// Adjustments lists what was granted to a user and given back, newest first, behind an id where one is given.
func (r *Reader) Adjustments(ctx context.Context, at id.Platform, userID, after string, most int) (list []Adjustment, more bool, err error) {
	err = r.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		rows, err := queries.Adjustments(ctx, tx, usagedb.AdjustmentsParams{
			PlatformID: string(at), UserID: userID, After: after, Most: int32(most) + 1,
		})
		for _, row := range rows {
			list = append(list, Adjustment(row))
		}
		return err
	})
	if len(list) > most {
		return list[:most], true, err
	}
	return list, false, err
}
