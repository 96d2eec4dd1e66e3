package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

func TestTrackingAndDeletingOneCustomerGoTogether(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"wide","limit":null,"rateLimit":100000}`)
	for range 20 {
		p.external(t, "u", "wide")
		p.track(t, "u", "").want(t, 200)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 3 {
					if got := p.track(t, "u", "").status; got != 200 && got != 404 {
						t.Errorf("a call answered %d", got)
					}
				}
			})
		}
		group.Go(func() { p.api(t, "DELETE /api/customers/u", "").want(t, 200) })
		group.Wait()
		equal(t, "counters of the deleted", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.users"), "0")
	}
}

func TestCreatingAndDeletingOneCustomerGoTogether(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for range 10 {
		user := p.customer(t, "eve@mail.example")
		var group sync.WaitGroup
		group.Go(func() {
			if got := p.api(t, "POST /api/customers", `{"email":"eve@mail.example"}`).status; got != 201 && got != 409 && got != 503 {
				t.Errorf("the creation answered %d", got)
			}
		})
		group.Go(func() { p.api(t, "DELETE /api/customers/"+user, "").want(t, 200) })
		group.Wait()
		for _, left := range p.api(t, "GET /api/customers", "").list("data") {
			id, _ := left.(map[string]any)["id"].(string)
			p.api(t, "DELETE /api/customers/"+id, "").want(t, 200)
		}
		must(t, p.w.background().Settle(t.Context()))
	}
	users := p.w.atClerk(t, endUsersApp, "GET /v1/users/count", "").want(t, 200)
	equal(t, "users left at Clerk", users.text("total_count"), "0")
}

func TestALimitThatWasLoweredHoldsForTheNextCall(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":100}`)
	p.external(t, "u", "pro")
	p.track(t, "u", `{"quantity":10}`).want(t, 200)

	// The tier has changed, and a process that remembers it as it was finds that out when it counts.
	p.dash(t, "PATCH /tiers/pro", `{"limit":5}`).want(t, 200)
	p.track(t, "u", "").want(t, 402, "tier_limit_reached").expect(t, "usage.count", "10", "usage.limit", "5")
}

// A row that somebody holds fails the calls of its user in a moment, and nobody else's.
func TestACallForAUserWhomSomebodyHoldsIsToldToComeBack(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for _, user := range []string{"u", "v"} {
		p.external(t, user, "free")
		p.track(t, user, "").want(t, 200)
	}
	holder := p.w.db.Connect(t, p.w.db.Superuser)
	tx, err := holder.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM tenant_usage.users WHERE user_id = 'u' FOR UPDATE")
	must(t, err)
	got := p.api(t, "POST /api/data/batch", `{"items":[{"id":"1","userId":"u"},{"id":"1","userId":"v"}]}`)
	got.want(t, 200).expect(t, "results.0.status", "503", "results.1.status", "200")
	must(t, tx.Rollback(t.Context()))
	p.track(t, "u", "").want(t, 200).expect(t, "usage.count", "2")
}

func TestOnlyTheEventThatSaysSoEndsAMembership(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withJobs)
	user := p.customer(t, "eve@mail.example")
	p.w.atClerk(t, endUsersApp, "DELETE /v1/users/"+user, "").want(t, 200)
	tell := func(id, kind string) {
		p.w.event(t, id, time.Now(), sandboxCustomerWebhook, fmt.Sprintf(`{"type":%q,"data":{"id":%q}}`, kind, user)).want(t, 200)
		await(t, "the event is worked", func() bool {
			return p.w.query(t, "SELECT count(*)::text FROM tenant.clerk_events WHERE processed_at IS NOT NULL AND id = '"+id+"'") == "1"
		})
	}
	tell("1", "user.updated") // Clerk knows no such user: it may be a wrong key, or a reader that lags behind
	p.api(t, "GET /api/customers/"+user, "").want(t, 200)
	tell("2", "user.deleted")
	p.api(t, "GET /api/customers/"+user, "").want(t, 404)
	equal(t, "the door is shut", p.w.query(t, "SELECT state FROM directory.users"), "gone")
}

func TestWhoStaysACustomerElsewhereGetsTokensForThere(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withJobs)
	other := p.w.developer(t, "bob@dev.example").platform(t, "other")
	user := p.customer(t, "eve@mail.example")
	other.customer(t, "eve@mail.example")
	p.api(t, "DELETE /api/customers/"+user, "").want(t, 200)
	await(t, "the metadata names the platform that is left", func() bool {
		return p.w.atClerk(t, endUsersApp, "GET /v1/users/"+user, "").text("public_metadata.publishableKey") == other.pk
	})
	p.w.api(t, "GET /api/usage", p.w.userToken(t, user), "").want(t, 401) // the first made the user, and perhaps knows the password
	p.w.proves(t, "eve@mail.example")
	other.as(t, user, "eve@mail.example").enters(t, "/sign-in").leads(t)
	p.w.api(t, "GET /api/usage", p.w.userToken(t, user), "").want(t, 200)
}

func TestLinkingShowsNoAddressThatThePlatformDidNotGive(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, withJobs)
	p.w.wantEvents()
	user := p.w.atClerk(t, endUsersApp, "POST /v1/users",
		`{"email_address":["primary@private.example","public@mail.example"],"skip_password_requirement":true}`).want(t, 200).text("id")
	made := p.api(t, "POST /api/customers", `{"email":"public@mail.example"}`).want(t, 201)
	made.expect(t, "customer.id", user, "customer.email", "public@mail.example")
	p.w.atClerk(t, endUsersApp, "PATCH /v1/users/"+user, `{"first_name":"New"}`).want(t, 200)
	await(t, "the event is worked", func() bool {
		return p.w.query(t, "SELECT count(*)::text FROM tenant.clerk_events WHERE processed_at IS NOT NULL AND type = 'user.updated'") != "0"
	})
	p.api(t, "GET /api/customers/"+user, "").expect(t, "customer.email", "public@mail.example")
}

func TestAClientWhoHangsUpFindsItsCustomerWithTheSameKey(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	_, err := p.w.clerk.AddFault(clerk.Fault{Of: endUsersApp, Method: "POST", Path: "/v1/users", Times: 1, LatencyMs: 1500})
	must(t, err)
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://surface/api/customers", strings.NewReader(`{"email":"eve@mail.example"}`))
	must(t, err)
	req.Host = p.w.host("api")
	req.Header.Set("Authorization", "Bearer "+p.sk)
	req.Header.Set("Idempotency-Key", "once")
	gone := make(chan error)
	go func() {
		_, err := p.w.client.Do(req)
		gone <- err
	}()
	await(t, "the creation is under way", func() bool {
		return p.w.query(t, "SELECT count(*)::text FROM tenant.customer_intents") == "1"
	})
	hangUp()
	if err := <-gone; err == nil {
		t.Fatal("the client got an answer")
	}
	await(t, "the repetition is answered", func() bool {
		got := p.api(t, "POST /api/customers", `{"email":"eve@mail.example"}`, "Idempotency-Key: once")
		if got.status == 409 {
			return false
		}
		got.want(t, 201).replayed(t, true)
		return true
	})
	equal(t, "users at Clerk", p.w.atClerk(t, endUsersApp, "GET /v1/users/count", "").text("total_count"), "1")
}

func TestMetadataStaysAsItWasSent(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	got := p.api(t, "PATCH /api/customers/u", `{"metadata":{"big":12345678901234567890,"exact":9007199254740993,"deep":{"n":null}}}`)
	if !strings.Contains(got.body, `12345678901234567890`) || !strings.Contains(got.body, `9007199254740993`) ||
		!strings.Contains(got.body, `{"n":null}`) {
		t.Error(got.body)
	}
}

func TestRefusedCallsCountAgainstTheRate(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"slow","limit":1,"rateLimit":4}`)
	p.external(t, "u", "slow")
	p.track(t, "u", `{}`, "Idempotency-Key: k").want(t, 200)
	p.track(t, "u", `{"quantity":2}`, "Idempotency-Key: k").want(t, 422).expect(t, "code", "idempotency_mismatch")
	p.track(t, "u", `{"meter":"unknown"}`).want(t, 400, "unknown_meter")
	last := p.track(t, "u", "").want(t, 402)
	equal(t, "RateLimit", strings.HasPrefix(last.header.Get("RateLimit"), `"user";r=0;`), true)
	p.track(t, "u", "").want(t, 429, "rate_limited")
}
