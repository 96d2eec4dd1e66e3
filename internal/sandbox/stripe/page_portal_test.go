package stripe_test

import (
	"net/http"
	"strings"
	"testing"
)

// portalShop is a shop with two plans and a portal that offers both.
type portalShop struct {
	*shop
	basic, pro, config string
}

func openPortalShop(t *testing.T, more ...string) *portalShop {
	t.Helper()
	s := &portalShop{shop: openShop(t)}
	s.basic, s.pro = s.price("Basic", 1000), s.price("Pro", 3000)
	product := func(price string) string { return s.call("GET", "/v1/prices/"+price).at("product") }
	s.config = s.call("POST", "/v1/billing_portal/configurations", append([]string{
		"business_profile[headline]", "Bakery",
		"features[invoice_history][enabled]", "true",
		"features[payment_method_update][enabled]", "true",
		"features[subscription_cancel][enabled]", "true",
		"features[subscription_cancel][mode]", "at_period_end",
		"features[subscription_cancel][cancellation_reason][enabled]", "true",
		"features[subscription_cancel][cancellation_reason][options][0]", "too_expensive",
		"features[subscription_cancel][cancellation_reason][options][1]", "other",
		"features[subscription_update][enabled]", "true",
		"features[subscription_update][default_allowed_updates][0]", "price",
		"features[subscription_update][proration_behavior]", "always_invoice",
		"features[subscription_update][products][0][product]", product(s.basic),
		"features[subscription_update][products][0][prices][0]", s.basic,
		"features[subscription_update][products][1][product]", product(s.pro),
		"features[subscription_update][products][1][prices][0]", s.pro,
		"features[subscription_update][schedule_at_period_end][conditions][0][type]", "decreasing_item_amount",
	}, more...)...).at("id")
	return s
}

// portal opens a portal session, and returns its path.
func (s *portalShop) portal(customer string, more ...string) string {
	s.t.Helper()
	made := s.call("POST", "/v1/billing_portal/sessions", append([]string{"customer", customer, "configuration", s.config, "return_url", shopAccount}, more...)...)
	return strings.TrimPrefix(made.at("url"), s.URL())
}

func (s *portalShop) subscription(id string) answer {
	s.t.Helper()
	return s.call("GET", "/v1/subscriptions/"+id)
}

func TestThePortalShowsThePlanAndItsInvoices(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	customer, sub := s.subscriber(s.basic, "pm_card_visa")
	b := s.browse()
	home := b.open(s.portal(customer)).shows(http.StatusOK, "Basic", "$10.00 per month", "active", "Renews on", "Visa ending in 4242", "Change plan", "Cancel plan", "ada@example.com", shopAccount)
	invoice := s.subscription(sub).at("latest_invoice")
	if !strings.Contains(home.body, `href="/i/`+invoice) {
		t.Errorf("no link to %s in:\n%s", invoice, home.body)
	}
	b.open("/i/"+invoice).shows(http.StatusOK, "Invoice", "paid", "Basic", "Total", "$10.00", "ada@example.com")
	b.open("/i/in_none").shows(http.StatusNotFound, "nothing here")
	b.open("/p/session/none").shows(http.StatusNotFound, "billing page is over")
}

func TestAnUpgradeIsExplainedAndPaid(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	customer, sub := s.subscriber(s.basic, "pm_card_visa")
	b := s.browse()
	path := s.portal(customer)
	b.open(path+"/plans").shows(http.StatusOK, "Basic", "Pro", "$30.00 per month", "your plan")
	b.open(path+"/change?price="+s.pro).shows(http.StatusOK, "Confirm the change", "From Basic", "To Pro", "happens now", "Due now", "$20.00", "Visa ending in 4242")
	want(t, "before the confirmation", s.subscription(sub).at("items.data.0.price.id"), s.basic)
	b.submit(path+"/change", "price", s.pro).shows(http.StatusOK, "Your plan is changed.", "$30.00 per month")
	want(t, "plan", s.subscription(sub).at("items.data.0.price.id"), s.pro)
	b.open(path+"/change?price="+s.pro).shows(http.StatusUnprocessableEntity, `role="alert"`)
	b.open(path+"/change?price=price_none").shows(http.StatusUnprocessableEntity, `role="alert"`)
}

func TestADowngradeWaitsAndCanBeDropped(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	customer, sub := s.subscriber(s.pro, "pm_card_visa")
	b := s.browse()
	path := s.portal(customer)
	b.open(path+"/change?price="+s.basic).shows(http.StatusOK, "when the present period ends", "Nothing is due now.").hides("Due now")
	b.submit(path+"/change", "price", s.basic).shows(http.StatusOK, "The change is scheduled.", "Changes to Basic", "Drop the change")
	want(t, "plan", s.subscription(sub).at("items.data.0.price.id"), s.pro)
	b.submit(path+"/resume/"+sub).shows(http.StatusOK, "Your plan goes on.", "Renews on").hides("Changes to Basic")
	want(t, "schedule", s.subscription(sub).at("schedule"), "")

	b.submit(path+"/change", "price", s.basic)
	b.submit("/actions/clock", "turn", "month").shows(http.StatusOK, "The clock is turned.")
	want(t, "a month later", s.subscription(sub).at("items.data.0.price.id"), s.basic)
}

func TestAPlanIsCancelledAndResumed(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	customer, sub := s.subscriber(s.pro, "pm_card_visa")
	b := s.browse()
	path := s.portal(customer)
	b.open(path+"/cancel/"+sub).shows(http.StatusOK, "It stays yours until", "It is too expensive", "Another reason", "Keep the plan")
	b.submit(path+"/cancel/"+sub, "reason", "too_expensive").shows(http.StatusOK, "Your plan is cancelled.", "doesn't renew", "Don't cancel")
	cancelled := s.subscription(sub)
	want(t, "cancelled", cancelled.at("cancel_at_period_end")+" "+cancelled.at("cancellation_details.feedback"), "true too_expensive")
	b.submit(path+"/cancel/"+sub).shows(http.StatusUnprocessableEntity, "cancelled already")
	b.submit(path+"/resume/"+sub).shows(http.StatusOK, "Your plan goes on.", "Renews on")
	want(t, "resumed", s.subscription(sub).at("cancel_at_period_end"), "false")
	b.submit(path+"/cancel/sub_none").shows(http.StatusUnprocessableEntity, "no such plan")
}

func TestAPlanIsCancelledAtOnceIfTheConfigurationSaysSo(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	s.call("POST", "/v1/billing_portal/configurations/"+s.config, "features[subscription_cancel][mode]", "immediately")
	customer, sub := s.subscriber(s.pro, "pm_card_visa")
	b := s.browse()
	path := s.portal(customer)
	b.open(path+"/cancel/"+sub).shows(http.StatusOK, "It ends at once.")
	b.submit(path+"/cancel/"+sub).shows(http.StatusOK, "Your plan is cancelled.", "No plan")
	want(t, "status", s.subscription(sub).at("status"), "canceled")
}

func TestTheCardIsUpdated(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	customer, _ := s.subscriber(s.basic, "pm_card_visa")
	b := s.browse()
	path := s.portal(customer)
	b.open(path+"/card").shows(http.StatusOK, "Update your card", "Visa ending in 4242", "Test cards")
	b.submit(path+"/card", typedCard(cardDeclined)...).shows(http.StatusPaymentRequired, "declined", `value="Ada Lovelace"`).hides(cardDeclined)
	b.submit(path+"/card", "number", "").shows(http.StatusUnprocessableEntity, "Enter a card number.")
	b.submit(path+"/card", "fill", "ok").shows(http.StatusOK, `value="4242 4242 4242 4242"`)
	step := b.submit(path+"/card", typedCard(cardSecure)...).shows(http.StatusOK, "Complete authentication")
	b.submit(step.path, "outcome", "fail").shows(http.StatusPaymentRequired, "unable to authenticate")
	step = b.submit(path+"/card", typedCard(cardSecure)...)
	b.submit(step.path, "outcome", "complete").shows(http.StatusOK, "Your card is saved.", "ending in 3155")
	b.submit(path+"/card", typedCard("5555555555554444")...).shows(http.StatusOK, "Your card is saved.", "Mastercard ending in 4444")
}

func TestAnUpgradeThatIsDeclinedTakesAnotherCard(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	customer, sub := s.subscriber(s.basic, "pm_card_visa")
	b := s.browse()
	path := s.portal(customer)
	b.submit(path+"/card", typedCard(cardFailsLater)...).shows(http.StatusOK, "ending in 0341")
	b.submit(path+"/change", "price", s.pro).shows(http.StatusPaymentRequired, "declined", "Pay with another card", `value="`+s.pro+`"`)
	want(t, "plan", s.subscription(sub).at("items.data.0.price.id"), s.basic)
	b.submit(path+"/change", typedCard("", "price", s.pro)...).shows(http.StatusUnprocessableEntity, "Enter a card number.")
	b.submit(path+"/change", typedCard(cardOK, "price", s.pro)...).shows(http.StatusOK, "Your plan is changed.", "$30.00 per month", "ending in 4242")
	want(t, "plan", s.subscription(sub).at("items.data.0.price.id"), s.pro)
}

func TestAnUpgradeAsksForThreeDSecure(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	session := s.checkout(s.basic)
	b := s.browse()
	step := b.submit("/c/pay/"+session.at("id"), typedCard(cardAlwaysAsks, "email", "ada@example.com")...)
	b.submit(step.path, "outcome", "complete")
	done := s.call("GET", "/v1/checkout/sessions/"+session.at("id"))

	path := s.portal(done.at("customer"))
	step = b.submit(path+"/change", "price", s.pro).shows(http.StatusOK, "Complete authentication", "Pro", "$20.00")
	b.submit(step.path, "outcome", "fail").shows(http.StatusPaymentRequired, "unable to authenticate", "Pay with another card")
	want(t, "plan", s.subscription(done.at("subscription")).at("items.data.0.price.id"), s.basic)
	step = b.submit(path+"/change", "price", s.pro)
	b.submit(step.path, "outcome", "complete").shows(http.StatusOK, "Your plan is changed.")
	want(t, "plan", s.subscription(done.at("subscription")).at("items.data.0.price.id"), s.pro)
}

func TestWhatTheConfigurationLeavesOutIsRefused(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	customer, sub := s.subscriber(s.basic, "pm_card_visa")
	s.call("POST", "/v1/billing_portal/configurations/"+s.config, "features[subscription_cancel][enabled]", "false", "features[subscription_update][enabled]", "false",
		"features[payment_method_update][enabled]", "false", "features[invoice_history][enabled]", "false")
	b := s.browse()
	path := s.portal(customer)
	b.open(path).shows(http.StatusOK, "Basic").hides("Change plan", "Cancel plan", "Update", "Invoices")
	for _, page := range []string{"/plans", "/change?price=" + s.pro, "/cancel/" + sub, "/card"} {
		b.open(path+page).shows(http.StatusUnprocessableEntity, `role="alert"`)
	}
	b.submit(path+"/change", "price", s.pro).shows(http.StatusUnprocessableEntity, `role="alert"`)
	b.submit(path+"/cancel/"+sub).shows(http.StatusUnprocessableEntity, `role="alert"`)
	b.submit(path+"/card", typedCard(cardOK)...).shows(http.StatusUnprocessableEntity, `role="alert"`)
	now := s.subscription(sub)
	want(t, "subscription", now.at("items.data.0.price.id")+" "+now.at("cancel_at_period_end"), s.basic+" false")
}

func TestAFlowOpensItsPageAndLeadsBack(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	customer, sub := s.subscriber(s.basic, "pm_card_visa")
	item := s.subscription(sub).at("items.data.0.id")
	b := s.browse()
	redirect := []string{"flow_data[after_completion][type]", "redirect", "flow_data[after_completion][redirect][return_url]", shopAccount + "?done=1"}

	path := s.portal(customer, append([]string{"flow_data[type]", "subscription_update_confirm", "flow_data[subscription_update_confirm][subscription]", sub,
		"flow_data[subscription_update_confirm][items][0][id]", item, "flow_data[subscription_update_confirm][items][0][price]", s.pro,
		"flow_data[subscription_update_confirm][items][0][quantity]", "1"}, redirect...)...)
	b.open(path).shows(http.StatusOK, "Confirm the change", "To Pro", shopAccount)
	b.submit(path+"/change", "price", s.pro).leaves(shopAccount + "?done=1")
	want(t, "plan", s.subscription(sub).at("items.data.0.price.id"), s.pro)

	path = s.portal(customer, "flow_data[type]", "payment_method_update", "flow_data[after_completion][type]", "hosted_confirmation",
		"flow_data[after_completion][hosted_confirmation][custom_message]", "Thanks, we have it.")
	b.open(path).shows(http.StatusOK, "Update your card")
	b.submit(path+"/card", typedCard(cardOK)...).shows(http.StatusOK, "Thanks, we have it.", shopAccount)

	path = s.portal(customer, "flow_data[type]", "subscription_update", "flow_data[subscription_update][subscription]", sub)
	b.open(path).shows(http.StatusOK, "Choose a plan")

	path = s.portal(customer, append([]string{"flow_data[type]", "subscription_cancel", "flow_data[subscription_cancel][subscription]", sub}, redirect...)...)
	b.open(path).shows(http.StatusOK, "Cancel your plan")
	b.submit(path + "/cancel/" + sub).leaves(shopAccount + "?done=1")
	want(t, "cancelled", s.subscription(sub).at("cancel_at_period_end"), "true")
}

func TestAnotherCustomersPlanIsOutOfReach(t *testing.T) {
	t.Parallel()
	s := openPortalShop(t)
	mine, _ := s.subscriber(s.basic, "pm_card_visa")
	_, theirs := s.subscriber(s.pro, "pm_card_visa")
	b := s.browse()
	path := s.portal(mine)
	b.open(path+"/cancel/"+theirs).shows(http.StatusUnprocessableEntity, "no such plan")
	b.submit(path+"/cancel/"+theirs).shows(http.StatusUnprocessableEntity, "no such plan")
	b.submit(path+"/resume/"+theirs).shows(http.StatusUnprocessableEntity, `role="alert"`)
	want(t, "theirs", s.subscription(theirs).at("cancel_at_period_end"), "false")
}
