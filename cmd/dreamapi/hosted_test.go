package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// account opens a page of the account, or sends a form of it.
func (g *guest) account(t testing.TB, asked string, fields url.Values) *guest {
	t.Helper()
	method, path, _ := strings.Cut(asked, " ")
	if method == "GET" {
		g.open(t, g.p.w.url("api")+path+g.p.query())
		return g
	}
	if fields == nil {
		fields = url.Values{}
	}
	fields.Set("back", "/account"+g.p.query())
	return g.sends(t, path+g.p.query(), fields)
}

// isIn reports whether the account page lets the browser in.
func (g *guest) isIn(t testing.TB) bool {
	t.Helper()
	return g.account(t, "GET /account", nil).last.StatusCode == http.StatusOK
}

func TestTheWayBackLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g := p.guest(t, "eve@mail.example")
	g.enters(t, "/sign-up", "redirectUrl", callback).code(t)
	for _, address := range []string{
		"https://evil.example/", "https://app.shop.example.evil.example/", "https://app.shop.example@evil.example/", "//evil.example/",
		"https://evil.example\\@app.shop.example/", "https://app.shop.example\\.evil.example/", "http://app.shop.example/", "javascript:alert(1)",
		"https://app.shop.example:8443/", "https://app.shop.example./", "https://APP.shop.example/", "https://app.shop.example/#fragment",
		"https://app.shop.example/?code=mine", "https://app.shop.example/?state=mine", "https://app.shop.example/?a=1;code=mine",
		"https://app.shop.example/?c%6fde=mine", "https://app.shop.example/?%zz=1&code=mine", "https://user@app.shop.example/", "/callback", "app.shop.example",
		"https://app.shop.example/\r\nSet-Cookie:a=b", "https://app.shop.example/ b", "https://app.shop.example/é", "data:text/html,x", "https:///callback",
		"https://app.shop.example/" + strings.Repeat("a", 2000), "http://localhost.evil.example/", "http://127.0.0.1.evil.example/", "https://[::1]evil/",
	} {
		g.open(t, p.w.url("api")+"/sign-in"+p.query("redirectUrl", address)).refused(t, address)
		g.enters(t, "/sign-in", "redirectUrl", address).refused(t, address)
	}
	// A test platform has the developer's own machine besides; a live one has not.
	for _, address := range []string{"http://localhost:3000/callback", "http://127.0.0.1:3000/", "http://app.localhost/x", "http://[::1]:8000/"} {
		g.enters(t, "/sign-in", "redirectUrl", address).code(t)
	}
	p.w.db.Exec(t, "UPDATE platform.platforms SET mode = 'live' WHERE id = $1", p.id)
	p.dev.pays(t)
	p.w.db.Exec(t, "UPDATE tenant.settings SET epoch = tenant.next_epoch()")
	g.open(t, p.w.url("api")+"/sign-in"+p.query("redirectUrl", "http://localhost:3000/callback")).refused(t, "localhost, live")
	g.enters(t, "/sign-in", "redirectUrl", callback).code(t)
}

// refused fails the test unless the page says no and leads nowhere.
func (b *browser) refused(t testing.TB, what string) {
	t.Helper()
	if b.last.StatusCode != http.StatusBadRequest || b.last.Header.Get("Location") != "" || strings.Contains(b.page, "<script>") {
		t.Errorf("%q is answered %d, to %q", what, b.last.StatusCode, b.last.Header.Get("Location"))
	}
}

func TestWhatAProductSaysInTheAddressStaysText(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g := p.guest(t, "eve@mail.example")
	const hostile = "\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>&code=mine#x"
	to := g.enters(t, "/sign-up", "redirectUrl", callback, "state", hostile).leads(t)
	equal(t, "state", to.Query().Get("state"), hostile)
	equal(t, "codes", len(to.Query()["code"]), 1)
	for _, cookie := range g.last.Header.Values("Set-Cookie") {
		if strings.HasPrefix(cookie, "a=") {
			t.Errorf("a header was slipped in: %s", cookie)
		}
	}
	page := g.open(t, p.w.url("api")+"/sign-in"+p.query("redirectUrl", callback, "state", hostile)).page
	if strings.Contains(page, "<script>alert") {
		t.Errorf("the page runs what the address says:\n%s", page)
	}
	g.open(t, p.w.url("api")+"/sign-in"+p.query("redirectUrl", callback, "state", strings.Repeat("s", 1025))).refused(t, "a long state")
	g.open(t, p.w.url("api")+"/sign-in"+p.query("state", "x")).refused(t, "a state without a way back")
	g.open(t, p.w.url("api")+"/sign-in"+p.query("redirectUrl", callback)+"&redirectUrl=https://evil.example").refused(t, "two ways back")
	for _, key := range []string{"", "nonsense", p.sk} {
		g.open(t, p.w.url("api")+"/sign-in?publishableKey="+key).refused(t, "the key "+key)
	}
	p.rule(t, "product_name = 'Some Bank'")
	for _, at := range []string{"/sign-in", "/sign-up"} { // a name is what its developer says; an address is shown to be allowed
		g.open(t, p.w.url("api")+at+p.query("redirectUrl", callback)).sees(t, "Some Bank").sees(t, "You go on to <strong>app.shop.example</strong>.")
	}
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		equal(t, name, g.last.Header.Get(name), want)
	}
	if policy := g.last.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") ||
		!strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("the policy is %s", policy)
	}
}

func TestATokenThatClerkMadeForAnotherPageSignsNobodyIn(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g, s := p.signedIn(t, "eve@mail.example")
	for name, token := range map[string]string{
		"another origin":      p.w.sessionToken(t, endUsersApp, g.user, "https://evil.example", ""),
		"the product's":       p.w.sessionToken(t, endUsersApp, g.user, product, ""),
		"no origin":           p.w.sessionToken(t, endUsersApp, g.user, "", ""),
		"by the JWT template": p.w.sessionToken(t, endUsersApp, g.user, p.w.url("api"), jwtTemplate),
		"a developer's":       p.dev.session(t),
		"a session token":     s.token,
		"nonsense":            "a.b.c",
		"nothing":             "",
	} {
		g.sends(t, "/sign-in"+p.query("redirectUrl", callback), url.Values{"token": {token}})
		if g.last.StatusCode != http.StatusUnauthorized || !strings.Contains(g.page, "Please sign in again") {
			t.Errorf("%s: %d\n%s", name, g.last.StatusCode, g.page)
		}
	}
}

func TestASessionTokenOpensItsOwnPlatformAlone(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	w := p.w
	other := w.developer(t, "bob@dev.example").platform(t, "other")
	other.dash(t, "PATCH /", `{"allowedOrigins":["https://other.example"]}`).want(t, 200)
	other.dash(t, "POST /domains", `{"domain":"other-own.localhost"}`).want(t, 201)
	g, mine := p.signedIn(t, "eve@mail.example")
	// One email, two developers: the same user at Clerk, signed in on each.
	there := other.as(t, g.user, g.email)
	theirs := other.trade(t, there.enters(t, "/sign-up", "redirectUrl", "https://other.example/back").code(t))
	equal(t, "the user", theirs.customer, mine.customer)
	for range 2 { // once cold, once from memory
		p.track(t, g.user, "").want(t, 200)
		w.api(t, "POST /api/data", mine.token, "").want(t, 200)
		w.api(t, "POST /api/data", theirs.token, "").want(t, 200)
		w.send(t, w.host("other-own"), "POST /api/data", mine.token, "").want(t, 401, "invalid_credentials")
		w.send(t, w.host("other-own"), "POST /api/data", theirs.token, "").want(t, 200)
		w.api(t, "POST /api/data", mine.token, "", "X-Publishable-Key: "+other.pk).want(t, 200)
		w.api(t, "POST /api/data", mine.token, "", "Origin: https://other.example").want(t, 403, "origin_not_allowed")
	}
	p.usage(t, g.user).expect(t, "usageCount", "6")
	other.usage(t, g.user).expect(t, "usageCount", "4")
	other.refresh(t, mine.refresh).want(t, 401)
	other.api(t, "POST /api/sessions/revoke", fmt.Sprintf(`{"refreshToken":%q}`, mine.refresh)).want(t, 200) // and does nothing
	other.api(t, "DELETE /api/customers/"+g.user+"/sessions/"+mine.id, "").want(t, 200)
	other.api(t, "GET /api/customers/"+g.user+"/sessions", "").want(t, 200)
	w.api(t, "POST /api/data", mine.token, "").want(t, 200)

	// The other ends all it can end: sessions, customer. The first's user stays where they are.
	other.api(t, "DELETE /api/customers/"+g.user+"/sessions", "").want(t, 200)
	w.api(t, "POST /api/data", theirs.token, "").want(t, 401, "invalid_credentials")
	w.api(t, "POST /api/data", mine.token, "").want(t, 200)
	other.api(t, "DELETE /api/customers/"+g.user, "").want(t, 200)
	w.work(t)
	w.api(t, "POST /api/data", mine.token, "").want(t, 200)
	p.refresh(t, mine.refresh).want(t, 200)
	if !g.isIn(t) {
		t.Error("the account page of the first closed")
	}
	// A customer who is made anew has none of the sessions that there were.
	there.enters(t, "/sign-up", "redirectUrl", "https://other.example/back").code(t)
	w.api(t, "POST /api/data", theirs.token, "").want(t, 401, "invalid_credentials")
	other.refresh(t, theirs.refresh).want(t, 401, "invalid_credentials")
}

func TestASessionThatEndedOpensNothingInAnyProcess(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	w := p.w
	second := w.another(t)
	both := func(token string, status int) {
		t.Helper()
		for range 2 {
			w.api(t, "POST /api/data", token, "").want(t, status)
			w.api(t, "GET /api/usage", token, "").want(t, status)
			second.api(t, "POST /api/data", token, "").want(t, status)
			second.api(t, "GET /api/usage", token, "").want(t, status)
		}
	}
	g, one := p.signedIn(t, "eve@mail.example")
	two := p.trade(t, g.enters(t, "/sign-in", "redirectUrl", callback).code(t))
	three := p.trade(t, g.enters(t, "/sign-in", "redirectUrl", callback).code(t))
	both(one.token, 200)
	both(two.token, 200)
	both(three.token, 200)
	p.api(t, "POST /api/sessions/revoke", fmt.Sprintf(`{"refreshToken":%q}`, one.refresh)).want(t, 200)
	both(one.token, 401)
	both(two.token, 200)
	p.api(t, "DELETE /api/customers/"+g.user+"/sessions/"+two.id, "").want(t, 200)
	both(two.token, 401)
	both(three.token, 200)
	list := p.api(t, "GET /api/customers/"+g.user+"/sessions", "").want(t, 200)
	equal(t, "live sessions", len(list.list("data")), 2) // three, and the page's
	list.expect(t, "data.0.userAgent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0")

	// Signing out everywhere: a code on its way is good no more either.
	code := g.enters(t, "/sign-in", "redirectUrl", callback).code(t)
	g.account(t, "POST /account/sign-out-everywhere", nil).sees(t, "You are signed out on every device.")
	both(three.token, 401)
	p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q}`, code)).want(t, 401)
	p.refresh(t, three.refresh).want(t, 401)
	equal(t, "in", g.isIn(t), false)
	p.api(t, "GET /api/customers/"+g.user+"/sessions", "").want(t, 200).expect(t, "data", "[]")
	w.work(t)
	if open := w.atClerk(t, endUsersApp, "GET /v1/sessions?user_id="+g.user, "").body; strings.Contains(open, `"status":"active"`) {
		t.Errorf("the next sign-in would pass unasked: %s", open)
	}
	four := p.trade(t, g.enters(t, "/sign-in", "redirectUrl", callback).code(t))
	both(four.token, 200)
	p.api(t, "DELETE /api/customers/"+g.user, "").want(t, 200)
	both(four.token, 401)
}

func TestASessionEndsInTheEnd(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g, s := p.signedIn(t, "eve@mail.example")
	p.w.db.TurnClock(t, 29*24*time.Hour)
	s = p.w.session(t, p.refresh(t, s.refresh).want(t, 200))
	equal(t, "in", g.isIn(t), true)
	p.w.db.TurnClock(t, (29+31)*24*time.Hour) // idle for more than 30 days
	p.refresh(t, s.refresh).want(t, 401)
	equal(t, "in", g.isIn(t), false)
	_, s = p.signedIn(t, "kim@mail.example")
	for days := 60; days < 60+89; days += 20 {
		p.w.db.TurnClock(t, time.Duration(days)*24*time.Hour)
		s = p.w.session(t, p.refresh(t, s.refresh).want(t, 200))
	}
	p.w.db.TurnClock(t, (60+91)*24*time.Hour) // in use, but for more than 90
	p.refresh(t, s.refresh).want(t, 401)
}

func TestThePagesOfOnePlatformOpenNothingOnAnother(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	other := p.w.developer(t, "bob@dev.example").platform(t, "other")
	g, s := p.signedIn(t, "eve@mail.example")
	there := other.as(t, g.user, g.email)
	there.enters(t, "/sign-up")
	theirs := other.api(t, "GET /api/customers/"+g.user+"/sessions", "").want(t, 200).text("data.0.id")
	// With the cookies of the one, each page of the other leads to the sign-in and each form does nothing.
	before := p.w.query(t, "SELECT count(*)::text FROM tenant.sessions WHERE ended_at IS NULL AND platform_id = $1", other.id)
	g.p = other
	for _, route := range hosted {
		if !strings.Contains(route, "/account") {
			continue
		}
		asked := strings.Replace(route, ":session", theirs, 1)
		g.account(t, asked, url.Values{"email": {g.email}, "firstName": {"Mallory"}})
		if to := g.leads(t); to.Path != "/sign-in" {
			t.Errorf("%s leads to %s", route, to)
		}
	}
	equal(t, "sessions there", p.w.query(t, "SELECT count(*)::text FROM tenant.sessions WHERE ended_at IS NULL AND platform_id = $1", other.id), before)
	other.api(t, "GET /api/customers/"+g.user, "").want(t, 200).expect(t, "customer.firstName", "Eve")
	// Nor does the cookie under the other's name.
	g.p = p
	at, err := url.Parse(p.w.url("api"))
	must(t, err)
	for _, mine := range g.client.Jar.Cookies(at) {
		for _, named := range there.client.Jar.Cookies(at) {
			if strings.Contains(mine.Name, "user-") && strings.Contains(named.Name, "user-") {
				got := p.w.send(t, p.w.host("api"), "GET /account"+other.query(), "", "", "Cookie: "+named.Name+"="+mine.Value, "Accept: text/html")
				equal(t, "the status with a renamed cookie", got.status, 303)
			}
		}
	}
	// A session of the other's, ended from here, is none of this customer's.
	g.account(t, "POST /account/sessions/"+theirs+"/end", nil)
	there.p = other
	equal(t, "in there", there.isIn(t), true)
	p.w.api(t, "GET /api/usage", s.token, "").want(t, 200)
}

func TestAFormOfAnotherSiteDoesNothingOnTheHostedPages(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g, s := p.signedIn(t, "eve@mail.example")
	for _, route := range hosted {
		method, path, _ := strings.Cut(route, " ")
		if method != "POST" {
			continue
		}
		address := p.w.url("api") + strings.Replace(path, ":session", s.id, 1) + p.query()
		for _, c := range []struct{ site, origin string }{
			{"cross-site", "https://evil.example"}, {"same-site", p.w.url("dashboard")}, {"cross-site", product}, {"", "https://evil.example"},
			{"cross-site", "null"}, {"cross-site", p.w.clerk.Issuer(developersApp)},
		} {
			g.post(t, address, c.site, c.origin, url.Values{
				"token": {g.token(t)}, "email": {g.email}, "firstName": {"Mallory"}, "back": {"/account"}, "tier": {"pro"},
			})
			if g.last.StatusCode != http.StatusForbidden || !strings.Contains(g.page, "another site") {
				t.Errorf("%s from %s (%s) is answered %d", route, c.origin, c.site, g.last.StatusCode)
			}
		}
	}
	p.api(t, "GET /api/customers/"+g.user, "").want(t, 200).expect(t, "customer.firstName", "Eve")
	p.refresh(t, s.refresh).want(t, 200)
	equal(t, "in", g.isIn(t), true)
}

func TestASignInMakesANewSessionAndEndsTheOneBefore(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g, _ := p.signedIn(t, "eve@mail.example")
	at, err := url.Parse(p.w.url("api"))
	must(t, err)
	cookie := func() *http.Cookie {
		for _, c := range g.client.Jar.Cookies(at) {
			if strings.Contains(c.Name, "user-") {
				return c
			}
		}
		t.Fatal("there is no cookie")
		return nil
	}
	first := cookie()
	g.enters(t, "/sign-in")
	second := cookie()
	if first.Value == second.Value {
		t.Error("a session that was there before the sign-in is there after it")
	}
	got := p.w.send(t, p.w.host("api"), "GET /account"+p.query(), "", "", "Cookie: "+first.Name+"="+first.Value, "Accept: text/html")
	equal(t, "the status with the cookie before", got.status, 303)
	equal(t, "in", g.isIn(t), true)
	// A cookie that somebody slipped in beforehand is not taken over.
	victim := p.guest(t, "kim@mail.example")
	victim.client.Jar.SetCookies(at, []*http.Cookie{{Name: second.Name, Value: second.Value, Path: "/"}})
	victim.enters(t, "/sign-up")
	victim.account(t, "GET /account", nil).sees(t, "kim@mail.example")
	if g.isIn(t) { // it was ended, not shared
		t.Error("the session that was slipped in lives on")
	}
}

func TestThePagesAreOnOurOwnHostAlone(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	p.dash(t, "POST /domains", `{"domain":"shop-own.localhost"}`).want(t, 201)
	for host, query := range map[string]string{"shop-own.localhost": "", "localhost": p.query(), "127.0.0.1": p.query()} {
		got := p.w.send(t, host+":"+p.w.port, "GET /sign-in"+query, "", "", "Accept: text/html")
		to, err := url.Parse(got.header.Get("Location"))
		must(t, err)
		if got.status != http.StatusFound || to.Host != p.w.host("api") || to.Path != "/sign-in" || to.Query().Get("publishableKey") != p.pk {
			t.Errorf("%s leads to %d %s", host, got.status, to)
		}
		got = p.w.send(t, host+":"+p.w.port, "POST /sign-in"+query, "", "token=x", "Accept: text/html",
			"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
		equal(t, host+" with a form", got.status, 403)
	}
	p.w.send(t, "shop-own.localhost:"+p.w.port, "GET /.well-known/jwks.json", "", "").want(t, 200)
}

func TestAPlatformThatIsSuspendedLetsNobodyIn(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g, s := p.signedIn(t, "eve@mail.example")
	p.w.db.Exec(t, "UPDATE platform.platforms SET mode = 'live' WHERE id = $1", p.id) // its developer has paid nothing
	p.w.db.Exec(t, "UPDATE tenant.settings SET epoch = tenant.next_epoch()")
	p.w.api(t, "POST /api/data", s.token, "").want(t, 403, "platform_suspended")
	p.refresh(t, s.refresh).want(t, 403, "platform_suspended")
	g.open(t, p.w.url("api")+"/sign-in"+p.query())
	g.refusedWith(t, 403, "suspended")
}
