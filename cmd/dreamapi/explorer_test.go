package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/usage"
)

// counts tracks calls at moments, and adds the journal up.
func (p *tenancy) counts(t *testing.T, calls [][3]string) {
	t.Helper()
	for _, c := range calls {
		moment, err := time.Parse(time.RFC3339, c[0])
		must(t, err)
		p.w.db.SetClock(t, moment)
		p.track(t, c[1], c[2]).want(t, 200)
	}
	must(t, usage.AddUp(t.Context(), p.w.db.Open(t, db.Worker)))
}

func newExplored(t *testing.T) *tenancy {
	t.Helper()
	p := newPlatform(t)
	p.tier(t, `{"name":"wide","displayName":"Wide","limit":null,"rateLimit":100000,"meters":{"tokens":{"limit":null}}}`)
	p.dash(t, "PATCH /tiers/free", `{"limit":null}`).want(t, 200)
	p.external(t, "big", "wide")
	p.external(t, "small", "free")
	p.counts(t, [][3]string{
		{"2031-04-20T10:00:00Z", "small", `{"quantity":6}`},
		{"2031-05-28T10:10:00Z", "big", `{"quantity":20}`},
		{"2031-05-30T22:10:00Z", "big", `{"quantity":3}`},
		{"2031-05-30T23:50:00Z", "small", `{"quantity":4}`},
		{"2031-05-31T00:10:00Z", "big", `{"quantity":5}`},
		{"2031-05-31T00:20:00Z", "big", `{"quantity":70,"meter":"tokens"}`},
	})
	return p
}

func TestUsageIsExploredByMeterPlanCustomerAndUnit(t *testing.T) {
	t.Parallel()
	p := newExplored(t)
	explore := func(query string) answer {
		t.Helper()
		return p.dash(t, "GET /usage"+query, "")
	}
	h := explore("?days=30").want(t, 200).expect(t, "meter", "requests", "by", "day", "total", "32", "before", "6")
	equal(t, "days", len(h.list("points")), 30)
	h.expect(t, "points.29.start", "2031-05-31T00:00:00Z", "points.29.count", "5", "points.28.count", "7", "points.28.plans.wide", "3", "points.28.plans.free", "4", "points.27.count", "0")
	h = explore("?days=1").want(t, 200).expect(t, "by", "hour", "total", "12", "before", "0")
	equal(t, "hours", len(h.list("points")), 24)
	h.expect(t, "points.23.start", "2031-05-31T00:00:00Z", "points.23.count", "5", "points.22.count", "4", "points.21.count", "3")
	explore("?days=365").want(t, 200).expect(t, "by", "week", "total", "38", "points.52.start", "2031-05-26T00:00:00Z", "points.52.count", "32")
	explore("?days=365&by=month").want(t, 200).expect(t, "points.12.start", "2031-05-01T00:00:00Z", "points.12.count", "32", "points.11.count", "6")
	explore("?days=365").expect(t, "before", "<nil>") // not all of the year before is kept
	p.w.db.Exec(t, "UPDATE platform.platforms SET created_at = '2031-05-01' WHERE id = $1", p.id)
	explore("?days=30").expect(t, "before", "<nil>") // nor is a month without a platform one to compare with
	explore("?days=7").expect(t, "before", "0", "total", "32")
	p.w.db.Exec(t, "UPDATE platform.platforms SET created_at = '2026-01-01' WHERE id = $1", p.id)
	explore("?meter=tokens").want(t, 200).expect(t, "total", "70")
	explore("?plan=free").want(t, 200).expect(t, "total", "4", "before", "6", "points.28.count", "4")
	h = explore("?customer=big").want(t, 200).expect(t, "total", "28", "points.29.count", "5", "points.26.count", "20") // the present day too
	if h.at("points.29.plans") != nil {
		t.Error("what one customer used has plans")
	}
	p.counts(t, [][3]string{{"2031-05-31T00:30:00Z", "small", `{"quantity":-3}`}}) // of the day before
	explore("?customer=small&days=7").want(t, 200).expect(t, "total", "1", "points.6.count", "-3")
	explore("?customer=nobody").want(t, 200).expect(t, "total", "0")
	explore("?customer=big&by=hour").want(t, 400).wantParam(t, "by")
	explore("?customer=big&plan=wide").want(t, 400).wantParam(t, "plan")
	explore("?by=decade").want(t, 400).wantParam(t, "by")
	explore("?days=17&by=hour").want(t, 400).wantParam(t, "days")
	explore("?days=401").want(t, 400).wantParam(t, "days")

	p.dash(t, "GET /usage/top?days=30", "").want(t, 200).expect(t, "data.0.userId", "big", "data.0.count", "28", "data.1.userId", "small", "data.1.count", "1", "data.0.customer", "true")
	p.dash(t, "GET /usage/top?days=1", "").want(t, 200).expect(t, "data.0.userId", "big", "data.0.count", "5", "data.1", "<nil>")
	p.dash(t, "GET /usage/top?days=30&meter=tokens&limit=1", "").want(t, 200).expect(t, "data.0.count", "70")
	p.dash(t, "GET /usage/top?days=8", "").want(t, 400).wantParam(t, "days")
}

// Where there are many users, the worker adds them up, when something was counted since.
func TestWhoUsesMostOfManyIsWorkedOutAheadAndForgottenWithThem(t *testing.T) {
	t.Parallel()
	p := newExplored(t)
	p.w.db.Exec(t, `INSERT INTO tenant_usage.users (platform_id, user_id) SELECT $1, 'u' || i FROM generate_series(1, 1000) AS i`, p.id)
	worker, here := p.w.db.Open(t, db.Worker), []id.Platform{p.platformID()}
	top := func() answer {
		t.Helper()
		return p.dash(t, "GET /usage/top?days=30", "").want(t, 200)
	}
	top().expect(t, "data", "[]", "takenAt", "<nil>")
	must(t, usage.TakeTops(t.Context(), worker, here))
	top().expect(t, "data.0.userId", "big", "data.0.count", "28", "data.1.count", "4")
	// Not before five minutes have gone, and not if nothing was counted.
	at := func(minutes int) {
		p.w.db.SetClock(t, time.Date(2031, 5, 31, 0, 20+minutes, 0, 0, time.UTC))
		must(t, usage.TakeTops(t.Context(), worker, here))
	}
	p.counts(t, [][3]string{{"2031-05-31T00:21:00Z", "small", `{"quantity":50}`}})
	at(2)
	top().expect(t, "data.0.userId", "big")
	at(6)
	top().expect(t, "data.0.userId", "small", "data.0.count", "54", "data.1.userId", "big")
	at(2 * 60) // once more, as the hour was not over
	taken := top().text("takenAt")
	at(4 * 60)
	top().expect(t, "takenAt", taken)
	p.api(t, "DELETE /api/customers/small", "").want(t, 200)
	top().expect(t, "data.0.userId", "big", "data.0.place", "1")
	equal(t, "of the forgotten", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.top_users WHERE user_id = 'small'"), "0")
}

// What is known of the last days moves with the days, also where nobody calls any more, and ends.
func TestWhoUsedMostMovesWithTheDays(t *testing.T) {
	t.Parallel()
	p := newExplored(t)
	p.w.db.Exec(t, `INSERT INTO tenant_usage.users (platform_id, user_id) SELECT $1, 'u' || i FROM generate_series(1, 1000) AS i`, p.id)
	worker, here := p.w.db.Open(t, db.Worker), []id.Platform{p.platformID()}
	top := func() answer {
		t.Helper()
		return p.dash(t, "GET /usage/top?days=1", "").want(t, 200)
	}
	p.w.db.SetClock(t, time.Date(2031, 5, 31, 2, 0, 0, 0, time.UTC)) // nothing was counted in this hour, and nothing will be
	must(t, usage.TakeTops(t.Context(), worker, here))
	top().expect(t, "data.0.userId", "big", "data.0.count", "5")
	p.w.db.SetClock(t, time.Date(2031, 6, 1, 0, 10, 0, 0, time.UTC))
	must(t, usage.TakeTops(t.Context(), worker, here))
	taken := top().expect(t, "data", "[]").text("takenAt")
	p.w.db.SetClock(t, time.Date(2031, 6, 2, 0, 10, 0, 0, time.UTC))
	must(t, usage.TakeTops(t.Context(), worker, here)) // nothing is left that could move
	top().expect(t, "takenAt", taken)
	p.dash(t, "GET /usage/top?days=30", "").want(t, 200).expect(t, "data.0.userId", "big", "data.0.count", "28")
}

// A platform that fails is not tried again at once, and two that take the same at once are one.
func TestWhoUsedMostIsTriedInTurns(t *testing.T) {
	t.Parallel()
	p := newExplored(t)
	p.w.db.Exec(t, `INSERT INTO tenant_usage.users (platform_id, user_id) SELECT $1, 'u' || i FROM generate_series(1, 1000) AS i`, p.id)
	p.w.db.Exec(t, `CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
		IF NEW.days = 365 THEN RAISE 'no'; END IF;
		PERFORM pg_catalog.pg_advisory_xact_lock(7); RETURN NEW; END$$`)
	p.w.db.Exec(t, `CREATE TRIGGER fail BEFORE INSERT ON tenant_usage.top_users FOR EACH ROW EXECUTE FUNCTION public.fail()`)
	worker, here := p.w.db.Open(t, db.Worker), []id.Platform{p.platformID()}
	holder := p.w.db.Connect(t, p.w.db.Owner)
	_, err := holder.Exec(t.Context(), "SELECT pg_advisory_lock(7)")
	must(t, err)
	took := make(chan error, 2)
	take := func() { took <- usage.TakeTops(t.Context(), worker, here) }
	waiting := func(n string) func() bool {
		return func() bool {
			return p.w.query(t, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == n
		}
	}
	go take()
	await(t, "one is taking", waiting("1"))
	go take() // the next span, as somebody is at the first
	await(t, "two are taking", waiting("2"))
	_, err = holder.Exec(t.Context(), "SELECT pg_advisory_unlock(7)")
	must(t, err)
	failed := 0
	for range 2 {
		if err := <-took; err != nil {
			failed++
			equal(t, "what failed", strings.Count(err.Error(), "\n"), 0)
		}
	}
	equal(t, "failed", failed, 1) // of 365 days, once
	p.dash(t, "GET /usage/top?days=90", "").want(t, 200).expect(t, "data.0.userId", "big")
	p.dash(t, "GET /usage/top?days=365", "").want(t, 200).expect(t, "takenAt", "<nil>")
	must(t, usage.TakeTops(t.Context(), worker, here))
	p.w.db.SetClock(t, time.Date(2031, 5, 31, 6, 0, 0, 0, time.UTC))
	p.w.db.Exec(t, "DROP TRIGGER fail ON tenant_usage.top_users")
	must(t, usage.TakeTops(t.Context(), worker, here))
	p.dash(t, "GET /usage/top?days=365", "").want(t, 200).expect(t, "data.0.userId", "big")
}

func TestTheUsagePageShowsWhatIsAskedForByItsAddress(t *testing.T) {
	t.Parallel()
	p := newExplored(t)
	b := p.w.browser(t).signIn(t, p.dev)
	page := func(query string) *browser {
		t.Helper()
		return b.open(t, p.w.url("dashboard")+"/platforms/"+p.id+"/usage"+query)
	}
	page("").sees(t, "requests a day").sees(t, "&#43;433 %, against as long before").sees(t, "Who uses most").sees(t, "30 May: Free 4, Wide 3")
	page("?days=1").sees(t, "requests an hour").sees(t, "30 May, 23:00 UTC: Free 4")
	page("?meter=tokens&days=7").sees(t, "31 May: Wide 70").sees(t, fmt.Sprintf(`/platforms/%s/customers/big"`, p.id))
	page("?days=30&customer=big").sees(t, "28 May: 20").sees(t, "Show all customers")
	page("?customer=big&by=hour").sees(t, `<p class="fault" id="by-fault">The unit is day, week or month for one customer: their hours are not kept.</p>`).sees(t, `value="big"`)
	page("?meter=%3Cb%3E").sees(t, "&lt;b&gt; a day")
}

// A customer is named by the id or the email address; what is only in somebody's id is an id.
func TestTheUsageOfOneCustomerIsFoundByTheirEmailAddress(t *testing.T) {
	t.Parallel()
	p := newExplored(t)
	for id, email := range map[string]string{"ada": "ada+1@mail.example", "one": "both@mail.example", "two": "both@mail.example", "kim@mail.example": "other@mail.example", "kim": "kim@mail.example"} {
		p.api(t, "POST /api/customers", fmt.Sprintf(`{"id":%q,"email":%q,"plan":"wide"}`, id, email)).want(t, 201)
	}
	other := p.w.developer(t, "bob@dev.example").platform(t, "other")
	other.api(t, "POST /api/customers", `{"id":"eve","email":"eve@mail.example"}`).want(t, 201)
	p.track(t, "ada", `{"quantity":3}`).want(t, 200)
	p.api(t, "POST /api/data", `{"quantity":2}`, "X-User-Id: guest@mail.example", "X-User-Plan: wide").want(t, 200)
	explore := func(customer string) answer {
		t.Helper()
		return p.dash(t, "GET /usage?customer="+url.QueryEscape(customer), "")
	}
	explore("").want(t, 200).expect(t, "customer", "<nil>")
	explore("big").want(t, 200).expect(t, "customer", "big", "total", "28")
	explore("ADA+1@Mail.example").want(t, 200).expect(t, "customer", "ada", "total", "3")
	explore("kim@mail.example").want(t, 200).expect(t, "customer", "kim@mail.example")
	explore("guest@mail.example").want(t, 200).expect(t, "customer", "guest@mail.example", "total", "2")
	explore("both@mail.example").wantParam(t, "customer")
	explore("eve@mail.example").wantParam(t, "customer") // who is another platform's
	explore("ada%@mail.example").wantParam(t, "customer")

	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/usage?meter=requests&days=90&by=week&plan=&customer="
	b.open(t, at+"ADA%2B1%40mail.example").sees(t, ">ada&#43;1@mail.example</a>").sees(t, `value="ada"`)
	equal(t, "the address", b.at.RawQuery, "by=week&customer=ada&days=90&meter=requests&plan=")
	b.open(t, at+"nobody%40mail.example").sees(t, `value="nobody@mail.example"`).sees(t, `aria-describedby="customer-fault"`).sees(t, `<option value="90" selected>`)
	b.sees(t, `<p class="fault" id="customer-fault">No customer here has this email address.</p>`)
	equal(t, "status", b.last.StatusCode, 400)
	b.open(t, at+"&days=1").sees(t, "days is given twice")
}
