package stripe_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v76"
)

func (b *bundle) session(t *testing.T, id string) *sdk.CheckoutSession {
	t.Helper()
	p := &sdk.CheckoutSessionParams{}
	p.AddExpand("line_items")
	p.AddExpand("subscription.latest_invoice.payment_intent")
	p.AddExpand("customer")
	return got[*sdk.CheckoutSession](t)(b.api.CheckoutSessions.Get(id, p))
}

func TestACheckoutMakesASubscription(t *testing.T) {
	t.Parallel()
	b := setup(t)
	price := b.newPrice(t, "Pro", 1500)
	s := b.checkout(t, price.ID, func(p *sdk.CheckoutSessionParams) {
		p.ClientReferenceID = sdk.String("cus_ours")
		p.Metadata = map[string]string{"tier": "pro"}
		p.SubscriptionData = &sdk.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"platform": "plt_1"}}
	})
	equal(t, "status", s.Status, sdk.CheckoutSessionStatusOpen)
	equal(t, "url", s.URL, b.URL()+"/c/pay/"+s.ID)
	location, status := b.pay(t, s, "4242424242424242")
	equal(t, "answer", status, http.StatusSeeOther)
	equal(t, "leads to", location, "http://shop.localhost/done?s="+s.ID)
	done := b.session(t, s.ID)
	equal(t, "status", done.Status, sdk.CheckoutSessionStatusComplete)
	equal(t, "payment", done.PaymentStatus, sdk.CheckoutSessionPaymentStatusPaid)
	equal(t, "reference", done.ClientReferenceID, "cus_ours")
	equal(t, "url", done.URL, "")
	equal(t, "line", done.LineItems.Data[0].Price.ID, price.ID)
	equal(t, "customer", done.Customer.Email, "ada@example.com")
	equal(t, "subscription", done.Subscription.Status, sdk.SubscriptionStatusActive)
	equal(t, "metadata", done.Subscription.Metadata["platform"], "plt_1")
	equal(t, "invoice", done.Subscription.LatestInvoice.AmountPaid, 1500)
	equal(t, "events", b.count("checkout.session.completed"), 1)
	_, status = b.pay(t, s, "4242424242424242")
	equal(t, "a second time", status/100 == 3, false)
	equal(t, "subscriptions", b.count("customer.subscription.created"), 1)
	b.advance(t, 32*days)
	equal(t, "it renews", b.session(t, s.ID).Subscription.LatestInvoice.BillingReason, sdk.InvoiceBillingReasonSubscriptionCycle)
}

func TestADeclinedCheckoutLeavesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.checkout(t, b.newPrice(t, "Pro", 1500).ID)
	before := len(b.Events("", "", ""))
	for _, card := range []string{"4000000000000002", "4000000000009995", "4000000000000341", "4000000000000069", "4242424242424241", "4111111111111111"} {
		location, status := b.pay(t, s, card)
		if location != "" || status != http.StatusPaymentRequired && status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, to %q", card, status, location)
		}
	}
	equal(t, "events", len(b.Events("", "", "")), before)
	_, status := b.pay(t, s, "4242424242424242")
	equal(t, "then it is paid", status, http.StatusSeeOther)
}

func TestACheckoutWithATrialChargesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.checkout(t, b.newPrice(t, "Pro", 1500).ID, func(p *sdk.CheckoutSessionParams) {
		p.SubscriptionData = &sdk.CheckoutSessionSubscriptionDataParams{TrialPeriodDays: sdk.Int64(14)}
		p.Customer = sdk.String(b.newCustomer(t, "").ID)
	})
	equal(t, "due", s.AmountTotal, 0)
	b.pay(t, s, "4242424242424242")
	done := b.session(t, s.ID)
	equal(t, "payment", done.PaymentStatus, sdk.CheckoutSessionPaymentStatusNoPaymentRequired)
	equal(t, "subscription", done.Subscription.Status, sdk.SubscriptionStatusTrialing)
	equal(t, "trial", done.Subscription.TrialEnd, done.Subscription.TrialStart+14*24*3600)
	b.advance(t, 15*days)
	equal(t, "then", b.session(t, s.ID).Subscription.LatestInvoice.AmountPaid, 1500)
}

func TestACheckoutExpires(t *testing.T) {
	t.Parallel()
	b := setup(t)
	price := b.newPrice(t, "Pro", 1500)
	s, other := b.checkout(t, price.ID), b.checkout(t, price.ID)
	equal(t, "expired", got[*sdk.CheckoutSession](t)(b.api.CheckoutSessions.Expire(s.ID, nil)).Status, sdk.CheckoutSessionStatusExpired)
	b.advance(t, 24*time.Hour)
	equal(t, "by itself", b.session(t, other.ID).Status, sdk.CheckoutSessionStatusExpired)
	equal(t, "events", b.count("checkout.session.expired"), 2)
	_, err := b.api.CheckoutSessions.Expire(s.ID, nil)
	wantError(t, err, 400, "", "")
}

func TestABankDebitIsPaidWhenItSettles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	price := b.newPrice(t, "Pro", 1500)
	newPaid := func() *sdk.CheckoutSession {
		s := b.checkout(t, price.ID)
		_, status := b.pay(t, s, "", "kind", "bank")
		equal(t, "answer", status, http.StatusSeeOther)
		done := b.session(t, s.ID)
		equal(t, "session", done.Status, sdk.CheckoutSessionStatusComplete)
		equal(t, "payment", done.PaymentStatus, sdk.CheckoutSessionPaymentStatusUnpaid)
		equal(t, "subscription", done.Subscription.Status, sdk.SubscriptionStatusActive)
		equal(t, "invoice", done.Subscription.LatestInvoice.Status, sdk.InvoiceStatusOpen)
		equal(t, "under way", done.Subscription.LatestInvoice.PaymentIntent.Status, sdk.PaymentIntentStatusProcessing)
		return done
	}
	s := newPaid()
	b.control(t, "async/settle", `{"session":"`+s.ID+`","outcome":"succeeded"}`)
	equal(t, "payment", b.session(t, s.ID).PaymentStatus, sdk.CheckoutSessionPaymentStatusPaid)
	equal(t, "invoice", b.session(t, s.ID).Subscription.LatestInvoice.Status, sdk.InvoiceStatusPaid)
	equal(t, "events", b.count("checkout.session.async_payment_succeeded"), 1)

	s = newPaid()
	b.control(t, "async/settle", `{"session":"`+s.ID+`","outcome":"failed"}`)
	equal(t, "payment", b.session(t, s.ID).PaymentStatus, sdk.CheckoutSessionPaymentStatusUnpaid)
	equal(t, "subscription", b.session(t, s.ID).Subscription.Status, sdk.SubscriptionStatusPastDue)
	equal(t, "events", b.count("checkout.session.async_payment_failed"), 1)

	s = newPaid()
	b.advance(t, 2*days)
	equal(t, "by itself", b.session(t, s.ID).PaymentStatus, sdk.CheckoutSessionPaymentStatusPaid)
	equal(t, "once more", b.call(t, "POST", "/_sandbox/async/settle", `{"session":"`+s.ID+`","outcome":"failed"}`, nil), http.StatusBadRequest)
}

func TestACheckoutOfASinglePayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	price := b.newPrice(t, "Book", 2500, func(p *sdk.PriceParams) { p.Recurring = nil })
	s := b.checkout(t, price.ID, func(p *sdk.CheckoutSessionParams) { p.Mode = sdk.String("payment") })
	_, status := b.pay(t, s, "4242424242424242")
	equal(t, "answer", status, http.StatusSeeOther)
	done := got[*sdk.CheckoutSession](t)(b.api.CheckoutSessions.Get(s.ID, nil))
	pi := got[*sdk.PaymentIntent](t)(b.api.PaymentIntents.Get(done.PaymentIntent.ID, nil))
	equal(t, "received", pi.AmountReceived, 2500)

	part := got[*sdk.Refund](t)(b.api.Refunds.New(&sdk.RefundParams{PaymentIntent: &pi.ID, Amount: sdk.Int64(500)}))
	equal(t, "refund", part.Status, sdk.RefundStatusSucceeded)
	_, err := b.api.Refunds.New(&sdk.RefundParams{PaymentIntent: &pi.ID, Amount: sdk.Int64(2001)})
	wantError(t, err, 400, "", "amount")
	got[*sdk.Refund](t)(b.api.Refunds.New(&sdk.RefundParams{Charge: &pi.LatestCharge.ID}))
	_, err = b.api.Refunds.New(&sdk.RefundParams{Charge: &pi.LatestCharge.ID})
	wantError(t, err, 400, "charge_already_refunded", "")
	ch := got[*sdk.Charge](t)(b.api.Charges.Get(pi.LatestCharge.ID, nil))
	equal(t, "all refunded", ch.Refunded && ch.AmountRefunded == 2500, true)
	equal(t, "events", b.count("charge.refunded"), 2)
}

func TestADeletedCustomerTakesTheSubscriptionsAlong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.newCustomer(t, "pm_card_visa")
	price := b.newPrice(t, "Pro", 1500)
	sub := b.subscribe(t, c.ID, price.ID)
	gone := got[*sdk.Customer](t)(b.api.Customers.Del(c.ID, nil))
	equal(t, "deleted", gone.Deleted, true)
	equal(t, "subscription", b.subscription(t, sub.ID).Status, sdk.SubscriptionStatusCanceled)
	equal(t, "still known as deleted", got[*sdk.Customer](t)(b.api.Customers.Get(c.ID, nil)).Deleted, true)
	_, err := b.api.Customers.Update(c.ID, &sdk.CustomerParams{Name: sdk.String("Ada")})
	wantError(t, err, 404, "resource_missing", "id")
	_, err = b.api.CheckoutSessions.New(&sdk.CheckoutSessionParams{Mode: sdk.String("subscription"), SuccessURL: sdk.String("http://shop.localhost"), Customer: &c.ID,
		LineItems: []*sdk.CheckoutSessionLineItemParams{{Price: &price.ID, Quantity: sdk.Int64(1)}}})
	e := wantError(t, err, 400, "resource_missing", "customer")
	if !strings.Contains(e.Msg, "No such customer: '"+c.ID+"'") {
		t.Errorf("message %q", e.Msg)
	}
}
