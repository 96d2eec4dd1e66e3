package billing

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/tenant"
)

// Cashier sends customers to Stripe and takes them back.
type Cashier struct {
	looker
	keeper *idempotency.Keeper
	urls   URLs
}

// NewCashier makes a Cashier that works under the customer surface's role.
func NewCashier(
	customer *db.DB, api *stripeapi.API, keeper *idempotency.Keeper, queue *jobs.Enqueuer, urls URLs,
) *Cashier {
	return &Cashier{looker{customer, api, queue}, keeper, urls}
}

// Order is what a customer wants to subscribe to.
type Order struct {
	Platform id.Platform
	UserID   string
	Plan     string // what the developer says of a user whom they keep; see tenant.LockBuyer
	Tier     string
	Interval string // empty: that of the tier's primary price
	// Where the browser goes afterwards; empty: where the platform's settings say, or else to pages of ours.
	SuccessURL string
	CancelURL  string
}

// link is the answer to an order; it is what an idempotency key keeps.
type link struct {
	URL string `json:"url"`
}

// mostOpen is how many checkouts of one customer may be open within a day.
const mostOpen = 20

// Checkout returns the address of a page at Stripe where the customer pays for the tier or, with a subscription already,
// confirms its change. What it costs is the tier's own price and nothing that the request says. The intent is stored
// before Stripe is asked, and Stripe is asked with its id as the key: a repetition, also one that has no idempotency key
// and comes after an answer was lost, leads to the same page.
func (c *Cashier) Checkout(ctx context.Context, o Order, r idempotency.Request) (address string, replayed bool, err error) {
	address, replayed, err = c.order(ctx, o, r)
	if errors.Is(err, stripeapi.ErrNotFound) { // somebody has deleted the customer at Stripe, and now we know
		address, replayed, err = c.order(ctx, o, r)
	}
	return address, replayed, err
}

func (c *Cashier) order(ctx context.Context, o Order, r idempotency.Request) (address string, replayed bool, err error) {
	if o, err = c.withReturns(ctx, o); err != nil {
		return "", false, err
	}
	p, err := c.plan(ctx, o, r)
	if err != nil {
		return "", false, err
	}
	if p.stored != nil {
		var kept link
		return kept.URL, true, json.Unmarshal(p.stored, &kept)
	}
	if p.address != "" {
		return p.address, false, nil
	}
	if p.stripeCustomer == "" {
		if p.stripeCustomer, err = c.makeStripeCustomer(ctx, o, p); err != nil {
			return "", false, c.forgo(ctx, o, p, r, err)
		}
	}
	if p.subscription != "" {
		if address, err = c.confirmChange(ctx, o, p); err == nil {
			err = c.db.Tenant(ctx, o.Platform, func(ctx context.Context, tx db.Tenant) error {
				return c.keeper.Complete(ctx, tx, r, link{address})
			})
		}
	} else {
		address, err = c.openSession(ctx, o, p, r)
	}
	if errors.Is(err, stripeapi.ErrNotFound) { // whom we know there is there no more
		err = errors.Join(err, c.forgetStripeCustomer(ctx, o.Platform, p.account, o.UserID, p.stripeCustomer))
	}
	if err != nil {
		return "", false, c.forgo(ctx, o, p, r, err)
	}
	return address, false, nil
}

// withReturns is the order with where the browser goes afterwards.
func (c *Cashier) withReturns(ctx context.Context, o Order) (Order, error) {
	if o.SuccessURL != "" && o.CancelURL != "" {
		return o, nil
	}
	var success, cancel string
	err := c.db.Tenant(ctx, o.Platform, func(ctx context.Context, tx db.Tenant) (err error) {
		success, cancel, err = tenant.CheckoutReturns(ctx, tx)
		return err
	})
	o.SuccessURL = cmp.Or(o.SuccessURL, success, c.urls.Customer+"/checkout/done")
	o.CancelURL = cmp.Or(o.CancelURL, cancel, c.urls.Customer+"/checkout/canceled")
	return o, err
}

// planned is an order that can be carried out.
type planned struct {
	stored         json.RawMessage // the answer, if it was given before
	address        string          // of a session that is open already
	account        stripeapi.Account
	buyer          tenant.Buyer
	tier           tenant.Tier
	price          tenant.Price
	stripeCustomer string // empty: to be made
	subscription   string // empty: to be begun
	checkout       billingdb.BillingCheckout
}

// plan decides what an order comes to, and stores the intent.
func (c *Cashier) plan(ctx context.Context, o Order, r idempotency.Request) (planned, error) {
	var p planned
	err := c.db.Tenant(ctx, o.Platform, func(ctx context.Context, tx db.Tenant) (err error) {
		p.stored, err = c.keeper.Begin(ctx, tx, r)
		again := errors.Is(err, idempotency.ErrPending)
		if err != nil && !again || p.stored != nil {
			return err
		}
		if p.buyer, err = tenant.LockBuyer(ctx, tx, o.UserID, o.Plan); err != nil {
			return err
		}
		if err = c.choose(ctx, tx, o, &p); err != nil {
			return err
		}
		return c.intend(ctx, tx, o, &p)
	})
	if err == nil && p.checkout.Status == "open" && p.checkout.Kind == "subscribe" {
		return c.reuse(ctx, o, p, r)
	}
	return p, err
}

// reuse answers with a session that is open already. One that is over by now, without our knowing, is looked at, and the
// order planned afresh.
func (c *Cashier) reuse(ctx context.Context, o Order, p planned, r idempotency.Request) (planned, error) {
	now, err := c.api.Session(ctx, p.account, *p.checkout.SessionID)
	if err == nil && now.Status == "open" {
		err = c.db.Tenant(ctx, o.Platform, func(ctx context.Context, tx db.Tenant) error {
			return c.keeper.Complete(ctx, tx, r, link{now.URL})
		})
		p.address = now.URL
		return p, err
	}
	if err == nil || errors.Is(err, stripeapi.ErrNotFound) {
		_, err = c.session(ctx, o.Platform, *p.checkout.SessionID)
	}
	if err != nil {
		return p, err
	}
	return c.plan(ctx, o, r)
}

// choose finds the price, and where and on whose account it is paid.
func (c *Cashier) choose(ctx context.Context, tx db.Tenant, o Order, p *planned) (err error) {
	p.tier, err = tenant.TierNamed(ctx, tx, o.Tier)
	if errs.Is(err, errs.NotFound) || err == nil && p.tier.Archived {
		return tenant.UnknownPlan(ctx, tx, "tier", o.Tier)
	}
	if err != nil {
		return err
	}
	price, ok := p.tier.Per(o.Interval)
	if !ok {
		return errs.InvalidParam("interval", "The tier %s has no price for the interval %q.", o.Tier, o.Interval)
	}
	p.price = price
	account, charges, err := accountOf(ctx, tx)
	if err != nil {
		return err
	}
	p.account = account
	if !charges {
		return errs.New(errs.NotConnected, "Stripe does not let the connected account take payments yet. Finish its set-up in Stripe's "+
			"dashboard.")
	}
	alive, err := queries.Living(ctx, tx, billingdb.LivingParams{PlatformID: string(o.Platform), CustomerID: o.UserID})
	if err != nil {
		return err
	}
	if len(alive) > 0 {
		p.subscription, p.account = alive[0].ID, stripeapi.Account(alive[0].Account)
	} else if p.tier.Free() {
		return errs.InvalidParam("tier", "The tier %s costs nothing, so there is nothing to check out. Set the customer's plan to it.", o.Tier)
	}
	if price.StripeID == nil && !p.tier.Free() {
		return errs.New(errs.Unavailable, "The tier is being made known to Stripe. Try again in a moment.").After(2 * time.Second)
	}
	p.stripeCustomer, err = queries.StripeCustomer(ctx, tx, billingdb.StripeCustomerParams{
		PlatformID: string(o.Platform), Account: string(p.account), CustomerID: o.UserID,
	})
	if !db.NoRows(err) {
		return err
	}
	return queries.EnsureCustomer(ctx, tx, billingdb.EnsureCustomerParams{
		PlatformID: string(o.Platform), Account: string(p.account), CustomerID: o.UserID,
	})
}

// intend stores the intent, or takes up one that was left without an answer.
func (c *Cashier) intend(ctx context.Context, tx db.Tenant, o Order, p *planned) (err error) {
	kind := "subscribe"
	if p.subscription != "" {
		kind = "change"
	} else {
		p.checkout, err = queries.SameCheckout(ctx, tx, billingdb.SameCheckoutParams{
			PlatformID: string(o.Platform), Account: string(p.account), CustomerID: o.UserID, PriceID: string(p.price.ID),
			SuccessUrl: o.SuccessURL, CancelUrl: o.CancelURL,
		})
		if err == nil || !db.NoRows(err) {
			return err
		}
		open, err := queries.OpenCheckouts(ctx, tx, billingdb.OpenCheckoutsParams{
			PlatformID: string(o.Platform), CustomerID: o.UserID,
		})
		if err != nil {
			return err
		}
		if open >= mostOpen { // or one user could fill the account with sessions that have to be followed
			return errs.New(errs.RateLimited, "The customer has %d checkouts open already. Use one of them, or wait until they expire.",
				open).After(time.Hour)
		}
	}
	own := string(id.NewCheckout())
	params := billingdb.InsertCheckoutParams{
		PlatformID: string(o.Platform), ID: own, Kind: kind, Account: string(p.account), CustomerID: o.UserID, Tier: p.tier.Name,
		PriceID: string(p.price.ID), SuccessUrl: o.SuccessURL, CancelUrl: o.CancelURL, Status: "pending",
	}
	if kind == "change" { // the way back goes by our own id
		params.SessionID, params.Status = &own, "open"
		if err := queries.AddCheckoutToDirectory(ctx, tx, own); err != nil {
			return err
		}
	} else if p.tier.TrialDays > 0 {
		before, err := queries.EverSubscribed(ctx, tx, billingdb.EverSubscribedParams{
			PlatformID: string(o.Platform), CustomerID: o.UserID,
		})
		if err != nil {
			return err
		}
		if !before {
			params.TrialDays = int32(p.tier.TrialDays)
		}
	}
	p.checkout, err = queries.InsertCheckout(ctx, tx, params)
	return err
}

func (c *Cashier) makeStripeCustomer(ctx context.Context, o Order, p planned) (string, error) {
	key := fmt.Sprintf("customer-%s-%s", o.Platform, p.checkout.ID)
	made, err := c.api.CreateCustomer(ctx, p.account, key, p.buyer.Email, p.buyer.Name, map[string]string{
		"dreamapi_platform": string(o.Platform), "dreamapi_customer": o.UserID,
	})
	if err != nil {
		return "", err
	}
	err = c.db.Tenant(ctx, o.Platform, func(ctx context.Context, tx db.Tenant) error {
		made, err = queries.SetStripeCustomer(ctx, tx, billingdb.SetStripeCustomerParams{
			PlatformID: string(o.Platform), Account: string(p.account), CustomerID: o.UserID, StripeCustomerID: made,
		})
		if err != nil {
			return err
		}
		return queries.AddStripeCustomerToDirectory(ctx, tx, billingdb.AddStripeCustomerToDirectoryParams{
			Account: string(p.account), StripeCustomerID: made,
		})
	})
	return made, err
}

// openSession makes the session, and stores it together with the answer to the idempotency key.
func (c *Cashier) openSession(ctx context.Context, o Order, p planned, r idempotency.Request) (string, error) {
	session, err := c.api.CreateSession(ctx, p.account, p.checkout.ID, stripeapi.NewSession{
		Customer: p.stripeCustomer, PriceID: *p.price.StripeID, TrialDays: int(p.checkout.TrialDays),
		SuccessURL: c.urls.Customer + "/checkout/return?session_id={CHECKOUT_SESSION_ID}",
		CancelURL:  o.CancelURL,
		Reference:  o.UserID,
		Metadata: map[string]string{
			"dreamapi_platform": string(o.Platform), "dreamapi_customer": o.UserID, "dreamapi_tier": p.tier.Name,
			"dreamapi_checkout": p.checkout.ID,
		},
	})
	if err != nil {
		return "", err
	}
	deleted := false
	err = c.db.Tenant(ctx, o.Platform, func(ctx context.Context, tx db.Tenant) error {
		if err := queries.AddCheckoutToDirectory(ctx, tx, session.ID); err != nil {
			return err
		}
		n, err := queries.CheckoutOpened(ctx, tx, billingdb.CheckoutOpenedParams{
			PlatformID: string(o.Platform), ID: p.checkout.ID, SessionID: &session.ID,
		})
		if err != nil {
			return err
		}
		if n == 0 { // the customer was deleted meanwhile, or a request beside this one came first
			known, err := queries.Checkout(ctx, tx, billingdb.CheckoutParams{PlatformID: string(o.Platform), SessionID: session.ID})
			if db.NoRows(err) {
				deleted = true
				return end(ctx, tx, c.queue, p.account, session.ID, true)
			}
			if err != nil || known.ID != p.checkout.ID {
				return err
			}
		}
		return c.keeper.Complete(ctx, tx, r, link{session.URL})
	})
	if err == nil && deleted {
		err = errs.New(errs.NotFound, "The customer was deleted while the checkout was made.")
	}
	return session.URL, err
}

// forgetStripeCustomer forgets who the customer is at Stripe, where nobody knows them any more.
func (c *Cashier) forgetStripeCustomer(
	ctx context.Context, at id.Platform, account stripeapi.Account, customer, stripeCustomer string,
) error {
	return c.db.Tenant(context.WithoutCancel(ctx), at, func(ctx context.Context, tx db.Tenant) error {
		return queries.ForgetStripeCustomer(ctx, tx, billingdb.ForgetStripeCustomerParams{
			PlatformID: string(at), Account: string(account), CustomerID: customer, StripeCustomerID: stripeCustomer,
		})
	})
}

// confirmChange sends the customer to the portal's page that confirms the change of a subscription. Nothing is charged
// before that.
func (c *Cashier) confirmChange(ctx context.Context, o Order, p planned) (string, error) {
	now, err := c.api.Subscription(ctx, p.account, p.subscription)
	if err != nil {
		return "", err
	}
	visit := stripeapi.Visit{
		Customer:  now.Customer,
		ReturnURL: o.CancelURL,
		DoneURL:   c.urls.Customer + "/checkout/return?session_id=" + url.QueryEscape(p.checkout.ID),
	}
	healthy := now.Status == "active" || now.Status == "trialing"
	switch {
	case !healthy || now.Items != 1 || now.NextPriceID != "" || now.CancelAt != nil:
		// The card has to be mended first, or what waits for the end of the period be called off: the portal's front shows both.
		visit.ReturnURL = visit.DoneURL
	case p.tier.Free():
		visit.Cancel = now.ID
	case now.PriceID == *p.price.StripeID:
		return "", errs.New(errs.Conflict, "The customer has a subscription to %s already.", p.tier.Name)
	default:
		visit.Change, visit.PriceID = &now, *p.price.StripeID
	}
	return c.openPortal(ctx, o.Platform, p.account, visit)
}

// forgo ends an order that failed. If Stripe may have done it all the same, the intent stays for a repetition to take up.
func (c *Cashier) forgo(ctx context.Context, o Order, p planned, r idempotency.Request, failed error) error {
	// That Stripe failed is an answer too, and the same key would get it again.
	if !errors.Is(failed, stripeapi.ErrFailed) && (errs.Is(failed, errs.Unavailable) || errs.Is(failed, errs.IdempotencyBusy) ||
		!definite(failed)) {
		return failed
	}
	ctx = context.WithoutCancel(ctx)
	return errors.Join(failed, c.db.Tenant(ctx, o.Platform, func(ctx context.Context, tx db.Tenant) error {
		err := queries.CheckoutIs(ctx, tx, billingdb.CheckoutIsParams{
			PlatformID: string(o.Platform), ID: p.checkout.ID, Status: "failed",
		})
		if err != nil {
			return err
		}
		return c.keeper.Release(ctx, tx, r)
	}))
}

// definite reports whether a failure is somebody's clear no.
func definite(err error) bool {
	var known *errs.Error
	return errors.As(err, &known) && known.Code != errs.Internal
}
