package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/usage"
)

func TestAQuantityOfNoughtAsksWithoutCounting(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"two","limit":2}`)
	p.external(t, "u", "two")
	ask := func() answer { return p.track(t, "u", `{"quantity":0}`) }
	ask().want(t, 200).expect(t, "usage.count", "0", "usage.remaining", "2")
	p.track(t, "u", `{"quantity":2}`).want(t, 200)
	ask().want(t, 402, "tier_limit_reached").expect(t, "usage.count", "2", "usage.remaining", "0")
	p.usage(t, "u").expect(t, "usageCount", "2")
}

func TestAnAnswerIsRepeatedAlthoughItsMeterIsGone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"wide","limit":9,"meters":{"tokens":{"limit":9}}}`)
	p.external(t, "u", "wide")
	track := func() answer { return p.track(t, "u", `{"meter":"tokens","quantity":4}`, "Idempotency-Key: once") }
	track().want(t, 200).replayed(t, false)
	p.dash(t, "PATCH /tiers/wide", `{"meters":{"tokens":null}}`).want(t, 200)
	track().want(t, 200).replayed(t, true).expect(t, "usage.count", "4", "usage.meter", "tokens")
	p.track(t, "u", `{"meter":"tokens"}`).want(t, 400, "unknown_meter")
}

func TestUnitsAreGivenBackByTheBackendAloneAndNeverBelowNought(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	user := p.customer(t, "eve@mail.example")
	p.track(t, user, `{"quantity":5}`).want(t, 200)
	p.w.api(t, "POST /api/data", p.w.userToken(t, user), `{"quantity":-1}`).want(t, 400, "invalid_request").expect(t, "param", "quantity")
	for range 2 {
		p.track(t, user, `{"quantity":-2}`, "Idempotency-Key: back").want(t, 200).expect(t, "usage.count", "3")
	}
	p.track(t, user, `{"quantity":-9}`).want(t, 200).expect(t, "usage.count", "0", "usage.remaining", "100")
	p.track(t, user, `{"quantity":-9}`).want(t, 200).expect(t, "usage.count", "0")
	list := p.api(t, "GET /api/adjustments?userId="+user, "").want(t, 200)
	list.expect(t, "data.0.kind", "return", "data.0.quantity", "3", "data.1.quantity", "2", "data.1.meter", "requests", "hasMore", "false")
	equal(t, "adjustments", len(list.at("data").([]any)), 2)
}

func TestGrantsGiveExtraUnitsForThisPeriodOrUntilTheyAreUsed(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"ten","limit":10}`)
	p.w.db.SetClock(t, time.Date(2031, 5, 31, 12, 0, 1, 0, time.UTC))
	p.external(t, "u", "ten")
	grant := func(expires string, quantity int, headers ...string) answer {
		return p.api(t, "POST /api/grants", fmt.Sprintf(`{"userId":"u","quantity":%d,"expires":%q,"reason":"sorry"}`, quantity, expires), headers...)
	}
	grant("period", 5).want(t, 201).expect(t, "success", "true", "grant.kind", "grant", "grant.reason", "sorry", "usage.limit", "15", "usage.extra", "5")
	for range 2 {
		grant("used", 3, "Idempotency-Key: once").want(t, 201).expect(t, "usage.limit", "18", "usage.extra", "8")
	}
	p.track(t, "u", `{"quantity":17}`).want(t, 200).expect(t, "usage.remaining", "1", "usage.limit", "18")
	p.track(t, "u", `{"quantity":2}`).want(t, 402)
	p.usage(t, "u").expect(t, "limit", "18", "remaining", "1", "meters.requests.extra", "8")

	p.w.db.SetClock(t, time.Date(2031, 6, 1, 0, 0, 1, 0, time.UTC)) // 17 are 10, the 5 of the period, and 2 of those that last
	p.usage(t, "u").expect(t, "limit", "11", "usageCount", "0")
	p.track(t, "u", `{"quantity":11}`).want(t, 200)
	p.track(t, "u", "").want(t, 402)
	p.w.db.SetClock(t, time.Date(2031, 7, 1, 0, 0, 1, 0, time.UTC))
	p.usage(t, "u").expect(t, "limit", "10")

	p.api(t, "POST /api/grants", `{"userId":"nobody","quantity":1,"expires":"used"}`).want(t, 404, "not_found")
	p.api(t, "GET /api/adjustments?userId=u&cursor=adj_1", "").wantParam(t, "cursor")
	p.api(t, "POST /api/grants", `{"userId":"theirs","plan":"ten","quantity":1,"expires":"used"}`).want(t, 201).expect(t, "usage.limit", "11")
	p.api(t, "POST /api/grants", `{"userId":"u","meter":"images","quantity":1,"expires":"used"}`).want(t, 400, "unknown_meter")
	equal(t, "rows of nobody", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.users WHERE user_id = 'nobody'"), "0")
	for page, want := range []string{"1", "1"} {
		cursor := ""
		if page == 1 {
			cursor = "&cursor=" + p.api(t, "GET /api/adjustments?userId=u&limit=1", "").text("nextCursor")
		}
		got := p.api(t, "GET /api/adjustments?userId=u&limit=1"+cursor, "").want(t, 200)
		equal(t, "on a page", strconv.Itoa(len(got.at("data").([]any))), want)
		got.expect(t, "hasMore", strconv.FormatBool(page == 0))
	}
}

func TestUnitsThatLastAreToldOfWhateverTheKindOfPeriodAndThePlan(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"a","limit":1,"meters":{"tokens":{"limit":10}}}`)
	p.tier(t, `{"name":"b","limit":1,"meters":{"tokens":{"limit":10,"period":"day"}}}`)
	track := func(plan string) answer { return p.track(t, "u", `{"meter":"tokens"}`, "X-User-Plan: "+plan) }
	track("a").want(t, 200)
	track("b").want(t, 200)
	p.api(t, "POST /api/grants", `{"userId":"u","plan":"a","meter":"tokens","quantity":5,"expires":"used"}`).want(t, 201)
	track("b").want(t, 200).expect(t, "usage.count", "2", "usage.limit", "15", "usage.remaining", "13", "usage.extra", "5")
	p.usage(t, "u", "X-User-Plan: b").expect(t, "meters.tokens.remaining", "13")

	p.tier(t, `{"name":"none","limit":1}`)
	p.usage(t, "u", "X-User-Plan: none").expect(t, "meters.tokens.count", "1", "meters.tokens.limit", "5", "meters.requests.limit", "1")
	track("none").want(t, 200).expect(t, "usage.remaining", "3")
}

// Who has more to count than the rate allows sends all of it again, minute after minute.
func TestRepetitionsDoNotCountAgainstTheRate(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withConfig(func(c *config) { c.TestPlatformCalls = 10 }))
	p.tier(t, `{"name":"slow","limit":90,"rateLimit":3}`)
	p.external(t, "u", "slow")
	p.dash(t, "PATCH /", `{"rateLimit":3}`).want(t, 200)
	items := make([]string, 5)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":"%d","userId":"u"}`, i)
	}
	send := func(minute int) string {
		p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, minute, 1, 0, time.UTC))
		got := p.api(t, "POST /api/data/batch", `{"items":[`+strings.Join(items, ",")+`]}`).want(t, 200)
		var states []string
		for i := range items {
			states = append(states, got.text(fmt.Sprintf("results.%d.status", i)))
		}
		return strings.Join(states, " ")
	}
	equal(t, "the first time", send(5), "200 200 200 429 429")
	equal(t, "in the same minute", send(5), "200 200 200 429 429")
	equal(t, "a minute later", send(6), "200 200 200 200 200")
	p.usage(t, "u").expect(t, "usageCount", "5")
	p.track(t, "u", "").want(t, 200) // the tenth of the month, with those that were refused
	p.track(t, "u", "").want(t, 403, "test_calls_used_up")
}

func TestALimitForAllUsersOfAPlatformTogether(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 5, 1, 0, time.UTC))
	p.dash(t, "PATCH /", `{"rateLimit":3}`).want(t, 200).expect(t, "settings.rateLimit", "3")
	track := func(user string) answer { return p.track(t, user, "", "X-User-Plan: free") }
	for _, user := range []string{"a", "b", "a"} {
		track(user).want(t, 200)
	}
	got := track("c").want(t, 429, "rate_limited")
	if policy := got.header.Get("RateLimit-Policy"); policy != `"user";q=100;w=60, "platform";q=3;w=60` {
		t.Errorf("RateLimit-Policy is %s", policy)
	}
	if state := got.header.Get("RateLimit"); !strings.Contains(state, `"platform";r=0;t=`) || got.header.Get("Retry-After") == "" {
		t.Errorf("RateLimit is %s, Retry-After %s", state, got.header.Get("Retry-After"))
	}
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 6, 0, 0, time.UTC))
	track("c").want(t, 200)
	p.dash(t, "PATCH /", `{"rateLimit":"unlimited"}`).want(t, 200).expect(t, "settings.rateLimit", "<nil>")
	for range 5 {
		track("c").want(t, 200)
	}
	p.dash(t, "PATCH /", `{"rateLimit":0}`).want(t, 400)

	p.dash(t, "PATCH /", `{"rateLimit":7}`).want(t, 200)
	p.external(t, "e", "free")
	if state := p.usage(t, "e").header.Get("RateLimit"); !strings.Contains(state, `, "platform";r=`) {
		t.Errorf("with the usage RateLimit is %s", state)
	}
	p.dash(t, "GET /customers/e", "").want(t, 200)
}

func TestATestPlatformTakesSoManyTrackedCallsAMonth(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withConfig(func(c *config) { c.TestPlatformCalls = 3 }))
	p.w.db.SetClock(t, time.Date(2031, 5, 31, 12, 0, 1, 0, time.UTC))
	for range 3 {
		p.track(t, "u", "", "X-User-Plan: free").want(t, 200)
	}
	p.track(t, "u", "", "X-User-Plan: free").want(t, 403, "test_calls_used_up")
	p.w.db.SetClock(t, time.Date(2031, 6, 1, 0, 0, 1, 0, time.UTC))
	p.track(t, "u", "", "X-User-Plan: free").want(t, 200)
}

func TestPeriodsMayBeCountedFromTheCustomersStart(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.w.db.SetClock(t, time.Date(2031, 1, 31, 10, 0, 0, 0, time.UTC))
	p.tier(t, `{"name":"own","limit":2,"meters":{"requests":{"anchor":"customer"}}}`)
	p.dash(t, "PATCH /tiers/own", "{}").want(t, 200).expect(t, "tier.meters.requests.anchor", "customer", "tier.meters.requests.period", "month")
	p.external(t, "u", "own")
	since := p.api(t, "GET /api/customers/u", "").text("customer.createdAt")
	p.track(t, "u", `{"quantity":2}`).want(t, 200).expect(t, "usage.periodStart", since)
	p.w.db.SetClock(t, time.Date(2031, 2, 28, 9, 0, 0, 0, time.UTC))
	p.track(t, "u", "").want(t, 402)
	p.w.db.SetClock(t, time.Date(2031, 2, 28, 11, 0, 0, 0, time.UTC))
	p.usage(t, "u").expect(t, "usageCount", "0")
	p.track(t, "u", "").want(t, 200).expect(t, "usage.count", "1")
	p.dash(t, "PATCH /tiers/own", `{"meters":{"requests":{"anchor":"nowhere"}}}`).want(t, 400)
}

func TestPeriodsMayBeTheSubscriptionsOwn(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":5,"price":900,"meters":{"requests":{"anchor":"subscription"}}}`)
	p.external(t, "u", "free")
	p.buys(t, "u", "pro")
	sub := p.w.atStripe(t, "", "GET /v1/subscriptions/"+p.w.atStripeList(t, "", "/v1/subscriptions", "id")[0], nil)
	stamp := func(field string) string {
		return time.Unix(number(t, sub, field), 0).UTC().Format(time.RFC3339)
	}
	p.track(t, "u", `{"quantity":5}`).want(t, 200).expect(t, "usage.periodStart", stamp("current_period_start"), "usage.periodEnd", stamp("current_period_end"))
	p.track(t, "u", "").want(t, 402)
	p.w.turn(t, 32*day) // it renews
	p.w.work(t)
	p.track(t, "u", "").want(t, 200).expect(t, "usage.count", "1", "usage.periodStart", stamp("current_period_end"))
}

// What is counted stands in the history by hour and by day, and both add up to it.
func TestHistoryAddsUpToWhatWasCounted(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"wide","limit":null,"rateLimit":100000,"meters":{"tokens":{"limit":null}}}`)
	p.external(t, "u", "wide")
	worker := p.w.db.Open(t, db.Worker)
	history := func() string {
		t.Helper()
		for range 2 { // a second time adds nothing
			must(t, usage.AddUp(t.Context(), worker))
		}
		return p.w.query(t, "SELECT string_agg(concat_ws(' ', to_char(hour AT TIME ZONE 'UTC', 'DD HH24'), meter, plan, count), ', ' ORDER BY hour, meter, plan) FROM tenant_usage.hours")
	}
	for _, c := range []struct{ at, user, body, plan string }{
		{"2031-05-30T22:10:00Z", "u", `{"quantity":3}`, ""}, {"2031-05-30T22:50:00Z", "u", "", ""}, {"2031-05-30T22:51:00Z", "v", `{"quantity":7}`, "free"},
		{"2031-05-30T23:10:00Z", "u", `{"quantity":-2}`, ""}, {"2031-05-31T00:10:00Z", "u", `{"quantity":5}`, ""}, {"2031-05-31T00:11:00Z", "u", `{"meter":"tokens","quantity":40}`, ""},
		{"2031-05-31T00:12:00Z", "v", `{"quantity":500}`, "free"}, // refused
	} {
		moment, err := time.Parse(time.RFC3339, c.at)
		must(t, err)
		p.w.db.SetClock(t, moment)
		p.track(t, c.user, c.body, "X-User-Plan: "+c.plan)
	}
	equal(t, "hours", history(), "30 22 requests free 7, 30 22 requests wide 4, 30 23 requests wide -2, 31 00 requests wide 5, 31 00 tokens wide 40")
	equal(t, "journal", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.journal"), "0")
	equal(t, "days that are over", p.w.query(t, "SELECT string_agg(concat_ws(' ', user_id, meter, day, count), ', ' ORDER BY user_id) FROM tenant_usage.days"),
		"u requests 2031-05-30 2, v requests 2031-05-30 7")
	equal(t, "today", p.w.query(t, "SELECT string_agg(concat_ws(' ', user_id, day, today::text), ', ' ORDER BY user_id) FROM tenant_usage.users"),
		"u 2031-05-31 {5,40}, v 2031-05-31 {0}")
	p.w.db.SetClock(t, time.Date(2032, 7, 31, 0, 0, 0, 0, time.UTC))
	p.w.sweep(t)
	equal(t, "hours kept", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.hours"), "0")
	equal(t, "days kept", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.days"), "0")
}

func number(t *testing.T, a answer, path string) int64 {
	t.Helper()
	n, err := a.at(path).(json.Number).Int64()
	must(t, err)
	return n
}
