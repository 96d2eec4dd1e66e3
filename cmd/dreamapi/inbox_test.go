package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/sandbox/clerk"
	"github.com/dream-api/dream-api/internal/tenant"
)

// paidAway has a customer pay who closes the browser before it comes back, and waits until Stripe has told us.
func (p *tenancy) paidAway(t *testing.T, user, tier string) {
	t.Helper()
	address := p.checkout(t, user, fmt.Sprintf(`{"tier":%q}`, tier)).want(t, 200).text("url")
	b := p.w.browser(t)
	b.client.CheckRedirect = noRedirect
	b.paid(t, address, goodCard)
	p.w.heard(t)
}

// heard waits until Stripe has delivered all events.
func (w *world) heard(t *testing.T) {
	t.Helper()
	await(t, "Stripe has told everything", func() bool {
		return len(w.control(t, "GET /events?status=pending", "").list("events")) == 0
	})
}

// eventOf is the id of the platform's latest event of the type.
func (p *tenancy) eventOf(t *testing.T, kind string) string {
	t.Helper()
	return p.dash(t, "GET /events?limit=1&type="+kind, "").want(t, 200).text("data.0.id")
}

func TestWhatStripeToldIsShownWithoutWhatIsSecretOrPersonal(t *testing.T) {
	t.Parallel()
	p := newShop(t, withStripeEvents)
	user := p.customer(t, "eve@mail.example")
	p.paidAway(t, user, "pro")
	p.w.work(t)
	all := p.dash(t, "GET /events?limit=100", "").want(t, 200)
	if len(all.list("data")) < 3 {
		t.Fatalf("few events came in: %s", all.body)
	}
	for i := range all.list("data") {
		at := fmt.Sprintf("data.%d.", i)
		if state := all.text(at + "state"); state != "processed" && state != "ignored" {
			t.Errorf("%s is %s", all.text(at+"type"), state)
		}
		all.expect(t, at+"source", "stripe", at+"customerId", user, at+"payload", "<nil>")
		detail := p.dash(t, "GET /events/"+all.text(at+"id"), "").want(t, 200).expect(t, "event.payload.id", all.text(at+"id"),
			"event.payload.type", all.text(at+"type"))
		for _, secret := range []string{"eve@mail.example", "4242", "_secret_", "/c/pay/", "/i/in_", "Eve", "fingerprint\":\"", "whsec_"} {
			if strings.Contains(strings.ReplaceAll(detail.body, all.text(at+"id"), ""), secret) {
				t.Errorf("%s shows %q: %s", all.text(at+"type"), secret, detail.body)
			}
		}
	}
	done := p.dash(t, "GET /events/"+p.eventOf(t, "checkout.session.completed"), "").want(t, 200).
		expect(t, "event.state", "processed", "event.attempts", "1", "event.problem", "<nil>")
	if done.at("event.tookMs") == nil || done.at("event.triedAt") == nil {
		t.Errorf("it does not say how long it took: %s", done.body)
	}
	equal(t, "what is kept", p.w.query(t, "SELECT count(*)::text FROM tenant.events WHERE payload::text ~ 'eve@mail|_secret_|4242|/c/pay/'"), "0")

	// Page by page, each comes once.
	seen, cursor := map[string]bool{}, ""
	for {
		page := p.dash(t, "GET /events?limit=1"+cursor, "").want(t, 200)
		seen[page.text("data.0.id")] = true
		if page.at("hasMore") == false {
			break
		}
		cursor = "&cursor=" + page.text("nextCursor")
	}
	equal(t, "events by pages of one", len(seen), len(all.list("data")))
	today, tomorrow := time.Now().UTC(), time.Now().UTC().AddDate(0, 0, 1)
	count := func(query string) int {
		return len(p.dash(t, "GET /events?limit=100&"+query, "").want(t, 200).list("data"))
	}
	equal(t, "of these days", count("from="+today.AddDate(0, 0, -1).Format(time.DateOnly)+"&to="+tomorrow.Format(time.DateOnly)), len(seen))
	equal(t, "of the days to come", count("from="+tomorrow.AddDate(0, 0, 1).Format(time.DateOnly)), 0)
	equal(t, "of the days before", count("to="+today.AddDate(0, 0, -2).Format(time.DateOnly)), 0)
	equal(t, "up to this moment", count("to="+url.QueryEscape(tomorrow.Format(time.RFC3339))), len(seen))
	equal(t, "that failed", count("state=failed"), 0)
	equal(t, "of a type", count("type=checkout.session.completed"), 1)
	p.dash(t, "GET /events?state=lost", "").wantParam(t, "state")
	p.dash(t, "GET /events?from=yesterday", "").wantParam(t, "from")
	p.dash(t, "GET /events?from=2026-02-02&to=2026-02-01", "").wantParam(t, "to")
	p.dash(t, "GET /events?cursor=x", "").wantParam(t, "cursor")
	p.dash(t, "GET /events?kind=x", "").wantParam(t, "kind")
	p.dash(t, "GET /events/evt_none", "").want(t, 404, "not_found")

	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/events"
	b.open(t, at).sees(t, "checkout.session.completed").sees(t, "Processed")
	b.open(t, at+"?state=failed").sees(t, "Nothing fits")
	b.open(t, at+"?from=yesterday&type=invoice.paid").sees(t, "The first day is a day such as").sees(t, `value="yesterday"`)
	b.open(t, at+"?limit=1").sees(t, "Earlier")
	b.open(t, at+"/"+p.eventOf(t, "invoice.paid")).sees(t, "[redacted]").sees(t, "Reprocess")
}

func TestAnEventThatFailedIsReprocessed(t *testing.T) {
	t.Parallel()
	p := newShop(t, withStripeEvents)
	user := p.customer(t, "eve@mail.example")
	b := p.w.browser(t).signIn(t, p.dev)
	overview := p.w.url("dashboard") + "/platforms/" + p.id
	b.open(t, overview)
	if strings.Contains(b.page, "could not be processed") {
		t.Error("the overview tells of a failure before there was one")
	}
	address := p.checkout(t, user, `{"tier":"pro"}`).want(t, 200).text("url")
	p.w.control(t, "POST /faults", `{"times":100000,"method":"GET","path":"/v1/","status":500}`)
	away := p.w.browser(t)
	away.client.CheckRedirect = noRedirect
	away.paid(t, address, goodCard)
	p.w.heard(t)
	event := p.eventOf(t, "checkout.session.completed")
	p.dash(t, "GET /events/"+event, "").want(t, 200).expect(t, "event.state", "waiting", "event.attempts", "0")
	p.w.work(t)
	failed := p.dash(t, "GET /events/"+event, "").want(t, 200).expect(t, "event.state", "failed", "event.problem.code", "unavailable")
	if !strings.Contains(failed.text("event.problem.message"), "Stripe did not answer") || failed.text("event.attempts") == "0" {
		t.Errorf("the failure is told as %s", failed.body)
	}
	p.usage(t, user).expect(t, "plan", "free")
	b.open(t, overview).sees(t, "could not be processed").sees(t, "/events?state=failed")
	b.open(t, overview+"/events?state=failed").sees(t, event).sees(t, "Failed").sees(t, "Stripe did not answer")

	p.w.control(t, "DELETE /faults", "")
	for range 2 { // twice is once
		p.dash(t, "POST /events/"+event+"/reprocess", "").want(t, 202).expect(t, "event.state", "waiting", "event.id", event)
	}
	equal(t, "jobs", p.w.query(t, "SELECT count(*)::text FROM river.river_job WHERE args->>'again' = 'true'"), "1")
	p.dev.dash(t, "GET /api/audit?limit=1", "").want(t, 200).expect(t, "data.0.action", "event.reprocess", "data.0.target", event,
		"data.0.platformId", p.id, "data.0.outcome", "done")
	p.w.work(t)
	p.dash(t, "GET /events/"+event, "").want(t, 200).expect(t, "event.state", "processed", "event.problem", "<nil>")
	p.usage(t, user).expect(t, "plan", "pro")
	equal(t, "subscriptions", p.w.query(t, "SELECT count(*)::text FROM billing.subscriptions"), "1")

	// One that was processed may be, again; the page does the same.
	b.submit(t, overview+"/events/"+event+"/reprocess", url.Values{"back": {"/"}}).sees(t, "It is being processed again")
	p.w.work(t)
	p.dash(t, "GET /events/"+event, "").want(t, 200).expect(t, "event.state", "processed")
	p.usage(t, user).expect(t, "plan", "pro")
	p.dash(t, "POST /events/evt_none/reprocess", "").want(t, 404, "not_found")
	p.dash(t, "POST /events/"+event+"/reprocess", "", "Idempotency-Key: once").want(t, 400)
}

func TestAnEventIsSeenByItsPlatformAlone(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	customer := p.w.query(t, "SELECT stripe_customer_id FROM billing.customers WHERE platform_id = $1", p.id)
	session := p.w.query(t, "SELECT session_id FROM billing.checkouts WHERE platform_id = $1", p.id)
	mallory := p.w.developer(t, "mallory@dev.example").platform(t, "evil").live(t)
	evil := p.w.account(t, "Mallory Shop")
	mallory.dev.pays(t)
	mallory.connects(t, p.w.browser(t).signIn(t, mallory.dev), evil)
	test := p.dev.platform(t, "another")
	send := func(event, kind, from, object string) {
		t.Helper()
		p.w.stripeEvent(t, "api", sandboxStripeConnect, time.Now(), eventBody(event, kind, from, true, object)).want(t, 200)
	}
	send("evt_mine", "customer.subscription.updated", account, fmt.Sprintf(`{"id":"sub_1","object":"subscription","customer":%q}`, customer))
	send("evt_other", "charge.succeeded", account, fmt.Sprintf(`{"id":"ch_1","object":"charge","customer":%q}`, customer))
	send("evt_profile", "customer.updated", account, fmt.Sprintf(`{"id":%q,"object":"customer","name":"Eve"}`, customer))
	send("evt_account", "account.updated", account, `{"id":"`+account+`","object":"account"}`)
	// Of another account, about what is not there.
	send("evt_lie1", "customer.subscription.updated", evil, fmt.Sprintf(`{"id":"sub_1","object":"subscription","customer":%q}`, customer))
	send("evt_lie2", "checkout.session.completed", evil, fmt.Sprintf(`{"id":%q,"object":"checkout.session"}`, session))
	send("evt_nobodys", "charge.succeeded", account, `{"id":"ch_2","object":"charge","customer":"cus_unknown"}`)
	p.w.work(t)
	list := func(q *tenancy) string {
		t.Helper()
		all := q.dash(t, "GET /events?limit=100", "").want(t, 200)
		var ids []string
		for i := range all.list("data") {
			ids = append(ids, strings.TrimPrefix(all.text(fmt.Sprintf("data.%d.id", len(all.list("data"))-1-i)), "evt_")+" "+
				all.text(fmt.Sprintf("data.%d.state", len(all.list("data"))-1-i)))
		}
		return strings.Join(ids, ", ")
	}
	equal(t, "its own", list(p), "mine processed, other ignored, profile ignored, account processed")
	equal(t, "another's", list(mallory), "")
	equal(t, "a test platform's", list(test), "")
	p.dash(t, "GET /events/evt_other", "").want(t, 200).expect(t, "event.problem.code", "not_followed")
	p.dash(t, "POST /events/evt_other/reprocess", "").want(t, 409, "conflict")
	p.dash(t, "GET /events/evt_profile", "").want(t, 200).expect(t, "event.payload.data.object.name", "[redacted]")
	for _, asked := range []string{"GET /events/evt_mine", "POST /events/evt_mine/reprocess"} {
		mallory.dash(t, asked, "").want(t, 404, "not_found")
		test.dash(t, asked, "").want(t, 404, "not_found")
	}
	equal(t, "jobs", p.w.query(t, "SELECT count(*)::text FROM river.river_job WHERE args->>'again' = 'true'"), "0")
}

func TestWhatIsKeptOfAnEventGoesWithItsCustomerAndWithTime(t *testing.T) {
	t.Parallel()
	p := newShop(t, withStripeEvents)
	user := p.customer(t, "eve@mail.example")
	p.paidAway(t, user, "pro")
	p.w.work(t)
	customer := p.w.query(t, "SELECT stripe_customer_id FROM billing.customers")
	p.api(t, "DELETE /api/customers/"+user, "").want(t, 200)
	p.w.work(t)
	p.w.heard(t)
	p.w.work(t) // what the deletion itself had Stripe tell
	object := fmt.Sprintf(`{"id":"sub_late","object":"subscription","customer":%q}`, customer)
	p.w.stripeEvent(t, "api", sandboxStripePreview, time.Now(), eventBody("evt_late", "customer.subscription.updated", "", false, object)).want(t, 200)
	all := p.dash(t, "GET /events?limit=100", "").want(t, 200)
	if len(all.list("data")) < 4 {
		t.Fatalf("few events are left: %s", all.body)
	}
	for i := range all.list("data") {
		all.expect(t, fmt.Sprintf("data.%d.customerId", i), "", fmt.Sprintf("data.%d.objectId", i), "")
	}
	equal(t, "payloads", p.w.query(t, "SELECT count(*)::text FROM tenant.events WHERE payload IS NOT NULL"), "0")
	b := p.w.browser(t).signIn(t, p.dev)
	b.open(t, p.w.url("dashboard")+"/platforms/"+p.id+"/events/evt_late").sees(t, "It is not kept")

	p.w.db.TurnClock(t, 29*24*time.Hour)
	must(t, tenant.Sweep(t.Context(), p.w.app.pools[3], []id.Platform{p.platformID()}))
	equal(t, "after 29 days", len(p.dash(t, "GET /events?limit=100", "").list("data")), len(all.list("data")))
	p.w.db.TurnClock(t, 31*24*time.Hour)
	must(t, tenant.Sweep(t.Context(), p.w.app.pools[3], []id.Platform{p.platformID()}))
	equal(t, "after 31 days", len(p.dash(t, "GET /events?limit=100", "").list("data")), 0)
}

func TestOfClerksEventsAPlatformIsShownWhatConcernsIt(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withJobs)
	w := p.w
	other := w.developer(t, "bob@dev.example").platform(t, "other")
	w.wantEvents()
	user := p.customer(t, "eve@mail.example")
	shown := func(q *tenancy) string {
		t.Helper()
		all := q.dash(t, "GET /events?limit=100", "").want(t, 200)
		var kinds []string
		for i := range all.list("data") {
			at := fmt.Sprintf("data.%d.", i)
			all.expect(t, at+"source", "clerk")
			kinds = append(kinds, all.text(at+"type")+" "+all.text(at+"state"))
		}
		return strings.Join(kinds, ", ")
	}
	worked := func() {
		t.Helper()
		await(t, "all events are worked", func() bool {
			return w.query(t, "SELECT count(*)::text FROM tenant.clerk_events WHERE processed_at IS NULL AND type <> 'user.created'") == "0"
		})
	}
	// A new address is one here; what else the user does at Clerk is nobody's business.
	w.atClerk(t, endUsersApp, "PATCH /v1/users/"+user, `{"first_name":"Evelyn"}`).want(t, 200)
	await(t, "the event is there", func() bool {
		return w.query(t, "SELECT count(*)::text FROM tenant.clerk_events WHERE type = 'user.updated'") == "1"
	})
	worked()
	equal(t, "after another name", shown(p), "")
	equal(t, "linked", other.customer(t, "eve@mail.example"), user)
	w.atClerk(t, endUsersApp, "PUT /v1/users/"+user+"/email_address", `{"email_address":"new@mail.example"}`).want(t, 200)
	await(t, "the address is new", func() bool { return shown(p) == "user.updated processed" && shown(other) == "user.updated processed" })
	worked()
	detail := p.dash(t, "GET /events/"+p.eventOf(t, "user.updated"), "").want(t, 200).expect(t, "event.payload.data.id", user, "event.attempts", "1")
	if strings.Contains(detail.body, "mail.example") || strings.Contains(detail.body, other.pk) || strings.Contains(detail.body, "Evelyn") {
		t.Errorf("it shows more than it should: %s", detail.body)
	}

	// The user is deleted at Clerk, which then does not answer.
	_, err := w.clerk.AddFault(clerk.Fault{Of: endUsersApp, Method: "GET", Path: "/v1/users/" + user, Status: 500, Times: 100000})
	must(t, err)
	w.atClerk(t, endUsersApp, "DELETE /v1/users/"+user, "").want(t, 200)
	await(t, "it failed on both", func() bool {
		return strings.HasPrefix(shown(p), "user.deleted failed") && strings.HasPrefix(shown(other), "user.deleted failed")
	})
	event := p.eventOf(t, "user.deleted")
	p.dash(t, "GET /events/"+event, "").want(t, 200).expect(t, "event.problem.code", "unavailable", "event.customerId", user)
	w.clerk.ClearFaults()
	p.dash(t, "POST /events/"+event+"/reprocess", "").want(t, 202)
	await(t, "it is processed", func() bool { return strings.HasPrefix(shown(p), "user.deleted processed") })
	p.api(t, "GET /api/customers/"+user, "").want(t, 404)
	p.dash(t, "GET /events/"+event, "").want(t, 200).expect(t, "event.payload", "<nil>", "event.customerId", "", "event.objectId", "")
	equal(t, "the other's", strings.HasPrefix(shown(other), "user.deleted processed"), true)
	equal(t, "what is left of the user", w.query(t, "SELECT count(*)::text FROM tenant.events e WHERE e::text LIKE '%' || $1 || '%'", user), "0")
}
