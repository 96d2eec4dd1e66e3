package stripe_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestACheckoutIsPaidWithACard(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	session := s.checkout(s.price("Pro", 1000), "client_reference_id", "user_1")
	b := s.browse()
	b.open(session.at("url")).shows(http.StatusOK, "Sandbox.", "No money moves.", "Subscribe to Pro", "$10.00 per month", "Total due today", shopCancel,
		`autocomplete="cc-number"`, `autocomplete="cc-exp"`, `autocomplete="cc-csc"`, `autocomplete="email"`, "Test cards")
	b.submit("/c/pay/"+session.at("id"), typedCard(cardOK, "email", "ada@example.com")...).
		leaves(strings.ReplaceAll(shopSuccess, "{CHECKOUT_SESSION_ID}", session.at("id")))

	done := s.call("GET", "/v1/checkout/sessions/"+session.at("id")+"?expand[]=subscription&expand[]=customer")
	want(t, "status", done.at("status")+" "+done.at("payment_status"), "complete paid")
	want(t, "subscription", done.at("subscription.status"), "active")
	want(t, "customer", done.at("customer.email")+" "+done.at("customer.name"), "ada@example.com Ada Lovelace")
	b.open("/c/pay/"+session.at("id")).shows(http.StatusOK, "This checkout is complete", "session_id="+session.at("id"))
	b.submit("/c/pay/"+session.at("id"), typedCard(cardOK, "email", "ada@example.com")...).shows(http.StatusOK, "This checkout is complete")
}

func TestATrialIsExplainedBeforeItStarts(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	session := s.checkout(s.price("Pro", 1000), "subscription_data[trial_period_days]", "14")
	b := s.browse()
	b.open(session.at("url")).shows(http.StatusOK, "Try Pro", "14 days free", "then $10.00 per month", "Start trial", "$0.00")
	b.submit("/c/pay/"+session.at("id"), typedCard(cardOK, "email", "ada@example.com")...)
	want(t, "subscription", s.call("GET", "/v1/checkout/sessions/"+session.at("id")+"?expand[]=subscription").at("subscription.status"), "trialing")
}

func TestADeclinedCardIsExplainedBesideItsField(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	session := s.checkout(s.price("Pro", 1000))
	b := s.browse()
	path := "/c/pay/" + session.at("id")
	b.submit(path, typedCard(cardDeclined, "email", "ada@example.com")...).
		shows(http.StatusPaymentRequired, "declined", `role="alert"`, `value="ada@example.com"`, `value="Ada Lovelace"`, `value="1240"`, `id="number" name="number" inputmode="numeric" autocomplete="cc-number" value=""`).
		hides(cardDeclined, `value="123"`)
	b.submit(path, typedCard("4000000000009995", "email", "ada@example.com")...).shows(http.StatusPaymentRequired, "insufficient funds")
	b.submit(path, typedCard("4242424242424241", "email", "ada@example.com")...).shows(http.StatusPaymentRequired, "number is incorrect").hides("4242424242424241")
	b.submit(path, "kind", "card", "number", cardOK, "expiry", "01/20", "cvc", "123", "name", "Ada", "email", "ada@example.com").shows(http.StatusPaymentRequired, "expir")
	want(t, "session", s.call("GET", "/v1/checkout/sessions/"+session.at("id")).at("status"), "open")
	b.submit(path, typedCard(cardOK, "email", "ada@example.com")...).leaves(strings.ReplaceAll(shopSuccess, "{CHECKOUT_SESSION_ID}", session.at("id")))
}

func TestFieldsLeftEmptyAreNamed(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	session := s.checkout(s.price("Pro", 1000))
	s.browse().submit("/c/pay/"+session.at("id"), "kind", "card", "name", "Ada").
		shows(http.StatusUnprocessableEntity, "Enter your email address.", "Enter a card number.", "Enter the expiry date.", "Enter the security code.", `value="Ada"`)
}

func TestThreeDSecureIsAStepOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, number := range []string{cardSecure, cardAlwaysAsks} {
		s := openShop(t)
		session := s.checkout(s.price("Pro", 1000))
		b := s.browse()
		path := "/c/pay/" + session.at("id")
		step := b.submit(path, typedCard(number, "email", "ada@example.com")...)
		step.shows(http.StatusOK, "Complete authentication", "Fail authentication", "ending in "+number[12:], "$10.00").hides(number)
		if !strings.HasPrefix(step.path, path+"/authenticate/") || strings.Contains(step.path, number) {
			t.Errorf("the step is at %s", step.path)
		}
		b.submit(step.path, "outcome", "fail").shows(http.StatusPaymentRequired, "unable to authenticate", `value="ada@example.com"`).hides(number)
		want(t, "session", s.call("GET", "/v1/checkout/sessions/"+session.at("id")).at("status"), "open")
		want(t, "a step that is over leads to", b.submit(step.path, "outcome", "complete").path, path)
		want(t, "and its page", b.open(step.path).path, path)

		step = b.submit(path, typedCard(number, "email", "ada@example.com")...)
		b.submit(step.path, "outcome", "complete").leaves(strings.ReplaceAll(shopSuccess, "{CHECKOUT_SESSION_ID}", session.at("id")))
		want(t, "subscription", s.call("GET", "/v1/checkout/sessions/"+session.at("id")+"?expand[]=subscription").at("subscription.status"), "active")
	}
}

func TestAStepBelongsToItsOwnSession(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	price := s.price("Pro", 1000)
	mine, other := s.checkout(price), s.checkout(price)
	b := s.browse()
	step := b.submit("/c/pay/"+mine.at("id"), typedCard(cardSecure, "email", "ada@example.com")...)
	stolen := strings.Replace(step.path, mine.at("id"), other.at("id"), 1)
	want(t, "another session's step leads to", b.submit(stolen, "outcome", "complete").path, "/c/pay/"+other.at("id"))
	want(t, "the other", s.call("GET", "/v1/checkout/sessions/"+other.at("id")).at("status"), "open")
	b.submit(step.path, "outcome", "complete").leaves(strings.ReplaceAll(shopSuccess, "{CHECKOUT_SESSION_ID}", mine.at("id")))
}

func TestABankDebitSettlesLater(t *testing.T) {
	t.Parallel()
	for outcome, says := range map[string][2]string{"succeeded": {"paid", "The payment is settled."}, "failed": {"unpaid", "The payment has failed."}} {
		s := openShop(t)
		session := s.checkout(s.price("Pro", 1000), "payment_method_types[0]", "card", "payment_method_types[1]", "us_bank_account")
		b := s.browse()
		b.open(session.at("url")).shows(http.StatusOK, "Bank debit", "settles days later")
		b.submit("/c/pay/"+session.at("id"), "kind", "bank", "name", "Ada", "email", "ada@example.com").
			leaves(strings.ReplaceAll(shopSuccess, "{CHECKOUT_SESSION_ID}", session.at("id")))
		done := s.call("GET", "/v1/checkout/sessions/"+session.at("id"))
		want(t, "before it settles", done.at("status")+" "+done.at("payment_status"), "complete unpaid")
		b.open("/").shows(http.StatusOK, "Payments that wait to settle", session.at("id"), "$10.00")
		b.submit("/actions/settle/"+session.at("id"), "outcome", outcome).shows(http.StatusOK, says[1]).hides("Payments that wait")
		want(t, "after "+outcome, s.call("GET", "/v1/checkout/sessions/"+session.at("id")).at("payment_status"), says[0])
	}
}

func TestAKnownEmailIsFixed(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	price := s.price("Pro", 1000)
	customer := s.call("POST", "/v1/customers", "email", "ada@example.com").at("id")
	b := s.browse()
	for _, session := range []answer{s.checkout(price, "customer", customer), s.checkout(price, "customer_email", "ada@example.com")} {
		b.open(session.at("url")).shows(http.StatusOK, `value="ada@example.com" readonly`)
		b.submit("/c/pay/"+session.at("id"), typedCard(cardOK, "email", "eve@example.com")...)
		want(t, "email", s.call("GET", "/v1/checkout/sessions/"+session.at("id")).at("customer_details.email"), "ada@example.com")
	}
}

func TestATestCardIsFilledInOnRequest(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	session := s.checkout(s.price("Pro", 1000))
	s.browse().submit("/c/pay/"+session.at("id"), "email", "ada@example.com", "fill", "secure").
		shows(http.StatusOK, `value="4000 0025 0000 3155"`, `value="123"`, `value="ada@example.com"`, "autofocus")
	want(t, "session", s.call("GET", "/v1/checkout/sessions/"+session.at("id")).at("status"), "open")
}

func TestAnExpiredCheckoutSaysSo(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	session := s.checkout(s.price("Pro", 1000))
	s.call("POST", "/v1/checkout/sessions/"+session.at("id")+"/expire")
	b := s.browse()
	b.open("/c/pay/"+session.at("id")).shows(http.StatusGone, "has expired", shopCancel)
	b.submit("/c/pay/"+session.at("id"), typedCard(cardOK, "email", "ada@example.com")...).shows(http.StatusGone, "has expired")
	b.open("/c/pay/cs_none").shows(http.StatusNotFound, "nothing here")
	b.submit("/c/pay/cs_none", typedCard(cardOK)...).shows(http.StatusNotFound, "nothing here")
}

func TestAFreeCheckoutAsksForNoCard(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	session := s.checkout(s.price("Pro", 1000), "subscription_data[trial_period_days]", "7", "payment_method_collection", "if_required",
		"subscription_data[trial_settings][end_behavior][missing_payment_method]", "cancel")
	b := s.browse()
	b.open(session.at("url")).shows(http.StatusOK, "no payment method is asked for").hides("Card number")
	b.submit("/c/pay/"+session.at("id"), "email", "ada@example.com").leaves(strings.ReplaceAll(shopSuccess, "{CHECKOUT_SESSION_ID}", session.at("id")))
	want(t, "subscription", s.call("GET", "/v1/checkout/sessions/"+session.at("id")+"?expand[]=subscription").at("subscription.status"), "trialing")
}

func TestAPromotionCodeLowersThePrice(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	coupon := s.call("POST", "/v1/coupons", "percent_off", "25", "duration", "forever").at("id")
	s.call("POST", "/v1/promotion_codes", "coupon", coupon, "code", "SPRING")
	session := s.checkout(s.price("Pro", 1000), "allow_promotion_codes", "true")
	b := s.browse()
	path := "/c/pay/" + session.at("id")
	b.submit(path, "promotion_code", "AUTUMN").shows(http.StatusUnprocessableEntity, "not valid", `value="AUTUMN"`)
	b.submit(path, "promotion_code", "spring").shows(http.StatusOK, "25% off for ever", "-$2.50", "$7.50").hides("Promotion code")
	b.submit(path, "promotion_code", "spring").shows(http.StatusUnprocessableEntity, "No code can be added")
	b.submit(path, typedCard(cardOK, "email", "ada@example.com")...)
	done := s.call("GET", "/v1/checkout/sessions/"+session.at("id")+"?expand[]=subscription.latest_invoice")
	want(t, "paid", done.at("amount_total")+" "+done.at("subscription.latest_invoice.amount_paid"), "750 750")
}

func TestASessionTakesItsOwnKindsOfPayment(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	price := s.price("Pro", 1000)
	b := s.browse()
	cards := s.checkout(price, "payment_method_types[0]", "card")
	b.open(cards.at("url")).shows(http.StatusOK, "Card number").hides("Bank debit")
	b.submit("/c/pay/"+cards.at("id"), "kind", "bank", "name", "Ada", "email", "ada@example.com").shows(http.StatusUnprocessableEntity, "Enter a card number.")
	debits := s.checkout(price, "payment_method_types[0]", "us_bank_account")
	b.open(debits.at("url")).shows(http.StatusOK, "bank account").hides("Card number")
	b.submit("/c/pay/"+debits.at("id"), "name", "Ada", "email", "ada@example.com").leaves(strings.ReplaceAll(shopSuccess, "{CHECKOUT_SESSION_ID}", debits.at("id")))
}
