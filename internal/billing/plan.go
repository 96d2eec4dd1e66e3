package billing

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform"
)

// planner follows what developers pay us for, on our own Stripe.
type planner struct {
	db    *db.DB
	api   *stripeapi.API
	queue *jobs.Enqueuer
	urls  URLs
	price string
}

// EndPlan is the job that ends a subscription of a developer's that must not go on: the second of two, which is paid
// back, or that of a developer who was deleted.
type EndPlan struct {
	DeveloperID    id.Developer `json:"developerId"`
	SubscriptionID string       `json:"subscriptionId"`
}

// Kind names the job.
func (EndPlan) Kind() string { return "billing.end_plan" }

// Outside says that the job waits for Stripe.
func (EndPlan) Outside() {}

// PlanCheckout returns the address at which the developer pays for our plan; one who has it already is led to the billing
// portal.
func (p planner) PlanCheckout(ctx context.Context, d platform.Developer) (string, error) {
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
	address, err := p.openPlanCheckout(ctx, d)
	if errors.Is(err, stripeapi.ErrNotFound) { // the customer was deleted at Stripe: a new one is made
		address, err = p.openPlanCheckout(ctx, d)
	}
	return address, err
}

func (p planner) openPlanCheckout(ctx context.Context, d platform.Developer) (string, error) {
	customer, err := p.planCustomer(ctx, d)
	if err != nil {
		return "", err
	}
	session, err := p.api.CreateSession(ctx, stripeapi.Own, "", stripeapi.NewSession{
		Customer: customer, PriceID: p.price, Reference: string(d.ID), Promotions: true,
		SuccessURL: p.urls.Developer + "/plan/return",
		CancelURL:  p.urls.Developer + "/plan",
		Metadata:   map[string]string{planMark: string(d.ID)},
	})
	if errors.Is(err, stripeapi.ErrNotFound) {
		return "", errors.Join(err, p.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
			return platform.ForgetPlanCustomer(ctx, tx, d.ID, customer)
		}))
	}
	return session.URL, err
}

// planMark is the metadata by which a subscription on our account is one to the plan: other business is none of this.
const planMark = "dreamapi_developer"

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

// Invoice is one that Stripe sent.
type Invoice = stripeapi.Invoice

// PlanInvoices returns a page of what the developer was billed for the plan, the latest first, and the cursor of the next.
func (p planner) PlanInvoices(ctx context.Context, developer id.Developer, cursor string, most int) ([]Invoice, string, error) {
	noCursor := errs.InvalidParam("cursor", "cursor is the nextCursor of an earlier answer.")
	if cursor != "" && !invoiceID.MatchString(cursor) {
		return nil, "", noCursor
	}
	plan, err := p.readPlan(ctx, developer)
	if err != nil {
		return nil, "", err
	}
	if plan.StripeCustomerID == "" { // who never paid has none
		if cursor != "" {
			return nil, "", noCursor
		}
		return []Invoice{}, "", nil
	}
	page, more, err := p.api.Invoices(ctx, stripeapi.Own, plan.StripeCustomerID, cursor, most)
	switch {
	case errors.Is(err, stripeapi.ErrNotFound) && cursor != "":
		return nil, "", noCursor
	case errors.Is(err, stripeapi.ErrNotFound): // the customer was deleted at Stripe
		return []Invoice{}, "", nil
	case err != nil:
		return nil, "", err
	case more:
		return page, page[len(page)-1].ID, nil
	default:
		return page, "", nil
	}
}

var invoiceID = regexp.MustCompile(`^in_\w{1,100}$`)

func (p planner) planCustomer(ctx context.Context, d platform.Developer) (string, error) {
	var plan platform.Plan
	err := p.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		plan, err = platform.EnsurePlan(ctx, tx, d.ID)
		return err
	})
	if err != nil || plan.StripeCustomerID != "" {
		return plan.StripeCustomerID, err
	}
	made, err := p.api.CreateCustomer(ctx, stripeapi.Own, "", d.Email, d.Name, map[string]string{
		planMark: string(d.ID),
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
// subscriptions the one that began later is ended and paid back; those of a developer who was deleted are ended.
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
	now, superfluous := planOf(all, developer, before)
	return p.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		for _, subscription := range superfluous {
			if err := p.queue.Enqueue(ctx, tx, EndPlan{developer, subscription}); err != nil {
				return err
			}
		}
		return platform.KeepPlan(ctx, tx, developer, number, now)
	})
}

// planOf finds in a developer's subscriptions, newest first, the one that is the plan, and those that must end.
func planOf(all []stripeapi.Subscription, developer id.Developer, before platform.Plan) (now platform.Plan, superfluous []string) {
	now = platform.Plan{Status: before.Status, StripeSubscriptionID: before.StripeSubscriptionID}
	if before.Status != "none" { // what is there no more has ended, and has its grace
		now.Status = "canceled"
	}
	lives := false
	for _, s := range slices.Backward(all) { // oldest first
		if s.Metadata[planMark] != string(developer) {
			continue
		}
		if living(s.Status) && (lives || before.DeveloperGone) {
			superfluous = append(superfluous, s.ID)
		}
		if lives {
			continue
		}
		now = platform.Plan{
			Status: s.Status, StripeSubscriptionID: s.ID, CurrentPeriodEnd: s.CurrentPeriodEnd, CancelAt: s.CancelAt,
		}
		lives = living(s.Status)
	}
	return now, superfluous
}

// end ends a superfluous subscription, and pays it back unless its developer was deleted. It may be repeated, and is
// until both are done.
func (p planner) end(ctx context.Context, developer id.Developer, subscription string) error {
	plan, err := p.readPlan(ctx, developer)
	if err != nil {
		return err
	}
	if err := p.api.EndSubscription(ctx, stripeapi.Own, subscription, !plan.DeveloperGone); err != nil {
		return err
	}
	return p.lookPlan(ctx, developer)
}
