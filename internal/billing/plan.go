package billing

import (
	"context"
	"errors"

	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
)

// planner follows what developers pay us for, on our own Stripe.
type planner struct {
	db    *db.DB
	api   *stripeapi.API
	urls  URLs
	price string
}

// PlanCheckout returns the address at which the developer pays for our plan; one who has it already is led to the billing
// portal.
func (p planner) PlanCheckout(ctx context.Context, d platform.Developer) (string, error) {
	customer, err := p.planCustomer(ctx, d)
	if err != nil {
		return "", err
	}
	if err := p.lookPlan(ctx, d.ID); err != nil { // an event may be late: nobody shall pay twice
		return "", err
	}
	plan, err := p.readPlan(ctx, d.ID)
	if err != nil {
		return "", err
	}
	if living(plan.Status) {
		return p.PlanPortal(ctx, d)
	}
	session, err := p.api.CreateSession(ctx, stripeapi.Own, "", stripeapi.NewSession{
		Customer: customer, PriceID: p.price, Reference: string(d.ID),
		SuccessURL: p.urls.Developer + "/plan/return",
		CancelURL:  p.urls.Developer + "/plan",
		Metadata:   map[string]string{"dreamapi_developer": string(d.ID)},
	})
	return session.URL, err
}

// PlanPortal returns the address of our own billing portal for the developer.
func (p planner) PlanPortal(ctx context.Context, d platform.Developer) (string, error) {
	plan, err := p.readPlan(ctx, d.ID)
	if err != nil {
		return "", err
	}
	if plan.StripeCustomerID == "" {
		return "", errs.New(errs.Conflict, "You have never paid for the plan, so there is nothing in the billing portal yet.")
	}
	configuration, err := p.api.EnsurePortal(ctx, stripeapi.Own, "plan", stripeapi.Portal{
		Headline: "Your dream-api plan", ReturnURL: p.urls.Developer + "/plan",
	})
	if err != nil {
		return "", err
	}
	return p.api.OpenPortal(ctx, stripeapi.Own, stripeapi.Visit{
		Customer: plan.StripeCustomerID, Configuration: configuration, ReturnURL: p.urls.Developer + "/plan/return",
	})
}

// PlanReturn takes a developer back from Stripe: it looks at what became of the plan, as an event may be late.
func (p planner) PlanReturn(ctx context.Context, d platform.Developer) error {
	return p.lookPlan(ctx, d.ID)
}

func (p planner) planCustomer(ctx context.Context, d platform.Developer) (string, error) {
	var plan platform.Plan
	err := p.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		plan, err = platform.LockPlan(ctx, tx, d.ID)
		return err
	})
	if err != nil || plan.StripeCustomerID != "" {
		return plan.StripeCustomerID, err
	}
	made, err := p.api.CreateCustomer(ctx, stripeapi.Own, "developer-"+string(d.ID), d.Email, d.Name, map[string]string{
		"dreamapi_developer": string(d.ID),
	})
	if err != nil {
		return "", err
	}
	err = p.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		if err := platform.SetPlanCustomer(ctx, tx, d.ID, made); err != nil {
			return err
		}
		plan, err = platform.PlanOf(ctx, tx, d.ID)
		return err
	})
	return plan.StripeCustomerID, err
}

func (p planner) readPlan(ctx context.Context, developer id.Developer) (plan platform.Plan, err error) {
	err = p.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		plan, err = platform.PlanOf(ctx, tx, developer)
		return err
	})
	return plan, err
}

// lookPlan asks our Stripe what the developer pays for, and keeps it unless a later look has been kept meanwhile. Of two
// subscriptions the one that began later is ended and paid back.
func (p planner) lookPlan(ctx context.Context, developer id.Developer) error {
	var before platform.Plan
	var number int64
	err := p.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		if before, err = platform.PlanOf(ctx, tx, developer); err != nil || before.StripeCustomerID == "" {
			return err
		}
		number, err = platform.TakePlanNumber(ctx, tx, developer)
		return err
	})
	if err != nil || before.StripeCustomerID == "" {
		return err
	}
	all, err := p.api.Subscriptions(ctx, stripeapi.Own, before.StripeCustomerID)
	if err != nil && !errors.Is(err, stripeapi.ErrNotFound) {
		return err
	}
	now := platform.Plan{Status: "none"}
	found := false
	for i := len(all) - 1; i >= 0; i-- { // oldest first
		s := all[i]
		switch {
		case found && living(s.Status):
			if err := p.api.CancelSubscription(ctx, stripeapi.Own, s.ID); err != nil {
				return err
			}
			if err := p.api.RefundSubscription(ctx, stripeapi.Own, s.ID); err != nil {
				return err
			}
		case found:
		default:
			now = platform.Plan{
				Status: s.Status, StripeSubscriptionID: s.ID, CurrentPeriodEnd: s.CurrentPeriodEnd, CancelAt: s.CancelAt,
			}
			found = living(s.Status)
		}
	}
	return p.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		return platform.KeepPlan(ctx, tx, developer, number, now)
	})
}

// endPlan ends what a developer who was deleted pays for.
func (p planner) endPlan(ctx context.Context, developer id.Developer) error {
	plan, err := p.readPlan(ctx, developer)
	if err != nil || plan.StripeSubscriptionID == "" {
		return err
	}
	if err := p.api.CancelSubscription(ctx, stripeapi.Own, plan.StripeSubscriptionID); err != nil {
		return err
	}
	return p.lookPlan(ctx, developer)
}
