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

// Adjustment is units that were granted beyond a limit, or given back.
type Adjustment struct {
	ID        string    `json:"id"`
	UserID    string    `json:"userId"`
	Meter     string    `json:"meter"`
	Kind      string    `json:"kind"` // grant or return
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
	who := account{tx.Platform, g.UserID}
	if _, err := tenant.EntitlementOf(ctx, tx, g.UserID, g.Stated); err != nil { // before a row is made for somebody unknown
		return Granted{}, err
	}
	one := usagedb.MakeUsersParams{Platforms: []string{string(tx.Platform)}, Users: []string{g.UserID}}
	if err := queries.MakeUsers(ctx, tx, one); err != nil {
		return Granted{}, err
	}
	row, err := queries.LockUser(ctx, tx, usagedb.LockUserParams{PlatformID: string(tx.Platform), UserID: g.UserID})
	if err != nil {
		return Granted{}, err
	}
	e, err := tenant.EntitlementOf(ctx, tx, g.UserID, g.Stated) // as it is now that the row is ours
	if err != nil {
		return Granted{}, err
	}
	limit, err := (&Call{Entitlement: e, Meter: g.Meter}).limit()
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
	x := page.slot(g.Meter, limit, e, now)
	if x.extra+x.kept+g.Quantity > mostExtra {
		return Granted{}, errs.InvalidParam("quantity", "quantity is more than a user can be granted.")
	}
	if g.Expires == UntilUsed {
		x.kept += g.Quantity
	} else {
		x.extra += g.Quantity
	}
	made := Adjustment{
		ID: id.NewAdjustment(), UserID: g.UserID, Meter: g.Meter, Kind: "grant", Quantity: g.Quantity, Expires: &g.Expires,
		Reason: g.Reason, CreatedAt: now.UTC(),
	}
	usage := x.usage(e.Plan, limit)
	if err := all(queries.WriteUser(ctx, tx, []usagedb.WriteUserParams{page.row(who)})); err != nil {
		return Granted{}, err
	}
	if err := all(queries.EndDay(ctx, tx, page.endedDays(who))); err != nil {
		return Granted{}, err
	}
	err = all(queries.Adjust(ctx, tx, []usagedb.AdjustParams{{
		PlatformID: string(tx.Platform), ID: made.ID, UserID: g.UserID, Meter: g.Meter, Kind: made.Kind, Quantity: g.Quantity,
		Expires: made.Expires, Reason: g.Reason,
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
