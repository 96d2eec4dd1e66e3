package main

import (
	"fmt"
	"testing"
)

func TestTrackingIsUnaffectedWhenStripeIsDown(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	p.w.control(t, "POST /faults", `{"times":1000,"path":"/v1/","status":500}`)
	p.track(t, user, "").want(t, 200)
	got := p.checkout(t, user, `{"tier":"pro"}`).want(t, 503, "unavailable")
	if got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	p.track(t, user, "").want(t, 200)
	p.w.control(t, "DELETE /faults", "")
	p.checkout(t, user, `{"tier":"pro"}`).want(t, 200)
}

func TestARetryAfterALostAnswerMakesOneSession(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"without a key": "", "with a key": "Idempotency-Key: once"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newShop(t)
			user := p.customer(t, "eve@mail.example")
			var headers []string
			if key != "" {
				headers = []string{key}
			}
			for _, path := range []string{"/v1/customers", "/v1/checkout/sessions"} { // however often the SDK tries
				p.w.control(t, "POST /faults", fmt.Sprintf(`{"times":1000,"method":"POST","path":%q,"loseAnswer":true}`, path))
				p.checkout(t, user, `{"tier":"pro"}`, headers...).want(t, 503, "unavailable")
				p.w.control(t, "DELETE /faults", "")
			}
			first := p.checkout(t, user, `{"tier":"pro"}`, headers...).want(t, 200).text("url")
			equal(t, "sessions", len(p.w.atStripeList(t, "", "/v1/checkout/sessions", "id")), 1)
			equal(t, "customers", len(p.w.atStripeList(t, "", "/v1/customers", "id")), 1)
			if key != "" {
				equal(t, "replayed", p.checkout(t, user, `{"tier":"pro"}`, headers...).want(t, 200).replayed(t, true).text("url"), first)
				p.checkout(t, user, `{"tier":"max"}`, headers...).want(t, 422, "idempotency_mismatch")
			}
		})
	}
}

func TestNothingIsHeldOpenInTheDatabaseWhileStripeIsSlow(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"POST /v1/customers", "POST /v1/checkout/sessions"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			var stripe string
			slow := newSlowStripe(t, func() string { return stripe })
			p := newShop(t, withConfig(func(c *config) { stripe, c.StripeAPIURL = c.StripeAPIURL, slow.url }))
			user := p.customer(t, "eve@mail.example")
			slow.next <- call
			answered := make(chan answer, 1)
			go func() { answered <- p.checkout(t, user, `{"tier":"pro"}`) }()
			<-slow.held
			open := p.w.query(t, `SELECT count(*)::text FROM pg_stat_activity
				WHERE datname = current_database() AND state LIKE 'idle in transaction%'`)
			equal(t, "transactions held open", open, "0")
			p.track(t, user, "").want(t, 200)
			close(slow.release)
			(<-answered).want(t, 200)
		})
	}
}

func TestWhatStripeAnsweredWithAFailureIsTriedAfresh(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	user := p.customer(t, "eve@mail.example")
	for _, path := range []string{"/v1/customers", "/v1/checkout/sessions"} { // Stripe keeps a 500 under its key
		p.w.control(t, "POST /faults", fmt.Sprintf(`{"times":1,"method":"POST","path":%q,"status":500}`, path))
		p.checkout(t, user, `{"tier":"pro"}`, "Idempotency-Key: one").want(t, 503, "unavailable")
		p.w.control(t, "DELETE /faults", "")
	}
	p.checkout(t, user, `{"tier":"pro"}`, "Idempotency-Key: one").want(t, 200)
	equal(t, "sessions", len(p.w.atStripeList(t, "", "/v1/checkout/sessions", "id")), 1)
}

func TestAPublicationThatFailedHalfWayIsRepeatedWithoutOrphans(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for i, fault := range []string{
		`{"times":1000,"method":"POST","path":"/v1/products","loseAnswer":true}`,
		`{"times":1000,"method":"POST","path":"/v1/prices","loseAnswer":true}`,
		`{"times":1000,"method":"POST","path":"/v1/prices","status":500}`,
	} {
		name := fmt.Sprintf("tier%d", i)
		p.w.control(t, "POST /faults", fault)
		p.dash(t, "POST /tiers", fmt.Sprintf(`{"name":%q,"price":500,"limit":1,"prices":{"year":5000}}`, name)).want(t, 201).
			expect(t, "tier.published", "false")
		if got := p.dash(t, "GET /tiers", ""); got.text(fmt.Sprintf("data.%d.problem", i+1)) == "<nil>" {
			t.Errorf("the developer is not told why: %s", got.body)
		}
		p.w.control(t, "DELETE /faults", "")
		must(t, p.w.app.modules.Desk.Publish(t.Context(), p.platformID()))
		p.dash(t, "GET /tiers", "").want(t, 200).expect(t, fmt.Sprintf("data.%d.published", i+1), "true", fmt.Sprintf("data.%d.problem", i+1), "<nil>")
	}
	equal(t, "products", len(p.w.atStripeList(t, "", "/v1/products?limit=100", "id")), 4)
	equal(t, "prices", len(p.w.atStripeList(t, "", "/v1/prices?limit=100", "id")), 7)
}
