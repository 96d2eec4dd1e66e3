package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestACustomerHitsTheLimitPaysAndIsLetThrough(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	p.track(t, user, "").want(t, 200)
	p.track(t, user, "").want(t, 200)
	p.track(t, user, "").want(t, 402, "tier_limit_reached")
	address := p.checkout(t, user, `{"tier":"pro","successUrl":"https://shop.example/paid","cancelUrl":"https://shop.example/"}`).
		want(t, 200).text("url")
	p.track(t, user, "").want(t, 402) // a checkout that nobody has paid changes nothing
	if !strings.HasPrefix(address, p.w.stripe.URL()) {
		t.Fatalf("the checkout is at %s", address)
	}
	p.buys(t, user, "pro")
	p.track(t, user, "").want(t, 200).expect(t, "usage.count", "3", "usage.limit", "100", "usage.plan", "pro") // no event was needed
	p.usage(t, user).expect(t, "plan", "pro")
	p.api(t, "PATCH /api/customers/"+user, `{"plan":"free"}`).want(t, 409, "subscription_lives")
}

func TestAUserOfTheDevelopersOwnBecomesACustomerByCheckingOut(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.checkout(t, "eve", `{"tier":"pro"}`).want(t, 404, "not_found") // a mistyped id must not become a customer
	p.checkout(t, "eve", `{"tier":"pro"}`, "X-User-Plan: nonsense").want(t, 400, "unknown_plan")
	address := p.checkout(t, "eve", `{"tier":"pro"}`, "X-User-Plan: free").want(t, 200).text("url")
	p.w.browser(t).paid(t, address, goodCard).sees(t, "All done")
	// From now on the header is ignored.
	p.track(t, "eve", "", "X-User-Plan: max").want(t, 200).expect(t, "usage.plan", "pro")
	p.api(t, "GET /api/customers/eve", "").want(t, 200).expect(t, "customer.plan", "pro")
}

func TestACheckoutChargesTheTiersOwnPrice(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	other := p.dev.platform(t, "other")
	other.tier(t, `{"name":"cheap","limit":1,"price":100}`)
	cheap := other.dash(t, "GET /tiers", "").text("data.1.priceId")
	for _, body := range []string{
		`{"tier":"max","priceId":"` + cheap + `"}`, `{"tier":"max","price":1}`, `{"tier":"max","amount":1}`, `{"tier":"max","tier":"pro"}`,
	} {
		if got := p.checkout(t, user, body); got.status != 400 {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	p.checkout(t, user, `{"tier":"cheap"}`).want(t, 400, "unknown_plan")
	p.checkout(t, user, `{"tier":"free"}`).wantParam(t, "tier")
	p.checkout(t, user, `{}`).wantParam(t, "tier")
	p.checkout(t, user, `{"tier":"pro","interval":"year"}`).wantParam(t, "interval")
	p.buys(t, user, "max")
	got := p.w.atStripe(t, "", "GET /v1/subscriptions?status=all&expand[]=data.items", nil)
	got.expect(t, "data.0.items.data.0.price.unit_amount", "3000", "data.0.items.data.0.price.metadata.dreamapi_tier", "max",
		"data.0.metadata.dreamapi_platform", p.id, "data.0.metadata.dreamapi_customer", user, "data.0.metadata.dreamapi_tier", "max", "data.1", "<nil>")
	p.usage(t, user).expect(t, "plan", "max")
}

func TestTheYearlyPriceIsChargedWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	address := p.checkout(t, user, `{"tier":"max","interval":"year"}`).want(t, 200).text("url")
	p.w.browser(t).open(t, address).sees(t, "$300.00").paid(t, address, goodCard)
	p.usage(t, user).expect(t, "plan", "max")
	p.dash(t, "GET /customers/"+user, "").want(t, 200).expect(t, "subscription.interval", "year", "subscription.amount", "30000",
		"subscription.status", "active")
}

func TestADeclinedCardChangesNothingAndASecondTryDoes(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	address := p.checkout(t, user, `{"tier":"pro"}`).want(t, 200).text("url")
	b := p.w.browser(t)
	b.paid(t, address, "4000000000000002").sees(t, "declined")
	p.usage(t, user).expect(t, "plan", "free")
	b.paid(t, address, goodCard).sees(t, "All done")
	p.usage(t, user).expect(t, "plan", "pro")
}

func TestTwoSessionsPaidLeaveOneSubscriptionAndTheSecondIsRefunded(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	var addresses [2]string
	for i := range addresses {
		addresses[i] = p.checkout(t, user, fmt.Sprintf(`{"tier":"pro","successUrl":"%s/checkout/done?%d"}`, p.w.url("api"), i)).
			want(t, 200).text("url")
	}
	var group sync.WaitGroup
	for _, address := range addresses {
		group.Go(func() { p.w.browser(t).paid(t, address, goodCard) })
	}
	group.Wait()
	p.w.work(t)
	states := p.w.atStripeList(t, "", "/v1/subscriptions?status=all", "status")
	slices.Sort(states) // of two in one second, either may be the second
	equal(t, "states at Stripe", strings.Join(states, " "), "active canceled")
	equal(t, "refunds", strings.Join(p.w.atStripeList(t, "", "/v1/refunds", "amount"), " "), "1000")
	equal(t, "living", p.w.query(t, "SELECT count(*)::text FROM billing.subscriptions WHERE status = 'active'"), "1")
	p.usage(t, user).expect(t, "plan", "pro")
}

func TestAnUpgradeIsConfirmedAtStripeAndChargedWithProration(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	p.checkout(t, user, `{"tier":"pro"}`).want(t, 409, "conflict")
	p.w.turn(t, 15*day)
	address := p.checkout(t, user, `{"tier":"max"}`).want(t, 200).text("url")
	equal(t, "charges before it is confirmed", len(p.w.atStripeList(t, "", "/v1/charges", "id")), 1)
	b := p.w.browser(t).open(t, address).sees(t, "To max")
	p.usage(t, user).expect(t, "plan", "pro")
	b.confirms(t).sees(t, "All done")
	p.usage(t, user).expect(t, "plan", "max")
	equal(t, "charges", len(p.w.atStripeList(t, "", "/v1/charges", "id")), 2)
	equal(t, "subscriptions", len(p.w.atStripeList(t, "", "/v1/subscriptions?status=all", "id")), 1)
}

func TestADowngradeWaitsForTheEndOfThePeriod(t *testing.T) {
	t.Parallel()
	p := newShop(t, withJobs)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "max")
	address := p.checkout(t, user, `{"tier":"pro"}`).want(t, 200).text("url")
	p.w.browser(t).open(t, address).confirms(t).sees(t, "All done")
	p.usage(t, user).expect(t, "plan", "max")
	p.dash(t, "GET /customers/"+user, "").want(t, 200).expect(t, "subscription.tier", "max", "subscription.nextTier", "pro")
	equal(t, "charges", len(p.w.atStripeList(t, "", "/v1/charges", "id")), 1)
	p.w.turn(t, 32*day)
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	p.usage(t, user).expect(t, "plan", "pro")
}

func TestToTheFreeTierIsACancellationAtTheEndOfThePeriod(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	address := p.checkout(t, user, `{"tier":"free"}`).want(t, 200).text("url")
	p.w.browser(t).open(t, address).confirms(t).sees(t, "All done")
	p.usage(t, user).expect(t, "plan", "pro")
	p.w.turn(t, 32*day)
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	p.usage(t, user).expect(t, "plan", "free")
}

func TestATrialIsForThoseWhoNeverSubscribed(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.tier(t, `{"name":"try","limit":50,"price":500,"trialDays":14}`)
	user := p.customer(t, "eve@mail.example")
	address := p.checkout(t, user, `{"tier":"try"}`).want(t, 200).text("url")
	p.w.browser(t).paid(t, address, goodCard).sees(t, "All done")
	p.usage(t, user).expect(t, "plan", "try")
	p.dash(t, "GET /customers/"+user, "").expect(t, "subscription.status", "trialing")
	subscription := p.w.atStripeList(t, "", "/v1/subscriptions", "id")[0]
	p.w.atStripe(t, "", "DELETE /v1/subscriptions/"+subscription, nil).want(t, 200)
	p.w.turn(t, day)
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	p.usage(t, user).expect(t, "plan", "free")
	address = p.checkout(t, user, `{"tier":"try"}`).want(t, 200).text("url")
	p.w.browser(t).paid(t, address, goodCard)
	p.dash(t, "GET /customers/"+user, "").expect(t, "subscription.status", "active")
}

func TestThePortalShowsThePlatformsPricesAndNobodyElses(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	portal := func() answer { return p.api(t, "POST /api/customer-portal", `{}`, "X-User-Id: "+user) }
	portal().want(t, 409, "conflict")
	p.buys(t, user, "pro")
	portal().want(t, 200)
	other := p.dev.platform(t, "other")
	other.tier(t, `{"name":"foreign","limit":1,"price":100}`)
	user2 := other.customer(t, "eve@mail.example")
	other.buys(t, user2, "foreign")
	other.api(t, "POST /api/customer-portal", "", "X-User-Id: "+user2).want(t, 200)
	products := map[string]string{}
	list := p.w.atStripe(t, "", "GET /v1/billing_portal/configurations", nil)
	for i := range list.list("data") {
		at := fmt.Sprintf("data.%d.", i)
		products[list.text(at+"metadata.dreamapi_platform")] = fmt.Sprint(list.at(at + "features.subscription_update.products"))
	}
	equal(t, "configurations", len(products), 2)
	if strings.Contains(products[p.id], other.id) || !strings.Contains(products[p.id], "dreamapi_"+p.id+"_pro") {
		t.Errorf("the portal of %s shows %s", p.id, products[p.id])
	}
	// A new price is in the portal at the next visit.
	p.tier(t, `{"name":"new","limit":1,"price":200}`)
	portal().want(t, 200)
	list = p.w.atStripe(t, "", "GET /v1/billing_portal/configurations", nil)
	equal(t, "configurations", len(list.list("data")), 2)
	if !strings.Contains(list.body, "dreamapi_"+p.id+"_new") {
		t.Error("the portal does not show the new tier")
	}
}

func TestDeletingACustomerEndsTheSubscriptionAtOnceWithoutRefund(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	open := p.customer(t, "mallory@mail.example")
	address := p.checkout(t, open, `{"tier":"pro"}`).want(t, 200).text("url")
	for _, customer := range []string{user, open} {
		p.api(t, "DELETE /api/customers/"+customer, "").want(t, 200)
	}
	p.w.work(t)
	equal(t, "states at Stripe", strings.Join(p.w.atStripeList(t, "", "/v1/subscriptions?status=all", "status"), " "), "canceled")
	equal(t, "refunds", len(p.w.atStripeList(t, "", "/v1/refunds", "id")), 0)
	p.w.browser(t).open(t, address).sees(t, "expired")
	equal(t, "subscriptions", p.w.query(t, "SELECT count(*)::text FROM billing.subscriptions"), "0")
}

func TestWhoPaysAfterBeingDeletedGetsTheMoneyBack(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	address := p.checkout(t, user, `{"tier":"pro"}`).want(t, 200).text("url")
	p.api(t, "DELETE /api/customers/"+user, "").want(t, 200)
	p.w.browser(t).paid(t, address, goodCard) // before the job has expired the session
	p.w.work(t)
	equal(t, "states at Stripe", strings.Join(p.w.atStripeList(t, "", "/v1/subscriptions?status=all", "status"), " "), "canceled")
	equal(t, "refunds", strings.Join(p.w.atStripeList(t, "", "/v1/refunds", "amount"), " "), "1000")
}

func TestAPagesCheckoutLeadsBackToAllowedOriginsOnly(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.dash(t, "PATCH ", `{"allowedOrigins":["https://app.example"]}`).want(t, 200)
	user := p.customer(t, "eve@mail.example")
	token := p.w.userToken(t, user)
	ask := func(body string) answer { return p.w.api(t, "POST /api/create-checkout", token, body) }
	ask(`{"tier":"pro","successUrl":"https://evil.example/"}`).wantParam(t, "successUrl")
	ask(`{"tier":"pro","cancelUrl":"https://app.example.evil.example/"}`).wantParam(t, "cancelUrl")
	ask(`{"tier":"pro","successUrl":"javascript:alert(1)"}`).wantParam(t, "successUrl")
	ask(`{"tier":"pro","successUrl":"https://app.example/paid"}`).want(t, 200)
	p.w.api(t, "POST /api/customer-portal", token, `{"returnUrl":"https://evil.example/"}`).wantParam(t, "returnUrl")
	p.checkout(t, user, `{"tier":"pro","successUrl":"https://anywhere.example/"}`).want(t, 200) // the backend's word
	p.checkout(t, user, `{"tier":"pro","successUrl":"http://plain.example/"}`).wantParam(t, "successUrl")
	p.w.api(t, "GET /checkout/return?session_id=cs_nonsense", "", "").want(t, 404)
}

// The platform's settings say where a checkout leads that does not say it itself: never to a place that is not allowed, whatever changes.
func TestACheckoutThatSaysNothingLeadsWhereTheSettingsSay(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	token := p.w.userToken(t, user)
	leads := func(ask func() answer, success, cancel string) {
		t.Helper()
		p.w.db.Exec(t, "DELETE FROM billing.checkouts")
		ask().want(t, 200)
		equal(t, "where it leads", p.w.query(t, "SELECT success_url || ' ' || cancel_url FROM billing.checkouts"), success+" "+cancel)
	}
	page := func() answer { return p.w.api(t, "POST /api/create-checkout", token, `{"tier":"pro"}`) }
	backend := func() answer { return p.checkout(t, user, `{"tier":"pro"}`) }
	done, canceled := p.w.url("api")+"/checkout/done", p.w.url("api")+"/checkout/canceled"
	leads(backend, done, canceled)

	p.dash(t, "PATCH ", `{"checkoutSuccessUrl":"https://app.example/paid"}`).wantParam(t, "checkoutSuccessUrl") // at no allowed origin
	p.dash(t, "PATCH ", `{"allowedOrigins":["https://app.example","https://two.example"],"checkoutSuccessUrl":"https://APP.example/paid?a=b"}`).want(t, 200).
		expect(t, "settings.checkoutSuccessUrl", "https://APP.example/paid?a=b", "settings.checkoutCancelUrl", "<nil>")
	leads(page, "https://APP.example/paid?a=b", canceled)
	leads(backend, "https://APP.example/paid?a=b", canceled)
	p.dash(t, "PATCH ", `{"checkoutCancelUrl":"https://two.example/"}`).want(t, 200)
	leads(page, "https://APP.example/paid?a=b", "https://two.example/")
	leads(func() answer { return p.checkout(t, user, `{"tier":"pro","cancelUrl":"https://three.example/"}`) }, "https://APP.example/paid?a=b", "https://three.example/")
	for _, foreign := range []string{
		"https://evil.example/", "https://app.example.evil.example/", "https://app.example@evil.example/", "https://eve@app.example/", "http://app.example/",
		"javascript:alert(1)", "//app.example/", "/paid", "", "https://app.example:444/", "https://app.example/" + strings.Repeat("a", 2000), "http://192.0.2.1/",
	} {
		for _, field := range []string{"checkoutSuccessUrl", "checkoutCancelUrl"} {
			p.dash(t, "PATCH ", fmt.Sprintf(`{%q:%q}`, field, foreign)).wantParam(t, field)
		}
	}
	p.dash(t, "PATCH ", `{"checkoutCancelUrl":"http://localhost:3000/"}`).want(t, 200) // a test platform may try it at home

	// An origin at which one of them is stays, and whoever takes both away is led to our pages again.
	p.dash(t, "PATCH ", `{"allowedOrigins":["https://two.example"]}`).wantParam(t, "checkoutSuccessUrl")
	p.dash(t, "PATCH ", `{"allowedOrigins":[]}`).wantParam(t, "checkoutSuccessUrl")
	p.dash(t, "GET ", "").expect(t, "settings.allowedOrigins", "[https://app.example https://two.example]")
	leads(page, "https://APP.example/paid?a=b", "http://localhost:3000/")
	p.dash(t, "PATCH ", `{"allowedOrigins":[],"checkoutSuccessUrl":null}`).want(t, 200).expect(t, "settings.checkoutSuccessUrl", "<nil>")
	leads(page, done, "http://localhost:3000/")

	// The page does the same, with the fault beside the field; the browser that has paid arrives.
	b := p.w.browser(t).signIn(t, p.dev)
	at := "/platforms/" + p.id + "/settings"
	form := url.Values{"back": {at}, "form": {"settings"}, "name": {"shop"}, "currency": {"usd"}, "rateLimit": {"unlimited"},
		"allowedOrigins": {"https://app.example"}, "checkoutSuccessUrl": {"https://evil.example/"}, "checkoutCancelUrl": {""}}
	b.submit(t, p.w.url("dashboard")+at, form).sees(t, `href="#settings-checkoutSuccessUrl"`).sees(t, `value="https://evil.example/"`).
		sees(t, `id="settings-checkoutSuccessUrl-fault">The address after a checkout is at https://evil.example, which is not among the allowed origins.`)
	form.Set("checkoutSuccessUrl", "https://app.example/welcome")
	b.submit(t, p.w.url("dashboard")+at, form).sees(t, "Saved").sees(t, `value="https://app.example/welcome"`)
	leads(page, "https://app.example/welcome", canceled)
	p.w.db.Exec(t, "DELETE FROM billing.checkouts")
	address := page().want(t, 200).text("url")
	equal(t, "where one arrives who has paid", p.w.browser(t).stopsAt("/welcome").paid(t, address, goodCard).stopped, "https://app.example/welcome")
	p.usage(t, user).expect(t, "plan", "pro")

	// A live platform's customers are not led to anybody's own machine.
	live := p.live(t)
	live.dash(t, "PATCH ", `{"checkoutSuccessUrl":"http://localhost:3000/"}`).wantParam(t, "checkoutSuccessUrl")
}

func TestABankDebitCountsWhenStripeSaysThatTheSubscriptionDoes(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	address := p.checkout(t, user, `{"tier":"pro"}`).want(t, 200).text("url")
	p.w.browser(t).submit(t, address, url.Values{"kind": {"bank"}, "name": {"Eve"}, "email": {"eve@mail.example"}})
	status := p.w.atStripeList(t, "", "/v1/subscriptions?status=all", "status")
	if len(status) == 0 { // the sandbox's checkout was made for cards alone
		t.Fatal("no subscription came of a bank debit")
	}
	want := map[string]string{"active": "pro", "incomplete": "free"}[status[0]]
	p.usage(t, user).expect(t, "plan", want)
}
