package main

import (
	"encoding/csv"
	"io"
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

func TestCustomersOfAnyNumberAreExportedOnceEach(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	const n = 2345 // more than two pages of the stream
	p.w.db.Exec(t, `INSERT INTO tenant.customers (platform_id, id, kind, email, first_name)
		SELECT $1, 'c' || i, 'external', 'c' || i || '@mail.example', CASE WHEN i = 7 THEN '=HYPERLINK("x")' ELSE 'a "b", c' END FROM generate_series(1, $2) AS i`, p.id, n)
	b := p.w.browser(t).signIn(t, p.dev)
	b.open(t, p.w.url("dashboard")+"/platforms/"+p.id+"/customers").sees(t, "Export as CSV")
	b.open(t, p.w.url("dashboard")+"/platforms/"+p.id+"/export-customers")
	rows, err := csv.NewReader(strings.NewReader(b.page)).ReadAll()
	must(t, err)
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		seen[row[0]] = true
		if strings.HasPrefix(row[2], "=") {
			t.Errorf("a name is a formula: %q", row[2])
		}
	}
	equal(t, "lines", len(rows)-1, n)
	equal(t, "customers", len(seen), n)
	equal(t, "plan", rows[1][4], "free")
	b.open(t, p.w.url("dashboard")+"/platforms/"+p.id+"/export-customers?q=c234")
	equal(t, "of a search", strings.Count(b.page, "\n"), 1+7) // c234 and c2340 to c2345
	b.open(t, p.w.url("dashboard")+"/platforms/"+p.id+"/export-customers?nothing=1").sees(t, "not a parameter")

	// What can't be read to the end has no end that one could take for it.
	p.w.db.Exec(t, `UPDATE tenant.customers SET metadata = '[]' WHERE id = 'c2000'`)
	got, err := b.client.Get(p.w.url("dashboard") + "/platforms/" + p.id + "/export-customers?sort=email")
	must(t, err)
	defer func() { _ = got.Body.Close() }()
	if part, err := io.ReadAll(got.Body); err == nil {
		t.Errorf("an export that failed ends like one that did not, after %d lines", strings.Count(string(part), "\n"))
	}
}
