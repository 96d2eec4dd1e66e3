package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

func TestCreateCustomer(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	made := p.api(t, "POST /api/customers", `{"email":"Eve@Mail.example","firstName":"Eve","lastName":"Ode","plan":"pro","password":"a password of mine"}`).
		want(t, 201)
	made.expect(t, "success", "true", "customer.firstName", "Eve", "customer.lastName", "Ode", "customer.plan", "pro",
		"customer.publishableKey", p.pk)
	equal(t, "email", strings.ToLower(made.text("customer.email")), "eve@mail.example")
	user := made.text("customer.id")
	atClerk := p.w.atClerk(t, endUsersApp, "GET /v1/users/"+user, "").want(t, 200)
	equal(t, "publishableKey at Clerk", atClerk.text("public_metadata.publishableKey"), p.pk)
	equal(t, "name at Clerk", atClerk.text("first_name"), "Eve")
	p.w.atClerk(t, endUsersApp, "POST /v1/users/"+user+"/verify_password", `{"password":"a password of mine"}`).want(t, 200)
	equal(t, "plan without one", p.api(t, "POST /api/customers", `{"email":"b@mail.example"}`).want(t, 201).text("customer.plan"), "free")

	p.api(t, "POST /api/customers", `{"email":"eve@mail.example"}`).want(t, 409, "customer_exists").expect(t, "customerId", user)
	p.api(t, "POST /api/customers", `{"email":"c@mail.example","plan":"gold"}`).want(t, 400, "unknown_plan").expect(t, "param", "plan")
	p.api(t, "POST /api/customers", `{"id":"x","plan":"gold"}`).want(t, 400, "unknown_plan")
	pwned := p.api(t, "POST /api/customers", `{"email":"c@mail.example","password":"password123"}`).
		want(t, 400, "password_refused").expect(t, "param", "password")
	if !strings.Contains(pwned.text("message"), "breach") {
		t.Errorf("the message does not say why: %s", pwned.body)
	}
	p.api(t, "POST /api/customers", `{"email":"c@mail.example","password":"short"}`).want(t, 400, "password_refused")
	for _, email := range []string{"", "x", "a@", "Eve <eve@mail.example>", "a@b@c", strings.Repeat("a", 250) + "@b.example"} {
		p.api(t, "POST /api/customers", fmt.Sprintf(`{"email":%q}`, email)).want(t, 400)
	}
	equal(t, "customers", len(p.api(t, "GET /api/customers", "").list("data")), 2)
	equal(t, "what is left half done", p.w.query(t, "SELECT count(*)::text FROM tenant.customer_intents"), "0")

	for status, code := range map[int]string{500: "unavailable", 429: "unavailable", 503: "unavailable", 401: "upstream_failed"} {
		_, err := p.w.clerk.AddFault(clerk.Fault{Path: "/v1/users", Method: "POST", Status: status, Times: 1})
		must(t, err)
		want := map[string]int{"unavailable": 503, "upstream_failed": 502}[code]
		got := p.w.send(mute{t}, p.w.host("api"), "POST /api/customers", p.sk, fmt.Sprintf(`{"email":"d%d@mail.example"}`, status))
		got.want(t, want, code)
		if strings.Contains(strings.ToLower(got.body), "clerk") {
			t.Errorf("it names whom we depend on: %s", got.body)
		}
	}
}

func TestACustomerNeedsAPublishableKeyToBeNamedBy(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.dash(t, "POST /keys/"+p.pkID+"/revoke", "").want(t, 200)
	p.api(t, "POST /api/customers", `{"email":"a@mail.example"}`).want(t, 409, "conflict")
	p.api(t, "POST /api/customers", `{"id":"mine"}`).want(t, 201).expect(t, "customer.publishableKey", "")
}

func TestAfterALostAnswerTheRepetitionGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	_, err := p.w.clerk.AddFault(clerk.Fault{Path: "/v1/users", Method: "POST", LoseAnswer: true, Times: 1})
	must(t, err)
	const body = `{"email":"eve@mail.example","plan":"free"}`
	p.api(t, "POST /api/customers", body, "Idempotency-Key: once").want(t, 503, "unavailable")
	user := p.api(t, "POST /api/customers", body, "Idempotency-Key: once").want(t, 201).text("customer.id")
	replayed := p.api(t, "POST /api/customers", body, "Idempotency-Key: once").want(t, 201)
	equal(t, "the same customer", replayed.text("customer.id"), user)
	equal(t, "Idempotent-Replayed", replayed.header.Get("Idempotent-Replayed"), "true")
	equal(t, "users at Clerk", p.w.atClerk(t, endUsersApp, "GET /v1/users/count", "").text("total_count"), "1")
}

func TestGetCustomer(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	user := p.customer(t, "eve@mail.example")
	p.api(t, "GET /api/customers/"+user, "").want(t, 200).
		expect(t, "customer.id", user, "customer.email", "eve@mail.example", "customer.plan", "free", "customer.publishableKey", p.pk)
	p.api(t, "GET /api/customers/nobody", "").want(t, 404, "not_found")
	p.api(t, "GET /api/customers/", "").want(t, 404, "not_found")
}

func TestTheCustomerSurfaceIsForSecretKeys(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	token := p.w.userToken(t, p.customer(t, "eve@mail.example"))
	for _, asked := range []string{"GET /api/customers", "POST /api/customers", "GET /api/customers/x", "PATCH /api/customers/x",
		"DELETE /api/customers/x", "POST /api/data/batch"} {
		p.w.api(t, asked, "", "").want(t, 401, "unauthenticated")
		p.w.api(t, asked, p.pk, "").want(t, 403, "forbidden")
		p.w.api(t, asked, token, "").want(t, 403, "forbidden")
		p.w.api(t, asked, p.dev.token, "").want(t, 401, "invalid_credentials")
		p.w.api(t, asked, p.sk[:len(p.sk)-1], "").want(t, 401, "invalid_credentials")
		p.w.api(t, asked, p.sk+"0", "").want(t, 401, "invalid_credentials")
		p.w.api(t, asked, "sk_test_"+strings.Repeat("0", 43)+"000000", "").want(t, 401, "invalid_credentials")
		p.w.api(t, asked, "", "", "Authorization: Basic "+p.sk).want(t, 401, "unauthenticated")
		p.w.api(t, asked, "", "", "Authorization: "+p.sk).want(t, 401, "unauthenticated")
	}
	p.w.api(t, "GET /api/customers", "", "", "Authorization: bearer  "+p.sk).want(t, 200)
	for _, asked := range []string{"POST /api/data", "GET /api/usage"} {
		p.w.api(t, asked, "", "", "X-User-Id: u").want(t, 401, "unauthenticated")
		p.w.api(t, asked, p.pk, "", "X-User-Id: u").want(t, 403, "forbidden")
		p.api(t, asked, "").wantParam(t, "X-User-Id")
		for _, id := range []string{"a b", "ä", strings.Repeat("u", 129), "a/b", "a%"} {
			p.api(t, asked, "", "X-User-Id: "+id, "X-User-Plan: free").wantParam(t, "X-User-Id")
		}
	}
}

func TestUpdateCustomer(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	user := p.customer(t, "eve@mail.example")
	patch := func(body string) answer { return p.api(t, "PATCH /api/customers/"+user, body) }
	patch(`{"firstName":"E","lastName":"O","plan":"pro"}`).want(t, 200).
		expect(t, "success", "true", "customer.firstName", "E", "customer.lastName", "O", "customer.plan", "pro")
	patch(`{"firstName":""}`).want(t, 200).expect(t, "customer.firstName", "", "customer.lastName", "O")
	patch(`{}`).want(t, 200).expect(t, "customer.lastName", "O", "customer.plan", "pro")
	patch(`{"plan":null,"firstName":null,"metadata":null}`).want(t, 200).expect(t, "customer.plan", "pro")
	patch(`{"plan":"gold"}`).want(t, 400, "unknown_plan")
	patch(`{"plan":""}`).want(t, 400, "unknown_plan")
	patch(``).want(t, 400, "invalid_json")
	p.api(t, "PATCH /api/customers/nobody", `{"firstName":"x"}`).want(t, 404, "not_found")
	p.api(t, "PATCH /api/customers/nobody", `{"plan":"gold"}`).want(t, 404, "not_found")
	// The profile at Clerk is the user's own.
	equal(t, "first name at Clerk", p.w.atClerk(t, endUsersApp, "GET /v1/users/"+user, "").text("first_name"), "")
}

func TestMetadataIsMergedAndNeverReplaced(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "u", "free")
	patch := func(body string) answer { return p.api(t, "PATCH /api/customers/u", body).want(t, 200) }
	patch(`{"metadata":{"a":"1","b":{"x":1,"y":[1,2]},"c":false,"empty":""}}`)
	got := patch(`{"metadata":{"b":{"z":1},"c":null,"nix":null}}`)
	got.expect(t, "customer.metadata.a", "1", "customer.metadata.b.z", "1", "customer.metadata.b.x", "<nil>", "customer.metadata.empty", "")
	if strings.Contains(got.body, `"c"`) || strings.Contains(got.body, `"nix"`) {
		t.Errorf("null did not take a key away: %s", got.body)
	}
	patch(`{"firstName":"x"}`).expect(t, "customer.metadata.a", "1")
	patch(`{"metadata":{"a":null,"b":null,"empty":null}}`)
	equal(t, "metadata", p.api(t, "GET /api/customers/u", "").text("customer.metadata"), "map[]")
	// 50 keys are the most, also where they come a few at a time.
	for i := range 5 {
		var keys []string
		for j := range 10 {
			keys = append(keys, fmt.Sprintf(`"k%d":1`, 10*i+j))
		}
		patch(`{"metadata":{` + strings.Join(keys, ",") + `}}`)
	}
	p.api(t, "PATCH /api/customers/u", `{"metadata":{"one more":1}}`).wantParam(t, "metadata")
	patch(`{"metadata":{"k3":12345678901234567890}}`).expect(t, "customer.metadata.k3", "12345678901234567890")
	for _, number := range []string{"1e400", "1e200000", "1e9999999999", "-1e-9999999999"} {
		if got := p.api(t, "PATCH /api/customers/u", `{"metadata":{"k4":`+number+`}}`); got.status != 400 && got.status != 200 || len(got.body) > 40<<10 {
			t.Errorf("%s: %d, %d bytes", number, got.status, len(got.body))
		}
	}
	patch(`{"metadata":{"k4":1}}`)
	patch(`{"metadata":{"k0":null,"one more":1}}`)
	patch(`{"metadata":{"k1":"` + strings.Repeat("m", 10<<10) + `"}}`)
	p.api(t, "PATCH /api/customers/u", `{"metadata":{"k2":"`+strings.Repeat("m", 10<<10)+`"}}`).wantParam(t, "metadata")
}

func TestDeleteCustomer(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	user := p.customer(t, "eve@mail.example")
	token := p.w.userToken(t, user)
	p.w.api(t, "POST /api/data", token, "").want(t, 200)
	p.api(t, "DELETE /api/customers/"+user, "").want(t, 200).expect(t, "success", "true", "deleted.id", user)
	p.api(t, "DELETE /api/customers/"+user, "").want(t, 404, "not_found")
	p.api(t, "GET /api/customers/"+user, "").want(t, 404, "not_found")
	p.w.api(t, "POST /api/data", token, "").want(t, 401, "invalid_credentials")
	p.track(t, user, "").want(t, 404, "not_found")
	equal(t, "counters", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.users"), "0")
	// The Clerk user goes with the job; then the email is free for a new customer, who has nothing of the old one.
	must(t, p.w.background().Settle(t.Context()))
	p.w.atClerk(t, endUsersApp, "GET /v1/users/"+user, "").want(t, 404)
	again := p.customer(t, "eve@mail.example")
	if again == user {
		t.Error("the deleted user is back")
	}
	p.usage(t, again).expect(t, "usageCount", "0")
	p.external(t, "mine", "free")
	p.api(t, "DELETE /api/customers/mine", "").want(t, 200)
}
