package main

import (
	"net/url"
	"strings"
	"testing"
)

func TestADeveloperActsOnACustomerAndTheAPIFollows(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	p.dash(t, "PATCH /tiers/free", `{"limit":2}`).want(t, 200)
	p.tier(t, `{"name":"gift","limit":7}`)
	g, s := p.signedIn(t, "eve@mail.example")
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/customers/" + g.user
	does := func(what string, fields url.Values) *browser {
		t.Helper()
		fields.Set("back", strings.TrimPrefix(at, p.w.url("dashboard")))
		return b.submit(t, at+what, fields)
	}
	for range 2 {
		p.track(t, g.user, "").want(t, 200)
	}
	p.track(t, g.user, "").want(t, 402)
	// Near the limit: grant units, and the API lets them through.
	does("/grants", url.Values{"quantity": {"ten"}, "meter": {"requests"}, "expires": {"period"}}).sees(t, "whole number")
	does("/grants", url.Values{"quantity": {"3"}, "meter": {"requests"}, "expires": {"period"}, "reason": {"an outage"}}).sees(t, "3 more requests are granted")
	b.sees(t, "an outage").sees(t, "2 of 5")
	p.track(t, g.user, "").want(t, 200).expect(t, "usage.limit", "5")
	p.dash(t, "POST /customers/"+g.user+"/grants", `{"quantity":1,"expires":"used"}`).want(t, 201).expect(t, "usage.limit", "6")

	does("/plan", url.Values{"plan": {"nothing"}}).sees(t, "nothing")
	does("/plan", url.Values{"plan": {"gift"}}).sees(t, "The plan is gift from now on")
	p.usage(t, g.user).expect(t, "plan", "gift", "usageCount", "3")
	p.dash(t, "PATCH /customers/"+g.user, `{"plan":"free","firstName":"Evelyn"}`).want(t, 200).expect(t, "customer.plan", "free", "customer.firstName", "Evelyn")
	p.dash(t, "GET /customers/"+g.user+"/days", "").want(t, 200).expect(t, "data.0.count", "3", "data.0.meter", "requests")

	b.open(t, at).sees(t, "Firefox on Linux")
	does("/sign-out", url.Values{}).sees(t, "Signed out everywhere")
	p.w.api(t, "GET /api/usage", s.token, "").want(t, 401)
	p.dash(t, "GET /customers/"+g.user+"/sessions", "").want(t, 200).expect(t, "data", "[]")

	does("/delete", url.Values{"confirm": {"kim@mail.example"}}).sees(t, "Nothing was deleted")
	p.api(t, "GET /api/customers/"+g.user, "").want(t, 200)
	does("/delete", url.Values{"confirm": {"EVE@mail.example"}}).sees(t, "eve@mail.example is deleted")
	p.api(t, "GET /api/customers/"+g.user, "").want(t, 404)
	p.external(t, "ext", "free")
	p.dash(t, "DELETE /customers/ext", "").want(t, 200)
	p.api(t, "GET /api/customers/ext", "").want(t, 404)
}
