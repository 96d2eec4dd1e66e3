package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTrack(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.dash(t, "PATCH /tiers/free", `{"limit":3,"meters":{"requests":{"limit":3},"tokens":{"limit":1000,"period":"day"}}}`).want(t, 200)
	user := p.customer(t, "eve@mail.example")
	p.w.db.SetClock(t, time.Date(2031, 3, 5, 6, 7, 1, 0, time.UTC))
	got := p.track(t, user, "").want(t, 200).expect(t, "success", "true", "usage.count", "1", "usage.limit", "3", "usage.remaining", "2",
		"usage.plan", "free", "usage.meter", "requests", "usage.periodStart", "2031-03-01T00:00:00Z", "usage.periodEnd", "2031-04-01T00:00:00Z")
	equal(t, "RateLimit-Policy", got.header.Get("RateLimit-Policy"), `"user";q=100;w=60`)
	if rate := got.header.Get("RateLimit"); !strings.HasPrefix(rate, `"user";r=99;t=`) {
		t.Errorf("RateLimit %q", rate)
	}
	p.track(t, user, "{}").want(t, 200).expect(t, "usage.count", "2")
	p.track(t, user, `{"meter":"requests"}`).want(t, 200).expect(t, "usage.count", "3", "usage.remaining", "0")
	got = p.track(t, user, "").want(t, 402, "tier_limit_reached").expect(t, "error", "Tier limit reached",
		"message", "Please upgrade to unlock more requests", "usage.count", "3", "usage.limit", "3", "usage.remaining", "0", "usage.plan", "free")
	if !strings.HasPrefix(got.header.Get("RateLimit"), `"user";r=96`) {
		t.Errorf("a refused call has RateLimit %q", got.header.Get("RateLimit"))
	}
	p.w.api(t, "POST /api/data", p.w.userToken(t, user), `{"meter":"tokens","quantity":400}`).want(t, 200).
		expect(t, "usage.meter", "tokens", "usage.count", "400", "usage.periodStart", "2031-03-05T00:00:00Z", "usage.periodEnd", "2031-03-06T00:00:00Z")
	p.track(t, user, `{"meter":"images"}`).want(t, 400, "unknown_meter").expect(t, "param", "meter")
	p.track(t, user, `{"meter":""}`).wantParam(t, "meter")
	p.track(t, user, `{"meter":null}`).want(t, 402)

	for range 2 { // reading changes nothing
		report := p.usage(t, user).expect(t, "userId", user, "plan", "free", "usageCount", "3", "limit", "3", "remaining", "0",
			"meters.tokens.count", "400", "meters.tokens.remaining", "600", "meters.requests.count", "3", "meters.tokens.period", "day")
		if !strings.HasPrefix(report.header.Get("RateLimit"), `"user";r=93`) {
			t.Errorf("reading has RateLimit %q", report.header.Get("RateLimit"))
		}
	}
}

func TestAQuantityThatDoesNotFitIsRefusedWholeAndASmallerOneFits(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free") // 100
	p.track(t, "u", `{"quantity":101}`).want(t, 402).expect(t, "usage.count", "0", "usage.remaining", "100")
	p.track(t, "u", `{"quantity":95}`).want(t, 200)
	p.track(t, "u", `{"quantity":6}`).want(t, 402).expect(t, "usage.count", "95", "usage.remaining", "5")
	p.track(t, "u", `{"quantity":5}`).want(t, 200).expect(t, "usage.count", "100", "usage.remaining", "0")
	p.track(t, "u", `{"quantity":1}`).want(t, 402)
}

func TestAMeterThatTheTierDoesNotNameGrantsNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":10,"meters":{"tokens":{"limit":5}}}`)
	p.external(t, "u", "free")
	p.track(t, "u", `{"meter":"tokens"}`).want(t, 402).expect(t, "usage.limit", "0")
	p.api(t, "PATCH /api/customers/u", `{"plan":"pro"}`).want(t, 200)
	p.track(t, "u", `{"meter":"tokens"}`).want(t, 200).expect(t, "usage.count", "1")
}

func TestAChangeOfALimitHoldsAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	p.track(t, "u", `{"quantity":100}`).want(t, 200)
	p.dash(t, "PATCH /tiers/free", `{"limit":101}`).want(t, 200)
	p.track(t, "u", "").want(t, 200).expect(t, "usage.count", "101")
	p.dash(t, "PATCH /tiers/free", `{"limit":"unlimited"}`).want(t, 200)
	p.track(t, "u", "").want(t, 200).expect(t, "usage.limit", "<nil>", "usage.count", "102")
	p.dash(t, "PATCH /tiers/free", `{"limit":50}`).want(t, 200)
	p.track(t, "u", "").want(t, 402).expect(t, "usage.count", "102", "usage.limit", "50", "usage.remaining", "0")
	p.dash(t, "PATCH /tiers/free", `{"rateLimit":1}`).want(t, 200).expect(t, "tier.limit", "50")
	p.track(t, "u", "").want(t, 429, "rate_limited")
}

// What a key remembers of the plan that is stated with it is of before the change.
func TestAChangeOfALimitHoldsForAPlanThatIsStated(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000}`)
	states := func(plan string) answer { return p.track(t, "theirs", "", "X-User-Plan: "+plan) }
	for range 3 {
		states("pro").want(t, 200).expect(t, "usage.limit", "1000")
		states("free").want(t, 200).expect(t, "usage.limit", "100")
	}
	states("pro").want(t, 200).expect(t, "usage.count", "7", "usage.limit", "1000")
	p.dash(t, "PATCH /tiers/pro", `{"limit":9}`).want(t, 200)
	states("pro").want(t, 200).expect(t, "usage.count", "8", "usage.limit", "9")
	states("pro").want(t, 200).expect(t, "usage.count", "9", "usage.limit", "9")
	states("pro").want(t, 402).expect(t, "usage.count", "9", "usage.limit", "9")
	states("free").want(t, 200).expect(t, "usage.count", "10", "usage.limit", "100")
}

func TestAnotherPeriodOfATierStartsANewCounter(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	p.w.db.SetClock(t, time.Date(2031, 3, 1, 0, 0, 1, 0, time.UTC)) // a day and a month begin together
	p.track(t, "u", `{"quantity":60}`).want(t, 200)
	p.dash(t, "PATCH /tiers/free", `{"meters":{"requests":{"limit":100,"period":"day"}}}`).want(t, 200)
	p.usage(t, "u").expect(t, "usageCount", "0", "periodEnd", "2031-03-02T00:00:00Z")
	p.track(t, "u", `{"quantity":70}`).want(t, 200).expect(t, "usage.count", "70")
	p.dash(t, "PATCH /tiers/free", `{"limit":200}`).want(t, 200).expect(t, "tier.meters.requests.period", "day")
	p.usage(t, "u").expect(t, "usageCount", "70")
	p.dash(t, "PATCH /tiers/free", `{"meters":{"requests":{"limit":100,"period":"month"}}}`).want(t, 200)
	p.usage(t, "u").expect(t, "usageCount", "60")
}

func TestAPeriodRollsOverByTheClock(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		must(t, err)
		return moment
	}
	for i, c := range []struct{ period, last, start, end, next string }{
		{"month", "2031-01-31T23:59:30Z", "2031-01-01", "2031-02-01", "2031-03-01"},
		{"month", "2032-02-29T23:59:30Z", "2032-02-01", "2032-03-01", "2032-04-01"}, // a leap day
		{"month", "2031-02-28T23:59:30Z", "2031-02-01", "2031-03-01", "2031-04-01"},
		{"month", "2031-12-31T23:59:30Z", "2031-12-01", "2032-01-01", "2032-02-01"},
		{"year", "2031-12-31T23:59:30Z", "2031-01-01", "2032-01-01", "2033-01-01"},
		{"day", "2032-02-28T23:59:30Z", "2032-02-28", "2032-02-29", "2032-03-01"},
		{"day", "2031-03-29T23:59:30Z", "2031-03-29", "2031-03-30", "2031-03-31"}, // summer time begins here and there
		{"week", "2032-01-04T23:59:30Z", "2031-12-29", "2032-01-05", "2032-01-12"},
	} {
		t.Run(c.period+" "+c.last, func(t *testing.T) {
			user := fmt.Sprintf("u%d", i)
			p.dash(t, "PATCH /tiers/free", fmt.Sprintf(`{"meters":{"requests":{"limit":2,"period":%q}}}`, c.period)).want(t, 200)
			p.external(t, user, "free")
			midnight := func(day string) string { return day + "T00:00:00Z" }
			p.w.db.SetClock(t, at(c.last))
			p.track(t, user, `{"quantity":2}`).want(t, 200).expect(t, "usage.periodStart", midnight(c.start), "usage.periodEnd", midnight(c.end))
			p.track(t, user, "").want(t, 402)
			p.w.db.SetClock(t, at(midnight(c.end)))
			p.usage(t, user).expect(t, "usageCount", "0", "remaining", "2", "periodStart", midnight(c.end), "periodEnd", midnight(c.next))
			p.track(t, user, "").want(t, 200).expect(t, "usage.count", "1", "usage.periodStart", midnight(c.end))
		})
	}
	t.Run("hour, minute and lifetime", func(t *testing.T) {
		p.dash(t, "PATCH /tiers/free",
			`{"limit":9,"meters":{"a":{"limit":1,"period":"hour"},"b":{"limit":1,"period":"minute"},"c":{"limit":1,"period":"lifetime"}}}`).want(t, 200)
		p.external(t, "u", "free")
		track := func(meter string, status int) answer {
			return p.track(t, "u", fmt.Sprintf(`{"meter":%q}`, meter)).want(t, status)
		}
		for _, moment := range []string{"2031-12-31T23:00:05Z", "2032-01-01T00:00:05Z"} {
			p.w.db.SetClock(t, at(moment))
			track("a", 200)
			track("b", 200)
			track("a", 402)
			track("b", 402)
			p.w.db.SetClock(t, at(moment).Add(time.Minute))
			track("a", 402)
			track("b", 200)
		}
		track("c", 200).expect(t, "usage.periodStart", "<nil>", "usage.periodEnd", "<nil>")
		p.w.db.SetClock(t, at("2130-01-01T00:00:00Z"))
		track("c", 402)
	})
}

func TestTheRateWindowIsAMinuteOfUTC(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"slow","limit":2,"rateLimit":3}`)
	p.external(t, "u", "slow")
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 5, 10, 0, time.UTC))
	p.track(t, "u", "").want(t, 200)
	p.track(t, "u", `{"quantity":9}`).want(t, 402) // a refused call counts
	p.track(t, "u", "").want(t, 200)
	got := p.track(t, "u", "").want(t, 429, "rate_limited")
	var left, reset, retry int
	_, err := fmt.Sscanf(got.header.Get("RateLimit"), `"user";r=%d;t=%d`, &left, &reset)
	must(t, err)
	_, err = fmt.Sscan(got.header.Get("Retry-After"), &retry)
	must(t, err)
	if left != 0 || retry != reset || retry < 1 || retry > 50 {
		t.Errorf("RateLimit %q, Retry-After %d", got.header.Get("RateLimit"), retry)
	}
	p.usage(t, "u").expect(t, "usageCount", "2")
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 6, 0, 0, time.UTC))
	if got := p.track(t, "u", "").want(t, 402).header.Get("RateLimit"); !strings.HasPrefix(got, `"user";r=2;t=`) {
		t.Errorf("in the next minute RateLimit is %q", got)
	}
}

func TestCountersOfShortPeriodsDoNotPileUp(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"quick","limit":9,"meters":{"a":{"limit":1,"period":"minute"}}}`)
	p.external(t, "u", "quick")
	start := time.Date(2031, 5, 5, 12, 0, 30, 0, time.UTC)
	for i := range 5 {
		p.w.db.SetClock(t, start.Add(time.Duration(i)*time.Minute))
		p.track(t, "u", `{"meter":"a"}`).want(t, 200).expect(t, "usage.count", "1")
	}
	equal(t, "counters", p.w.query(t, "SELECT slots::text FROM tenant_usage.users"), `{"a minute"}`)
}
