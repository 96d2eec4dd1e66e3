package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// What somebody can do with a session, a code or a token that is not theirs, or no longer.

// clerkSession is the session at Clerk that made the token.
func clerkSession(t testing.TB, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	must(t, err)
	var claims struct {
		Session string `json:"sid"`
	}
	must(t, json.Unmarshal(text, &claims))
	if claims.Session == "" {
		t.Fatalf("no session made the token: %s", text)
	}
	return claims.Session
}

// revoked reports whether the session has ended at Clerk.
func (w *world) revoked(t testing.TB, app, session string) bool {
	t.Helper()
	return w.atClerk(t, app, "GET /v1/sessions/"+session, "").want(t, 200).text("status") == "revoked"
}

func TestATokenWhoseSessionHasEndedAtClerkSignsNobodyIn(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	w := p.w
	g, _ := p.signedIn(t, "eve@mail.example")
	for _, page := range []string{"/sign-in", "/sign-up"} {
		token := g.token(t)
		w.atClerk(t, endUsersApp, "POST /v1/sessions/"+clerkSession(t, token)+"/revoke", "").want(t, 200)
		g.sends(t, page+p.query("redirectUrl", callback), url.Values{"token": {token}})
		if g.last.StatusCode != http.StatusUnauthorized || !strings.Contains(g.page, "Please sign in again") {
			t.Errorf("%s is answered %d\n%s", page, g.last.StatusCode, g.page)
		}
	}
	token := p.dev.session(t)
	w.atClerk(t, developersApp, "POST /v1/sessions/"+clerkSession(t, token)+"/revoke", "").want(t, 200)
	b := w.browser(t)
	b.submit(t, w.url("dashboard")+"/session", url.Values{"token": {token}})
	equal(t, "the developer is in", b.isIn(t), false)
}

func TestADeviceThatIsSignedOutIsSignedOutAtClerkToo(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	w := p.w
	g, stolen := p.signedIn(t, "eve@mail.example")
	other := p.trade(t, g.enters(t, "/sign-in", "redirectUrl", callback).code(t))
	atClerk := func(session string) string {
		return w.query(t, "SELECT clerk_session_id FROM tenant.sessions WHERE id = $1", session)
	}
	g.account(t, "POST /account/sessions/"+stolen.id+"/end", nil)
	w.work(t)
	equal(t, "the stolen device at Clerk", w.revoked(t, endUsersApp, atClerk(stolen.id)), true)
	equal(t, "the other at Clerk", w.revoked(t, endUsersApp, atClerk(other.id)), false)
	w.api(t, "GET /api/usage", other.token, "").want(t, 200)

	page := w.query(t, "SELECT clerk_session_id FROM tenant.sessions WHERE kind = 'page' AND ended_at IS NULL")
	g.account(t, "POST /account/sign-out", nil).sees(t, "You are signed out of this page.")
	w.work(t)
	equal(t, "this browser at Clerk", w.revoked(t, endUsersApp, page), true)
}

func TestASessionThatHadToMakeRoomOpensNothing(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g, old := p.signedIn(t, "eve@mail.example")
	p.w.db.Exec(t, `INSERT INTO tenant.sessions (platform_id, id, customer_id, kind, publishable_key, clerk_session_id, authenticated_at,
			user_agent, seen_at, expires_at)
		SELECT platform_id, 'uss_' || n, customer_id, kind, publishable_key, clerk_session_id, authenticated_at, user_agent,
			dreamapi.now() + interval '1 hour', expires_at
		FROM tenant.sessions, generate_series(1, 98) AS n WHERE id = $1`, old.id)
	code := g.enters(t, "/sign-in", "redirectUrl", callback).code(t)
	for range 2 { // so that it is remembered
		p.w.api(t, "POST /api/data", old.token, "").want(t, 200)
	}
	p.trade(t, code)
	p.w.api(t, "GET /api/usage", old.token, "").want(t, 401, "invalid_credentials")
	p.w.api(t, "POST /api/data", old.token, "").want(t, 401, "invalid_credentials")
	p.refresh(t, old.refresh).want(t, 401)
}

func TestACodeIsNoLongerGoodThanTheSessionAtClerk(t *testing.T) {
	t.Parallel()
	p := newProduct(t, withJobs)
	p.w.wantEvents()
	g := p.guest(t, "eve@mail.example")
	code := g.enters(t, "/sign-up", "redirectUrl", callback).code(t)
	session := p.w.query(t, "SELECT clerk_session_id FROM tenant.sign_in_codes WHERE session_id IS NULL")
	p.w.atClerk(t, endUsersApp, "POST /v1/sessions/"+session+"/revoke", "").want(t, 200)
	await(t, "the page's session ends", func() bool { return !g.isIn(t) })
	p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q}`, code)).want(t, 401, "invalid_credentials")

	// Who is blocked comes in by no code, and stays in nowhere.
	code = g.enters(t, "/sign-in", "redirectUrl", callback).code(t)
	p.w.atClerk(t, endUsersApp, "POST /v1/users/"+g.user+"/ban", "").want(t, 200)
	await(t, "the events of it", func() bool {
		return p.w.query(t, "SELECT count(*)::text FROM tenant.sign_in_codes WHERE session_id IS NULL AND expires_at > dreamapi.now()") == "0"
	})
	p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q}`, code)).want(t, 401, "invalid_credentials")
	equal(t, "in", g.isIn(t), false)
}

func TestASignInOnTheDashboardEndsTheSessionBefore(t *testing.T) {
	t.Parallel()
	w := boot(t)
	d := w.developer(t, "ada@dev.example")
	b := w.browser(t).signIn(t, d)
	before := ""
	for _, c := range b.cookies(t) {
		if strings.Contains(c.Name, "session") {
			before = c.Name + "=" + c.Value
		}
	}
	other := w.browser(t).signIn(t, d)
	b.signIn(t, d)
	got := w.send(t, w.host("dashboard"), "GET /account", "", "", "Cookie: "+before, "Accept: text/html")
	equal(t, "the status with the cookie before", got.status, http.StatusSeeOther)
	equal(t, "in", b.isIn(t) && other.isIn(t), true)
	equal(t, "sessions", len(d.dash(t, "GET /api/sessions", "").want(t, 200).list("data")), 2)
}

func TestAnAddressSignsNobodyIn(t *testing.T) {
	t.Parallel()
	w := boot(t)
	d := w.developer(t, "ada@dev.example")
	for _, field := range []string{"token", "session_token"} {
		b := w.browser(t)
		b.submit(t, w.url("dashboard")+"/session?"+field+"="+d.session(t), nil)
		equal(t, "in by ?"+field, b.isIn(t), false)
	}
}

func TestADashboardSessionEndsInTheEnd(t *testing.T) {
	t.Parallel()
	w := boot(t)
	d := w.developer(t, "ada@dev.example")
	idle, busy := w.browser(t).signIn(t, d), w.browser(t).signIn(t, d)
	for _, days := range []int{13, 26} {
		w.db.TurnClock(t, time.Duration(days)*24*time.Hour)
		equal(t, "in while it is used", busy.isIn(t), true)
	}
	equal(t, "in after 26 days without use", idle.isIn(t), false)
	w.db.TurnClock(t, 31*24*time.Hour)
	equal(t, "in after 31 days", busy.isIn(t), false)
}

func TestADeveloperWhomClerkBlocksIsOutEverywhere(t *testing.T) {
	t.Parallel()
	w := boot(t, withJobs)
	d := w.developer(t, "ada@dev.example")
	b := w.browser(t).signIn(t, d)
	// The events of the sessions may be lost; the one of the user is enough.
	w.atClerk(t, developersApp, "POST /v1/users/"+d.user+"/ban", "").want(t, 200)
	equal(t, "in before the event", b.isIn(t), true)
	w.clerk.SetWebhookURL(developersApp, w.url("dashboard")+"/webhook/clerk")
	w.atClerk(t, developersApp, "PATCH /v1/users/"+d.user, `{"first_name":"Augusta"}`).want(t, 200)
	await(t, "the end of the session", func() bool { return !b.isIn(t) })
	d.dash(t, "GET /api/me", "").want(t, 401, "invalid_credentials")
}

// atOnce does something many times at once, and returns the answers.
func atOnce(n int, do func() answer) []answer {
	answers := make([]answer, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			answers[i] = do()
		})
	}
	close(start)
	group.Wait()
	return answers
}

// won are the answers with the status; all others must be 401.
func won(t testing.TB, answers []answer, status int) []answer {
	t.Helper()
	var good []answer
	for _, a := range answers {
		switch a.status {
		case status:
			good = append(good, a)
		case http.StatusUnauthorized:
		default:
			t.Errorf("one is answered %d: %s", a.status, a.body)
		}
	}
	return good
}

func TestOfManyRefreshesAtOnceOneWinsAndTheOthersEndTheSession(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g, _ := p.signedIn(t, "eve@mail.example")
	for range 5 {
		s := p.trade(t, g.enters(t, "/sign-in", "redirectUrl", callback).code(t))
		good := won(t, atOnce(12, func() answer { return p.refresh(t, s.refresh) }), 200)
		equal(t, "winners", len(good), 1)
		next := p.w.session(t, good[0])
		p.w.api(t, "POST /api/data", next.token, "").want(t, 401, "invalid_credentials")
		p.w.api(t, "POST /api/data", s.token, "").want(t, 401, "invalid_credentials")
		p.refresh(t, next.refresh).want(t, 401, "invalid_credentials")
		equal(t, "why", p.w.query(t, "SELECT end_reason FROM tenant.sessions WHERE id = $1", s.id), "reuse")
	}
	// Repetitions of one request are no reuse.
	s := p.trade(t, g.enters(t, "/sign-in", "redirectUrl", callback).code(t))
	good := won(t, atOnce(12, func() answer { return p.refresh(t, s.refresh, "Idempotency-Key: one") }), 200)
	equal(t, "answers", len(good), 12)
	for _, a := range good {
		equal(t, "the next", a.text("refreshToken"), good[0].text("refreshToken"))
	}
	p.w.api(t, "POST /api/data", p.w.session(t, good[0]).token, "").want(t, 200)
}

func TestOfManyTradesOfOneCodeComesOneSession(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g, _ := p.signedIn(t, "eve@mail.example")
	thereAre := func(sessions int) bool {
		return p.w.query(t, "SELECT (count(*) = $1)::text FROM tenant.sessions WHERE kind = 'product'", sessions) == "true"
	}
	for i := range 5 {
		code := g.enters(t, "/sign-in", "redirectUrl", callback).code(t)
		good := won(t, atOnce(12, func() answer { return p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q}`, code)) }), 201)
		equal(t, "winners", len(good), 1)
		equal(t, "one session more", thereAre(i+2), true)
		s := p.w.session(t, good[0])
		p.w.api(t, "POST /api/data", s.token, "").want(t, 401, "invalid_credentials")
		p.refresh(t, s.refresh).want(t, 401, "invalid_credentials")
		equal(t, "why", p.w.query(t, "SELECT end_reason FROM tenant.sessions WHERE id = $1", s.id), "code_reuse")
	}
	code := g.enters(t, "/sign-in", "redirectUrl", callback).code(t)
	good := won(t, atOnce(12, func() answer {
		return p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q}`, code), "Idempotency-Key: one")
	}), 201)
	equal(t, "answers", len(good), 12)
	equal(t, "one session more", thereAre(7), true)
	p.w.api(t, "POST /api/data", p.w.session(t, good[0]).token, "").want(t, 200)
}

func TestSigningOutWinsOverWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g, _ := p.signedIn(t, "eve@mail.example")
	for range 10 {
		s := p.trade(t, g.enters(t, "/sign-in", "redirectUrl", callback).code(t))
		code := g.enters(t, "/sign-in", "redirectUrl", callback).code(t)
		var refreshed, traded answer
		var group sync.WaitGroup
		group.Go(func() { refreshed = p.refresh(t, s.refresh) })
		group.Go(func() { traded = p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q}`, code)) })
		g.account(t, "POST /account/sign-out-everywhere", nil).sees(t, "You are signed out on every device.")
		group.Wait()
		for _, a := range append(won(t, []answer{refreshed}, 200), won(t, []answer{traded}, 201)...) {
			after := p.w.session(t, a)
			p.w.api(t, "POST /api/data", after.token, "").want(t, 401, "invalid_credentials")
			p.refresh(t, after.refresh).want(t, 401, "invalid_credentials")
		}
		p.w.api(t, "POST /api/data", s.token, "").want(t, 401, "invalid_credentials")
	}
}

func TestARefreshTokenOfABackendIsGoodWithItsSecretKeyAlone(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	byApp := func(token string) answer {
		return p.w.api(t, "POST /api/sessions/refresh", "", fmt.Sprintf(`{"refreshToken":%q}`, token), "X-Publishable-Key: "+p.pk)
	}
	g, s := p.signedIn(t, "eve@mail.example")
	byApp(s.refresh).want(t, 401, "invalid_credentials")
	s = p.w.session(t, p.refresh(t, s.refresh).want(t, 200)) // that used nothing up
	byApp(s.refresh).want(t, 401, "invalid_credentials")
	p.w.api(t, "GET /api/usage", s.token, "").want(t, 200)

	// One of an app without a secret stays one, also when a backend refreshes it.
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	code := g.enters(t, "/sign-in", "redirectUrl", callback, "codeChallenge", base64.RawURLEncoding.EncodeToString(sum[:])).code(t)
	s = p.w.session(t, p.w.api(t, "POST /api/sessions", "", fmt.Sprintf(`{"code":%q,"codeVerifier":%q,"redirectUrl":%q}`, code, verifier, callback),
		"X-Publishable-Key: "+p.pk).want(t, 201))
	s = p.w.session(t, byApp(s.refresh).want(t, 200))
	s = p.w.session(t, p.refresh(t, s.refresh).want(t, 200))
	byApp(s.refresh).want(t, 200)
}
