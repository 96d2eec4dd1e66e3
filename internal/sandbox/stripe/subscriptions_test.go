package stripe_test

import (
	"slices"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v76"

	"github.com/dream-api/dream-api/internal/sandbox/stripe"
)

const days = 24 * time.Hour

func TestASubscriptionIsPaidAndRenews(t *testing.T) {
	t.Parallel()
	b := setup(t)
	price := b.newPrice(t, "Pro", 1500)
	c := b.newCustomer(t, "pm_card_visa")
	sub := b.subscribe(t, c.ID, price.ID)
	equal(t, "status", sub.Status, sdk.SubscriptionStatusActive)
	equal(t, "next period", sub.CurrentPeriodEnd, time.Unix(sub.CurrentPeriodStart, 0).UTC().AddDate(0, 1, 0).Unix())

	b.advance(t, 32*days)
	again := b.subscription(t, sub.ID)
	equal(t, "the period follows the first", again.CurrentPeriodStart, sub.CurrentPeriodEnd)
	equal(t, "invoice", again.LatestInvoice.Status, sdk.InvoiceStatusPaid)
	equal(t, "reason", again.LatestInvoice.BillingReason, sdk.InvoiceBillingReasonSubscriptionCycle)
	equal(t, "paid", again.LatestInvoice.AmountPaid, 1500)
	equal(t, "payment", again.LatestInvoice.PaymentIntent.Status, sdk.PaymentIntentStatusSucceeded)
	equal(t, "line", again.LatestInvoice.Lines.Data[0].Period.Start, sub.CurrentPeriodEnd)

	types := b.happened("")
	for _, kind := range []string{"customer.created", "payment_method.attached", "customer.subscription.created", "invoice.created", "invoice.finalized", "charge.succeeded",
		"payment_intent.succeeded", "invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated"} {
		if !slices.Contains(types, kind) {
			t.Errorf("no %s among %v", kind, types)
		}
	}
}

func TestAYearsRenewalsHappenInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, b.newPrice(t, "Pro", 1500).ID)
	b.advance(t, 366*days)
	var starts []int64
	invoices := b.api.Invoices.List(&sdk.InvoiceListParams{Subscription: &sub.ID, ListParams: sdk.ListParams{Limit: sdk.Int64(5)}})
	for invoices.Next() {
		starts = append(starts, invoices.Invoice().Lines.Data[0].Period.Start)
		equal(t, "made at its time", invoices.Invoice().Created, invoices.Invoice().Lines.Data[0].Period.Start)
	}
	must(t, invoices.Err())
	slices.Reverse(starts)
	equal(t, "invoices", len(starts), 13)
	for i, at := range starts {
		equal(t, "period", at, time.Unix(sub.CurrentPeriodStart, 0).UTC().AddDate(0, i, 0).Unix())
	}
}

func TestARenewalThatFailsIsTriedAgainAndThenCancels(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.newCustomer(t, "pm_card_visa")
	sub := b.subscribe(t, c.ID, b.newPrice(t, "Pro", 1500).ID)
	b.control(t, "customers/"+c.ID+"/card", `{"card":"pm_card_chargeCustomerFail"}`)
	b.advance(t, 31*days)
	equal(t, "status", b.subscription(t, sub.ID).Status, sdk.SubscriptionStatusPastDue)
	failed := b.subscription(t, sub.ID).LatestInvoice
	equal(t, "attempts", failed.AttemptCount, 1)
	equal(t, "open", failed.Status, sdk.InvoiceStatusOpen)
	equal(t, "next attempt", failed.NextPaymentAttempt, failed.Created+3*24*3600)
	b.advance(t, 3*days)
	equal(t, "attempts", b.subscription(t, sub.ID).LatestInvoice.AttemptCount, 2)
	b.advance(t, 5*days)
	equal(t, "attempts", b.subscription(t, sub.ID).LatestInvoice.AttemptCount, 3)
	b.advance(t, 7*days)
	last := b.subscription(t, sub.ID)
	equal(t, "status", last.Status, sdk.SubscriptionStatusCanceled)
	equal(t, "reason", last.CancellationDetails.Reason, sdk.SubscriptionCancellationDetailsReasonPaymentFailed)
	equal(t, "attempts", last.LatestInvoice.AttemptCount, 4)
	equal(t, "failures", b.count("invoice.payment_failed"), 4)
}

func TestARenewalRecoversWithANewCard(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *stripe.Config) { cfg.FailedPayment = "unpaid" })
	c := b.newCustomer(t, "pm_card_visa")
	sub := b.subscribe(t, c.ID, b.newPrice(t, "Pro", 1500).ID)
	b.control(t, "customers/"+c.ID+"/card", `{"card":"4000000000000341"}`)
	b.advance(t, 31*days)
	equal(t, "status", b.subscription(t, sub.ID).Status, sdk.SubscriptionStatusPastDue)
	b.control(t, "customers/"+c.ID+"/card", `{"card":"4242424242424242"}`)
	b.advance(t, 3*days)
	equal(t, "status", b.subscription(t, sub.ID).Status, sdk.SubscriptionStatusActive)

	b.control(t, "customers/"+c.ID+"/card", `{"card":"pm_card_authenticationRequired"}`)
	b.advance(t, 48*days)
	equal(t, "status", b.subscription(t, sub.ID).Status, sdk.SubscriptionStatusUnpaid)
	equal(t, "asked for authentication", b.count("invoice.payment_action_required") > 0, true)
	_, err := b.api.Invoices.Pay(b.subscription(t, sub.ID).LatestInvoice.ID, &sdk.InvoicePayParams{OffSession: sdk.Bool(true)})
	wantError(t, err, 402, "authentication_required", "")
	_, err = b.api.Invoices.Pay(b.subscription(t, sub.ID).LatestInvoice.ID, &sdk.InvoicePayParams{PaymentMethod: sdk.String("pm_card_visa")})
	must(t, err)
	equal(t, "status", b.subscription(t, sub.ID).Status, sdk.SubscriptionStatusActive)
}

func TestAFirstPaymentThatFailsLeavesItIncomplete(t *testing.T) {
	t.Parallel()
	b := setup(t)
	price := b.newPrice(t, "Pro", 1500)
	c := b.newCustomer(t, "pm_card_chargeCustomerFail")
	sub := b.subscribe(t, c.ID, price.ID)
	equal(t, "status", sub.Status, sdk.SubscriptionStatusIncomplete)
	other := b.subscribe(t, c.ID, price.ID)
	b.control(t, "customers/"+c.ID+"/card", `{"card":"pm_card_visa"}`)
	got[*sdk.Invoice](t)(b.api.Invoices.Pay(sub.LatestInvoice.ID, nil))
	equal(t, "paid in time", b.subscription(t, sub.ID).Status, sdk.SubscriptionStatusActive)
	b.advance(t, 23*time.Hour)
	equal(t, "not paid", b.subscription(t, other.ID).Status, sdk.SubscriptionStatusIncompleteExpired)
	equal(t, "its invoice", b.subscription(t, other.ID).LatestInvoice.Status, sdk.InvoiceStatusVoid)

	_, err := b.api.Subscriptions.New(&sdk.SubscriptionParams{Customer: sdk.String(b.newCustomer(t, "pm_card_chargeCustomerFail").ID),
		Items: []*sdk.SubscriptionItemsParams{{Price: &price.ID}}, PaymentBehavior: sdk.String("error_if_incomplete")})
	e := wantError(t, err, 402, "card_declined", "")
	equal(t, "decline", e.DeclineCode, sdk.DeclineCodeGenericDecline)
	_, err = b.api.Subscriptions.New(&sdk.SubscriptionParams{Customer: sdk.String(b.newCustomer(t, "").ID), Items: []*sdk.SubscriptionItemsParams{{Price: &price.ID}}})
	wantError(t, err, 400, "resource_missing", "")
	subs := b.api.Subscriptions.List(&sdk.SubscriptionListParams{Price: &price.ID, Status: sdk.String("all")})
	for n := 0; ; n++ {
		if !subs.Next() {
			equal(t, "what failed left nothing", n, 2)
			break
		}
	}
}

func TestATrialIsFreeWarnsAndThenBills(t *testing.T) {
	t.Parallel()
	b := setup(t)
	price := b.newPrice(t, "Pro", 1500)
	trial := func(p *sdk.SubscriptionParams) { p.TrialPeriodDays = sdk.Int64(14) }
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, price.ID, trial)
	equal(t, "status", sub.Status, sdk.SubscriptionStatusTrialing)
	equal(t, "first invoice", b.subscription(t, sub.ID).LatestInvoice.AmountDue, 0)
	b.advance(t, 11*days)
	equal(t, "warned", b.count("customer.subscription.trial_will_end"), 1)
	b.advance(t, 4*days)
	now := b.subscription(t, sub.ID)
	equal(t, "status", now.Status, sdk.SubscriptionStatusActive)
	equal(t, "billed", now.LatestInvoice.AmountPaid, 1500)
	equal(t, "period begins with the trial's end", now.CurrentPeriodStart, sub.TrialEnd)

	for behaviour, want := range map[string]sdk.SubscriptionStatus{"cancel": sdk.SubscriptionStatusCanceled, "pause": sdk.SubscriptionStatusPaused, "create_invoice": sdk.SubscriptionStatusPastDue} {
		c := b.newCustomer(t, "")
		sub := b.subscribe(t, c.ID, price.ID, trial, func(p *sdk.SubscriptionParams) {
			p.TrialSettings = &sdk.SubscriptionTrialSettingsParams{EndBehavior: &sdk.SubscriptionTrialSettingsEndBehaviorParams{MissingPaymentMethod: &behaviour}}
		})
		b.advance(t, 15*days)
		equal(t, behaviour, b.subscription(t, sub.ID).Status, want)
		if behaviour == "pause" {
			b.control(t, "customers/"+c.ID+"/card", `{"card":"pm_card_visa"}`)
			resumed := got[*sdk.Subscription](t)(b.api.Subscriptions.Resume(sub.ID, nil))
			equal(t, "resumed", resumed.Status, sdk.SubscriptionStatusActive)
			equal(t, "billed", b.subscription(t, sub.ID).LatestInvoice.AmountPaid, 1500)
		}
	}
}

func TestATrialCanEndNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, b.newPrice(t, "Pro", 1500).ID, func(p *sdk.SubscriptionParams) { p.TrialPeriodDays = sdk.Int64(14) })
	now := got[*sdk.Subscription](t)(b.api.Subscriptions.Update(sub.ID, &sdk.SubscriptionParams{TrialEndNow: sdk.Bool(true)}))
	equal(t, "status", now.Status, sdk.SubscriptionStatusActive)
	equal(t, "paid", b.subscription(t, sub.ID).LatestInvoice.AmountPaid, 1500)
}

func TestAnUpgradeIsBilledBySharesOfThePeriod(t *testing.T) {
	t.Parallel()
	b := setup(t)
	basic, pro := b.newPrice(t, "Basic", 1000), b.newPrice(t, "Pro", 3000)
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, basic.ID)
	half := time.Duration(sub.CurrentPeriodEnd-sub.CurrentPeriodStart) * time.Second / 2
	b.advance(t, half)
	preview := got[*sdk.Invoice](t)(b.api.Invoices.Upcoming(&sdk.InvoiceUpcomingParams{Subscription: &sub.ID, SubscriptionProrationBehavior: sdk.String("always_invoice"),
		SubscriptionItems: []*sdk.SubscriptionItemsParams{{ID: &sub.Items.Data[0].ID, Price: &pro.ID}}, SubscriptionProrationDate: sdk.Int64(sub.CurrentPeriodStart + int64(half.Seconds()))}))
	equal(t, "preview", preview.AmountDue, 1000)
	now := got[*sdk.Subscription](t)(b.api.Subscriptions.Update(sub.ID, changeTo(sub, pro.ID, "always_invoice")))
	equal(t, "price", now.Items.Data[0].Price.ID, pro.ID)
	equal(t, "period stays", now.CurrentPeriodEnd, sub.CurrentPeriodEnd)
	inv := b.subscription(t, sub.ID).LatestInvoice
	if off := inv.AmountPaid - 1000; off < -2 || off > 2 { // a few seconds may have passed
		t.Errorf("paid %d", inv.AmountPaid)
	}
	equal(t, "lines", len(inv.Lines.Data), 2)
	equal(t, "credit", inv.Lines.Data[0].Proration && inv.Lines.Data[0].Amount < 0, true)
}

func TestADowngradeIsCreditedOnTheNextInvoice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	basic, pro := b.newPrice(t, "Basic", 1000), b.newPrice(t, "Pro", 3000)
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, pro.ID)
	got[*sdk.Subscription](t)(b.api.Subscriptions.Update(sub.ID, changeTo(sub, basic.ID, "create_prorations")))
	equal(t, "nothing is billed now", b.subscription(t, sub.ID).LatestInvoice.ID, sub.LatestInvoice.ID)
	upcoming := got[*sdk.Invoice](t)(b.api.Invoices.Upcoming(&sdk.InvoiceUpcomingParams{Subscription: &sub.ID}))
	equal(t, "upcoming total", upcoming.Total, 1000-3000+1000)
	b.advance(t, 32*days)
	inv := b.subscription(t, sub.ID).LatestInvoice
	equal(t, "total", inv.Total, -1000)
	equal(t, "due", inv.AmountDue, 0)
	c := got[*sdk.Customer](t)(b.api.Customers.Get(sub.Customer.ID, nil))
	equal(t, "credit is kept", c.Balance, -1000)
	b.advance(t, 31*days)
	equal(t, "and used", b.subscription(t, sub.ID).LatestInvoice.AmountDue, 0)
}

func TestAChangeOfIntervalBeginsANewPeriod(t *testing.T) {
	t.Parallel()
	b := setup(t)
	month, year := b.newPrice(t, "Pro", 1000), b.newPrice(t, "Pro yearly", 10000, yearly)
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, month.ID)
	now := got[*sdk.Subscription](t)(b.api.Subscriptions.Update(sub.ID, changeTo(sub, year.ID, "create_prorations")))
	equal(t, "paid", b.subscription(t, sub.ID).LatestInvoice.AmountPaid, 9000)
	equal(t, "period", now.CurrentPeriodEnd, time.Unix(now.CurrentPeriodStart, 0).UTC().AddDate(1, 0, 0).Unix())
}

func TestAnUpgradeThatCannotBePaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	basic, pro := b.newPrice(t, "Basic", 1000), b.newPrice(t, "Pro", 3000)
	newSub := func() *sdk.Subscription {
		c := b.newCustomer(t, "pm_card_visa")
		sub := b.subscribe(t, c.ID, basic.ID)
		b.control(t, "customers/"+c.ID+"/card", `{"card":"pm_card_chargeCustomerFail"}`)
		return sub
	}
	upgrade := func(sub *sdk.Subscription, behaviour string) (*sdk.Subscription, error) {
		p := changeTo(sub, pro.ID, "always_invoice")
		p.PaymentBehavior = &behaviour
		return b.api.Subscriptions.Update(sub.ID, p)
	}
	sub := newSub()
	now := got[*sdk.Subscription](t)(upgrade(sub, "allow_incomplete"))
	equal(t, "allowed: status", now.Status, sdk.SubscriptionStatusPastDue)
	equal(t, "allowed: price", now.Items.Data[0].Price.ID, pro.ID)

	sub = newSub()
	_, err := upgrade(sub, "error_if_incomplete")
	wantError(t, err, 402, "card_declined", "")
	equal(t, "refused: price", b.subscription(t, sub.ID).Items.Data[0].Price.ID, basic.ID)
	equal(t, "refused: status", b.subscription(t, sub.ID).Status, sdk.SubscriptionStatusActive)
	equal(t, "refused: invoice", b.subscription(t, sub.ID).LatestInvoice.ID, sub.LatestInvoice.ID)

	sub = newSub()
	now = got[*sdk.Subscription](t)(upgrade(sub, "pending_if_incomplete"))
	equal(t, "pending: price", now.Items.Data[0].Price.ID, basic.ID)
	equal(t, "pending: status", now.Status, sdk.SubscriptionStatusActive)
	equal(t, "pending: to come", now.PendingUpdate.SubscriptionItems[0].Price.ID, pro.ID)
	got[*sdk.Invoice](t)(b.api.Invoices.Pay(now.LatestInvoice.ID, &sdk.InvoicePayParams{PaymentMethod: sdk.String("pm_card_visa")}))
	paid := b.subscription(t, sub.ID)
	equal(t, "paid: price", paid.Items.Data[0].Price.ID, pro.ID)
	equal(t, "paid: nothing pending", paid.PendingUpdate == nil, true)

	sub = newSub()
	got[*sdk.Subscription](t)(upgrade(sub, "pending_if_incomplete"))
	b.advance(t, 24*time.Hour)
	late := b.subscription(t, sub.ID)
	equal(t, "late: nothing pending", late.PendingUpdate == nil, true)
	equal(t, "late: invoice", late.LatestInvoice.Status, sdk.InvoiceStatusVoid)
}

func TestACancellation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	price := b.newPrice(t, "Pro", 3000)
	c := b.newCustomer(t, "pm_card_visa")
	sub := b.subscribe(t, c.ID, price.ID)
	now := got[*sdk.Subscription](t)(b.api.Subscriptions.Update(sub.ID, &sdk.SubscriptionParams{CancelAtPeriodEnd: sdk.Bool(true)}))
	equal(t, "will end", now.CancelAt, sub.CurrentPeriodEnd)
	equal(t, "still", now.Status, sdk.SubscriptionStatusActive)
	now = got[*sdk.Subscription](t)(b.api.Subscriptions.Update(sub.ID, &sdk.SubscriptionParams{CancelAtPeriodEnd: sdk.Bool(false)}))
	equal(t, "goes on", now.CancelAt, 0)
	got[*sdk.Subscription](t)(b.api.Subscriptions.Update(sub.ID, &sdk.SubscriptionParams{CancelAtPeriodEnd: sdk.Bool(true)}))
	b.advance(t, 32*days)
	ended := b.subscription(t, sub.ID)
	equal(t, "status", ended.Status, sdk.SubscriptionStatusCanceled)
	equal(t, "ended", ended.EndedAt, sub.CurrentPeriodEnd)
	_, err := b.api.Subscriptions.Cancel(sub.ID, nil)
	wantError(t, err, 404, "resource_missing", "id")

	sub = b.subscribe(t, c.ID, price.ID)
	b.advance(t, time.Duration(sub.CurrentPeriodEnd-sub.CurrentPeriodStart)*time.Second/2)
	ended = got[*sdk.Subscription](t)(b.api.Subscriptions.Cancel(sub.ID, &sdk.SubscriptionCancelParams{Prorate: sdk.Bool(true), InvoiceNow: sdk.Bool(true)}))
	equal(t, "status", ended.Status, sdk.SubscriptionStatusCanceled)
	balance := got[*sdk.Customer](t)(b.api.Customers.Get(c.ID, nil)).Balance
	if balance < -1502 || balance > -1498 {
		t.Errorf("credit of %d", balance)
	}
	equal(t, "deleted events", b.count("customer.subscription.deleted"), 2)
	list := b.api.Subscriptions.List(&sdk.SubscriptionListParams{Customer: &c.ID})
	equal(t, "canceled ones aren't listed", list.Next(), false)
}

func TestAScheduleChangesThePriceAtThePeriodsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	basic, pro := b.newPrice(t, "Basic", 1000), b.newPrice(t, "Pro", 3000)
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, pro.ID)
	s := got[*sdk.SubscriptionSchedule](t)(b.api.SubscriptionSchedules.New(&sdk.SubscriptionScheduleParams{FromSubscription: &sub.ID}))
	equal(t, "status", s.Status, sdk.SubscriptionScheduleStatusActive)
	item := func(price string) []*sdk.SubscriptionSchedulePhaseItemParams {
		return []*sdk.SubscriptionSchedulePhaseItemParams{{Price: &price, Quantity: sdk.Int64(1)}}
	}
	s = got[*sdk.SubscriptionSchedule](t)(b.api.SubscriptionSchedules.Update(s.ID, &sdk.SubscriptionScheduleParams{EndBehavior: sdk.String("release"), Phases: []*sdk.SubscriptionSchedulePhaseParams{
		{Items: item(pro.ID), StartDate: &s.Phases[0].StartDate, EndDate: &s.Phases[0].EndDate},
		{Items: item(basic.ID), Iterations: sdk.Int64(1)},
	}}))
	equal(t, "phases", len(s.Phases), 2)
	equal(t, "still", b.subscription(t, sub.ID).Items.Data[0].Price.ID, pro.ID)
	_, err := b.api.Subscriptions.Update(sub.ID, &sdk.SubscriptionParams{CancelAtPeriodEnd: sdk.Bool(true)})
	wantError(t, err, 400, "", "")

	b.advance(t, 32*days)
	now := b.subscription(t, sub.ID)
	equal(t, "price", now.Items.Data[0].Price.ID, basic.ID)
	equal(t, "billed", now.LatestInvoice.AmountPaid, 1000)
	equal(t, "one invoice for it", len(now.LatestInvoice.Lines.Data), 1)
	equal(t, "period", now.CurrentPeriodStart, sub.CurrentPeriodEnd)
	b.advance(t, 31*days)
	equal(t, "released", got[*sdk.SubscriptionSchedule](t)(b.api.SubscriptionSchedules.Get(s.ID, nil)).Status, sdk.SubscriptionScheduleStatusReleased)
	equal(t, "goes on", b.subscription(t, sub.ID).Status, sdk.SubscriptionStatusActive)
	equal(t, "without it", b.subscription(t, sub.ID).Schedule == nil, true)
}

func TestDiscountsAreTakenOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	price := b.newPrice(t, "Pro", 1999)
	forever := got[*sdk.Coupon](t)(b.api.Coupons.New(&sdk.CouponParams{PercentOff: sdk.Float64(12.5), Duration: sdk.String("forever")}))
	once := got[*sdk.Coupon](t)(b.api.Coupons.New(&sdk.CouponParams{AmountOff: sdk.Int64(500), Currency: sdk.String("usd"), Duration: sdk.String("once")}))
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, price.ID, func(p *sdk.SubscriptionParams) { p.Coupon = &forever.ID })
	equal(t, "12.5 % off", b.subscription(t, sub.ID).LatestInvoice.AmountPaid, 1999-250)
	other := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, price.ID, func(p *sdk.SubscriptionParams) { p.Coupon = &once.ID })
	equal(t, "5 dollars off", b.subscription(t, other.ID).LatestInvoice.AmountPaid, 1499)
	equal(t, "the discount shows", sub.Discount.Coupon.ID, forever.ID)
	b.advance(t, 32*days)
	equal(t, "again", b.subscription(t, sub.ID).LatestInvoice.AmountPaid, 1749)
	equal(t, "only once", b.subscription(t, other.ID).LatestInvoice.AmountPaid, 1999)
	code := got[*sdk.PromotionCode](t)(b.api.PromotionCodes.New(&sdk.PromotionCodeParams{Coupon: &forever.ID, Code: sdk.String("SPRING"), MaxRedemptions: sdk.Int64(1)}))
	promo := func(p *sdk.SubscriptionParams) { p.PromotionCode = &code.ID }
	b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, price.ID, promo)
	_, err := b.api.Subscriptions.New(&sdk.SubscriptionParams{Customer: &sub.Customer.ID, Items: []*sdk.SubscriptionItemsParams{{Price: &price.ID}}, PromotionCode: &code.ID})
	wantError(t, err, 400, "promotion_code_invalid", "promotion_code")
}
