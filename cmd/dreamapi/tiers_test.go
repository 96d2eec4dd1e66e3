package main

import (
	"strings"
	"testing"
)

func TestThePriceList(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","displayName":"Pro","limit":10000,"price":1000,"features":["Mail","A & B"],"meters":{"tokens":{"limit":null,"period":"day"}}}`)
	user := p.customer(t, "eve@mail.example")
	want := p.w.api(t, "GET /api/tiers", p.sk, "").want(t, 200)
	want.expect(t, "tiers.0.name", "free", "tiers.0.limit", "100", "tiers.0.price", "0", "tiers.0.prices.0.interval", "month", "tiers.0.trialDays", "0", "tiers.0.features", "[]",
		"tiers.1.name", "pro", "tiers.1.displayName", "Pro", "tiers.1.price", "1000", "tiers.1.currency", "usd", "tiers.1.interval", "month",
		"tiers.1.limit", "10000", "tiers.1.features", "[Mail A & B]", "tiers.1.meters.tokens.limit", "<nil>", "tiers.1.meters.tokens.period", "day",
		"tiers.1.meters.requests.limit", "10000")
	if strings.Contains(want.body, "rateLimit") || strings.Contains(want.body, "archived") {
		t.Errorf("customers see what is the developer's: %s", want.body)
	}
	for name, got := range map[string]answer{
		"the header":            p.w.api(t, "GET /api/tiers", "", "", "X-Publishable-Key: "+p.pk),
		"the query":             p.w.api(t, "GET /api/tiers?publishableKey="+p.pk, "", ""),
		"as a bearer":           p.w.api(t, "GET /api/tiers", p.pk, ""),
		"a user's token":        p.w.api(t, "GET /api/tiers", p.w.userToken(t, user), ""),
		"a secret key":          p.w.api(t, "GET /api/tiers", p.sk, "", "X-Publishable-Key: nonsense"),
		"the header goes first": p.w.api(t, "GET /api/tiers?publishableKey=nonsense", "", "", "X-Publishable-Key: "+p.pk),
	} {
		equal(t, name, got.want(t, 200).body, want.body)
	}
	p.w.api(t, "GET /api/tiers", "", "").want(t, 401, "unauthenticated")
	for _, key := range []string{"nonsense", p.sk, p.dev.token, p.pk[:len(p.pk)-1], "pk_live_" + p.pk[8:]} {
		p.w.api(t, "GET /api/tiers", "", "", "X-Publishable-Key: "+key).want(t, 401, "invalid_credentials")
		p.w.api(t, "GET /api/tiers?publishableKey="+key, "", "").want(t, 401, "invalid_credentials")
	}
	p.w.api(t, "GET /api/tiers", p.dev.token, "").want(t, 401, "invalid_credentials")
}

func TestTiersOfTheDeveloper(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.dash(t, "POST /tiers", `{"name":"pro","limit":1000,"price":1000,"currency":"usd","interval":"year"}`).want(t, 201).
		expect(t, "tier.displayName", "pro", "tier.interval", "year", "tier.rateLimit", "100", "tier.position", "2", "tier.archived", "false")
	p.dash(t, "POST /tiers", `{"name":"pro","price":0,"limit":1}`).want(t, 409, "conflict")
	p.dash(t, "POST /tiers", `{"name":"x","price":0,"limit":1,"currency":"eur"}`).wantParam(t, "currency")
	p.dash(t, "POST /tiers", `{"name":"x","price":0}`).wantParam(t, "limit")
	p.dash(t, "POST /tiers", `{"name":"x","limit":1}`).wantParam(t, "price") // or a tier that should cost is given away
	p.dash(t, "POST /tiers", `{"limit":1}`).want(t, 400)
	p.dash(t, "POST /tiers", `{"name":"first","price":0,"limit":1,"position":0}`).want(t, 201).expect(t, "tier.position", "0")
	p.dash(t, "GET /tiers", "").want(t, 200).expect(t, "data.0.name", "first", "data.1.name", "free", "data.2.name", "pro")

	patch := func(body string) answer { return p.dash(t, "PATCH /tiers/pro", body) }
	patch(`{"displayName":"Pro!","price":2000,"interval":"month","features":["x"],"rateLimit":5,"position":9}`).want(t, 200).
		expect(t, "tier.displayName", "Pro!", "tier.price", "2000", "tier.interval", "month", "tier.features", "[x]", "tier.rateLimit", "5",
			"tier.position", "9", "tier.limit", "1000")
	patch(`{"meters":{"tokens":{"limit":5}}}`).want(t, 200).expect(t, "tier.meters.tokens.limit", "5", "tier.limit", "1000")
	patch(`{"meters":{}}`).want(t, 200).expect(t, "tier.meters.tokens.limit", "5", "tier.limit", "1000")
	patch(`{"meters":{"tokens":null}}`).want(t, 200).expect(t, "tier.meters.tokens", "<nil>", "tier.limit", "1000")
	patch(`{"meters":{"requests":{"limit":7,"period":"day"}},"limit":7}`).want(t, 200).expect(t, "tier.limit", "7", "tier.meters.requests.period", "day")
	patch(`{"limit":null}`).want(t, 200).expect(t, "tier.limit", "<nil>", "tier.meters.requests.period", "day")
	patch(`{}`).want(t, 200).expect(t, "tier.displayName", "Pro!")
	patch(`{"name":"other"}`).wantParam(t, "name")
	patch(`{"displayName":"","rateLimit":0}`).wantParam(t, "displayName", "rateLimit")
	patch(`{"meters":{"Tokens":{"limit":1}}}`).wantParam(t, "meters.Tokens")
	p.dash(t, "PATCH /tiers/none", `{}`).want(t, 404, "not_found")
	p.dash(t, "GET /tiers", "").expect(t, "data.2.displayName", "Pro!", "data.2.rateLimit", "5")
}
