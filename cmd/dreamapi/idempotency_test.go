package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/usage"
)

func (a answer) replayed(t *testing.T, want bool) answer {
	t.Helper()
	equal(t, a.asked+": Idempotent-Replayed", a.header.Get("Idempotent-Replayed") == "true", want)
	return a
}

func TestARepetitionOfACallGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"two","limit":2}`)
	p.external(t, "u", "two")
	const one, two = "Idempotency-Key: one", "Idempotency-Key: two"
	first := p.track(t, "u", `{"quantity":2}`, one).want(t, 200).replayed(t, false)
	refused := p.track(t, "u", `{"quantity":1}`, two).want(t, 402).replayed(t, false)
	p.dash(t, "PATCH /tiers/two", `{"limit":50}`).want(t, 200)
	for range 3 {
		equal(t, "200 again", p.track(t, "u", `{"quantity":2}`, one).want(t, 200).replayed(t, true).body, first.body)
		again := p.track(t, "u", `{"quantity":1}`, two).want(t, 402, "tier_limit_reached").replayed(t, true)
		equal(t, "402 again", again.text("usage"), refused.text("usage"))
	}
	p.usage(t, "u").expect(t, "usageCount", "2")
	p.track(t, "u", `{"quantity":1}`, one).want(t, 422, "idempotency_mismatch")
	p.track(t, "u", ``, one).want(t, 422, "idempotency_mismatch")
	p.usage(t, "u").expect(t, "usageCount", "2")
	// Another user, another route, another platform: another key.
	p.external(t, "v", "two")
	p.track(t, "v", `{"quantity":2}`, one).want(t, 200).replayed(t, false)
	p.api(t, "POST /api/customers", `{"id":"w"}`, one).want(t, 201).replayed(t, false)
	p.api(t, "POST /api/data/batch", `{"items":[{"id":"one","userId":"u","quantity":2}]}`).want(t, 200).
		expect(t, "results.0.replayed", "false", "results.0.usage.count", "4")
	other := p.w.developer(t, "bob@dev.example").platform(t, "other")
	other.external(t, "u", "free")
	other.track(t, "u", `{"quantity":2}`, one).want(t, 200).replayed(t, false)
	// A user's own token and the backend for that user are the same user.
	user := p.customer(t, "eve@mail.example")
	p.track(t, user, "", one).want(t, 200).replayed(t, false)
	p.track(t, user, "", one, "X-User-Plan: free").want(t, 200).replayed(t, true) // which is ignored for a customer
	p.w.api(t, "POST /api/data", p.w.userToken(t, user), "", one).want(t, 200).replayed(t, true)
}

func TestARepetitionOfACreationMakesNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	const key = "Idempotency-Key: once"
	for _, body := range []string{`{"email":"eve@mail.example","password":"a password of mine"}`, `{"id":"mine","firstName":"x"}`} {
		key := key + body[2:4]
		first := p.api(t, "POST /api/customers", body, key).want(t, 201).replayed(t, false)
		again := p.api(t, "POST /api/customers", body, key).want(t, 201).replayed(t, true)
		for _, field := range []string{"id", "email", "firstName", "plan", "publishableKey", "metadata"} {
			equal(t, field, again.text("customer."+field), first.text("customer."+field))
		}
		at := func(a answer) time.Time {
			moment, err := time.Parse(time.RFC3339Nano, a.text("customer.createdAt"))
			must(t, err)
			return moment
		}
		if !at(first).Equal(at(again)) {
			t.Errorf("createdAt: %s, then %s", at(first), at(again))
		}
		p.api(t, "POST /api/customers", strings.Replace(body, "}", " }", 1), key).want(t, 422, "idempotency_mismatch")
		p.api(t, "POST /api/customers", body).want(t, 409, "customer_exists")
	}
	equal(t, "customers", len(p.api(t, "GET /api/customers", "").list("data")), 2)
	equal(t, "records that hold a body", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.idempotency i WHERE i::text LIKE '%password%'"), "0")
}

func TestAFailedCallDoesNotUseItsKeyUp(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	const key = "Idempotency-Key: once"
	p.track(t, "u", "", key).want(t, 404)
	p.track(t, "u", "", key, "X-User-Plan: gold").want(t, 400)
	p.track(t, "u", `{"quantity":1000000001}`, key, "X-User-Plan: free").want(t, 400)
	p.track(t, "u", `{"quantity":5}`, key, "X-User-Plan: free").want(t, 200).replayed(t, false).expect(t, "usage.count", "5")

	p.api(t, "POST /api/customers", `{"email":"eve@mail.example","plan":"gold"}`, key).want(t, 400)
	p.api(t, "POST /api/customers", `{"email":"eve@mail.example","password":"password123"}`, key).want(t, 400, "password_refused")
	p.api(t, "POST /api/customers", `{"id":"x","plan":"gold"}`, key).want(t, 400)
	p.api(t, "POST /api/customers", `{"email":"eve@mail.example"}`, key).want(t, 201).replayed(t, false)
	p.api(t, "POST /api/customers", `{"email":"eve@mail.example"}`, "Idempotency-Key: 2").want(t, 409, "customer_exists")
	p.api(t, "POST /api/customers", `{"email":"bob@mail.example"}`, "Idempotency-Key: 2").want(t, 201).replayed(t, false)

	p.tier(t, `{"name":"slow","limit":9,"rateLimit":1}`)
	p.external(t, "s", "slow")
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 5, 1, 0, time.UTC))
	p.track(t, "s", "").want(t, 200)
	p.track(t, "s", "", key).want(t, 429)
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 6, 1, 0, time.UTC))
	p.track(t, "s", "", key).want(t, 200).replayed(t, false)
}

func TestAKeyThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	for _, key := range []string{"", "a b", strings.Repeat("k", 256), "k\u00e9y"} {
		p.track(t, "u", "", "Idempotency-Key: "+key).wantParam(t, "Idempotency-Key")
	}
	p.track(t, "u", "", "Idempotency-Key: a", "Idempotency-Key: b").wantParam(t, "Idempotency-Key")
	p.track(t, "u", "", "Idempotency-Key: "+strings.Repeat("k", 255)).want(t, 200)
	for _, asked := range []string{"POST /api/tokens", "POST /api/projects", "POST /api/projects/" + p.project + "/platforms"} {
		p.dev.dash(t, asked, `{"name":"x","mode":"test"}`, "Idempotency-Key: a").wantParam(t, "Idempotency-Key")
	}
}

func TestAReplayedKeyCreationOmitsTheSecret(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	const key = "Idempotency-Key: once"
	const body = `{"kind":"secret","name":"backend"}`
	first := p.dash(t, "POST /keys", body, key).want(t, 201).replayed(t, false)
	again := p.dash(t, "POST /keys", body, key).want(t, 201).replayed(t, true)
	equal(t, "the key", again.text("key.id"), first.text("key.id"))
	if first.at("secret") == nil || again.at("secret") != nil || strings.Contains(again.body, "sk_test_0") || strings.Contains(again.body, first.text("secret")) {
		t.Errorf("first %v, again %s", first.at("secret") != nil, again.body)
	}
	p.dash(t, "POST /keys", `{"kind":"secret","name":"another"}`, key).want(t, 422, "idempotency_mismatch")

	rotated := p.dash(t, "POST /keys/"+p.skID+"/rotate", "", key).want(t, 201).replayed(t, false)
	again = p.dash(t, "POST /keys/"+p.skID+"/rotate", "", key).want(t, 201).replayed(t, true)
	equal(t, "the successor", again.text("key.id"), rotated.text("key.id"))
	equal(t, "the secret", again.at("secret"), nil)
	p.dash(t, "POST /keys/"+first.text("key.id")+"/rotate", "", key).want(t, 201).replayed(t, false) // another key, another route
	equal(t, "keys", len(p.dash(t, "GET /keys", "").list("data")), 5)
	equal(t, "no record holds a secret", p.w.query(t, `SELECT count(*)::text FROM tenant_usage.idempotency i WHERE i::text ~ 'sk_test_[0-9A-Za-z]'`), "0")

	p.dash(t, "POST /tiers", `{"name":"pro","price":0,"limit":1}`, key).want(t, 201).replayed(t, false)
	p.dash(t, "POST /tiers", `{"name":"pro","price":0,"limit":1}`, key).want(t, 201).replayed(t, true)
	p.dash(t, "POST /tiers", `{"name":"pro","price":0,"limit":1}`).want(t, 409, "conflict")
}

// sweep does what the hourly job does.
func (w *world) sweep(t *testing.T) {
	t.Helper()
	worker := w.db.Open(t, db.Worker)
	must(t, platform.EachPlatform(t.Context(), worker, func(ctx context.Context, platforms []id.Platform) error {
		return errors.Join(idempotency.Sweep(ctx, worker, platforms), usage.Sweep(ctx, worker, platforms, 400))
	}))
}

func TestAKeyIsKeptForADayAndSweptAfterwards(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	start := time.Date(2031, 5, 5, 23, 30, 0, 0, time.UTC) // across midnight
	p.w.db.SetClock(t, start)
	call := func() answer { return p.track(t, "u", "", "Idempotency-Key: once").want(t, 200) }
	call().replayed(t, false)
	for _, later := range []time.Duration{time.Hour, 24*time.Hour - time.Minute, 25*time.Hour - time.Minute} {
		p.w.db.SetClock(t, start.Add(later))
		p.w.sweep(t)
		call().replayed(t, true)
	}
	p.w.db.SetClock(t, start.Add(25*time.Hour+time.Minute))
	call().replayed(t, true) // until it is swept
	p.w.sweep(t)
	equal(t, "records", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.receipts"), "0")
	call().replayed(t, false).expect(t, "usage.count", "2")
}

func TestOneKeyManyTimesAtOnceCountsOnce(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"wide","limit":null,"rateLimit":100000}`)
	p.external(t, "u", "wide")
	got := flood(t, 64, func(int) answer { return p.track(t, "u", "", "Idempotency-Key: once") })
	equal(t, "answers", fmt.Sprint(got), "map[200:64]")
	p.usage(t, "u").expect(t, "usageCount", "1")
	made := flood(t, 32, func(int) answer {
		return p.api(t, "POST /api/customers", `{"email":"eve@mail.example"}`, "Idempotency-Key: once")
	})
	if made[201] == 0 || made[201]+made[409] != 32 { // busy until the first is done
		t.Errorf("answers %v", made)
	}
	equal(t, "customers", len(p.api(t, "GET /api/customers", "").list("data")), 2)
	equal(t, "users at Clerk", p.w.atClerk(t, endUsersApp, "GET /v1/users/count", "").text("total_count"), "1")
}
