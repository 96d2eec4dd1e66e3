package platform

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform/platformdb"
)

// graceDays is for how long a plan that was paid counts on after it is past due or has ended.
const graceDays = 7

// Plan is what a developer pays us for.
type Plan struct {
	Status           string     `json:"status"` // none, or that of the subscription in Stripe's words
	Paid             bool       `json:"paid"`   // it counts now, be it in grace
	CurrentPeriodEnd *time.Time `json:"currentPeriodEnd"`
	CancelAt         *time.Time `json:"cancelAt"`
	GraceUntil       *time.Time `json:"graceUntil"`
	Calls            Calls      `json:"calls"`

	// At our own Stripe; empty where there is none yet.
	StripeCustomerID     string `json:"-"`
	StripeSubscriptionID string `json:"-"`

	DeveloperGone bool `json:"-"` // they were deleted
}

// Calls is the developer's count of changes by the JSON API in this calendar month of UTC. Reads, pages and the calls of
// their customers never count.
type Calls struct {
	Count int64 `json:"count"`
	Limit int64 `json:"limit"`
}

// CallLimits are how many changes a month developers may make, who do not pay and who do.
type CallLimits struct{ Free, Paid int64 }

// Plan returns what the developer pays us for.
func (s *Service) Plan(ctx context.Context, developer id.Developer) (Plan, error) {
	var plan Plan
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		if plan, err = PlanOf(ctx, tx, developer); err != nil {
			return err
		}
		plan.Calls.Count, err = queries.CallsCounted(ctx, tx, string(developer))
		return err
	})
	plan.Calls.Limit = s.limit(plan)
	return plan, err
}

func (s *Service) limit(plan Plan) int64 {
	if plan.Paid {
		return s.limits.Paid
	}
	return s.limits.Free
}

// PlanOf reads what the developer pays us for, without the calls.
func PlanOf(ctx context.Context, tx db.Tx, developer id.Developer) (Plan, error) {
	row, err := queries.Plan(ctx, tx, string(developer))
	if db.NoRows(err) {
		return Plan{Status: "none"}, nil
	}
	return Plan{
		Status: row.Status, Paid: row.Paid, CurrentPeriodEnd: row.CurrentPeriodEnd, CancelAt: row.CancelAt, GraceUntil: row.GraceUntil,
		StripeCustomerID: row.StripeCustomerID, StripeSubscriptionID: row.StripeSubscriptionID, DeveloperGone: row.Gone,
	}, err
}

// CountCall counts a change by the JSON API; beyond the limit it is errs.CallsUsedUp and nothing is counted.
func (s *Service) CountCall(ctx context.Context, developer id.Developer) error {
	return s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		plan, err := PlanOf(ctx, tx, developer)
		if err != nil {
			return err
		}
		most := s.limit(plan)
		_, err = queries.CountCall(ctx, tx, platformdb.CountCallParams{DeveloperID: string(developer), Most: most})
		if db.NoRows(err) {
			hint := "Subscribe to the plan for more"
			if plan.Paid {
				hint = "Use the dashboard, where changes do not count,"
			}
			return errs.New(errs.CallsUsedUp, "All %d changes by the JSON API are used up for this month. %s or wait for the next month.",
				most, hint).With("calls", Calls{most, most})
		}
		return err
	})
}

// UncountCall takes back what CountCall counted for a change that was then refused.
func (s *Service) UncountCall(ctx context.Context, developer id.Developer) error {
	return s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error { return queries.UncountCall(ctx, tx, string(developer)) })
}

// EnsurePlan makes sure that the developer has a row for a plan, and reads it; SetPlanCustomer can then be called.
func EnsurePlan(ctx context.Context, tx db.Tx, developer id.Developer) (Plan, error) {
	if err := queries.EnsurePlan(ctx, tx, string(developer)); err != nil {
		return Plan{}, err
	}
	return PlanOf(ctx, tx, developer)
}

// SetPlanCustomer records who the developer is at our own Stripe. The first one stays.
func SetPlanCustomer(ctx context.Context, tx db.Tx, developer id.Developer, stripeCustomer string) error {
	return queries.SetPlanCustomer(ctx, tx, platformdb.SetPlanCustomerParams{
		DeveloperID: string(developer), StripeCustomerID: &stripeCustomer,
	})
}

// ForgetPlanCustomer forgets who the developer is at our own Stripe, if it is still this customer, who is no more there.
func ForgetPlanCustomer(ctx context.Context, tx db.Tx, developer id.Developer, stripeCustomer string) error {
	return queries.ForgetPlanCustomer(ctx, tx, platformdb.ForgetPlanCustomerParams{
		DeveloperID: string(developer), StripeCustomerID: stripeCustomer,
	})
}

// DeveloperOfStripeCustomer finds who a customer of our own Stripe is; ok is false for nobody of ours.
func DeveloperOfStripeCustomer(ctx context.Context, tx db.Tx, stripeCustomer string) (developer id.Developer, ok bool, err error) {
	found, err := queries.DeveloperOfStripeCustomer(ctx, tx, &stripeCustomer)
	if db.NoRows(err) {
		return "", false, nil
	}
	return id.Developer(found), err == nil, err
}

// TakePlanNumber begins a look at Stripe: what is seen is kept under the number, unless a later look was kept before.
func TakePlanNumber(ctx context.Context, tx db.Tx, developer id.Developer) (int64, error) {
	return queries.TakePlanNumber(ctx, tx, string(developer))
}

// KeepPlan records what a look at Stripe saw, unless a later one has been kept.
func KeepPlan(ctx context.Context, tx db.Tx, developer id.Developer, number int64, seen Plan) error {
	params := platformdb.KeepPlanParams{
		DeveloperID: string(developer), Number: number, Status: seen.Status, CurrentPeriodEnd: seen.CurrentPeriodEnd,
		CancelAt: seen.CancelAt, GraceDays: graceDays,
	}
	if seen.StripeSubscriptionID != "" {
		params.StripeSubscriptionID = &seen.StripeSubscriptionID
	}
	return queries.KeepPlan(ctx, tx, params)
}

// PlansToCheck lists developers whose plan nobody has looked at for six hours, a thousand at the most.
func PlansToCheck(ctx context.Context, tx db.Tx) ([]id.Developer, error) {
	found, err := queries.PlansToCheck(ctx, tx)
	developers := make([]id.Developer, len(found))
	for i, one := range found {
		developers[i] = id.Developer(one)
	}
	return developers, err
}
