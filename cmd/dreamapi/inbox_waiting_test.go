package main

import (
	"fmt"
	"strconv"
	"sync"
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

// waiting awaits that so many transactions wait for locks.
func (p *tenancy) waiting(t *testing.T, n int) {
	t.Helper()
	await(t, fmt.Sprintf("%d wait", n), func() bool {
		return p.w.query(t, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == strconv.Itoa(n)
	})
}

// revoked has a customer sign in and revoke the session at Clerk, of which the event is to be worked by Settle.
func revoked(t *testing.T) (p *tenancy, user, event string) {
	t.Helper()
	p = newProduct(t)
	g, s := p.signedIn(t, "eve@mail.example")
	p.w.wantEvents()
	session := p.w.query(t, "SELECT clerk_session_id FROM tenant.sessions WHERE id = $1", s.id)
	p.w.atClerk(t, endUsersApp, "POST /v1/sessions/"+session+"/revoke", "").want(t, 200)
	const find = "SELECT coalesce(max(id), '') FROM tenant.clerk_events WHERE type = 'session.revoked'"
	await(t, "the event is there", func() bool { event = p.w.query(t, find); return event != "" })
	p.w.db.TurnClock(t, 6*time.Minute)
	return p, g.user, event
}

func TestNothingIsWrittenDownOfACustomerWhoIsBeingDeleted(t *testing.T) {
	t.Parallel()
	p, user, event := revoked(t)
	// The work is held up where it writes the event down, and meanwhile the customer is deleted.
	conn := p.w.db.Connect(t, p.w.db.Owner)
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "INSERT INTO tenant.events (platform_id, id, source, endpoint, type) VALUES ($1, $2, 'clerk', 'users', 'x')", p.id, event)
	must(t, err)
	var group sync.WaitGroup
	var settled error
	group.Go(func() { settled = p.w.background().Settle(t.Context()) })
	p.waiting(t, 1)
	group.Go(func() { p.api(t, "DELETE /api/customers/"+user, "").want(t, 200) })
	p.waiting(t, 2)
	must(t, tx.Rollback(t.Context()))
	group.Wait()
	must(t, settled)
	p.dash(t, "GET /events/"+event, "").want(t, 200).expect(t, "event.customerId", "", "event.objectId", "", "event.payload", "<nil>")
}

func TestADeletionAndTheEndOfASessionDoNotWaitInARing(t *testing.T) {
	t.Parallel()
	p, user, _ := revoked(t)
	// The deletion is held up behind the user's counters, and meanwhile the event is worked.
	p.w.db.Exec(t, "INSERT INTO billing.customers (platform_id, account, customer_id) VALUES ($1, '', $2)", p.id, user)
	conn := p.w.db.Connect(t, p.w.db.Owner)
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM billing.customers WHERE platform_id = $1 FOR UPDATE", p.id)
	must(t, err)
	var group sync.WaitGroup
	group.Go(func() { p.api(t, "DELETE /api/customers/"+user, "").want(t, 200) })
	p.waiting(t, 1)
	var settled error
	group.Go(func() { settled = p.w.background().Settle(t.Context()) })
	p.waiting(t, 2)
	must(t, tx.Rollback(t.Context()))
	group.Wait()
	must(t, settled)
	equal(t, "left of the user", p.w.query(t, `SELECT count(*)::text FROM tenant.timeline WHERE customer_id = $1`, user), "0")
	equal(t, "counters", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.users WHERE user_id = $1", user), "0")
}
