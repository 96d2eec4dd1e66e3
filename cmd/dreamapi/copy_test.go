package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestWhatACopyOfTiersDoesIsSaidBefore(t *testing.T) {
	t.Parallel()
	test := newShop(t)
	test.tier(t, `{"name":"extra","limit":5,"meters":{"tokens":{"limit":7}},"features":["A"]}`)
	live := test.live(t)
	live.tier(t, `{"name":"pro","limit":100,"price":900,"features":["Old"]}`)
	live.tier(t, `{"name":"legacy","limit":1}`)
	before := live.dash(t, "GET /tiers", "").want(t, 200).body
	asked := "GET /tiers/copy?from=" + test.id
	seen := live.dash(t, asked, "").want(t, 200).expect(t, "preview.from", test.id, "preview.add.0.name", "max", "preview.add.1.name", "extra",
		"preview.add.2", "<nil>", "preview.stay", "[legacy]", "preview.currency", "<nil>")
	changes := map[string]string{}
	for i := range seen.list("preview.change") {
		at := fmt.Sprintf("preview.change.%d.", i)
		for j := range seen.list(at + "fields") {
			field := at + fmt.Sprintf("fields.%d.", j)
			changes[seen.text(at+"name")+" "+seen.text(field+"field")] = seen.text(field+"was") + " to " + seen.text(field+"becomes")
		}
	}
	equal(t, "the price", changes["pro prices.month"], "900 to 1000")
	equal(t, "the features", changes["pro features"], "[Old] to []")
	if !strings.Contains(changes["free meters.requests"], "max:100") || !strings.Contains(changes["free meters.requests"], "max:2") {
		t.Errorf("the limit: %v", changes)
	}
	equal(t, "nothing is done yet", live.dash(t, "GET /tiers", "").want(t, 200).body, before)
	equal(t, "the same again", live.dash(t, asked, "").want(t, 200).text("preview.fingerprint"), seen.text("preview.fingerprint"))

	// What changed since is not copied unseen.
	test.dash(t, "PATCH /tiers/pro", `{"price":1100}`).want(t, 200)
	old := fmt.Sprintf(`{"from":%q,"fingerprint":%q}`, test.id, seen.text("preview.fingerprint"))
	live.dash(t, "POST /tiers/copy", old).want(t, 409, "conflict")
	equal(t, "nothing was copied", live.dash(t, "GET /tiers", "").want(t, 200).body, before)
	mallory := test.w.developer(t, "mallory@dev.example").platform(t, "evil")
	live.dash(t, "GET /tiers/copy?from="+mallory.id, "").want(t, 404, "not_found")
	live.dash(t, "GET /tiers/copy?from=plt_none", "").want(t, 404, "not_found")

	// By the page: from the button on the test platform, over what it will do, to the live one.
	b := test.w.browser(t).signIn(t, test.dev)
	at := test.w.url("dashboard")
	b.open(t, at+"/platforms/"+test.id+"/tiers").sees(t, "Copy to live").sees(t, "/platforms/"+live.id+"/price-list/copy?from="+test.id)
	b.open(t, at+"/platforms/"+live.id+"/price-list/copy?from="+test.id)
	for _, words := range []string{"2 tiers are added", "$9.00", "$11.00", "Price a month", "Limit of requests", "legacy", "Copy to live now"} {
		b.sees(t, words)
	}
	hidden := regexp.MustCompile(`name="fingerprint" value="([^"]+)"`).FindStringSubmatch(b.page)
	fields := url.Values{"from": {test.id}, "fingerprint": {seen.text("preview.fingerprint")}, "back": {"/platforms/" + live.id + "/tiers"}}
	b.submit(t, at+"/platforms/"+live.id+"/price-list/copy", fields).sees(t, "Nothing was copied")
	fields.Set("fingerprint", hidden[1])
	b.submit(t, at+"/platforms/"+live.id+"/price-list/copy", fields).sees(t, "are copied")
	live.dash(t, "GET /tiers", "").want(t, 200).expect(t, "data.1.name", "pro", "data.1.price", "1100")
	after := live.dash(t, asked, "").want(t, 200).expect(t, "preview.add", "[]", "preview.change", "[]")
	equal(t, "the same now", len(after.list("preview.same")), 4)
	b.open(t, at+"/platforms/"+live.id+"/price-list/copy?from="+test.id).sees(t, "There is nothing to copy")

	// What can not be copied is said before, too.
	test.dash(t, "PATCH /tiers/free", `{"archived":true}`).want(t, 200)
	test.dash(t, "PATCH /tiers/extra", `{"archived":true}`).want(t, 200)
	live.dash(t, "PATCH /tiers/legacy", `{"archived":true}`).want(t, 200)
	test.w.db.Exec(t, "INSERT INTO tenant.customers (platform_id, id, kind) VALUES ($1, 'u', 'external')", live.id)
	live.dash(t, asked, "").want(t, 409, "conflict")
	b.open(t, at+"/platforms/"+live.id+"/price-list/copy?from="+test.id).sees(t, "It can not be copied")
}

func TestTheModeIsOnEveryPageAndIsSwitchedOnTheSpot(t *testing.T) {
	t.Parallel()
	test := newShop(t)
	live := test.live(t)
	test.external(t, "u", "free")
	b := test.w.browser(t).signIn(t, test.dev)
	at := test.w.url("dashboard") + "/platforms/"
	for page, there := range map[string]string{
		"": "", "/customers": "/customers", "/customers/u": "/customers", "/customers?q=x": "/customers", "/tiers": "/tiers", "/tiers/pro": "/tiers",
		"/new-tier": "/new-tier", "/keys": "/keys", "/connect": "/connect", "/sign-in": "/sign-in", "/settings": "/settings", "/setup": "/setup",
		"/events": "/events",
	} {
		b.open(t, at+test.id+page).sees(t, `class="mode-bar test"`).sees(t, "<strong>Test</strong>").
			sees(t, `<a href="/platforms/`+live.id+there+`">Switch to live</a>`)
		b.open(t, at+live.id+there).sees(t, `class="mode-bar live"`).sees(t, "<strong>Live</strong>").
			sees(t, `<a href="/platforms/`+test.id+there+`">Switch to test</a>`)
	}
	alone := test.dev.platform(t, "alone")
	b.open(t, at+alone.id).sees(t, `<a href="/platforms/`+alone.id+`/setup">Go live</a>`)
}
