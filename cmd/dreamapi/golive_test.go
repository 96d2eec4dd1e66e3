package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestALiveKeyNeedsAPlanAConnectedAccountAndTiers(t *testing.T) {
	t.Parallel()
	test := newShop(t)
	live := test.live(t)
	key := func() answer { return live.dash(t, "POST /keys", `{"kind":"secret","name":"backend"}`) }
	standing := func(lacks string) {
		t.Helper()
		live.dash(t, "GET ", "").want(t, 200).expect(t, "stripe.lacks", lacks)
	}
	standing("plan")
	key().want(t, 402, "plan_required")
	live.dash(t, "POST /keys", `{"kind":"publishable","name":"app"}`).want(t, 402, "plan_required")
	test.dev.pays(t)
	standing("connection")
	key().want(t, 409, "not_connected")
	b := live.w.browser(t).signIn(t, live.dev)
	account := live.w.account(t, "Ada Shop")
	live.connects(t, b, account)
	live.dash(t, "GET ", "").want(t, 200).expect(t, "stripe.lacks", "", "stripe.connection.account", account,
		"stripe.connection.chargesEnabled", "true", "stripe.connection.name", "Ada Shop")
	live.dash(t, "PATCH /tiers/free", `{"archived":true}`).want(t, 200)
	standing("tiers")
	key().want(t, 409, "conflict")
	live.dash(t, "POST /tiers/copy", fmt.Sprintf(`{"from":%q}`, test.id)).want(t, 200)
	standing("")
	secret := key().want(t, 201).text("secret")
	public := live.dash(t, "POST /keys", `{"kind":"publishable","name":"app"}`).want(t, 201).text("key.value")
	if !strings.HasPrefix(secret, "sk_live_") || !strings.HasPrefix(public, "pk_live_") {
		t.Errorf("a live platform has the keys %.8s… and %.8s…", secret, public)
	}
	live.w.api(t, "GET /api/tiers", secret, "").want(t, 200).expect(t, "tiers.1.name", "pro", "tiers.1.price", "1000")
}

func TestALivePlatformsCustomersPayTheDevelopersOwnAccount(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	p.usage(t, user).expect(t, "plan", "pro")
	equal(t, "on the account", strings.Join(p.w.atStripeList(t, account, "/v1/subscriptions", "status"), " "), "active")
	equal(t, "on ours, in test mode", len(p.w.atStripeList(t, "", "/v1/subscriptions", "id")), 0)
	p.dash(t, "POST /disconnect", "").want(t, 409, "subscription_lives")
}

func TestWhenThePlanHasEndedAndItsGraceIsOverLiveKeysAreSuspended(t *testing.T) {
	t.Parallel()
	p, _ := opened(t)
	user := p.customer(t, "eve@mail.example")
	token := p.w.userToken(t, user)
	plan := p.w.atStripeList(t, "own", "/v1/subscriptions", "id")[0]
	p.w.atStripe(t, "own", "DELETE /v1/subscriptions/"+plan, nil).want(t, 200)
	p.w.turn(t, day)
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	p.dev.dash(t, "GET /api/plan", "").expect(t, "plan.status", "canceled", "plan.paid", "true")
	p.track(t, user, "").want(t, 200) // in grace
	p.w.turn(t, 8*day)
	p.track(t, user, "").want(t, 403, "platform_suspended")
	p.w.api(t, "GET /api/usage", token, "").want(t, 403, "platform_suspended")
	p.w.api(t, "GET /api/tiers", p.pk, "").want(t, 403, "platform_suspended")
	p.dash(t, "POST /keys", `{"kind":"secret","name":"another"}`).want(t, 402, "plan_required")
	p.dev.pays(t)
	p.track(t, user, "").want(t, 200)
	p.api(t, "GET /api/customers/"+user, "").want(t, 200) // nothing was lost
}

func TestALinkThatSomebodyPlantedConnectsNothing(t *testing.T) {
	t.Parallel()
	w := boot(t)
	ada, mallory := w.developer(t, "ada@dev.example"), w.developer(t, "mallory@dev.example")
	evil := mallory.platform(t, "evil").live(t)
	account := w.account(t, "Ada Shop")
	attacker := w.browser(t).signIn(t, mallory)
	begin := func() string { // in Mallory's session
		t.Helper()
		address, err := w.app.modules.Desk.BeginConnect(t.Context(), evil.asLive(), w.sessionOf(t, mallory))
		must(t, err)
		return address
	}
	none := func(what string) {
		t.Helper()
		if got := w.query(t, "SELECT count(*)::text FROM tenant.connections"); got != "0" {
			t.Fatalf("%s: %s connections", what, got)
		}
	}
	// Ada follows Mallory's link, and agrees.
	victim := w.browser(t).signIn(t, ada)
	w.control(t, "POST /faults", `{"times":1,"method":"POST","path":"/oauth/deauthorize","status":500}`)
	victim.agrees(t, begin(), account).sees(t, "another session")
	none("the victim agreed")
	w.work(t)
	w.atStripe(t, account, "GET /v1/customers", nil).want(t, 403) // and the account was let go again
	// Ada closes the browser before that; nobody but her browser has the receipt, and it is of no use in another session.
	victim = w.browser(t).stopsAt("/connect/finish")
	victim.agrees(t, begin(), account)
	none("nobody finished it")
	w.browser(t).signIn(t, ada).open(t, victim.stopped).sees(t, "another session")
	none("another session had the receipt")
	attacker.open(t, victim.stopped).sees(t, "used before")
	none("the receipt was spent")
	// A state without its cookie.
	other := w.browser(t).stopsAt("/callback")
	other.agrees(t, begin(), account)
	w.browser(t).open(t, other.stopped).sees(t, "does not belong to this browser")
	none("the state went to another browser")
	// A ticket works once.
	ticket := begin()
	once := w.browser(t)
	once.open(t, ticket)
	w.browser(t).open(t, ticket).sees(t, "works once")
	none("the ticket was used twice")
	// In the session that began, it connects.
	attacker.agrees(t, begin(), w.account(t, "Mallory Shop"))
	equal(t, "connections", w.query(t, "SELECT count(*)::text FROM tenant.connections"), "1")
}

func TestAnAccountServesSeveralProjectsOfOneDeveloperAndNobodyElses(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	second := p.dev.platform(t, "second").live(t)
	b := p.w.browser(t).signIn(t, p.dev)
	second.connects(t, b, account)
	second.dash(t, "GET ", "").expect(t, "stripe.connection.account", account)
	mallory := p.w.developer(t, "mallory@dev.example")
	third := mallory.platform(t, "third").live(t)
	other := p.w.browser(t).signIn(t, mallory)
	third.connects(t, other, account)
	third.dash(t, "GET ", "").want(t, 200).expect(t, "stripe.connection", "<nil>")
	// Ada's access is not lost by that.
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	// The second project lets it go; the first still needs it.
	second.dash(t, "POST /disconnect", "").want(t, 200)
	p.w.atStripe(t, account, "GET /v1/customers", nil).want(t, 200)
}

func TestDeauthorizedIsForGoodAndDropsWhatWaits(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	subscription := p.w.atStripeList(t, account, "/v1/subscriptions", "id")[0]
	customer := p.w.atStripeList(t, account, "/v1/subscriptions", "customer")[0]
	lie := eventBody("evt_0", "account.application.deauthorized", account, true, `{"id":"ca_sandbox","object":"application"}`)
	p.w.stripeEvent(t, "api", sandboxStripeConnect, time.Now(), lie).want(t, 200)
	p.w.work(t)
	p.dash(t, "GET ", "").expect(t, "stripe.connection.endedAt", "<nil>") // Stripe still lets us act
	p.w.control(t, "POST /accounts/"+account+"/deauthorize", "{}")
	p.w.stripeEvent(t, "api", sandboxStripeConnect, time.Now(), strings.Replace(lie, "evt_0", "evt_1", 1)).want(t, 200)
	p.w.stripeEvent(t, "api", sandboxStripeConnect, time.Now(), eventBody("evt_2", "customer.subscription.updated", account, true,
		fmt.Sprintf(`{"id":%q,"object":"subscription","customer":%q}`, subscription, customer))).want(t, 200)
	p.w.work(t)
	p.dash(t, "GET ", "").expect(t, "stripe.connection.endReason", "deauthorized", "stripe.lacks", "connection")
	equal(t, "left", p.w.query(t, "SELECT count(*)::text FROM billing.events WHERE processed_at IS NULL"), "0")
	other := p.customer(t, "mallory@mail.example")
	p.checkout(t, other, `{"tier":"pro"}`).want(t, 409, "not_connected")
	// Another account is refused while subscriptions live on the first.
	b := p.w.browser(t).signIn(t, p.dev)
	p.connects(t, b, p.w.account(t, "Other Shop"))
	p.dash(t, "GET ", "").expect(t, "stripe.connection.account", account, "stripe.connection.endReason", "deauthorized")
	p.connects(t, b, account)
	p.dash(t, "GET ", "").expect(t, "stripe.connection.account", account, "stripe.connection.endReason", "<nil>")
}

func TestWhoSubscribedBeforeAPriceChangeKeepsTheirsUnlessAsked(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	old := p.customer(t, "eve@mail.example")
	p.buys(t, old, "pro")
	was := p.dash(t, "GET /tiers", "").text("data.1.priceId")
	p.dash(t, "PATCH /tiers/pro", `{"price":1500}`).want(t, 200).expect(t, "tier.price", "1500", "tier.published", "true")
	is := p.dash(t, "GET /tiers", "").text("data.1.priceId")
	if was == is {
		t.Fatal("a changed price is the same at Stripe")
	}
	p.w.atStripe(t, "", "GET /v1/prices/"+was, nil).want(t, 200).expect(t, "active", "false")
	fresh := p.customer(t, "mallory@mail.example")
	p.buys(t, fresh, "pro")
	p.usage(t, old).expect(t, "plan", "pro")
	p.dash(t, "GET /customers/"+old, "").expect(t, "subscription.amount", "1000")
	p.dash(t, "GET /customers/"+fresh, "").expect(t, "subscription.amount", "1500")
	p.dash(t, "POST /tiers/pro/move-subscribers", "").want(t, 202).expect(t, "subscribers", "1")
	p.w.work(t)
	p.dash(t, "GET /customers/"+old, "").expect(t, "subscription.amount", "1500")
	equal(t, "charges", len(p.w.atStripeList(t, "", "/v1/charges", "id")), 2) // nothing was charged by that
	p.dash(t, "POST /tiers/none/move-subscribers", "").want(t, 404)
}

func TestAFreeTierIsAProductOfNothingAtStripe(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	free := p.dash(t, "GET /tiers", "").want(t, 200).expect(t, "data.0.name", "free", "data.0.published", "true").text("data.0.priceId")
	p.w.atStripe(t, "", "GET /v1/prices/"+free, nil).want(t, 200).expect(t, "unit_amount", "0", "recurring.interval", "month",
		"metadata.dreamapi_tier", "free", "metadata.dreamapi_platform", p.id)
}

func TestTiersCanBeOrderedAndCopied(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.dash(t, "POST /tiers/order", `{"names":["max","free","pro"]}`).want(t, 200).expect(t, "data.0.name", "max", "data.2.name", "pro")
	p.w.api(t, "GET /api/tiers", p.pk, "").expect(t, "tiers.0.name", "max")
	p.dash(t, "POST /tiers/order", `{"names":["max","free"]}`).wantParam(t, "names")
	p.dash(t, "POST /tiers/order", `{"names":["max","free","free"]}`).wantParam(t, "names")
	other := p.dev.platform(t, "other")
	other.dash(t, "POST /tiers/copy", fmt.Sprintf(`{"from":%q}`, p.id)).want(t, 200).expect(t, "data.0.name", "max", "data.0.price", "3000",
		"data.0.prices.1.price", "30000", "data.1.name", "free", "data.1.limit", "2", "data.2.limit", "100")
	p.dash(t, "PATCH /tiers/max", `{"prices":{"year":null},"limit":7}`).want(t, 200).expect(t, "tier.prices.1", "<nil>")
	other.dash(t, "POST /tiers/copy", fmt.Sprintf(`{"from":%q}`, p.id)).want(t, 200).expect(t, "data.0.limit", "7", "data.0.prices.1", "<nil>")
	stranger := p.w.developer(t, "mallory@dev.example").platform(t, "hers")
	stranger.dash(t, "POST /tiers/copy", fmt.Sprintf(`{"from":%q}`, p.id)).want(t, 404, "not_found")
}

func TestADeveloperWhoDoesNotPayHasFiveChangesAMonth(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withConfig(func(c *config) { c.DeveloperFreeCalls, c.DeveloperPaidCalls = 9, 12 })) // four made it
	d := p.dev
	used := func(n string) {
		t.Helper()
		d.dash(t, "GET /api/plan", "").want(t, 200).expect(t, "plan.calls.count", n)
	}
	used("5") // the token too
	for range 3 {
		p.dash(t, "PATCH ", `{"name":"renamed"}`).want(t, 200)
	}
	p.dash(t, "PATCH ", `{"name":""}`).want(t, 400) // what is refused does not count
	for range 5 {
		p.dash(t, "GET /tiers", "").want(t, 200)
	}
	used("8")
	p.dash(t, "PATCH ", `{"name":"renamed"}`).want(t, 200)
	p.dash(t, "PATCH ", `{"name":"renamed"}`).want(t, 402, "calls_used_up")
	p.dash(t, "POST /keys/"+p.skID+"/revoke", "").want(t, 200) // a leaked key can always be ended
	d.pays(t)
	for range 3 {
		p.dash(t, "PATCH ", `{"name":"again"}`).want(t, 200)
	}
	p.dash(t, "PATCH ", `{"name":"again"}`).want(t, 402, "calls_used_up").expect(t, "calls.limit", "12")
	p.w.db.TurnClock(t, 32*24*time.Hour)
	used("0")
	p.dash(t, "PATCH ", `{"name":"a new month"}`).want(t, 200)
}

func TestADeveloperPaysOnceHoweverOftenTheyCheckOut(t *testing.T) {
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
	must(t, w.app.modules.Desk.PlanReturn(t.Context(), d.asPlatform(t)))
	w.work(t)
	d.dash(t, "GET /api/plan", "").expect(t, "plan.status", "active")
	equal(t, "living", len(w.atStripeList(t, "own", "/v1/subscriptions", "id")), 1)
	equal(t, "refunds", strings.Join(w.atStripeList(t, "own", "/v1/refunds", "amount"), " "), "1500")
	third := d.dash(t, "POST /api/plan/checkout", "").want(t, 200).text("url")
	if !strings.Contains(third, "/p/session/") {
		t.Errorf("who pays already is sent to %s", third)
	}
	d.dash(t, "POST /api/plan/portal", "").want(t, 200)
	equal(t, "portals", len(w.atStripeList(t, "own", "/v1/billing_portal/configurations", "id")), 1)
}

func TestTheFirstSignInFindsAProjectAKeyAndAPriceList(t *testing.T) {
	t.Parallel()
	w := boot(t)
	user := w.atClerk(t, developersApp, "POST /v1/users",
		`{"email_address":["new@dev.example"],"skip_password_requirement":true}`).want(t, 200).text("id")
	token := w.sessionToken(t, developersApp, user, w.url("dashboard"), "")
	b := w.browser(t)
	b.submit(t, w.url("dashboard")+"/session", url.Values{"token": {token}})
	equal(t, "platforms", w.query(t, "SELECT string_agg(mode, ' ' ORDER BY mode) FROM platform.platforms"), "live test")
	equal(t, "keys", w.query(t, "SELECT string_agg(kind, ' ' ORDER BY kind) FROM tenant.keys"), "publishable secret")
	equal(t, "tiers", w.query(t, `SELECT string_agg(t.name, ' ' ORDER BY t.name) FROM tenant.tiers t
		JOIN platform.platforms p ON p.id = t.platform_id WHERE mode = 'test'`), "free pro")
	w.browser(t).submit(t, w.url("dashboard")+"/session", url.Values{"token": {token}}) // again: nothing more
	equal(t, "projects", w.query(t, "SELECT count(*)::text FROM platform.projects"), "1")
}
