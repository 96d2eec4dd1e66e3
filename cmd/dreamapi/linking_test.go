package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestTwoPlatformsShareAnEndUserAndNothingElse(t *testing.T) {
	t.Parallel()
	first := newPlatform(t)
	w := first.w
	second := w.developer(t, "bob@dev.example").platform(t, "other")
	second.tier(t, `{"name":"pro","limit":1000,"price":900}`)

	user := first.api(t, "POST /api/customers", `{"email":"eve@mail.example","firstName":"Eve","lastName":"First","password":"a password of hers"}`).
		want(t, 201).text("customer.id")
	first.api(t, "PATCH /api/customers/"+user, `{"metadata":{"note":"of the first"}}`).want(t, 200)
	first.track(t, user, `{"quantity":9}`).want(t, 200)
	w.atClerk(t, endUsersApp, "PATCH /v1/users/"+user+"/metadata", `{"public_metadata":{"theme":"dark"},"private_metadata":{"x":1}}`).want(t, 200)

	made := second.api(t, "POST /api/customers", `{"email":"EVE@mail.example","firstName":"Mallory","plan":"pro","password":"another password"}`).want(t, 201)
	made.expect(t, "customer.id", user, "customer.firstName", "Mallory", "customer.lastName", "", "customer.plan", "pro",
		"customer.publishableKey", second.pk)
	equal(t, "users at Clerk", w.atClerk(t, endUsersApp, "GET /v1/users/count", "").text("total_count"), "1")
	second.api(t, "PATCH /api/customers/"+user, `{"lastName":"Second","metadata":{"note":"of the second"}}`).want(t, 200)
	second.track(t, user, "").want(t, 200).expect(t, "usage.count", "1", "usage.plan", "pro")

	// The user's password, name and metadata are untouched.
	w.atClerk(t, endUsersApp, "POST /v1/users/"+user+"/verify_password", `{"password":"a password of hers"}`).want(t, 200)
	w.atClerk(t, endUsersApp, "POST /v1/users/"+user+"/verify_password", `{"password":"another password"}`).want(t, 422)
	w.atClerk(t, endUsersApp, "GET /v1/users/"+user, "").expect(t, "first_name", "Eve", "last_name", "First",
		"public_metadata.publishableKey", first.pk, "public_metadata.theme", "dark", "private_metadata.x", "1")
	// Neither sees what the other holds.
	seen := first.api(t, "GET /api/customers?q=eve", "").want(t, 200).body + first.api(t, "GET /api/customers/"+user, "").body
	if strings.Contains(seen, "Mallory") || strings.Contains(seen, "Second") || strings.Contains(seen, "pro") || strings.Contains(seen, second.pk) {
		t.Errorf("the first sees the second's: %s", seen)
	}
	second.api(t, "GET /api/customers/"+user, "").want(t, 200).expect(t, "customer.metadata.note", "of the second")
	first.usage(t, user).expect(t, "usageCount", "9", "plan", "free")
	// The claim names the first, and lets in there alone.
	token := w.userToken(t, user)
	w.api(t, "GET /api/usage", token, "").want(t, 200).expect(t, "usageCount", "9")

	// One leaves: the user stays, with all that the other holds. The last one leaves: the user goes.
	first.api(t, "DELETE /api/customers/"+user, "").want(t, 200)
	must(t, w.background().Settle(t.Context()))
	w.atClerk(t, endUsersApp, "GET /v1/users/"+user, "").want(t, 200)
	second.usage(t, user).expect(t, "usageCount", "1")
	w.api(t, "GET /api/usage", token, "").want(t, 401, "invalid_credentials")
	second.api(t, "DELETE /api/customers/"+user, "").want(t, 200)
	must(t, w.background().Settle(t.Context()))
	w.atClerk(t, endUsersApp, "GET /v1/users/"+user, "").want(t, 404)
	equal(t, "memberships", w.query(t, "SELECT count(*)::text FROM directory.memberships"), "0")
}

func TestALinkedUserWhoBringsNoKeyGetsOneAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	made := p.w.atClerk(t, endUsersApp, "POST /v1/users",
		`{"email_address":["eve@mail.example"],"skip_password_requirement":true,"public_metadata":{"theme":"dark","deep":{"x":1}}}`).
		want(t, 200).text("id")
	p.w.proves(t, "eve@mail.example")
	equal(t, "the user", p.customer(t, "eve@mail.example"), made)
	p.w.atClerk(t, endUsersApp, "GET /v1/users/"+made, "").
		expect(t, "public_metadata.publishableKey", p.pk, "public_metadata.theme", "dark", "public_metadata.deep.x", "1")
	p.w.api(t, "GET /api/usage", p.w.userToken(t, made), "").want(t, 200)
}

func TestAUserPrefixProvesNothing(t *testing.T) {
	t.Parallel()
	victim := newPlatform(t)
	w := victim.w
	thief := w.developer(t, "mallory@dev.example").platform(t, "trap")
	user := victim.customer(t, "eve@mail.example")
	// An external customer with the id of a Clerk user of another platform.
	thief.external(t, user, "free")
	thief.track(t, user, "").want(t, 200)
	// The user's token, made to name the thief's platform: it lets in to neither what is the thief's nor, with it, back.
	w.atClerk(t, endUsersApp, "PATCH /v1/users/"+user+"/metadata", fmt.Sprintf(`{"public_metadata":{"publishableKey":%q}}`, thief.pk)).want(t, 200)
	w.api(t, "GET /api/usage", w.userToken(t, user), "").want(t, 401, "invalid_credentials")
	w.api(t, "POST /api/data", w.userToken(t, user), "").want(t, 401, "invalid_credentials")
	w.atClerk(t, endUsersApp, "PATCH /v1/users/"+user+"/metadata", fmt.Sprintf(`{"public_metadata":{"publishableKey":%q}}`, victim.pk)).want(t, 200)
	w.api(t, "GET /api/usage", w.userToken(t, user), "").want(t, 200).expect(t, "usageCount", "0")
	// Its deletion touches no Clerk user.
	thief.api(t, "DELETE /api/customers/"+user, "").want(t, 200)
	must(t, w.background().Settle(t.Context()))
	w.atClerk(t, endUsersApp, "GET /v1/users/"+user, "").want(t, 200)
	victim.api(t, "GET /api/customers/"+user, "").want(t, 200)
}

func TestAnExternalCustomerHasNoClerkUser(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.api(t, "POST /api/customers", `{"id":"acct:7|x@y.z","email":"eve@mail.example","firstName":"Eve","plan":"free"}`).want(t, 201).
		expect(t, "customer.id", "acct:7|x@y.z", "customer.email", "eve@mail.example")
	equal(t, "users at Clerk", p.w.atClerk(t, endUsersApp, "GET /v1/users/count", "").text("total_count"), "0")
	for _, path := range []string{"acct:7%7Cx@y.z", "acct%3A7%7Cx%40y.z"} { // as a browser's URL and encodeURIComponent write it
		p.api(t, "GET /api/customers/"+path, "").want(t, 200).expect(t, "customer.id", "acct:7|x@y.z")
	}
	p.track(t, "acct:7|x@y.z", "").want(t, 200)
	p.api(t, "POST /api/customers", `{"id":"acct:7|x@y.z"}`).want(t, 409, "customer_exists").expect(t, "customerId", "acct:7|x@y.z")
	p.api(t, "POST /api/customers", `{"id":"other","email":"eve@mail.example"}`).want(t, 201) // their emails are theirs to keep apart
	p.customer(t, "eve@mail.example")
	p.api(t, "DELETE /api/customers/acct%3A7%7Cx%40y.z", "").want(t, 200).expect(t, "deleted.id", "acct:7|x@y.z")
}
