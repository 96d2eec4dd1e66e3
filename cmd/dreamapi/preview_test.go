package main

import (
	"net/url"
	"strings"
	"testing"
)

// A change of a tier says before what it will do, and does nothing until then.
func TestAChangeOfATierIsSeenBeforeItIsMade(t *testing.T) {
	t.Parallel()
	p := newShop(t) // pro for 1000 a month, max for 3000 or, a year, 30000
	for _, user := range []string{"eve", "kim", "lee", "zoe"} {
		p.external(t, user, "free")
	}
	p.dash(t, "PATCH /tiers/free", `{"limit":10}`).want(t, 200)
	for user, quantity := range map[string]string{"eve": "10", "kim": "6", "lee": "5"} {
		p.track(t, user, `{"quantity":`+quantity+`}`).want(t, 200)
	}
	p.dash(t, "POST /customers/lee/grants", `{"quantity":5,"expires":"period"}`).want(t, 201) // so lee has some left
	try := func(tier, body string) answer { return p.dash(t, "POST /tiers/"+tier+"/preview", body) }

	// Eve is at the limit now, and lee would have some granted units left: the new limit refuses kim alone.
	a := try("free", `{"limit":5,"rateLimit":7}`).want(t, 200).expect(t, "preview.customers", "4", "preview.refused.requests", "1",
		"preview.changes.0.field", "meters.requests", "preview.changes.0.was.max", "10", "preview.changes.0.becomes.max", "5",
		"preview.changes.1.field", "rateLimit", "preview.changes.1.becomes", "7", "tier.limit", "5")
	equal(t, "changes", len(a.list("preview.changes")), 2)
	p.usage(t, "kim").expect(t, "limit", "10")
	try("free", `{"meters":{"requests":{"limit":5,"period":"day"}}}`).want(t, 200).expect(t, "preview.refused", "map[]") // which begins at nothing
	try("free", `{"limit":10}`).want(t, 200).expect(t, "preview.changes", "[]")
	try("free", `{"limit":50}`).want(t, 200).expect(t, "preview.refused", "map[]")
	try("free", `{"limit":"some"}`).want(t, 400)
	try("free", `{"rateLimit":0}`).want(t, 400).wantParam(t, "rateLimit")
	try("none", `{"limit":50}`).want(t, 404)

	p.buys(t, "eve", "pro")
	address := p.checkout(t, "zoe", `{"tier":"max","interval":"year"}`).want(t, 200).text("url")
	p.w.browser(t).paid(t, address, goodCard)
	try("pro", `{"price":1500}`).want(t, 200).expect(t, "preview.subscribers.count", "1", "preview.subscribers.monthly", "1000", "preview.subscribers.moved", "1500",
		"preview.changes.0.field", "prices.month", "preview.changes.0.was", "1000", "preview.changes.0.becomes", "1500")
	try("max", `{"prices":{"year":24000}}`).want(t, 200).expect(t, "preview.subscribers.monthly", "2500", "preview.subscribers.moved", "2000")
	try("max", `{"prices":{"year":null}}`).want(t, 200).expect(t, "preview.subscribers.moved", "2500", "preview.changes.0.becomes", "<nil>")
	p.revenue(t).expect(t, "revenue.mrr", "3500")
	p.dash(t, "GET /tiers", "").expect(t, "data.1.price", "1000")

	// The page shows the same, keeps what was typed, and saves when told to.
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/tiers/pro"
	path := strings.TrimPrefix(at, p.w.url("dashboard"))
	fields := url.Values{
		"back": {path}, "form": {"tier-pro"}, "displayName": {"Pro <b>"}, "monthly": {"15"}, "trialDays": {"0"}, "rateLimit": {"100"}, "version": {"1"},
		"meter.0": {"requests"}, "max.0": {"unlimited"}, "period.0": {"month"}, "anchor.0": {"calendar"}, "features": {"One\nTwo"},
	}
	fields.Set("version", p.w.query(t, "SELECT version::text FROM tenant.tiers WHERE platform_id = '"+p.id+"' AND name = 'pro'"))
	b.submit(t, at+"/preview", fields).sees(t, "What this does").sees(t, "1 subscriber keeps their price").sees(t, "$15.00").sees(t, "Pro &lt;b&gt;").sees(t, `name="features" value="One`)
	p.dash(t, "GET /tiers", "").expect(t, "data.1.price", "1000", "data.1.displayName", "pro")
	fields.Set("monthly", "none at all")
	b.submit(t, at+"/preview", fields).sees(t, "none at all").sees(t, `<p class="fault" id="tier-pro-monthly-fault">The monthly price`)
	fields.Set("monthly", "15")
	b.submit(t, at, fields).sees(t, "The tier Pro &lt;b&gt; is saved")
	p.dash(t, "GET /tiers", "").expect(t, "data.1.price", "1500")
	b.submit(t, at+"/preview", fields).sees(t, "changed meanwhile")
}

// The quick start makes keys, and so is for a test platform alone.
func TestTheQuickStartIsForATestPlatform(t *testing.T) {
	t.Parallel()
	p, _ := opened(t)
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id
	keys := func() string {
		return p.w.query(t, "SELECT count(*)::text FROM tenant.keys WHERE platform_id = '"+p.id+"'")
	}
	before := keys()
	b.submit(t, at+"/start", url.Values{"back": {"/platforms/" + p.id}, "form": {"start"}}).sees(t, "for a test platform")
	equal(t, "keys", keys(), before)
	equal(t, "the page", b.open(t, at+"/start").at.Path, "/platforms/"+p.id)
}
