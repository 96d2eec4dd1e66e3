package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

// What the first implementation got wrong, each by its name.

// flood makes n requests, at most 32 at a time, and counts the answers by their status.
func flood(t *testing.T, n int, request func(i int) answer) map[int]int {
	t.Helper()
	statuses := map[int]int{}
	var mu sync.Mutex
	var next atomic.Int64
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				a := request(i)
				mu.Lock()
				statuses[a.status]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return statuses
}

func TestALimitIsNotOvershotUnderConcurrency(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"fifty","limit":50,"rateLimit":100000}`)
	p.external(t, "u", "fifty")
	got := flood(t, 300, func(int) answer { return p.track(t, "u", "") })
	equal(t, "let in", got[200], 50)
	equal(t, "refused", got[402], 250)
	p.usage(t, "u").expect(t, "usageCount", "50", "remaining", "0")
}

func TestNoIncrementIsLost(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"free2","limit":null,"rateLimit":100000}`)
	p.external(t, "u", "free2")
	got := flood(t, 300, func(i int) answer { return p.track(t, "u", fmt.Sprintf(`{"quantity":%d}`, i)) })
	equal(t, "let in", got[200], 300)
	p.usage(t, "u").expect(t, "usageCount", "45150")
}

func TestTheRateLimitLetsNotEverythingThrough(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"wide","limit":null}`)
	p.external(t, "u", "wide")
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 5, 1, 0, time.UTC)) // all of it within one minute
	var without atomic.Int64
	got := flood(t, 400, func(int) answer {
		a := p.track(t, "u", "")
		if a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "" {
			without.Add(1)
		}
		return a
	})
	equal(t, "let in", got[200], 100)
	equal(t, "refused", got[429], 300)
	equal(t, "without Retry-After", without.Load(), 0)
	p.usage(t, "u").expect(t, "usageCount", "100")
}

func TestTheRateLimitIsNotSharedAcrossPlatformsOrUsers(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	other := p.w.developer(t, "bob@dev.example").platform(t, "other")
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 5, 1, 0, time.UTC))
	for _, each := range []*tenancy{p, other} {
		each.tier(t, `{"name":"slow","limit":null,"rateLimit":2}`)
		each.external(t, "u", "slow")
		each.external(t, "v", "slow")
		for _, user := range []string{"u", "v"} {
			each.track(t, user, "").want(t, 200)
			each.track(t, user, "").want(t, 200)
			each.track(t, user, "").want(t, 429, "rate_limited")
		}
	}
}

func TestARotatedKeyDoesNotWorkOnAfterItsOverlap(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	old := p.sk
	p.sk = p.dash(t, "POST /keys/"+p.skID+"/rotate", `{"overlapSeconds":3600}`).want(t, 201).text("secret")
	p.w.api(t, "GET /api/customers", old, "").want(t, 200)
	p.w.db.TurnClock(t, time.Hour-time.Minute)
	p.w.api(t, "GET /api/customers", old, "").want(t, 200)
	p.w.db.TurnClock(t, time.Hour+time.Minute)
	p.w.api(t, "GET /api/customers", old, "").want(t, 401, "invalid_credentials")
	p.api(t, "GET /api/customers", "").want(t, 200)

	at := p.dash(t, "GET /keys", "").want(t, 200)
	at.expect(t, "data.0.state", "expired", "data.2.state", "active")
	now := p.sk
	p.sk = p.dash(t, "POST /keys/"+at.text("data.2.id")+"/rotate", `{"overlapSeconds":0}`).want(t, 201).text("secret")
	p.w.api(t, "GET /api/customers", now, "").want(t, 401, "invalid_credentials")
}

func TestARevokedKeyStopsAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for range 3 { // were there a cache, it would be warm
		p.api(t, "GET /api/customers", "").want(t, 200)
	}
	p.dash(t, "POST /keys/"+p.skID+"/revoke", "").want(t, 200).expect(t, "key.state", "revoked")
	p.api(t, "GET /api/customers", "").want(t, 401, "invalid_credentials")
	p.api(t, "POST /api/data", "", "X-User-Id: u", "X-User-Plan: free").want(t, 401, "invalid_credentials")
}

func TestAChangeOfPlanDoesNotZeroUsage(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	user := p.customer(t, "eve@mail.example")
	p.track(t, user, `{"quantity":70}`).want(t, 200)
	p.api(t, "PATCH /api/customers/"+user, `{"plan":"pro"}`).want(t, 200)
	p.usage(t, user).expect(t, "usageCount", "70", "limit", "1000", "remaining", "930", "plan", "pro")
	p.track(t, user, `{"quantity":200}`).want(t, 200).expect(t, "usage.count", "270")
	p.api(t, "PATCH /api/customers/"+user, `{"plan":"free"}`).want(t, 200)
	p.usage(t, user).expect(t, "usageCount", "270", "limit", "100", "remaining", "0")
	p.track(t, user, "").want(t, 402, "tier_limit_reached").expect(t, "usage.count", "270")
}

func TestUsageIsNotReadStaleAfterThePeriod(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	p.w.db.SetClock(t, time.Date(2031, 1, 31, 23, 59, 0, 0, time.UTC))
	p.track(t, "u", `{"quantity":100}`).want(t, 200)
	p.track(t, "u", "").want(t, 402)
	p.w.db.SetClock(t, time.Date(2031, 2, 1, 0, 0, 1, 0, time.UTC))
	p.usage(t, "u").expect(t, "usageCount", "0", "remaining", "100",
		"periodStart", "2031-02-01T00:00:00Z", "periodEnd", "2031-03-01T00:00:00Z")
	p.track(t, "u", "").want(t, 200).expect(t, "usage.count", "1")
}

func TestAnIncompleteSubscriptionDoesNotGrantItsPlan(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	p.external(t, "u", "free")
	for _, status := range []string{"incomplete", "incomplete_expired", "unpaid", "paused", "canceled"} {
		p.subscribe(t, "u", "pro", status, "")
		p.usage(t, "u").expect(t, "plan", "free", "limit", "100")
	}
}

func TestMinusOneMeansUnlimitedAndDoesNotBlock(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for name, limit := range map[string]string{"minus": "-1", "null": "null", "word": `"unlimited"`} {
		p.dash(t, "POST /tiers", fmt.Sprintf(`{"name":%q,"price":0,"limit":%s}`, name, limit)).want(t, 201).
			expect(t, "tier.limit", "<nil>", "tier.meters.requests.limit", "<nil>")
		p.external(t, name, name)
		p.track(t, name, `{"quantity":1000000000}`).want(t, 200).
			expect(t, "usage.limit", "<nil>", "usage.remaining", "<nil>", "usage.count", "1000000000")
		p.usage(t, name).expect(t, "limit", "<nil>", "remaining", "<nil>")
	}
	p.dash(t, "POST /tiers", `{"name":"none","price":0,"limit":0}`).want(t, 201)
	p.external(t, "none", "none")
	p.track(t, "none", "").want(t, 402)
	for _, limit := range []string{"-2", "1.5", `"infinite"`, `"-1"`, "true", "9007199254740993"} {
		p.dash(t, "POST /tiers", fmt.Sprintf(`{"name":"bad","price":0,"limit":%s}`, limit)).wantParam(t, "limit")
	}
}

func TestAPriceIsNoFloatTimesAHundred(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for _, price := range []string{"9.99", "999.0", `"9.99"`, "1e3", "-1", "100000000"} {
		p.dash(t, "POST /tiers", fmt.Sprintf(`{"name":"pro","limit":1,"price":%s}`, price)).wantParam(t, "price")
	}
	p.dash(t, "POST /tiers", `{"name":"pro","limit":1,"price":1999}`).want(t, 201).expect(t, "tier.price", "1999")
	p.dash(t, "PATCH /tiers/pro", `{"price":19.99}`).wantParam(t, "price")
	p.w.api(t, "GET /api/tiers", "", "", "X-Publishable-Key: "+p.pk).want(t, 200).expect(t, "tiers.1.price", "1999")
}

func TestAnInternalErrorIsNotAnsweredAs401(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	// Clerk fails while the keys for a token are fetched: the token may be good.
	token := p.w.userToken(t, p.customer(t, "eve@mail.example"))
	_, err := p.w.clerk.AddFault(clerk.Fault{Path: "/v1/jwks", Status: 500, Times: 1})
	must(t, err)
	got := p.w.api(t, "GET /api/usage", token, "").want(t, 503, "unavailable")
	if got.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	await(t, "the keys are fetched", func() bool { return p.w.send(mute{t}, p.w.host("api"), "GET /api/usage", token, "").status == 200 })
	// The database does not know a table any more: that is ours to mend, and nobody's credentials are wrong.
	p.w.db.Exec(t, "ALTER TABLE tenant.keys RENAME TO mislaid")
	body := p.w.send(mute{t}, p.w.host("api"), "GET /api/customers", p.sk, "")
	equal(t, "status", body.status, 500)
	equal(t, "code", body.text("code"), "internal")
	if strings.Contains(body.body, "tenant") || strings.Contains(body.body, "keys") {
		t.Errorf("the error tells of the inside: %s", body.body)
	}
	if !strings.Contains(p.w.logs.String(), body.text("requestId")) {
		t.Error("the log does not explain the request")
	}
}

// mute lets a test that wants a 500 have one.
type mute struct{ testing.TB }

func (mute) Errorf(string, ...any) {}
func (mute) Helper()               {}

func TestACancelledSubscriptionDoesNotLockTheCustomerOut(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	user := p.customer(t, "eve@mail.example")
	key := func() string {
		return p.w.atClerk(t, endUsersApp, "GET /v1/users/"+user, "").text("public_metadata.publishableKey")
	}
	equal(t, "publishableKey at Clerk", key(), p.pk)
	p.subscribe(t, user, "pro", "active", "")
	p.w.api(t, "GET /api/usage", p.w.userToken(t, user), "").want(t, 200).expect(t, "plan", "pro")
	p.w.db.Exec(t, "UPDATE billing.subscriptions SET status = 'canceled'")
	p.w.api(t, "GET /api/usage", p.w.userToken(t, user), "").want(t, 200).expect(t, "plan", "free")
	p.api(t, "PATCH /api/customers/"+user, `{"plan":"pro","metadata":{"note":"x"}}`).want(t, 200)
	equal(t, "publishableKey at Clerk", key(), p.pk)
	p.w.api(t, "GET /api/usage", p.w.userToken(t, user), "").want(t, 200).expect(t, "plan", "pro")
}

func TestNoUnauthenticatedRequestMakesKeysOrAnythingElse(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	before := p.w.query(t, "SELECT count(*)::text FROM tenant.keys")
	for _, r := range p.w.app.surfaces.Routes() {
		if r.Method == http.MethodGet || strings.HasPrefix(r.Path, "/webhook/") || slices.Contains([]string{"/session", "/sign-in", "/sign-up"}, r.Path) {
			continue // those take a token of Clerk's; TestASessionTokenOfAnotherSite… and TestATokenThatClerkMade… try them
		}
		path := strings.NewReplacer(":platform", p.id, ":key", p.skID, ":tier", "free", ":id", "u", ":project", p.project).Replace(r.Path)
		if r.Surface == "customer" && strings.HasPrefix(r.Path, "/account") {
			path += p.query()
		}
		host := p.w.host(map[string]string{"customer": "api", "developer": "dashboard", "oauth": "connect"}[r.Surface])
		for name, as := range map[string]string{"nobody": "", "a publishable key": p.pk, "a name": "admin"} {
			got := p.w.send(t, host, r.Method+" "+path, as, `{"kind":"secret","name":"x"}`, "X-User-Id: u")
			if !strings.HasPrefix(r.Path, "/api/") { // a page: it leads to the sign-in
				if got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/sign-in") {
					t.Errorf("%s of %s as %s: %d %s", r.Method, path, name, got.status, got.header.Get("Location"))
				}
				continue
			}
			if got.status != 401 && (as != p.pk || got.status != 403) {
				t.Errorf("%s of %s as %s: %d %s", r.Method, path, name, got.status, got.body)
			}
		}
	}
	p.w.api(t, "POST /create-products", "", "{}").want(t, 404, "not_found")
	equal(t, "keys", p.w.query(t, "SELECT count(*)::text FROM tenant.keys"), before)
}

// subscribe writes the customer's one subscription, as the billing will once it is there.
func (p *tenancy) subscribe(t *testing.T, customer, tier, status, grace string) {
	t.Helper()
	p.w.db.Exec(t, "DELETE FROM billing.subscriptions WHERE platform_id = $1 AND customer_id = $2", p.id, customer)
	p.w.db.Exec(t, `INSERT INTO billing.subscriptions (platform_id, id, customer_id, tier, status, grace_until)
		VALUES ($1, 'sub_' || $2, $2, $3, $4, dreamapi.now() + nullif($5, '')::interval)`, p.id, customer, tier, status, grace)
	p.w.db.Exec(t, "SELECT tenant.recount($1)", p.id)
}
