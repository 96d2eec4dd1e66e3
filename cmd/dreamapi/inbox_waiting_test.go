package main

import (
	"fmt"
	"testing"
	"time"
)

// states are those of the platform's events, by their ids.
func (p *tenancy) states(t *testing.T) map[string]string {
	t.Helper()
	all, found := p.dash(t, "GET /events?limit=100", "").want(t, 200), map[string]string{}
	for i := range all.list("data") {
		at := fmt.Sprintf("data.%d.", i)
		found[all.text(at+"id")] = all.text(at + "state")
	}
	return found
}

func TestAnEventIsToldOfWhereItIsShownWhateverTheWorkEnds(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	p.w.control(t, "POST /accounts/"+account+"/deauthorize", "{}")
	for event, kind := range map[string]string{"evt_1": "account.updated", "evt_2": "account.application.deauthorized"} {
		body := eventBody(event, kind, account, true, fmt.Sprintf(`{"id":%q,"object":"account"}`, account))
		p.w.stripeEvent(t, "api", sandboxStripeConnect, time.Now(), body).want(t, 200)
	}
	equal(t, "before", fmt.Sprint(p.states(t)), "map[evt_1:waiting evt_2:waiting]")
	p.w.work(t) // the first to be worked ends the connection, and nobody has the account any more
	p.dash(t, "GET ", "").expect(t, "stripe.connection.endReason", "deauthorized")
	equal(t, "after", fmt.Sprint(p.states(t)), "map[evt_1:processed evt_2:processed]")
}

func TestAnEventIsToldOfWhoseCustomerTheDeveloperDeletedBeforeItWasWorked(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	user := p.customer(t, "eve@mail.example")
	p.w.wantEvents()
	p.w.atClerk(t, endUsersApp, "DELETE /v1/users/"+user, "").want(t, 200)
	await(t, "the event is there", func() bool { return len(p.states(t)) == 1 })
	event := p.eventOf(t, "user.deleted")
	p.dash(t, "GET /events/"+event, "").want(t, 200).expect(t, "event.state", "waiting", "event.customerId", user)
	p.api(t, "DELETE /api/customers/"+user, "").want(t, 200)
	p.w.work(t)
	p.dash(t, "GET /events/"+event, "").want(t, 200).expect(t, "event.state", "processed", "event.customerId", "", "event.attempts", "1")
}

func TestAnEventIsNotDoneWithBeforeItIsTold(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	user := p.customer(t, "eve@mail.example")
	p.w.wantEvents()
	p.w.atClerk(t, endUsersApp, "DELETE /v1/users/"+user, "").want(t, 200)
	body := eventBody("evt_1", "account.updated", account, true, fmt.Sprintf(`{"id":%q,"object":"account"}`, account))
	p.w.stripeEvent(t, "api", sandboxStripeConnect, time.Now(), body).want(t, 200)
	await(t, "the events are there", func() bool { return len(p.states(t)) == 2 })
	// As if the process died when the work was done.
	p.w.db.Exec(t, `CREATE FUNCTION public.dies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'it died'; END $$`)
	p.w.db.Exec(t, `CREATE TRIGGER dies BEFORE UPDATE OF attempts ON tenant.events FOR EACH ROW EXECUTE FUNCTION public.dies()`)
	p.w.work(t)
	equal(t, "Stripe's that are left", p.w.query(t, "SELECT count(*)::text FROM billing.events WHERE processed_at IS NULL AND id = 'evt_1'"), "1")
	equal(t, "Clerk's that are left", p.w.query(t,
		"SELECT count(*)::text FROM tenant.clerk_events WHERE processed_at IS NULL AND type = 'user.deleted'"), "1")
	p.w.db.Exec(t, "DROP TRIGGER dies ON tenant.events")
	p.w.db.TurnClock(t, 6*time.Minute)
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	must(t, p.w.background().Settle(t.Context()))
	for event, state := range p.states(t) {
		equal(t, event, state, "processed")
	}
}

func TestAnEventThatWaitsWithoutAJobGetsOne(t *testing.T) {
	t.Parallel()
	p, account := opened(t)
	body := eventBody("evt_1", "account.updated", account, true, fmt.Sprintf(`{"id":%q,"object":"account"}`, account))
	p.w.stripeEvent(t, "api", sandboxStripeConnect, time.Now(), body).want(t, 200)
	p.w.work(t)
	p.w.db.Exec(t, "UPDATE tenant.events SET state = 'waiting'")
	jobs := func() string {
		return p.w.query(t, "SELECT count(*)::text FROM river.river_job WHERE args->>'again' = 'true'")
	}
	p.dash(t, "POST /events/evt_1/reprocess", "").want(t, 202)
	equal(t, "jobs within a minute", jobs(), "0")
	p.w.db.TurnClock(t, 2*time.Minute)
	for range 2 {
		p.dash(t, "POST /events/evt_1/reprocess", "").want(t, 202).expect(t, "event.state", "waiting")
	}
	equal(t, "jobs after that", jobs(), "1")
	p.w.work(t)
	p.dash(t, "GET /events/evt_1", "").want(t, 200).expect(t, "event.state", "processed", "event.attempts", "2")
}
