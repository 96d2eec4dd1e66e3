package main

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What goes wrong between two systems, each case as it was once found.

func (w *world) states(t testing.TB, as string) string {
	t.Helper()
	states := w.atStripeList(t, as, "/v1/subscriptions?status=all", "status")
	slices.Sort(states)
	return strings.Join(states, " ")
}

func (w *world) refunds(t testing.TB, as string) string {
	t.Helper()
	return strings.Join(w.atStripeList(t, as, "/v1/refunds", "amount"), " ")
}

// reconciles turns the clock, and does what the background does by then.
func (w *world) reconciles(t testing.TB, seconds int) {
	t.Helper()
	w.turn(t, seconds)
	must(t, w.app.modules.Billing.Reconcile(t.Context()))
	w.work(t)
}

func TestAPlanPaidTwiceIsPaidBackEvenIfStripeFailsAtFirst(t *testing.T) {
	t.Parallel()
	w := boot(t)
	d := w.developer(t, "ada@dev.example")
	var addresses []string
	for range 2 {
		addresses = append(addresses, d.dash(t, "POST /api/plan/checkout", "").want(t, 200).text("url"))
	}
	for _, address := range addresses {
		w.browser(t).paid(t, address, goodCard)
	}
	w.control(t, "POST /faults", `{"times":1,"method":"POST","path":"/v1/refunds","status":500}`)
	must(t, w.app.modules.Desk.PlanReturn(t.Context(), d.asPlatform(t)))
	d.dash(t, "GET /api/plan", "").expect(t, "plan.status", "active") // the plan counts before the second has ended
	w.work(t)
	equal(t, "refunds", w.refunds(t, "own"), "1500")
	equal(t, "states", w.states(t, "own"), "active canceled")
}

func TestOtherBusinessOfADeveloperWithUsIsNotThePlan(t *testing.T) {
	t.Parallel()
	w := boot(t)
	d := w.developer(t, "ada@dev.example")
	d.pays(t)
	customer := w.atStripeList(t, "own", "/v1/customers", "id")[0]
	product := w.atStripe(t, "own", "POST /v1/products", url.Values{"name": {"Support"}}).want(t, 200).text("id")
	price := w.atStripe(t, "own", "POST /v1/prices", url.Values{
		"product": {product}, "unit_amount": {"100"}, "currency": {"usd"}, "recurring[interval]": {"month"},
	}).want(t, 200).text("id")
	card := w.atStripe(t, "own", "GET /v1/customers/"+customer+"/payment_methods", nil).text("data.0.id")
	w.atStripe(t, "own", "POST /v1/subscriptions", url.Values{
		"customer": {customer}, "items[0][price]": {price}, "default_payment_method": {card},
	}).want(t, 200)
	must(t, w.app.modules.Desk.PlanReturn(t.Context(), d.asPlatform(t)))
	w.work(t)
	equal(t, "states", w.states(t, "own"), "active active")
	equal(t, "refunds", w.refunds(t, "own"), "")
}

func TestADeveloperWhoWasDeletedDoesNotPayOn(t *testing.T) {
	t.Parallel()
	w := boot(t, withJobs)
	w.clerk.SetWebhookURL(developersApp, w.url("dashboard")+"/webhook/clerk")
	d := w.developer(t, "ada@dev.example")
	address := d.dash(t, "POST /api/plan/checkout", "").want(t, 200).text("url")
	w.browser(t).stopsAt("/plan/return").paid(t, address, goodCard) // and the event is late
	w.atClerk(t, developersApp, "DELETE /v1/users/"+d.user, "").want(t, 200)
	await(t, "the end at Stripe", func() bool { return w.states(t, "own") == "canceled" })
	equal(t, "refunds", w.refunds(t, "own"), "")
}

func TestWhoIsNoMoreAtStripeIsMadeAnew(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	for _, as := range []string{"", "own"} {
		if as == "own" {
			p.dev.pays(t)
		}
		customer := p.w.atStripeList(t, as, "/v1/customers", "id")[0]
		p.w.atStripe(t, as, "DELETE /v1/customers/"+customer, nil).want(t, 200)
	}
	p.w.reconciles(t, day)
	p.usage(t, user).expect(t, "plan", "free")
	p.api(t, "POST /api/customer-portal", "", "X-User-Id: "+user).want(t, 409, "conflict")
	p.buys(t, user, "pro")
	p.usage(t, user).expect(t, "plan", "pro")
	p.dev.dash(t, "GET /api/plan", "").expect(t, "plan.status", "canceled", "plan.paid", "true") // in grace
	p.dev.pays(t)
}

func TestDisconnectingWaitsForWhatIsStillToBeEnded(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	paying, choosing := p.customer(t, "eve@mail.example"), p.customer(t, "mallory@mail.example")
	p.buys(t, paying, "pro")
	address := p.checkout(t, choosing, `{"tier":"pro"}`).want(t, 200).text("url")
	p.api(t, "DELETE /api/customers/"+paying, "").want(t, 200)
	p.dash(t, "POST /disconnect", "").want(t, 409, "conflict")
	p.w.work(t)
	p.dash(t, "POST /disconnect", "").want(t, 200)
	equal(t, "states", p.w.states(t, account), "canceled")
	p.w.browser(t).open(t, address).sees(t, "expired")
	p.w.work(t)
	p.w.atStripe(t, account, "GET /v1/customers", nil).want(t, 403) // our access has ended too
}

func TestAnotherAccountTakesThePlaceOfOneThatIsLetGo(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	b := p.w.browser(t).signIn(t, p.dev)
	other := p.w.account(t, "Other Shop")
	p.connects(t, b, other)
	p.dash(t, "GET ", "").expect(t, "stripe.connection.account", other, "stripe.lacks", "")
	p.w.work(t)
	p.w.atStripe(t, account, "GET /v1/customers", nil).want(t, 403)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro") // the price list is there too
	equal(t, "states", p.w.states(t, other), "active")
}

func TestAnAccountIsLetGoWhenTheWayBackFails(t *testing.T) {
	t.Parallel()
	test := newShop(t)
	p := test.live(t)
	b := p.w.browser(t).signIn(t, p.dev)
	account := p.w.account(t, "Ada Shop")
	address, err := p.w.app.modules.Desk.BeginConnect(t.Context(), p.asLive(), p.w.sessionOf(t, p.dev))
	must(t, err)
	b.stopsAt("/callback").agrees(t, address, account)
	p.w.control(t, "POST /faults", `{"times":10,"path":"/v1/accounts","status":500}`)
	b.client.CheckRedirect = noRedirect
	req, err := url.Parse(b.stopped)
	must(t, err)
	got := p.w.send(t, req.Host, "GET "+req.RequestURI(), "", "", cookieHeader(b, req))
	if got.status != 503 {
		t.Fatalf("the callback answers %d", got.status)
	}
	p.w.control(t, "DELETE /faults", "")
	p.w.reconciles(t, 60*60)
	p.w.atStripe(t, account, "GET /v1/customers", nil).want(t, 403)
}

func TestWhichOfTwoSubscriptionsStaysFollowsFromWhatIsTrueNow(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	var addresses [2]string
	for i := range addresses {
		addresses[i] = p.checkout(t, user, fmt.Sprintf(`{"tier":"pro","successUrl":"%s/checkout/done?%d"}`, p.w.url("api"), i)).
			want(t, 200).text("url")
	}
	p.w.browser(t).paid(t, addresses[0], goodCard)
	first := p.w.atStripeList(t, "", "/v1/subscriptions", "id")[0]
	p.w.atStripe(t, "", "DELETE /v1/subscriptions/"+first, nil).want(t, 200) // and the event is late
	p.w.turn(t, 60)
	p.w.browser(t).paid(t, addresses[1], goodCard)
	p.w.work(t)
	equal(t, "states", p.w.states(t, ""), "active canceled")
	p.w.reconciles(t, day)
	p.usage(t, user).expect(t, "plan", "pro")
}

func TestACustomerMadeAgainUnderAnOldIdHasNothingOfTheOldOne(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.external(t, "eve", "free")
	p.buys(t, "eve", "max")
	old := p.w.atStripeList(t, "", "/v1/subscriptions", "id")[0]
	customer := p.w.atStripeList(t, "", "/v1/subscriptions", "customer")[0]
	p.api(t, "DELETE /api/customers/eve", "").want(t, 200) // its end at Stripe is still to come
	p.external(t, "eve", "free")
	address := p.checkout(t, "eve", `{"tier":"pro"}`).want(t, 200).text("url")
	p.w.stripeEvent(t, "api", sandboxStripePreview, time.Now(), eventBody("evt_1", "customer.subscription.updated", "", false,
		fmt.Sprintf(`{"id":%q,"object":"subscription","customer":%q}`, old, customer))).want(t, 200)
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	p.usage(t, "eve").expect(t, "plan", "free")
	p.w.browser(t).paid(t, address, goodCard)
	p.w.work(t)
	p.usage(t, "eve").expect(t, "plan", "pro")
	equal(t, "states", p.w.states(t, ""), "active canceled")
	equal(t, "refunds", p.w.refunds(t, ""), "")
}

func TestADebitThatSettlesLaterIsPaidBackThen(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	var addresses [2]string
	for i := range addresses {
		addresses[i] = p.checkout(t, user, fmt.Sprintf(`{"tier":"pro","successUrl":"%s/checkout/done?%d"}`, p.w.url("api"), i)).
			want(t, 200).text("url")
	}
	p.w.browser(t).paid(t, addresses[0], goodCard)
	p.w.turn(t, 60)
	p.w.browser(t).submit(t, addresses[1], url.Values{"kind": {"bank"}, "name": {"Eve"}, "email": {"eve@mail.example"}})
	p.w.work(t)
	equal(t, "states", p.w.states(t, ""), "active canceled")
	for range 4 {
		p.w.reconciles(t, day)
	}
	settled := len(slices.DeleteFunc(p.w.atStripeList(t, "", "/v1/charges", "status"), func(s string) bool { return s != "succeeded" }))
	equal(t, "paid back of two payments", p.w.refunds(t, ""), map[int]string{1: "", 2: "1000"}[settled])
	equal(t, "undone", p.w.query(t, "SELECT count(*)::text FROM billing.endings WHERE done_at IS NULL"), "0")
}

func TestALostEventAboutAnAccountIsMadeUpFor(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	user := p.customer(t, "eve@mail.example")
	p.w.control(t, "POST /accounts/"+account+"/update", `{"chargesEnabled":false}`)
	p.w.reconciles(t, day)
	p.checkout(t, user, `{"tier":"pro"}`).want(t, 409, "not_connected")
	p.w.control(t, "POST /accounts/"+account+"/update", `{"chargesEnabled":true}`)
	p.w.reconciles(t, day)
	p.checkout(t, user, `{"tier":"pro"}`).want(t, 200)
	p.w.control(t, "POST /accounts/"+account+"/deauthorize", "{}")
	p.w.turn(t, day)
	var beside sync.WaitGroup // a change that many see at once is recorded once
	for range 12 {
		beside.Go(func() {
			if err := p.w.app.modules.Billing.Reconcile(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	beside.Wait()
	p.w.work(t)
	p.dash(t, "GET ", "").expect(t, "stripe.connection.endReason", "deauthorized")
	equal(t, "repairs", len(p.dash(t, "GET /repairs", "").list("data")), 3)
	p.w.reconciles(t, 3*day)
	equal(t, "open checkouts on it", p.w.query(t, "SELECT count(*)::text FROM billing.checkouts WHERE status = 'open'"), "0")
}

func TestTheSameOrderIsOneSessionAndOneUserHasNotManyOpen(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	first := p.checkout(t, user, `{"tier":"pro"}`).want(t, 200).text("url")
	for range 5 {
		equal(t, "the page", p.checkout(t, user, `{"tier":"pro"}`).want(t, 200).text("url"), first)
	}
	for n := range 19 {
		p.checkout(t, user, fmt.Sprintf(`{"tier":"pro","successUrl":"https://shop.example/%d"}`, n)).want(t, 200)
	}
	p.checkout(t, user, `{"tier":"max"}`).want(t, 429, "rate_limited")
	p.checkout(t, user, `{"tier":"pro"}`).want(t, 200)
	p.w.atStripe(t, "", "POST /v1/checkout/sessions/"+p.w.atStripeList(t, "", "/v1/checkout/sessions?limit=100", "id")[19]+"/expire", nil)
	if again := p.checkout(t, user, `{"tier":"pro"}`).want(t, 200).text("url"); again == first {
		t.Error("the page of an expired session is given out")
	}
}

func TestATrialIsNotHadTwiceByBeingMadeAgain(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.tier(t, `{"name":"try","limit":50,"price":500,"trialDays":14}`)
	for _, status := range []string{"trialing", "active"} {
		address := p.checkout(t, "eve", `{"tier":"try"}`, "X-User-Plan: free").want(t, 200).text("url")
		p.w.browser(t).paid(t, address, goodCard)
		p.dash(t, "GET /customers/eve", "").expect(t, "subscription.status", status)
		p.api(t, "DELETE /api/customers/eve", "").want(t, 200)
		p.w.work(t)
	}
}

func TestThePortalHasThePriceThatIsAskedForHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	for n := range 10 {
		p.tier(t, fmt.Sprintf(`{"name":"t%d","limit":100,"price":%d}`, n, 4000+n))
	}
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	address := p.checkout(t, user, `{"tier":"t9"}`).want(t, 200).text("url")
	p.w.browser(t).open(t, address).confirms(t).sees(t, "All done")
	p.usage(t, user).expect(t, "plan", "t9")
	for range 2 { // to the free tier, and again while that waits
		address = p.checkout(t, user, `{"tier":"free"}`).want(t, 200).text("url")
		b := p.w.browser(t).open(t, address)
		if strings.Contains(b.page, "Cancel your plan") {
			b.confirms(t)
		}
	}
}

func TestWhatAPageShowsOnceIsForItsSessionAlone(t *testing.T) {
	t.Parallel()
	w := boot(t)
	ada, mallory := w.developer(t, "ada@dev.example"), w.developer(t, "mallory@dev.example")
	b := w.browser(t)
	b.client.CheckRedirect = noRedirect
	b.signIn(t, ada) // the first sign-in has a key to show
	var flash string
	for _, c := range b.cookies(t) {
		if strings.Contains(c.Name, "flash") {
			flash = c.Name + "=" + c.Value
		}
	}
	if flash == "" {
		t.Fatal("there is nothing to show")
	}
	other := w.browser(t).signIn(t, mallory)
	session := ""
	for _, c := range other.cookies(t) {
		if strings.Contains(c.Name, "session") {
			session = c.Name + "=" + c.Value
		}
	}
	other.open(t, w.url("dashboard")+"/dashboard")
	got := w.send(t, w.host("dashboard"), "GET "+other.at.Path, "", "", "Accept: text/html", "Cookie: "+session+"; "+flash).want(t, 200)
	if strings.Contains(got.body, "sk_test_") && !strings.Contains(got.body, "sk_test_…") {
		t.Error("another session is shown the key")
	}
	b.client.CheckRedirect = nil
	b.open(t, w.url("dashboard")+"/dashboard").sees(t, "sk_test_")
}

func TestASignInBearsAnyUserAgent(t *testing.T) {
	t.Parallel()
	w := boot(t)
	d := w.developer(t, "ada@dev.example")
	for _, agent := range []string{strings.Repeat("a", 299) + "é", "x\xff"} {
		got := w.send(t, w.host("dashboard"), "POST /session", "", "token="+d.session(t),
			"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin", "User-Agent: "+agent)
		equal(t, "status", got.status, 303)
	}
}

// cookieHeader is what a browser sends to an address.
func cookieHeader(b *browser, to *url.URL) string {
	var pairs []string
	for _, c := range b.client.Jar.Cookies(to) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return "Cookie: " + strings.Join(pairs, "; ")
}

func TestAnIdThatIsGivenAgainComesWithoutTheInvoicesOfTheOtherPerson(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.external(t, "erin", "free")
	p.buys(t, "erin", "pro")
	p.api(t, "DELETE /api/customers/erin", "").want(t, 200)
	p.w.work(t)
	p.external(t, "erin", "free")
	p.api(t, "POST /api/customer-portal", "", "X-User-Id: erin").want(t, 409, "conflict")
	p.buys(t, "erin", "pro")
	equal(t, "customers at Stripe", len(p.w.atStripeList(t, "", "/v1/customers", "id")), 2)
	p.usage(t, "erin").expect(t, "plan", "pro")
}

func TestAFormThatIsOlderThanTheTierChangesNothing(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	b := p.w.browser(t).signIn(t, p.dev)
	page := p.w.url("dashboard") + "/platforms/" + p.id + "/tiers/pro"
	version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(b.open(t, page).page)[1]
	form := func(price, limit string) url.Values {
		return url.Values{"version": {version}, "back": {"/platforms/" + p.id + "/tiers/pro"}, "displayName": {"Pro"}, "monthly": {price},
			"meter.0": {"requests"}, "max.0": {limit}, "period.0": {"month"}, "rateLimit": {"100"}}
	}
	b.submit(t, page, form("15.00", "100"))
	p.dash(t, "GET /tiers", "").expect(t, "data.1.price", "1500")
	b.submit(t, page, form("10.00", "200")).sees(t, "changed meanwhile") // another tab, from before
	p.dash(t, "GET /tiers", "").expect(t, "data.1.price", "1500", "data.1.limit", "100")
}

// Stripe tells whole seconds, so two subscriptions may have begun at once as far as it says: the one that the customer has been
// using stays.
func TestOfTwoSubscriptionsOfOneSecondTheKnownOneStays(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	for i := range 6 { // their ids are drawn, and must not decide
		user := fmt.Sprint("user-", i)
		p.external(t, user, "free")
		abandoned := p.checkout(t, user, `{"tier":"max"}`).want(t, 200).text("url")
		p.buys(t, user, "pro")
		p.w.browser(t).stopsAt("/checkout/return").paid(t, abandoned, goodCard)
		second := p.w.atStripeList(t, "", "/v1/subscriptions", "id")[0]
		began := p.w.atStripe(t, "", "GET /v1/subscriptions/"+second, nil).want(t, 200)
		p.w.db.Exec(t, "UPDATE billing.subscriptions SET created_at = to_timestamp($1) WHERE customer_id = $2", number(t, began, "created"), user)
	}
	p.w.reconciles(t, 3600)
	equal(t, "ended", strings.Count(p.w.query(t, "SELECT string_agg(done_at::text, '|') FROM billing.endings"), "|"), 5)
	for i := range 6 {
		p.usage(t, fmt.Sprint("user-", i)).expect(t, "plan", "pro")
	}
}
