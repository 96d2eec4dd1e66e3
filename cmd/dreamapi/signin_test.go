package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// cookies are those that a browser would send to the dashboard.
func (b *browser) cookies(t testing.TB) []*http.Cookie {
	t.Helper()
	at, err := url.Parse(b.w.url("dashboard"))
	must(t, err)
	return b.client.Jar.Cookies(at)
}

// isIn reports whether the dashboard lets the browser in.
func (b *browser) isIn(t testing.TB) bool {
	t.Helper()
	b.open(t, b.w.url("dashboard")+"/account")
	return b.at.Path != "/sign-in"
}

func TestSigningInMakesASessionOfOursAndSigningOutEndsIt(t *testing.T) {
	t.Parallel()
	w := boot(t)
	d := w.developer(t, "ada@dev.example")
	here, there := w.browser(t).signIn(t, d), w.browser(t).signIn(t, d)
	equal(t, "in", here.isIn(t) && there.isIn(t), true)
	for _, c := range here.cookies(t) {
		if strings.Contains(c.Name, "session") {
			if w.query(t, "SELECT count(*)::text FROM platform.sessions WHERE encode(hash, 'escape') LIKE '%' || $1 || '%'", c.Value) != "0" {
				t.Error("the cookie is in the table")
			}
			w.dash(t, "GET /api/me", c.Value, "").want(t, 401) // and is no token for the API
			w.send(t, w.host("dashboard"), "GET /api/me", "", "", "Cookie: "+c.Name+"="+c.Value).want(t, 401)
		}
	}
	here.submit(t, w.url("dashboard")+"/sign-out", nil)
	equal(t, "here after signing out", here.isIn(t), false)
	equal(t, "there after signing out here", there.isIn(t), true)
	here.signIn(t, d)
	there.submit(t, w.url("dashboard")+"/sign-out-everywhere", nil)
	equal(t, "in after signing out everywhere", here.isIn(t) || there.isIn(t), false)
	d.dash(t, "GET /api/sessions", "").want(t, 200).expect(t, "data", "[]")
	w.work(t)
	if open := w.atClerk(t, developersApp, "GET /v1/sessions?user_id="+d.user, "").body; strings.Count(open, `"status":"active"`) > 1 {
		t.Errorf("Clerk would sign in again unasked: %s", open) // the one session is that of the developer's token
	}
}

func TestASessionTokenOfAnotherSiteOrAppSignsNobodyIn(t *testing.T) {
	t.Parallel()
	w := boot(t)
	p := w.developer(t, "ada@dev.example").platform(t, "shop")
	customer := p.customer(t, "eve@mail.example")
	for name, token := range map[string]string{
		"another origin": w.sessionToken(t, developersApp, p.dev.user, "https://evil.example", ""),
		"no origin":      w.sessionToken(t, developersApp, p.dev.user, "", ""),
		"an end user's":  w.userToken(t, customer),
		"nonsense":       "a.b.c",
		"nothing":        "",
	} {
		b := w.browser(t)
		b.submit(t, w.url("dashboard")+"/session", url.Values{"token": {token}})
		if b.isIn(t) {
			t.Errorf("%s is let in", name)
		}
	}
	equal(t, "sessions", w.query(t, "SELECT count(*)::text FROM platform.sessions"), "0")
}

func TestAFormOfAnotherSiteDoesNothing(t *testing.T) {
	t.Parallel()
	w := boot(t)
	d := w.developer(t, "ada@dev.example")
	b := w.browser(t).signIn(t, d)
	for _, c := range []struct{ site, origin string }{
		{"cross-site", "https://evil.example"}, {"same-site", w.url("api")}, {"", "https://evil.example"}, {"cross-site", "null"},
		{"cross-site", w.clerk.Issuer(endUsersApp)},
	} {
		b.post(t, w.url("dashboard")+"/sign-out-everywhere", c.site, c.origin, nil)
		if !b.isIn(t) {
			t.Fatalf("a form of %s (%s) signed the developer out", c.origin, c.site)
		}
		// Nor can somebody else's session be slipped to a browser.
		other := w.browser(t)
		other.post(t, w.url("dashboard")+"/session", c.site, c.origin, url.Values{"token": {d.session(t)}})
		if other.isIn(t) {
			t.Fatalf("a form of %s (%s) signed a browser in", c.origin, c.site)
		}
	}
	// The page of the developers' own Clerk app may: it is how one signs in with the sandbox.
	other := w.browser(t)
	other.post(t, w.url("dashboard")+"/session", "cross-site", w.clerk.Issuer(developersApp), url.Values{"token": {d.session(t)}})
	equal(t, "in by Clerk's page", other.isIn(t), true)
}

func TestTheSignInLeadsBackToOurOwnPagesOnly(t *testing.T) {
	t.Parallel()
	w := boot(t)
	d := w.developer(t, "ada@dev.example")
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/%09/evil.example", "javascript:alert(1)", "evil"} {
		b := w.browser(t)
		b.client.CheckRedirect = noRedirect
		b.submit(t, w.url("dashboard")+"/session?next="+url.QueryEscape(next), url.Values{"token": {d.session(t)}})
		got := w.send(t, w.host("dashboard"), "POST /session?next="+url.QueryEscape(next), "", url.Values{"token": {d.session(t)}}.Encode(),
			"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
		if to := got.header.Get("Location"); got.status != http.StatusSeeOther || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
			strings.Contains(to, `\`) {
			t.Errorf("%q leads to %d %q", next, got.status, to)
		}
	}
}

func TestClerksEventsEndSessionsAndFollowDeletions(t *testing.T) {
	t.Parallel()
	w := boot(t, withJobs)
	w.clerk.SetWebhookURL(developersApp, w.url("dashboard")+"/webhook/clerk")
	d := w.developer(t, "ada@dev.example")
	b := w.browser(t).signIn(t, d)
	equal(t, "in", b.isIn(t), true)
	session := w.query(t, "SELECT clerk_session_id FROM platform.sessions")
	w.atClerk(t, developersApp, "POST /v1/sessions/"+session+"/revoke", "").want(t, 200)
	await(t, "the session ends", func() bool { return !b.isIn(t) })

	b.signIn(t, d)
	d.pays(t)
	w.atClerk(t, developersApp, "PATCH /v1/users/"+d.user, `{"first_name":"Augusta"}`).want(t, 200)
	await(t, "the new name", func() bool { return d.dash(t, "GET /api/me", "").text("developer.name") == "Augusta" })
	w.atClerk(t, developersApp, "DELETE /v1/users/"+d.user, "").want(t, 200)
	await(t, "the deletion", func() bool { return d.dash(t, "GET /api/me", "").status == 401 })
	equal(t, "in after the deletion", b.isIn(t), false)
	await(t, "the end of the plan", func() bool { return len(w.atStripeList(t, "own", "/v1/subscriptions", "id")) == 0 })

	// Unsigned, or signed by the other app, an event does nothing.
	e := w.developer(t, "grace@dev.example")
	w.dash(t, "POST /webhook/clerk", "", fmt.Sprintf(`{"type":"user.deleted","data":{"id":%q}}`, e.user)).want(t, 401, "invalid_signature")
	e.dash(t, "GET /api/me", "").want(t, 200)
}
