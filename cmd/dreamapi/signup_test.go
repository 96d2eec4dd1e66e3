package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// rule changes the platform's rules for sign-up, in SQL.
func (p *tenancy) rule(t testing.TB, set string) {
	t.Helper()
	p.w.db.Exec(t, "UPDATE tenant.sign_in SET "+set+" WHERE platform_id = '"+p.id+"'")
}

func (p *tenancy) customers(t testing.TB) string {
	t.Helper()
	return p.w.query(t, "SELECT count(*)::text FROM tenant.customers WHERE platform_id = $1", p.id)
}

func TestTheRulesSayWhoMaySignUp(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	api := p.w.url("api")
	eve := p.guest(t, "eve@mail.example")
	// To sign in makes no account.
	eve.enters(t, "/sign-in", "redirectUrl", callback).refusedWith(t, 403, "eve@mail.example has not been used")
	eve.sees(t, "Create an account")
	equal(t, "customers", p.customers(t), "0")

	p.rule(t, "sign_up = 'closed'")
	eve.open(t, api+"/sign-up"+p.query())
	eve.refusedWith(t, 403, "Nobody can sign up here at the moment.")
	eve.enters(t, "/sign-up", "redirectUrl", callback).refusedWith(t, 403, "Nobody can sign up here at the moment.")
	eve.enters(t, "/sign-in").refusedWith(t, 403, "No account here yet")
	if strings.Contains(eve.page, "/sign-up") {
		t.Error("a page leads to a sign-up that is closed")
	}

	p.rule(t, "sign_up = 'invitation'")
	eve.open(t, api+"/sign-up"+p.query())
	eve.refusedWith(t, 403, "by invitation only")
	eve.enters(t, "/sign-up", "redirectUrl", callback).refusedWith(t, 403, "by invitation only")

	p.rule(t, "sign_up = 'open', email_domains = '{shop.example,other.example}'")
	eve.enters(t, "/sign-up", "redirectUrl", callback).refusedWith(t, 403, "Only addresses at shop.example, other.example can sign up here")
	p.guest(t, "eve@notshop.example").enters(t, "/sign-up").refusedWith(t, 403, "Only addresses at")
	p.guest(t, "eve@sub.shop.example").enters(t, "/sign-up").refusedWith(t, 403, "Only addresses at")
	p.guest(t, "Kim@Shop.Example").enters(t, "/sign-up", "redirectUrl", callback).code(t)
	equal(t, "customers", p.customers(t), "1")

	// An address that is not proved to be theirs lets nobody in.
	bob := p.guest(t, "bob@shop.example")
	address := p.w.atClerk(t, endUsersApp, "GET /v1/users/"+bob.user, "").text("email_addresses.0.id")
	p.w.atClerk(t, endUsersApp, "PATCH /v1/email_addresses/"+address, `{"verified":false}`).want(t, 200)
	bob.enters(t, "/sign-up").refusedWith(t, 403, "Nobody has shown yet that bob@shop.example is theirs")

	equal(t, "customers", p.customers(t), "1")
}

func TestWhoSignsUpGetsThePlanForThem(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	p.tier(t, `{"name":"starter","limit":7}`)
	p.rule(t, "plan = 'starter'")
	_, s := p.signedIn(t, "eve@mail.example")
	p.w.api(t, "GET /api/usage", s.token, "").want(t, 200).expect(t, "plan", "starter", "limit", "7")
	// Without any tier to fall back on, nobody is taken in who could do nothing.
	p.rule(t, "plan = NULL")
	p.dash(t, "PATCH /tiers/free", `{"price":100}`)
	p.w.db.Exec(t, "UPDATE tenant.tiers SET archived_at = now() WHERE platform_id = $1", p.id)
	p.guest(t, "kim@mail.example").enters(t, "/sign-up").refusedWith(t, 403, "the product has no plan for those who sign up")
	equal(t, "customers", p.customers(t), "1")
}

func TestNobodyFloodsAPlatformWithSignUps(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	p.rule(t, "sign_ups_per_hour = 8")
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 5, 30, 0, 0, time.UTC))
	for i := range 2 { // a quarter, as all come from one network
		p.guest(t, fmt.Sprintf("g%d@mail.example", i)).enters(t, "/sign-up", "redirectUrl", callback).code(t)
	}
	late := p.guest(t, "late@mail.example")
	late.enters(t, "/sign-up").refusedWith(t, 429, "Too many people have just signed up here")
	if after := late.last.Header.Get("Retry-After"); after == "" || len(after) > 4 {
		t.Errorf("Retry-After is %q", after)
	}
	equal(t, "customers", p.customers(t), "2")
	p.guest(t, "g0@other.example")
	p.as(t, p.w.query(t, "SELECT id FROM tenant.customers LIMIT 1"), "").enters(t, "/sign-in", "redirectUrl", callback).code(t) // who has an account signs in
	p.w.db.SetClock(t, time.Date(2031, 5, 5, 6, 0, 1, 0, time.UTC))
	late.enters(t, "/sign-up", "redirectUrl", callback).code(t)
	// The platform as a whole has a bound, too.
	p.w.db.Exec(t, "UPDATE tenant.sign_ups SET count = 8 WHERE source = ''")
	p.guest(t, "more@mail.example").enters(t, "/sign-up").refusedWith(t, 429, "Too many people")
	equal(t, "addresses kept", p.w.query(t, "SELECT count(*)::text FROM tenant.sign_ups WHERE source LIKE '%127.0.0.1%'"), "0")
}

func TestAnInvitationLetsOneAddressInOnce(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	other := p.w.developer(t, "bob@dev.example").platform(t, "other")
	p.tier(t, `{"name":"friends","limit":5}`)
	p.rule(t, "sign_up = 'invitation', email_domains = '{nowhere.example}'")
	invite := func(body string, headers ...string) answer {
		return p.api(t, "POST /api/invitations", body, headers...)
	}
	made := invite(`{"email":"Eve@Mail.example","plan":"friends"}`, "Idempotency-Key: one").want(t, 201)
	made.expect(t, "invitation.state", "open", "invitation.email", "eve@mail.example", "invitation.plan", "friends")
	again := invite(`{"email":"Eve@Mail.example","plan":"friends"}`, "Idempotency-Key: one").want(t, 201)
	again.expect(t, "invitation.id", made.text("invitation.id"), "url", "<nil>") // the link is shown once
	link, err := url.Parse(made.text("url"))
	must(t, err)
	secret := link.Query().Get("invitation")
	p.w.known.add(secret)
	equal(t, "the link", link.Host+link.Path, p.w.host("api")+"/sign-up")
	equal(t, "stored in plain", p.w.query(t, "SELECT count(*)::text FROM tenant.invitations WHERE encode(hash, 'escape') LIKE '%' || $1 || '%'", secret), "0")

	invite(`{"email":"eve","plan":"gold","expiresInDays":91}`).wantParam(t, "email", "expiresInDays")
	invite(`{"email":"eve@mail.example","plan":"gold"}`).want(t, 400, "unknown_plan")

	eve, kim := p.guest(t, "eve@mail.example"), p.guest(t, "kim@mail.example")
	eve.open(t, link.String())
	eve.sees(t, "Create your account")
	kim.enters(t, "/sign-up", "invitation", secret).refusedWith(t, 403, "This invitation is for another address than kim@mail.example.")
	eve.enters(t, "/sign-up", "invitation", secret+"x").refusedWith(t, 403, "does not exist")
	there := other.as(t, eve.user, eve.email)
	other.rule(t, "sign_up = 'invitation'")
	there.enters(t, "/sign-up", "invitation", secret).refusedWith(t, 403, "does not exist")

	s := p.trade(t, eve.enters(t, "/sign-up", "invitation", secret, "redirectUrl", callback).code(t))
	p.w.api(t, "GET /api/usage", s.token, "").expect(t, "plan", "friends")
	p.api(t, "GET /api/invitations", "").want(t, 200).expect(t, "data.0.state", "accepted", "data.0.customerId", eve.user)
	p.api(t, "DELETE /api/invitations/"+made.text("invitation.id"), "").want(t, 409)
	p.api(t, "DELETE /api/customers/"+eve.user, "").want(t, 200)
	eve.enters(t, "/sign-up", "invitation", secret).refusedWith(t, 403, "was used already")

	next := invite(`{"email":"kim@mail.example","expiresInDays":1}`).want(t, 201)
	secretOf := func(a answer) string {
		link, err := url.Parse(a.text("url"))
		must(t, err)
		return link.Query().Get("invitation")
	}
	p.w.db.TurnClock(t, 25*time.Hour)
	kim.enters(t, "/sign-up", "invitation", secretOf(next)).refusedWith(t, 403, "has expired")
	next = invite(`{"email":"kim@mail.example"}`).want(t, 201)
	p.api(t, "DELETE /api/invitations/"+next.text("invitation.id"), "").want(t, 200).expect(t, "invitation.state", "revoked")
	kim.enters(t, "/sign-up", "invitation", secretOf(next)).refusedWith(t, 403, "was taken back")
	p.api(t, "DELETE /api/invitations/inv_none", "").want(t, 404)
	p.rule(t, "sign_up = 'closed'")
	invite(`{"email":"kim@mail.example"}`).want(t, 409)
	first := p.api(t, "GET /api/invitations?limit=2", "").want(t, 200)
	equal(t, "a page", len(first.list("data")), 2)
	rest := p.api(t, "GET /api/invitations?limit=2&cursor="+first.text("nextCursor"), "").want(t, 200)
	equal(t, "the next page", len(rest.list("data")), 1)
	p.api(t, "GET /api/invitations?cursor=x", "").wantParam(t, "cursor")
}

func TestTheAccountPageDoesWhatItSays(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	p.tier(t, `{"name":"pro","displayName":"Professional","limit":1000,"price":900}`)
	g, s := p.signedIn(t, "eve@mail.example")
	for range 3 {
		p.w.api(t, "POST /api/data", s.token, "").want(t, 200)
	}
	g.account(t, "GET /account", nil).sees(t, "eve@mail.example")
	g.sees(t, "3 of 100").sees(t, "$9.00 a month").sees(t, "Firefox on Linux")
	g.account(t, "POST /account/name", url.Values{"firstName": {"Evelyn"}, "lastName": {strings.Repeat("x", 101)}})
	g.account(t, "GET /account", nil).sees(t, "100 characters at the most")
	g.account(t, "POST /account/name", url.Values{"firstName": {"Evelyn"}, "lastName": {"<b>"}})
	g.account(t, "GET /account", nil).sees(t, `value="Evelyn"`).sees(t, `value="&lt;b&gt;"`)
	p.api(t, "GET /api/customers/"+g.user, "").expect(t, "customer.firstName", "Evelyn")

	g.account(t, "POST /account/portal", nil)
	g.account(t, "GET /account", nil).sees(t, "never checked out")
	g.account(t, "POST /account/checkout", url.Values{"tier": {"gold"}, "interval": {"month"}})
	g.account(t, "GET /account", nil).sees(t, "gold")
	pay := g.account(t, "POST /account/checkout", url.Values{"tier": {"pro"}, "interval": {"month"}}).leads(t)
	g.client.CheckRedirect = nil
	g.open(t, pay.String())
	g.paid(t, pay.String(), goodCard)
	equal(t, "back at", g.at.Path, "/account")
	g.sees(t, "Professional").sees(t, "3 of 1,000").sees(t, "Cards, invoices and cancelling")
	g.client.CheckRedirect = noRedirect
	if to := g.account(t, "POST /account/portal", nil).leads(t); !strings.Contains(to.String(), "127.0.0.1") {
		t.Errorf("the portal is at %s", to)
	}

	g.account(t, "GET /account/export", nil)
	equal(t, "the export", g.last.Header.Get("Content-Disposition"), `attachment; filename="my-data.json"`)
	g.sees(t, `"email": "eve@mail.example"`).sees(t, `"count": 3`).sees(t, `"sessions"`).sees(t, `"subscription"`)
	p.w.db.TurnClock(t, 24*time.Hour)
	p.track(t, g.user, `{"quantity":2}`).want(t, 200)
	p.api(t, "GET /api/customers/"+g.user+"/export", "").want(t, 200).expect(t, "customer.firstName", "Evelyn",
		"days.0.meter", "requests", "days.0.count", "3", "days.1.count", "2", "days.2", "<nil>")

	g.account(t, "POST /account/sessions/"+s.id+"/end", nil)
	g.account(t, "GET /account", nil).sees(t, "That device is signed out")
	p.w.api(t, "GET /api/usage", s.token, "").want(t, 401)
	equal(t, "in", g.isIn(t), true)
	g.account(t, "POST /account/sign-out", nil).sees(t, "You are signed out of this page.")
	equal(t, "in", g.isIn(t), false)
}

func TestAnAccountIsDeletedByWhoHasJustProvedWhoTheyAre(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g, s := p.signedIn(t, "eve@mail.example")
	deletes := func(email string) *guest { return g.account(t, "POST /account/delete", url.Values{"email": {email}}) }
	deletes("kim@mail.example")
	p.api(t, "GET /api/customers/"+g.user, "").want(t, 200)
	p.w.db.TurnClock(t, 16*time.Minute)
	g.account(t, "GET /account/delete", nil).sees(t, "You signed in a while ago.")
	deletes(g.email)
	p.api(t, "GET /api/customers/"+g.user, "").want(t, 200)

	session := p.w.query(t, "SELECT clerk_session_id FROM tenant.sessions WHERE kind = 'page' AND ended_at IS NULL")
	if to := g.account(t, "POST /account/reauthenticate", nil).leads(t); to.Path != "/sign-in" {
		t.Errorf("one signs in again at %s", to)
	}
	p.w.atClerk(t, endUsersApp, "GET /v1/sessions/"+session, "").expect(t, "status", "revoked")
	p.w.api(t, "GET /api/usage", s.token, "").want(t, 200) // the product's session is another
	g.enters(t, "/sign-in")
	g.account(t, "GET /account/delete", nil).sees(t, "type your address")
	deletes("EVE@mail.example").sees(t, "Your account is deleted")
	p.api(t, "GET /api/customers/"+g.user, "").want(t, 404)
	p.w.api(t, "GET /api/usage", s.token, "").want(t, 401)
	p.w.work(t)
	p.w.atClerk(t, endUsersApp, "GET /v1/users/"+g.user, "").want(t, 404)
	equal(t, "in", g.isIn(t), false)
}

func TestWhatHappensAtClerkEndsSessionsHere(t *testing.T) {
	t.Parallel()
	p := newProduct(t, withJobs)
	p.w.wantEvents()
	other := p.w.developer(t, "bob@dev.example").platform(t, "other")
	other.dash(t, "PATCH /", `{"allowedOrigins":["https://other.example"]}`).want(t, 200)
	works := func(s session) bool { return p.w.api(t, "GET /api/usage", s.token, "").status == 200 }
	g, s := p.signedIn(t, "eve@mail.example")
	second := p.trade(t, g.enters(t, "/sign-in", "redirectUrl", callback).code(t))
	clerkSession := p.w.query(t, "SELECT clerk_session_id FROM tenant.sessions WHERE id = $1", s.id)
	// The user revokes one device at Clerk.
	p.w.atClerk(t, endUsersApp, "POST /v1/sessions/"+clerkSession+"/revoke", "").want(t, 200)
	await(t, "its session ends", func() bool { return !works(s) })
	equal(t, "the other device", works(second), true)

	// The same browser, and so the same session at Clerk, is signed in on another platform.
	there := other.as(t, g.user, g.email)
	clerkSession = p.w.query(t, "SELECT clerk_session_id FROM tenant.sessions WHERE id = $1", second.id)
	token := p.w.atClerk(t, endUsersApp, "POST /v1/sessions/"+clerkSession+"/tokens", "", "Origin: "+p.w.url("api")).want(t, 200).text("jwt")
	there.sends(t, "/sign-up"+other.query("redirectUrl", "https://other.example/"), url.Values{"token": {token}})
	theirs := other.trade(t, there.code(t))
	// Signing out everywhere on one platform ends sessions at Clerk, and nothing on the other.
	there.account(t, "POST /account/sign-out-everywhere", nil)
	await(t, "the sign-out", func() bool { return !works(theirs) })
	await(t, "the events of it", func() bool {
		return p.w.query(t, "SELECT count(*)::text FROM tenant.clerk_events WHERE type = 'session.revoked' AND processed_at IS NOT NULL") >= "2"
	})
	equal(t, "the first platform", works(second), true)
	// The user is banned: everywhere.
	p.w.atClerk(t, endUsersApp, "POST /v1/users/"+g.user+"/ban", "").want(t, 200)
	await(t, "the ban", func() bool { return !works(second) })
	p.refresh(t, second.refresh).want(t, 401)
}

// A platform that creates a user at Clerk chooses the password, and Clerk takes its word for the address. That must open
// nothing on another platform.
func TestAUserWhomOnePlatformMadeUpIsNobodyOnAnother(t *testing.T) {
	t.Parallel()
	victim := newProduct(t)
	w := victim.w
	thief := w.developer(t, "mallory@dev.example").platform(t, "trap")
	planted := thief.api(t, "POST /api/customers", `{"email":"ceo@bank.example","password":"known to the thief"}`).want(t, 201).text("customer.id")
	g := victim.as(t, planted, "ceo@bank.example")
	there := thief.as(t, planted, "ceo@bank.example")
	there.enters(t, "/sign-in").leads(t) // where the user was made, it is theirs to say who that is

	// As a stranger: neither the domain's rule nor an invitation is met by an address that nobody proved.
	victim.rule(t, "email_domains = '{bank.example}'")
	g.enters(t, "/sign-up", "redirectUrl", callback).refusedWith(t, 403, "Nobody has shown yet that ceo@bank.example is theirs")
	made := victim.api(t, "POST /api/invitations", `{"email":"ceo@bank.example"}`).want(t, 201)
	link, err := url.Parse(made.text("url"))
	must(t, err)
	g.enters(t, "/sign-up", "invitation", link.Query().Get("invitation")).refusedWith(t, 403, "Nobody has shown yet")
	equal(t, "customers", victim.customers(t), "0")

	// As the customer whom the other platform creates by the API, and who is linked to the planted user.
	equal(t, "linked", victim.customer(t, "ceo@bank.example"), planted)
	g.enters(t, "/sign-in", "redirectUrl", callback).refusedWith(t, 403, "Nobody has shown yet")
	w.atClerk(t, endUsersApp, "PATCH /v1/users/"+planted+"/metadata", fmt.Sprintf(`{"public_metadata":{"publishableKey":%q}}`, victim.pk)).want(t, 200)
	for range 2 {
		token := w.userToken(t, planted) // the way of Clerk's JWT, as if the first had left
		w.api(t, "GET /api/usage", token, "").want(t, 401, "invalid_credentials")
		w.api(t, "POST /api/data", token, "").want(t, 401, "invalid_credentials")
		victim.track(t, planted, "").want(t, 200)
	}

	// The person themselves: a code sent by mail proves the address, and they are the customer.
	w.proves(t, "ceo@bank.example")
	s := victim.trade(t, g.enters(t, "/sign-in", "redirectUrl", callback).code(t))
	w.api(t, "POST /api/data", s.token, "").want(t, 200).expect(t, "usage.count", "3")
	w.api(t, "GET /api/usage", w.userToken(t, planted), "").want(t, 200)
}
