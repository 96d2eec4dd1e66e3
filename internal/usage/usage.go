// Package usage owns counting: how much a user has used of each meter in the present period, whether more fits below
// the limit, and how many calls a minute are too many. Which plan a user is on, and what it grants, is package tenant's.
package usage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

const (
	mostAtOnce = 1_000_000_000
	unlimited  = int64(1) << 62
)

var queries = usagedb.New()

// Service counts.
type Service struct {
	db     *db.DB
	keeper *idempotency.Keeper
}

// New makes a Service that works under the customer surface's role.
func New(customer *db.DB, keeper *idempotency.Keeper) *Service { return &Service{customer, keeper} }

// User is whose usage it is. Plan is what the developer says of a user who is no customer of ours; see tenant.PlanOf.
type User struct {
	Platform id.Platform
	ID       string
	Plan     string
}

// Usage is the state of one meter.
type Usage struct {
	Count       int64      `json:"count"`
	Limit       *int64     `json:"limit"`     // nil: unlimited
	Remaining   *int64     `json:"remaining"` // nil: unlimited
	Plan        string     `json:"plan"`
	Meter       string     `json:"meter"`
	Period      string     `json:"period"`
	PeriodStart *time.Time `json:"periodStart"` // nil for a lifetime
	PeriodEnd   *time.Time `json:"periodEnd"`
}

// Rate is the state of a user's rate window.
type Rate struct {
	Limit     int `json:"limit"` // calls a minute
	Remaining int `json:"remaining"`
	Reset     int `json:"reset"` // seconds until the next window
}

// Outcome is the answer to a call. Refused: the quantity did not fit and nothing was counted.
type Outcome struct {
	Usage    Usage `json:"usage"`
	Refused  bool  `json:"refused"`
	Rate     Rate  `json:"-"`
	Replayed bool  `json:"-"`
}

// Call is something to count.
type Call struct {
	User     User
	Meter    string // empty: requests
	Quantity int64  // 1 to 10⁹
}

// Track counts a call: all of its quantity or, where that does not fit below the limit, nothing. The rate window, the
// count and the record of the idempotency key commit together before Track returns. Over the rate it is
// errs.RateLimited, and that call still counts against the rate.
func (s *Service) Track(ctx context.Context, call Call, r idempotency.Request) (Outcome, error) {
	if call.Meter == "" {
		call.Meter = tenant.DefaultMeter
	}
	var faults []errs.Fault
	if call.Quantity < 1 || call.Quantity > mostAtOnce {
		faults = append(faults, errs.Fault{Param: "quantity", Message: fmt.Sprintf("quantity is a whole number from 1 to %d.",
			mostAtOnce)})
	}
	if !tenant.ValidUserID(call.User.ID) {
		faults = append(faults, badUserID())
	}
	if err := errs.Invalid(faults); err != nil {
		return Outcome{}, err
	}
	var outcome Outcome
	var refusal *errs.Error
	err := s.db.Tenant(ctx, call.User.Platform, func(ctx context.Context, tx db.Tenant) error {
		// The window's row is locked from here on, so calls of one user go one after the other, and each reads the plan
		// as it is when its turn comes: a change that was answered before holds for it.
		window, err := hitRate(ctx, tx, call.User.ID)
		if err != nil {
			return err
		}
		plan, err := tenant.PlanOf(ctx, tx, call.User.ID, call.User.Plan)
		if err != nil {
			return err
		}
		outcome, err = s.decide(ctx, tx, call, plan, window.rate(plan), r)
		if errors.As(err, &refusal) {
			return nil // the hit commits with a refusal: refused calls count against the rate
		}
		return err
	})
	if err == nil && refusal != nil {
		err = refusal
	}
	return outcome, err
}

// decide is what Track does once it knows the plan and the rate.
func (s *Service) decide(
	ctx context.Context, tx db.Tenant, call Call, plan tenant.Tier, rate Rate, r idempotency.Request,
) (Outcome, error) {
	if rate.Remaining < 0 {
		rate.Remaining = 0
		return Outcome{Rate: rate}, errs.New(errs.RateLimited, "More than %d calls in this minute for this user. Try again in %d "+
			"seconds.", rate.Limit, rate.Reset).After(time.Duration(rate.Reset) * time.Second)
	}
	limit, err := limitOf(ctx, tx, plan, call.Meter)
	if err != nil {
		return Outcome{Rate: rate}, err
	}
	outcome, replayed, err := idempotency.Once(ctx, s.keeper, tx, r, func() (Outcome, error) {
		return count(ctx, tx, call, plan.Name, limit)
	})
	outcome.Rate, outcome.Replayed = rate, replayed
	return outcome, err
}

// Report is all the usage of a user; it is read without changing anything.
type Report struct {
	Plan   string
	Meters map[string]Usage
	Rate   Rate
}

// Of reports the usage of a user.
func (s *Service) Of(ctx context.Context, user User) (Report, error) {
	if !tenant.ValidUserID(user.ID) {
		return Report{}, errs.Invalid([]errs.Fault{badUserID()})
	}
	report := Report{Meters: map[string]Usage{}}
	err := s.db.Tenant(ctx, user.Platform, func(ctx context.Context, tx db.Tenant) error {
		plan, err := tenant.PlanOf(ctx, tx, user.ID, user.Plan)
		if err != nil {
			return err
		}
		report.Plan = plan.Name
		if report.Rate, err = readRate(ctx, tx, user.ID, plan); err != nil {
			return err
		}
		for meter, limit := range plan.Limits {
			n, err := readCount(ctx, tx, user.ID, meter, limit)
			if err != nil {
				return err
			}
			if report.Meters[meter], err = usageOf(ctx, tx, plan.Name, meter, limit, n); err != nil {
				return err
			}
		}
		return nil
	})
	return report, err
}

// Total is what all users of a platform have used of a meter, in the present period of one kind.
type Total struct {
	Meter  string `json:"meter"`
	Period string `json:"period"`
	Count  int64  `json:"count"`
	Users  int64  `json:"users"`
}

// Totals sums up the present periods of a platform.
func (s *Service) Totals(ctx context.Context, at id.Platform) ([]Total, error) {
	totals := []Total{}
	err := s.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		rows, err := queries.Totals(ctx, tx, string(at))
		for _, row := range rows {
			totals = append(totals, Total(row))
		}
		return err
	})
	return totals, err
}

// Forget deletes what is counted of a user; it is a tenant.Forget. It takes the window's row first, as Track does: a
// call under way ends before, and one that comes later finds the user gone.
func Forget(ctx context.Context, tx db.Tenant, userID string) error {
	if _, err := hitRate(ctx, tx, userID); err != nil {
		return err
	}
	err := queries.Forget(ctx, tx, usagedb.ForgetParams{PlatformID: string(tx.Platform), UserID: userID})
	if err != nil {
		return err
	}
	return queries.ForgetRate(ctx, tx, usagedb.ForgetRateParams{PlatformID: string(tx.Platform), UserID: userID})
}

// limitOf is what the plan grants of the meter: nothing, where it does not name it.
func limitOf(ctx context.Context, tx db.Tenant, plan tenant.Tier, meter string) (tenant.Limit, error) {
	if limit, ok := plan.Limits[meter]; ok {
		return limit, nil
	}
	meters, err := tenant.MetersOf(ctx, tx)
	if err != nil {
		return tenant.Limit{}, err
	}
	for _, known := range meters {
		if known == meter {
			return tenant.Limit{Max: new(int64(0)), Period: "month"}, nil
		}
	}
	e := errs.New(errs.UnknownMeter, "There is no meter %q here. The meters, which the tiers name, are: %v.", meter, meters)
	e.Param = "meter"
	return tenant.Limit{}, e
}

func count(ctx context.Context, tx db.Tenant, call Call, plan string, limit tenant.Limit) (Outcome, error) {
	most := unlimited
	if limit.Max != nil {
		most = *limit.Max
	}
	n, err := queries.Count(ctx, tx, usagedb.CountParams{
		PlatformID: string(tx.Platform), UserID: call.User.ID, Meter: call.Meter, Period: limit.Period,
		Quantity: call.Quantity, Max: most,
	})
	refused := db.NoRows(err)
	if refused {
		n, err = readCount(ctx, tx, call.User.ID, call.Meter, limit)
	}
	if err != nil {
		return Outcome{}, err
	}
	usage, err := usageOf(ctx, tx, plan, call.Meter, limit, n)
	return Outcome{Usage: usage, Refused: refused}, err
}

func readCount(ctx context.Context, tx db.Tenant, userID, meter string, limit tenant.Limit) (int64, error) {
	return queries.Counter(ctx, tx, usagedb.CounterParams{
		PlatformID: string(tx.Platform), UserID: userID, Meter: meter, Period: limit.Period,
	})
}

func usageOf(ctx context.Context, tx db.Tenant, plan, meter string, limit tenant.Limit, n int64) (Usage, error) {
	period, err := queries.PeriodBounds(ctx, tx, limit.Period)
	usage := Usage{Count: n, Limit: limit.Max, Plan: plan, Meter: meter, Period: limit.Period}
	if limit.Period != "lifetime" {
		usage.PeriodStart, usage.PeriodEnd = &period.Starts, &period.Ends
	}
	if limit.Max != nil {
		usage.Remaining = new(max(0, *limit.Max-n))
	}
	return usage, err
}

func badUserID() errs.Fault {
	return errs.Fault{Param: "X-User-Id", Message: "X-User-Id has 1 to 128 letters, digits and _ . : @ | -"}
}
