package stripe_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v76"
)

// portalConfig lets subscriptions change among prices: upgrades at once, others
// when the period ends.
func (b *bundle) portalConfig(t *testing.T, prices ...*sdk.Price) *sdk.BillingPortalConfiguration {
	t.Helper()
	update := &sdk.BillingPortalConfigurationFeaturesSubscriptionUpdateParams{Enabled: sdk.Bool(true), DefaultAllowedUpdates: sdk.StringSlice([]string{"price"}),
		ProrationBehavior: sdk.String("always_invoice")}
	for _, p := range prices {
		update.Products = append(update.Products, &sdk.BillingPortalConfigurationFeaturesSubscriptionUpdateProductParams{Product: &p.Product.ID, Prices: []*string{&p.ID}})
	}
	params := &sdk.BillingPortalConfigurationParams{BusinessProfile: &sdk.BillingPortalConfigurationBusinessProfileParams{Headline: sdk.String("Dream")},
		Features: &sdk.BillingPortalConfigurationFeaturesParams{SubscriptionUpdate: update,
			SubscriptionCancel:  &sdk.BillingPortalConfigurationFeaturesSubscriptionCancelParams{Enabled: sdk.Bool(true), Mode: sdk.String("at_period_end")},
			PaymentMethodUpdate: &sdk.BillingPortalConfigurationFeaturesPaymentMethodUpdateParams{Enabled: sdk.Bool(true)}}}
	params.AddExtra("features[subscription_update][schedule_at_period_end][conditions][0][type]", "decreasing_item_amount")
	params.AddExtra("features[subscription_update][schedule_at_period_end][conditions][1][type]", "shortening_interval")
	return got[*sdk.BillingPortalConfiguration](t)(b.api.BillingPortalConfigurations.New(params))
}

// confirm opens the portal at the page that confirms a change.
func (b *bundle) confirm(sub *sdk.Subscription, cfg, price string) (*sdk.BillingPortalSession, error) {
	return b.api.BillingPortalSessions.New(&sdk.BillingPortalSessionParams{Customer: &sub.Customer.ID, Configuration: &cfg, ReturnURL: sdk.String("http://shop.localhost/account"),
		FlowData: &sdk.BillingPortalSessionFlowDataParams{Type: sdk.String("subscription_update_confirm"),
			SubscriptionUpdateConfirm: &sdk.BillingPortalSessionFlowDataSubscriptionUpdateConfirmParams{Subscription: &sub.ID,
				Items: []*sdk.BillingPortalSessionFlowDataSubscriptionUpdateConfirmItemParams{{ID: &sub.Items.Data[0].ID, Price: &price, Quantity: sdk.Int64(1)}}}}})
}

// press sends a form of the portal.
func (b *bundle) press(t *testing.T, s *sdk.BillingPortalSession, action string, form url.Values) int {
	t.Helper()
	req := got[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+action, strings.NewReader(form.Encode())))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp := got[*http.Response](t)(noRedirect.Do(req))
	must(t, resp.Body.Close())
	return resp.StatusCode
}

func TestAnUpgradeInThePortalHappensNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	basic, pro := b.newPrice(t, "Basic", 1000), b.newPrice(t, "Pro", 3000)
	cfg := b.portalConfig(t, basic, pro)
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, basic.ID)
	s := got[*sdk.BillingPortalSession](t)(b.confirm(sub, cfg.ID, pro.ID))
	equal(t, "flow", s.Flow.SubscriptionUpdateConfirm.Items[0].Price, pro.ID)
	equal(t, "answer", b.press(t, s, "/change", url.Values{"price": {pro.ID}}), http.StatusSeeOther)
	now := b.subscription(t, sub.ID)
	equal(t, "price", now.Items.Data[0].Price.ID, pro.ID)
	equal(t, "paid", now.LatestInvoice.Status, sdk.InvoiceStatusPaid)
	equal(t, "reason", now.LatestInvoice.BillingReason, sdk.InvoiceBillingReasonSubscriptionUpdate)
	if off := now.LatestInvoice.AmountPaid - 2000; off < -1 || off > 0 {
		t.Errorf("paid %d", now.LatestInvoice.AmountPaid)
	}
}

func TestADowngradeInThePortalWaitsForThePeriodsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	basic, pro := b.newPrice(t, "Basic", 1000), b.newPrice(t, "Pro", 3000)
	cfg := b.portalConfig(t, basic, pro)
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, pro.ID)
	s := got[*sdk.BillingPortalSession](t)(b.confirm(sub, cfg.ID, basic.ID))
	equal(t, "answer", b.press(t, s, "/change", url.Values{"price": {basic.ID}}), http.StatusSeeOther)
	now := b.subscription(t, sub.ID)
	equal(t, "still", now.Items.Data[0].Price.ID, pro.ID)
	equal(t, "scheduled", now.Schedule != nil, true)
	b.advance(t, 32*days)
	now = b.subscription(t, sub.ID)
	equal(t, "then", now.Items.Data[0].Price.ID, basic.ID)
	equal(t, "billed", now.LatestInvoice.AmountPaid, 1000)
}

func TestADeclinedUpgradeInThePortalChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	basic, pro := b.newPrice(t, "Basic", 1000), b.newPrice(t, "Pro", 3000)
	cfg := b.portalConfig(t, basic, pro)
	c := b.newCustomer(t, "pm_card_visa")
	sub := b.subscribe(t, c.ID, basic.ID)
	b.control(t, "customers/"+c.ID+"/card", `{"card":"pm_card_chargeCustomerFail"}`)
	s := got[*sdk.BillingPortalSession](t)(b.confirm(sub, cfg.ID, pro.ID))
	before := len(b.Events("", "", ""))
	equal(t, "answer", b.press(t, s, "/change", url.Values{"price": {pro.ID}}), http.StatusPaymentRequired)
	equal(t, "price", b.subscription(t, sub.ID).Items.Data[0].Price.ID, basic.ID)
	equal(t, "invoice", b.subscription(t, sub.ID).LatestInvoice.ID, sub.LatestInvoice.ID)
	equal(t, "events", len(b.Events("", "", "")), before)
}

func TestAConfirmationThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	basic, pro, other := b.newPrice(t, "Basic", 1000), b.newPrice(t, "Pro", 3000), b.newPrice(t, "Other", 9000)
	cfg := b.portalConfig(t, basic, pro)
	sub := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, basic.ID)
	const param = "flow_data[subscription_update_confirm]"
	_, err := b.confirm(sub, cfg.ID, other.ID)
	wantError(t, err, 400, "", param+"[items][0][price]")
	_, err = b.confirm(sub, cfg.ID, basic.ID)
	wantError(t, err, 400, "", param+"[items][0][price]")
	_, err = b.confirm(sub, cfg.ID, "price_none")
	wantError(t, err, 400, "resource_missing", param+"[items][0][price]")
	_, err = b.confirm(sub, "bpc_none", pro.ID)
	wantError(t, err, 400, "resource_missing", "configuration")
	incomplete := b.subscribe(t, b.newCustomer(t, "pm_card_chargeCustomerFail").ID, basic.ID)
	_, err = b.confirm(incomplete, cfg.ID, pro.ID)
	wantError(t, err, 400, "", param+"[subscription]")
	_, err = b.api.BillingPortalSessions.New(&sdk.BillingPortalSessionParams{Customer: &sub.Customer.ID})
	wantError(t, err, 400, "", "")
}

func TestAPortalsAddressGrowsOld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cfg := b.portalConfig(t, b.newPrice(t, "Basic", 1000))
	s := got[*sdk.BillingPortalSession](t)(b.api.BillingPortalSessions.New(&sdk.BillingPortalSessionParams{Customer: sdk.String(b.newCustomer(t, "").ID), Configuration: &cfg.ID}))
	status := func() int {
		resp := got[*http.Response](t)(noRedirect.Get(s.URL))
		must(t, resp.Body.Close())
		return resp.StatusCode
	}
	equal(t, "fresh", status() < 400, true)
	b.advance(t, 61*time.Minute)
	equal(t, "old", status() >= 400, true)
}

func TestTestClocksMoveTheirCustomersAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)
	clock := got[*sdk.TestHelpersTestClock](t)(b.api.TestHelpersTestClocks.New(&sdk.TestHelpersTestClockParams{FrozenTime: sdk.Int64(at.Unix())}))
	price := b.newPrice(t, "Pro", 1500)
	c := b.newCustomer(t, "pm_card_visa", func(p *sdk.CustomerParams) { p.TestClock = &clock.ID })
	sub := b.subscribe(t, c.ID, price.ID)
	bystander := b.subscribe(t, b.newCustomer(t, "pm_card_visa").ID, price.ID)
	equal(t, "begins", sub.CurrentPeriodStart, at.Unix())
	for _, end := range []time.Time{time.Date(2030, 2, 28, 12, 0, 0, 0, time.UTC), time.Date(2030, 3, 31, 12, 0, 0, 0, time.UTC), time.Date(2030, 4, 30, 12, 0, 0, 0, time.UTC)} {
		equal(t, "the anchor's day", time.Unix(b.subscription(t, sub.ID).CurrentPeriodEnd, 0).UTC(), end)
		moved := got[*sdk.TestHelpersTestClock](t)(b.api.TestHelpersTestClocks.Advance(clock.ID, &sdk.TestHelpersTestClockAdvanceParams{FrozenTime: sdk.Int64(end.Unix())}))
		equal(t, "at first", moved.Status, sdk.TestHelpersTestClockStatusAdvancing)
		equal(t, "then", got[*sdk.TestHelpersTestClock](t)(b.api.TestHelpersTestClocks.Get(clock.ID, nil)).Status, sdk.TestHelpersTestClockStatusReady)
	}
	equal(t, "the other's", b.subscription(t, bystander.ID).CurrentPeriodEnd, bystander.CurrentPeriodEnd)
	got[*sdk.TestHelpersTestClock](t)(b.api.TestHelpersTestClocks.Del(clock.ID, nil))
	equal(t, "gone with it", b.subscription(t, sub.ID).Status, sdk.SubscriptionStatusCanceled)
	_, err := connect(b.Server, liveKey).TestHelpersTestClocks.New(&sdk.TestHelpersTestClockParams{FrozenTime: sdk.Int64(at.Unix())})
	wantError(t, err, 400, "", "")
}
