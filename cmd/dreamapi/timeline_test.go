package main

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// story is the timeline of a customer, the earliest first, as kind via.
func (p *tenancy) story(t testing.TB, customer string) []string {
	t.Helper()
	var kinds []string
	for cursor := ""; ; {
		a := p.dash(t, "GET /customers/"+customer+"/timeline?limit=2"+cursor, "").want(t, 200)
		for i := range a.list("data") {
			at := fmt.Sprintf("data.%d.", i)
			kinds = append([]string{strings.TrimSpace(a.text(at+"kind") + " " + a.text(at+"via"))}, kinds...)
		}
		if a.at("nextCursor") == nil {
			return kinds
		}
		cursor = "&cursor=" + a.text("nextCursor")
	}
}

func TestATimelineTellsWhatHappenedAndByWhat(t *testing.T) {
	t.Parallel()
	p := newShop(t, withStripeEvents)
	tells := func(customer, want string) {
		t.Helper()
		equal(t, customer+"'s story", strings.Join(p.story(t, customer), ", "), want)
	}
	p.external(t, "eve", "free")
	p.api(t, "PATCH /api/customers/eve", `{"plan":"pro"}`).want(t, 200)
	p.api(t, "PATCH /api/customers/eve", `{"plan":"pro","firstName":"Eve"}`).want(t, 200) // no change of the plan
	p.dash(t, "PATCH /customers/eve", `{"plan":"free"}`).want(t, 200)
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/customers/eve"
	b.submit(t, at+"/plan", url.Values{"plan": {"max"}, "back": {"/"}})
	p.api(t, "PATCH /api/customers/eve", `{"plan":"free"}`).want(t, 200)
	tells("eve", "created api, plan_changed api, plan_changed developer_api, plan_changed dashboard, plan_changed api")

	p.track(t, "eve", `{"quantity":2}`).want(t, 200)
	var refused sync.WaitGroup
	second := p.w.another(t) // a process that remembers nothing
	for n := range 20 {
		refused.Go(func() {
			w := []*world{p.w, second}[n%2]
			w.api(t, "POST /api/data", p.sk, "", "X-User-Id: eve").want(t, 402)
		})
	}
	refused.Wait()
	p.api(t, "POST /api/grants", `{"userId":"eve","quantity":3,"expires":"period","reason":"sorry"}`).want(t, 201)
	p.track(t, "eve", `{"quantity":2}`).want(t, 200)
	p.track(t, "eve", `{"quantity":-1}`).want(t, 200)
	p.dash(t, "POST /customers/eve/reset", `{"reason":"a mistake"}`).want(t, 200).expect(t, "reset.quantity", "3", "reset.kind", "reset", "usage.count", "0", "usage.limit", "5")
	p.api(t, "POST /api/grants", `{"userId":"stranger","plan":"free","quantity":7,"expires":"used"}`).want(t, 201)
	p.dash(t, "GET /timeline?limit=5", "").want(t, 200).expect(t, "data.0.kind", "grant", "data.0.customerId", "<nil>", "data.0.detail.userId", "stranger",
		"data.1.kind", "reset", "data.1.customerId", "eve", "data.1.detail.quantity", "3", "data.1.detail.userId", "<nil>",
		"data.2.kind", "return", "data.3.kind", "grant", "data.3.detail.reason", "sorry", "data.4.kind", "limit_reached")
	b.open(t, p.w.url("dashboard")+"/platforms/"+p.id).sees(t, "Last events").
		sees(t, `Reset requests, of which 3 units were used <a href="/platforms/`+p.id+`/customers/eve">eve</a><br><span class="soft small">a mistake</span>`).
		sees(t, `Granted 3 units of requests <a `).sees(t, "Given back 1 unit of requests <a ").
		sees(t, `Granted 7 units of requests<br><span class="soft small">stranger, who is no customer</span>`)
	p.track(t, "eve", `{"quantity":5}`).want(t, 200)
	p.track(t, "eve", "").want(t, 402) // in the same period
	const until = "created api, plan_changed api, plan_changed developer_api, plan_changed dashboard, plan_changed api, limit_reached, grant, return, reset"
	tells("eve", until)
	p.dash(t, "GET /customers/eve/timeline?limit=3", "").expect(t, "data.0.kind", "reset", "data.0.detail.reason", "a mistake", "data.0.detail.quantity", "3",
		"data.2.kind", "grant", "data.2.detail.meter", "requests")

	// A subscription, as Stripe's events tell of it, however often.
	p.buys(t, "eve", "pro")
	await(t, "word of all that Stripe did", func() bool { return p.w.stripe.Undelivered() == 0 })
	p.w.work(t)
	story := strings.Join(p.story(t, "eve"), ", ")
	for _, part := range []string{"plan_changed subscription", "subscription_changed", "payment_succeeded", "stripe_event"} {
		if !strings.Contains(story, part) {
			t.Errorf("the story lacks %s: %s", part, story)
		}
	}
	equal(t, "payments", strings.Count(story, "payment_succeeded"), 1)
	equal(t, "the payment", p.w.query(t, "SELECT detail->>'amount' || ' ' || (detail->>'currency') FROM tenant.timeline WHERE kind = 'payment_succeeded'"), "1000 usd")
	equal(t, "each event of Stripe's", p.w.query(t, "SELECT (count(*) = count(DISTINCT detail->>'event'))::text FROM tenant.timeline WHERE kind = 'stripe_event'"), "true")
	p.w.db.Exec(t, "UPDATE billing.events SET processed_at = NULL, received_at = received_at - interval '1 hour'")
	must(t, p.w.app.modules.Billing.Reconcile(t.Context())) // all of them again
	equal(t, "told of twice", strings.Join(p.story(t, "eve"), ", "), story)
	b.open(t, at).sees(t, "What happened").sees(t, "Paid $10.00").sees(t, "Earlier").sees(t, "Stripe: ")

	exported := p.api(t, "GET /api/customers/eve/export", "").want(t, 200)
	equal(t, "what is exported", len(exported.list("timeline")), strings.Count(story, ", ")+1)

	// The limit of another period is another.
	p.external(t, "kim", "free")
	p.track(t, "kim", `{"quantity":3}`).want(t, 402)
	p.track(t, "kim", `{"quantity":3}`).want(t, 402)
	p.w.turn(t, 40*day)
	p.track(t, "kim", `{"quantity":3}`).want(t, 402)
	tells("kim", "created api, limit_reached, limit_reached")
	p.dash(t, "GET /timeline?limit=1", "").want(t, 200).expect(t, "data.0.kind", "limit_reached", "data.0.customerId", "kim")

	// It goes with the customer; that somebody was deleted is all that is left.
	p.api(t, "DELETE /api/customers/kim", "").want(t, 200)
	equal(t, "left of kim", p.w.query(t, "SELECT count(*)::text FROM tenant.timeline WHERE customer_id = 'kim' OR detail::text LIKE '%kim%'"), "0")
	p.dash(t, "GET /timeline?limit=1", "").want(t, 200).expect(t, "data.0.kind", "deleted", "data.0.customerId", "<nil>")
	p.dash(t, "GET /customers/kim/timeline", "").want(t, 404)
	p.external(t, "kim", "free") // who comes back is another, of whom this is not known
	p.track(t, "kim", `{"quantity":3}`).want(t, 402)
	tells("kim", "created api, limit_reached")
	p.dash(t, "GET /customers/eve/timeline?cursor=x", "").wantParam(t, "cursor")
	p.dash(t, "GET /customers/eve/timeline?limit=0", "").wantParam(t, "limit")
}

func TestEachFailedPaymentIsToldOnceHoweverLate(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	customer := p.w.atStripeList(t, "", "/v1/customers", "id")[0]
	p.w.control(t, "POST /customers/"+customer+"/card", `{"card":"4000000000000341"}`)
	p.w.turn(t, 32*day)
	invoice := p.w.atStripeList(t, "", "/v1/invoices?status=open", "id")[0]
	told := func() string {
		t.Helper()
		p.w.work(t)
		return p.w.query(t, `SELECT coalesce(string_agg(kind || ' ' || (detail->>'amount'), ', ' ORDER BY kind), '')
			FROM tenant.timeline WHERE kind LIKE 'payment_%' AND detail->>'invoice' = $1`, invoice)
	}
	send := func(event, kind string) {
		t.Helper()
		object := fmt.Sprintf(`{"id":%q,"object":"invoice","customer":%q}`, invoice, customer)
		p.w.stripeEvent(t, "api", sandboxStripePreview, time.Now(), eventBody(event, kind, "", false, object)).want(t, 200)
	}
	send("evt_1", "invoice.payment_failed")
	send("evt_2", "invoice.payment_failed")
	equal(t, "two that are worked late", told(), "payment_failed 1000, payment_failed 1000")
	p.w.control(t, "POST /customers/"+customer+"/card", `{"card":"4242424242424242"}`)
	p.w.atStripe(t, "", "POST /v1/invoices/"+invoice+"/pay", url.Values{}).want(t, 200)
	send("evt_3", "invoice.paid")
	send("evt_4", "invoice.payment_succeeded")
	const all = "payment_failed 1000, payment_failed 1000, payment_succeeded 1000"
	equal(t, "when it is paid", told(), all)
	for _, event := range []string{"evt_1", "evt_3"} {
		p.dash(t, "POST /events/"+event+"/reprocess", "").want(t, 202)
	}
	equal(t, "when they are reprocessed", told(), all)
}

func TestATimelineGoesAsTheRestOfTheHistory(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	sweep := func() {
		t.Helper()
		must(t, tenant.SweepTimeline(t.Context(), p.w.db.Open(t, db.Worker), []id.Platform{p.platformID()}, 30))
	}
	p.external(t, "eve", "free")
	p.w.turn(t, 29*day)
	sweep()
	equal(t, "within the time", strings.Join(p.story(t, "eve"), ", "), "created api")
	p.w.turn(t, 2*day)
	sweep()
	equal(t, "after it", len(p.story(t, "eve")), 0)
}

func TestAResetIsExactAndDoneOnce(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"two","limit":10,"meters":{"tokens":{"limit":100}}}`)
	p.external(t, "eve", "two")
	p.track(t, "eve", `{"quantity":10}`).want(t, 200)
	p.track(t, "eve", `{"meter":"tokens","quantity":40}`).want(t, 200)
	p.track(t, "eve", "").want(t, 402)
	key := "Idempotency-Key: once"
	p.dash(t, "POST /customers/eve/reset", `{}`, key).want(t, 200).expect(t, "success", "true", "reset.quantity", "10", "usage.count", "0", "usage.remaining", "10")
	p.track(t, "eve", `{"quantity":4}`).want(t, 200)
	again := p.dash(t, "POST /customers/eve/reset", `{}`, key).want(t, 200).expect(t, "reset.quantity", "10")
	equal(t, "replayed", again.header.Get("Idempotent-Replayed"), "true")
	p.usage(t, "eve").expect(t, "usageCount", "4", "meters.tokens.count", "40")
	p.dash(t, "GET /customers/eve/days", "").want(t, 200).expect(t, "data.0.count", "14", "data.1.count", "40") // they did use it
	// At once with calls: what was counted before goes, what comes after stays, and nothing is counted beyond the limit.
	var calls sync.WaitGroup
	for range 40 {
		calls.Go(func() { p.track(t, "eve", "") })
	}
	calls.Go(func() { p.dash(t, "POST /customers/eve/reset", `{"meter":"requests"}`).want(t, 200) })
	calls.Wait()
	left := 0
	_, _ = fmt.Sscan(p.usage(t, "eve").text("usageCount"), &left)
	used := 0
	_, _ = fmt.Sscan(p.dash(t, "GET /customers/eve/days", "").text("data.0.count"), &used)
	back := 0
	_, _ = fmt.Sscan(p.w.query(t, "SELECT sum(quantity)::text FROM tenant_usage.adjustments WHERE kind = 'reset' AND meter = 'requests'"), &back)
	equal(t, "what is used is what was counted, less what was reset", left, used-back)
	if left > 10 {
		t.Errorf("%d are counted below a limit of 10", left)
	}
	p.dash(t, "POST /customers/eve/reset", `{"meter":"images"}`).want(t, 400)
	p.dash(t, "POST /customers/nobody/reset", `{}`).want(t, 404)
	p.dash(t, "POST /customers/eve/reset", `{"reason":"`+strings.Repeat("x", 501)+`"}`).wantParam(t, "reason")
	p.external(t, "kim", "two")
	p.dash(t, "POST /customers/kim/reset", "").want(t, 200).expect(t, "reset", "<nil>", "usage.count", "0")
	equal(t, "adjustments of kim", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.adjustments WHERE user_id = 'kim'"), "0")
}

func TestADeveloperOpensTheBillingPortalOfACustomer(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	p.external(t, "eve", "free")
	p.dash(t, "POST /customers/eve/portal", "").want(t, 409)
	p.dash(t, "POST /customers/nobody/portal", "").want(t, 404)
	p.buys(t, "eve", "pro")
	p.dash(t, "POST /customers/eve/portal", `{"returnUrl":"javascript:alert(1)"}`).wantParam(t, "returnUrl")
	address := p.dash(t, "POST /customers/eve/portal", `{"returnUrl":"https://shop.example/"}`).want(t, 200).text("url")
	p.w.browser(t).open(t, address).sees(t, "pro")
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/customers/eve"
	subscription := p.w.query(t, "SELECT id FROM billing.subscriptions WHERE customer_id = 'eve'")
	b.open(t, at).sees(t, "https://dashboard.stripe.com/"+account+"/subscriptions/"+subscription).sees(t, "pays")
	b.submit(t, at+"/portal", url.Values{"back": {"/"}}).sees(t, "pro")
	if !strings.Contains(b.at.String(), p.w.stripe.URL()) {
		t.Errorf("the form led to %s", b.at)
	}
	p.dash(t, "GET /customers/eve", "").want(t, 200).expect(t, "subscription.account", account, "customer.status", "active")
	p.dash(t, "GET /overview", "").want(t, 200).expect(t, "overview.live.platforms", "1", "overview.live.open", "1")
}
