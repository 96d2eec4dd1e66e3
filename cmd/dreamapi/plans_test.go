package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhichPlanCounts(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	p.tier(t, `{"name":"business","limit":null,"price":9900}`)
	number := 0
	for name, c := range map[string]struct {
		assigned, status, grace string // of the customer; without a status there is no subscription
		header                  string
		plan                    string
	}{
		"nothing said":                     {"", "", "", "", "free"},
		"assigned":                         {"pro", "", "", "", "pro"},
		"a header for a customer":          {"", "", "", "pro", "free"},
		"a header for one who is assigned": {"pro", "", "", "free", "pro"},
		"an unknown header for a customer": {"", "", "", "gold", "free"},
		"trialing":                         {"", "trialing", "", "", "business"},
		"active":                           {"", "active", "", "", "business"},
		"active beats the assigned one":    {"pro", "active", "", "", "business"},
		"active beats the header":          {"", "active", "", "free", "business"},
		"past due in grace":                {"", "past_due", "1 hour", "", "business"},
		"past due out of grace":            {"pro", "past_due", "-1 hour", "", "pro"},
		"past due without grace":           {"", "past_due", "", "", "free"},
		"incomplete":                       {"", "incomplete", "1 hour", "", "free"},
		"incomplete, expired":              {"", "incomplete_expired", "", "", "free"},
		"canceled":                         {"pro", "canceled", "1 hour", "", "pro"},
		"unpaid":                           {"", "unpaid", "1 hour", "", "free"},
		"paused":                           {"", "paused", "", "", "free"},
	} {
		t.Run(name, func(t *testing.T) {
			number++
			user := fmt.Sprintf("u%d", number)
			body := fmt.Sprintf(`{"id":%q}`, user)
			if c.assigned != "" {
				body = fmt.Sprintf(`{"id":%q,"plan":%q}`, user, c.assigned)
			}
			p.api(t, "POST /api/customers", body).want(t, 201)
			if c.status != "" {
				p.subscribe(t, user, "business", c.status, c.grace)
			}
			var headers []string
			if c.header != "" {
				headers = []string{"X-User-Plan: " + c.header}
			}
			p.usage(t, user, headers...).expect(t, "plan", c.plan)
			p.track(t, user, "", headers...).want(t, 200).expect(t, "usage.plan", c.plan)
			p.api(t, "GET /api/customers/"+user, "").want(t, 200).expect(t, "customer.plan", c.plan)

			got := p.api(t, "PATCH /api/customers/"+user, `{"plan":"free"}`)
			if c.plan == "business" {
				got.want(t, 409, "subscription_lives")
				p.usage(t, user).expect(t, "plan", "business")
				p.api(t, "PATCH /api/customers/"+user, `{"firstName":"Eve"}`).want(t, 200)
			} else {
				got.want(t, 200).expect(t, "customer.plan", "free")
			}
		})
	}
}

func TestTheHeaderIsBelievedOfAUserWhoIsNoCustomer(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	p.track(t, "theirs", "", "X-User-Plan: pro").want(t, 200).expect(t, "usage.plan", "pro", "usage.limit", "1000")
	p.usage(t, "theirs", "X-User-Plan: free").expect(t, "plan", "free", "usageCount", "1", "limit", "100")
	p.track(t, "theirs", "").want(t, 404, "not_found")
	p.api(t, "GET /api/usage", "", "X-User-Id: theirs").want(t, 404, "not_found")
	for _, plan := range []string{"gold", "Pro", "pro ' OR 1=1"} {
		got := p.track(t, "theirs", "", "X-User-Plan: "+plan).want(t, 400, "unknown_plan")
		equal(t, "param", got.text("param"), "X-User-Plan")
		if !strings.Contains(got.text("message"), "free, pro") {
			t.Errorf("the message does not list the plans: %s", got.body)
		}
	}
	// From the day they are a customer it is ignored; what was counted stays.
	p.external(t, "theirs", "free")
	p.track(t, "theirs", "", "X-User-Plan: pro").want(t, 200).expect(t, "usage.plan", "free", "usage.count", "2")
	// A user's own token states no plan.
	user := p.customer(t, "eve@mail.example")
	p.w.api(t, "POST /api/data", p.w.userToken(t, user), "", "X-User-Plan: pro").want(t, 200).expect(t, "usage.plan", "free")
}

func TestATokensUserIsItsSubject(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	eve, bob := p.customer(t, "eve@mail.example"), p.customer(t, "bob@mail.example")
	token := p.w.userToken(t, eve)
	for _, asked := range []string{"POST /api/data", "GET /api/usage"} {
		p.w.api(t, asked, token, "", "X-User-Id: "+bob).want(t, 403, "forbidden")
		p.w.api(t, asked, token, "", "X-User-Id: "+eve).want(t, 200)
		p.w.api(t, asked, token, "").want(t, 200)
		p.w.api(t, asked, token, "", "X-Publishable-Key: pk_test_x").want(t, 200)
	}
	p.w.api(t, "POST /api/data", p.w.sessionToken(t, endUsersApp, eve, "", ""), "").want(t, 401, "invalid_credentials") // no claim
	p.usage(t, eve).expect(t, "usageCount", "3")
	p.usage(t, bob).expect(t, "usageCount", "0")
}

func TestAnArchivedTierKeepsItsCustomersAndTakesNoNewOnes(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"old","limit":7}`)
	p.external(t, "u", "old")
	p.dash(t, "PATCH /tiers/old", `{"archived":true}`).want(t, 200).expect(t, "tier.archived", "true")
	p.track(t, "u", "").want(t, 200).expect(t, "usage.plan", "old", "usage.limit", "7")
	p.api(t, "PATCH /api/customers/u", `{"firstName":"x"}`).want(t, 200).expect(t, "customer.plan", "old")
	p.api(t, "POST /api/customers", `{"id":"v","plan":"old"}`).want(t, 400, "unknown_plan")
	p.api(t, "POST /api/customers", `{"email":"v@mail.example","plan":"old"}`).want(t, 400, "unknown_plan")
	p.external(t, "v", "free")
	p.api(t, "PATCH /api/customers/v", `{"plan":"old"}`).want(t, 400, "unknown_plan")
	p.track(t, "theirs", "", "X-User-Plan: old").want(t, 200) // their users were put on it by them
	equal(t, "the price list", len(p.w.api(t, "GET /api/tiers", p.sk, "").list("tiers")), 1)
	equal(t, "the developer's list", len(p.dash(t, "GET /tiers", "").list("data")), 2)
	p.dash(t, "PATCH /tiers/old", `{"archived":false}`).want(t, 200)
	p.api(t, "PATCH /api/customers/v", `{"plan":"old"}`).want(t, 200)
}

func TestTheDefaultIsTheFirstFreeTier(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	p.api(t, "POST /api/customers", `{"id":"d"}`).want(t, 201).expect(t, "customer.plan", "free")
	p.tier(t, `{"name":"starter","limit":5,"position":0}`)
	p.tier(t, `{"name":"paid","limit":5,"price":100,"position":0}`)
	p.usage(t, "d").expect(t, "plan", "starter")
	p.usage(t, "u").expect(t, "plan", "free")
	p.dash(t, "PATCH /tiers/starter", `{"archived":true}`).want(t, 200)
	p.usage(t, "d").expect(t, "plan", "free")
	// The last one stays while somebody is on it by default.
	p.dash(t, "PATCH /tiers/free", `{"price":100}`).want(t, 409, "conflict")
	p.dash(t, "PATCH /tiers/free", `{"archived":true}`).want(t, 409, "conflict")
	p.usage(t, "d").expect(t, "plan", "free")
	p.api(t, "PATCH /api/customers/d", `{"plan":"paid"}`).want(t, 200)
	p.dash(t, "PATCH /tiers/free", `{"archived":true}`).want(t, 200)
	p.track(t, "d", "").want(t, 200).expect(t, "usage.plan", "paid")
}
