package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a process remembers of keys, tiers and plans never decides a call that begins after a change was answered.
func TestAChangeHoldsForTheNextCallAlthoughAllIsRemembered(t *testing.T) {
	t.Parallel()
	const stated = "X-User-Plan: free"
	for name, c := range map[string]struct {
		before  string   // what makes the situation, by the API
		headers []string // of the calls
		change  func(*testing.T, *tenancy)
		status  int
		code    string
	}{
		"a key is revoked": {"", []string{stated}, func(t *testing.T, p *tenancy) {
			p.dash(t, "POST /keys/"+p.dash(t, "GET /keys", "").text("data.0.id")+"/revoke", "").want(t, 200)
		}, 401, "invalid_credentials"},
		"a key is rotated": {"", []string{stated}, func(t *testing.T, p *tenancy) {
			id := p.dash(t, "GET /keys", "").text("data.0.id")
			p.dash(t, "POST /keys/"+id+"/rotate", `{"overlapSeconds":0}`).want(t, 201)
		}, 401, "invalid_credentials"},
		"a key expires": {"", []string{stated}, func(t *testing.T, p *tenancy) {
			id := p.dash(t, "GET /keys", "").text("data.0.id")
			p.dash(t, "POST /keys/"+id+"/rotate", `{"overlapSeconds":60}`).want(t, 201)
			p.track(t, "u", "", stated).want(t, 200)
			p.w.db.TurnClock(t, 61*time.Second)
		}, 401, "invalid_credentials"},
		"a limit is lowered": {"", []string{stated}, func(t *testing.T, p *tenancy) {
			p.dash(t, "PATCH /tiers/free", `{"limit":1}`).want(t, 200)
		}, 402, "tier_limit_reached"},
		"a rate is lowered": {"", []string{stated}, func(t *testing.T, p *tenancy) {
			p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 5, 1, 0, time.UTC))
			p.track(t, "u", "", stated).want(t, 200)
			p.dash(t, "PATCH /tiers/free", `{"rateLimit":1}`).want(t, 200)
		}, 429, "rate_limited"},
		"all together may call less": {"", []string{stated}, func(t *testing.T, p *tenancy) {
			p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 5, 1, 0, time.UTC))
			p.dash(t, "PATCH /", `{"rateLimit":1}`).want(t, 200)
			p.track(t, "another", "", stated).want(t, 200)
		}, 429, "rate_limited"},
		"a user becomes a customer": {"", []string{"X-User-Plan: wide"}, func(t *testing.T, p *tenancy) {
			p.api(t, "POST /api/customers", `{"id":"u","plan":"none"}`).want(t, 201)
		}, 402, "tier_limit_reached"},
		"a customer's plan is changed": {`{"id":"u","plan":"wide"}`, nil, func(t *testing.T, p *tenancy) {
			p.api(t, "PATCH /api/customers/u", `{"plan":"none"}`).want(t, 200)
		}, 402, "tier_limit_reached"},
		"the default tier is another": {`{"id":"u"}`, nil, func(t *testing.T, p *tenancy) {
			p.dash(t, "POST /tiers/order", `{"names":["none","free","wide"]}`).want(t, 200)
		}, 402, "tier_limit_reached"},
		"a customer is deleted": {`{"id":"u"}`, nil, func(t *testing.T, p *tenancy) {
			p.api(t, "DELETE /api/customers/u", "").want(t, 200)
		}, 404, "not_found"},
		"a customer is deleted and comes again": {`{"id":"u","plan":"wide"}`, nil, func(t *testing.T, p *tenancy) {
			p.api(t, "DELETE /api/customers/u", "").want(t, 200)
			p.api(t, "POST /api/customers", `{"id":"u","plan":"none"}`).want(t, 201)
		}, 402, "tier_limit_reached"},
		"an origin is withdrawn": {"", []string{stated, "Origin: https://app.example.com"}, func(t *testing.T, p *tenancy) {
			p.dash(t, "PATCH /", `{"allowedOrigins":["https://other.example.com"]}`).want(t, 200)
		}, 403, "origin_not_allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			p.tier(t, `{"name":"wide","limit":null}`)
			p.tier(t, `{"name":"none","limit":0}`)
			p.dash(t, "PATCH /", `{"allowedOrigins":["https://app.example.com"]}`).want(t, 200)
			if c.before != "" {
				p.api(t, "POST /api/customers", c.before).want(t, 201)
			}
			for range 2 { // the second is by memory alone
				p.track(t, "u", "", c.headers...).want(t, 200)
			}
			c.change(t, p)
			p.track(t, "u", "", c.headers...).want(t, c.status, c.code)
		})
	}
}

func TestAnOriginThatIsAllowedIsLetInAlthoughItsAbsenceIsRemembered(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for range 2 {
		p.track(t, "u", "", "X-User-Plan: free").want(t, 200)
	}
	p.track(t, "u", "", "X-User-Plan: free", "Origin: https://app.example.com").want(t, 403, "origin_not_allowed")
	p.dash(t, "PATCH /", `{"allowedOrigins":["https://app.example.com"]}`).want(t, 200)
	p.track(t, "u", "", "X-User-Plan: free", "Origin: https://app.example.com").want(t, 200)
}

// A subscription changes the plan by what Stripe says, and ends by itself when its grace is over.
func TestASubscriptionsChangesHoldForTheNextCallAlthoughAllIsRemembered(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	p.external(t, "u", "free")
	p.track(t, "u", "").want(t, 200).expect(t, "usage.plan", "free")
	p.buys(t, "u", "pro")
	p.track(t, "u", "").want(t, 200).expect(t, "usage.plan", "pro")
	p.track(t, "u", "").want(t, 200).expect(t, "usage.plan", "pro")
	sub := p.w.atStripeList(t, "", "/v1/subscriptions", "id")[0]
	p.w.atStripe(t, "", "DELETE /v1/subscriptions/"+sub, nil).want(t, 200)
	p.w.turn(t, day)
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	p.track(t, "u", "").want(t, 200).expect(t, "usage.plan", "free")
}

// Calls with one key keep an entitlement fresh; that does not let in a caller with another who is remembered wrongly.
func TestARevokedKeyIsRefusedWhileAnotherGoesOnCounting(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	other := p.dash(t, "POST /keys", `{"kind":"secret","name":"other"}`).want(t, 201)
	track := func(key string) answer { return p.w.api(t, "POST /api/data", key, "", "X-User-Id: u") }
	for range 2 {
		track(p.sk).want(t, 200)
		track(other.text("secret")).want(t, 200)
	}
	p.dash(t, "POST /keys/"+other.text("key.id")+"/revoke", "").want(t, 200)
	for range 3 {
		track(p.sk).want(t, 200)
		track(other.text("secret")).want(t, 401, "invalid_credentials")
	}
}

// fenced are the tables by which calls are judged, and the statements that may write them without another epoch: those
// which change nothing that a call is judged by, or delete the user's row along with the rest.
var fenced = map[string][]string{
	"tenant.customers":      {"SetCustomerEmail", "DeleteCustomer", "Restand"}, // Restand: what lists go by
	"billing.subscriptions": {"DeleteSubscriptions"},
	"tenant.tiers":          {"TouchTiers", "ProductPublished", "TierPublished", "TierNotPublished", "ForgetPublishedProducts"},
	"tenant.tier_limits":    nil,
	"tenant.prices":         {"RetireAllPrices", "PricePublished", "PriceWithdrawn", "ForgetPublishedPrices"},
	"tenant.settings":       {"InsertSettings"},
	"tenant.keys":           {"InsertKey", "TouchKey"},
	"platform_usage.plans":  {"EnsurePlan", "SetPlanCustomer", "ForgetPlanCustomer", "TakePlanNumber"},
}

func TestEveryStatementThatChangesWhatCallsAreJudgedByGivesAnotherEpoch(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../internal/*/queries.sql")
	must(t, err)
	statement := regexp.MustCompile(`(?s)-- name: (\w+) :\w+\n(.*?);\n`)
	writes := regexp.MustCompile(`\b(?:INSERT INTO|UPDATE|DELETE FROM) (\w+\.\w+)`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, m := range statement.FindAllStringSubmatch(string(text), -1) {
			for _, w := range writes.FindAllStringSubmatch(m[2], -1) {
				allowed, watched := fenced[w[1]]
				if !watched {
					continue
				}
				found++
				given := strings.Contains(m[2], "_changed(") || strings.Contains(m[2], "epoch = tenant.next_epoch(")
				if !given && !slices.Contains(allowed, m[1]) {
					t.Errorf("%s writes %s and gives no other epoch: what is remembered would go on counting", m[1], w[1])
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d statements are found", found)
	}
}
