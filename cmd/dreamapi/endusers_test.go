package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// guest is an end user with a browser, who is known to Clerk.
type guest struct {
	*browser
	p     *tenancy
	user  string
	email string
}

const (
	product  = "https://app.shop.example"
	callback = product + "/callback?keep=1"
)

// newProduct makes a platform whose product is at product.
func newProduct(t *testing.T, options ...func(*setup)) *tenancy {
	t.Helper()
	p := newPlatform(t, options...)
	p.dash(t, "PATCH /", `{"allowedOrigins":["`+product+`"]}`).want(t, 200)
	return p
}

// guest is somebody who has signed up on Clerk's own page, and is a customer nowhere.
func (p *tenancy) guest(t testing.TB, email string) *guest {
	t.Helper()
	p.w.browser(t).submit(t, p.w.clerk.Issuer(endUsersApp)+"/sign-up", url.Values{
		"email_address": {email}, "first_name": {"Eve"}, "last_name": {"Guest"}, "password": {guestPassword},
	}).submit(t, p.w.clerk.Issuer(endUsersApp)+"/sign-out", nil)
	user := p.w.atClerk(t, endUsersApp, "GET /v1/users?email_address="+url.QueryEscape(email), "").want(t, 200).text("0.id")
	return p.as(t, user, email)
}

// proves has the user of an address show that they read what is sent there.
func (w *world) proves(t testing.TB, email string) {
	t.Helper()
	at := w.clerk.Issuer(endUsersApp)
	w.browser(t).submit(t, at+"/sign-in", url.Values{"email_address": {email}, "method": {"email_code"}}).submit(t, at+"/sign-out", nil)
}

const guestPassword = "a password that nobody guesses"

// as is a user of Clerk's before a browser, on the pages of the platform.
func (p *tenancy) as(t testing.TB, user, email string) *guest {
	t.Helper()
	g := &guest{browser: p.w.browser(t), p: p, user: user, email: email}
	g.client.CheckRedirect = noRedirect
	return g
}

// query is that of a page of the platform: its publishable key, and what the pairs say.
func (p *tenancy) query(pairs ...string) string {
	query := url.Values{"publishableKey": {p.pk}}
	for i := 0; i < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	return "?" + query.Encode()
}

// token is one of Clerk's, made for our own pages.
func (g *guest) token(t testing.TB) string {
	t.Helper()
	return g.p.w.sessionToken(t, endUsersApp, g.user, g.p.w.url("api"), "")
}

// enters sends the session at Clerk to a page, /sign-in or /sign-up, as the form there does.
func (g *guest) enters(t testing.TB, page string, pairs ...string) *guest {
	t.Helper()
	return g.sends(t, page+g.p.query(pairs...), url.Values{"token": {g.token(t)}})
}

// sends a form of our pages.
func (g *guest) sends(t testing.TB, address string, fields url.Values) *guest {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = g.p.w.url("api") + address
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(fields.Encode()))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0")
	g.do(t, req)
	return g
}

// code is that with which the browser is sent back to the product.
func (g *guest) code(t testing.TB) string {
	t.Helper()
	to := g.leads(t)
	if code := to.Query().Get("code"); code != "" {
		g.p.w.known.add(code)
		return code
	}
	t.Fatalf("no code comes back: %s", to)
	return ""
}

// leads is where the browser was sent.
func (g *guest) leads(t testing.TB) *url.URL {
	t.Helper()
	if g.last == nil || g.last.StatusCode != http.StatusSeeOther {
		t.Fatalf("the browser was sent nowhere:\n%s", g.page)
	}
	to, err := url.Parse(g.last.Header.Get("Location"))
	must(t, err)
	return to
}

// refusedWith fails the test unless the page says no, in these words.
func (g *guest) refusedWith(t testing.TB, status int, words string) *guest {
	t.Helper()
	if g.last.StatusCode != status || !strings.Contains(g.page, words) {
		t.Fatalf("want %d and %q; got %d:\n%s", status, words, g.last.StatusCode, g.page)
	}
	return g
}

// session is what the product holds of a user.
type session struct {
	token, refresh, id, customer string
}

// trade has the product's backend trade a code.
func (p *tenancy) trade(t testing.TB, code string, headers ...string) session {
	t.Helper()
	return p.w.session(t, p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q}`, code), headers...).want(t, 201))
}

func (w *world) session(t testing.TB, a answer) session {
	t.Helper()
	s := session{a.text("token"), a.text("refreshToken"), a.text("sessionId"), a.text("customer.id")}
	w.known.add(s.token)
	w.known.add(s.refresh)
	return s
}

// refresh trades a refresh token.
func (p *tenancy) refresh(t testing.TB, token string, headers ...string) answer {
	t.Helper()
	return p.api(t, "POST /api/sessions/refresh", fmt.Sprintf(`{"refreshToken":%q}`, token), headers...)
}

// signedIn is a customer of the platform with a session in the product.
func (p *tenancy) signedIn(t testing.TB, email string) (*guest, session) {
	t.Helper()
	g := p.guest(t, email)
	return g, p.trade(t, g.enters(t, "/sign-up", "redirectUrl", callback).code(t))
}

func TestAnEndUserSignsUpAndTheProductGetsATokenForThisPlatformAlone(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g := p.guest(t, "eve@mail.example")
	to := g.enters(t, "/sign-up", "redirectUrl", callback, "state", "a b&c=d/é").leads(t)
	equal(t, "the way back", to.Scheme+"://"+to.Host+to.Path, product+"/callback")
	equal(t, "what the address had", to.Query().Get("keep"), "1")
	equal(t, "state", to.Query().Get("state"), "a b&c=d/é")

	made := p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q,"redirectUrl":%q}`, g.code(t), callback)).want(t, 201)
	made.expect(t, "customer.id", g.user, "customer.email", "eve@mail.example", "customer.firstName", "Eve", "customer.plan", "free",
		"customer.publishableKey", p.pk)
	s := p.w.session(t, made)
	p.w.api(t, "POST /api/data", s.token, "").want(t, 200).expect(t, "usage.count", "1")
	p.w.api(t, "POST /api/data", s.token, "", "X-User-Id: somebody").want(t, 403)
	p.w.api(t, "GET /api/usage", s.token, "").want(t, 200).expect(t, "userId", g.user, "usageCount", "1")
	p.w.api(t, "GET /api/customers", s.token, "").want(t, 403)
	expires, err := time.Parse(time.RFC3339, made.text("expiresAt"))
	must(t, err)
	if left := time.Until(expires); left < 9*time.Minute || left > 10*time.Minute {
		t.Errorf("the token is good for %s", left)
	}
	// Whoever holds the JWKS can verify it.
	claims := p.w.verified(t, s.token)
	equal(t, "sub", claims["sub"], any(g.user))
	equal(t, "iss", claims["iss"], any(p.w.url("api")))
	equal(t, "aud", fmt.Sprint(claims["aud"]), p.pk)
	equal(t, "plan", claims["plan"], any("free"))
	// Signing in again is the same customer.
	again := p.trade(t, g.enters(t, "/sign-in", "redirectUrl", callback).code(t))
	equal(t, "the customer", again.customer, s.customer)
	equal(t, "customers", p.w.query(t, "SELECT count(*)::text FROM tenant.customers"), "1")
	p.w.work(t)
	p.w.atClerk(t, endUsersApp, "GET /v1/users/"+g.user, "").expect(t, "public_metadata.publishableKey", p.pk)
}

func TestACodeIsGoodOnceForAMinuteAndForItsOwnPlatform(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	other := p.w.developer(t, "bob@dev.example").platform(t, "other")
	g := p.guest(t, "eve@mail.example")
	trade := func(by *tenancy, code string, headers ...string) answer {
		return by.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q}`, code), headers...)
	}
	code := g.enters(t, "/sign-up", "redirectUrl", callback).code(t)
	trade(other, code).want(t, 401, "invalid_credentials")
	p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q,"redirectUrl":%q}`, code, product+"/elsewhere")).want(t, 401, "invalid_credentials")
	p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q,"codeVerifier":"none"}`, code)).wantParam(t, "codeVerifier")
	p.w.api(t, "POST /api/sessions", "", fmt.Sprintf(`{"code":%q,"redirectUrl":%q}`, code, callback), "X-Publishable-Key: "+p.pk).
		wantParam(t, "codeVerifier")
	s := p.w.session(t, trade(p, code).want(t, 201)) // none of these has used it up
	p.w.api(t, "POST /api/data", s.token, "").want(t, 200)

	// Who brings it again is not let in, and ends what was made of it.
	trade(p, code).want(t, 401, "invalid_credentials")
	p.w.api(t, "POST /api/data", s.token, "").want(t, 401, "invalid_credentials")
	p.refresh(t, s.refresh).want(t, 401, "invalid_credentials")

	// The same request again, whose answer was lost, gets the same session.
	code = g.enters(t, "/sign-in", "redirectUrl", callback).code(t)
	first := p.w.session(t, trade(p, code, "Idempotency-Key: mine").want(t, 201))
	again := trade(p, code, "Idempotency-Key: mine").want(t, 201)
	equal(t, "replayed", again.header.Get("Idempotent-Replayed"), "true")
	again.expect(t, "sessionId", first.id, "refreshToken", first.refresh)
	p.w.api(t, "POST /api/data", first.token, "").want(t, 200)

	code = g.enters(t, "/sign-in", "redirectUrl", callback).code(t)
	p.w.db.TurnClock(t, 61*time.Second)
	trade(p, code).want(t, 401, "invalid_credentials")
}

func TestAPublicClientProvesThatItBeganTheSignIn(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	g := p.guest(t, "eve@mail.example")
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	code := g.enters(t, "/sign-up", "redirectUrl", callback, "codeChallenge", challenge, "codeChallengeMethod", "S256").code(t)
	trade := func(body string) answer {
		return p.w.api(t, "POST /api/sessions", "", body, "X-Publishable-Key: "+p.pk)
	}
	trade(fmt.Sprintf(`{"code":%q,"redirectUrl":%q}`, code, callback)).wantParam(t, "codeVerifier")
	trade(fmt.Sprintf(`{"code":%q,"codeVerifier":%q}`, code, verifier)).wantParam(t, "redirectUrl")
	trade(fmt.Sprintf(`{"code":%q,"codeVerifier":%q,"redirectUrl":%q}`, code, strings.Repeat("w", 43), callback)).want(t, 401, "invalid_credentials")
	p.api(t, "POST /api/sessions", fmt.Sprintf(`{"code":%q}`, code)).wantParam(t, "codeVerifier") // nor does a secret key do without
	s := p.w.session(t, trade(fmt.Sprintf(`{"code":%q,"codeVerifier":%q,"redirectUrl":%q}`, code, verifier, callback)).want(t, 201))
	next := p.w.api(t, "POST /api/sessions/refresh", "", fmt.Sprintf(`{"refreshToken":%q}`, s.refresh), "X-Publishable-Key: "+p.pk).want(t, 200)
	p.w.api(t, "GET /api/usage", p.w.session(t, next).token, "").want(t, 200)
	p.w.api(t, "POST /api/sessions/revoke", "", fmt.Sprintf(`{"refreshToken":%q}`, next.text("refreshToken")), "X-Publishable-Key: "+p.pk).want(t, 200)
	p.w.api(t, "GET /api/usage", next.text("token"), "").want(t, 401, "invalid_credentials")

	for _, bad := range []string{"short", strings.Repeat("!", 43), challenge + "x"} {
		g.enters(t, "/sign-in", "redirectUrl", callback, "codeChallenge", bad).refusedWith(t, 400, "codeChallenge is")
	}
	g.enters(t, "/sign-in", "redirectUrl", callback, "codeChallenge", verifier, "codeChallengeMethod", "plain").refusedWith(t, 400, "S256")
}

func TestARefreshTokenIsGoodOnceAndItsReuseEndsTheSession(t *testing.T) {
	t.Parallel()
	p := newProduct(t)
	other := p.w.developer(t, "bob@dev.example").platform(t, "other")
	_, s := p.signedIn(t, "eve@mail.example")
	other.refresh(t, s.refresh).want(t, 401, "invalid_credentials")
	second := p.w.session(t, p.refresh(t, s.refresh).want(t, 200))
	equal(t, "the session", second.id, s.id)
	p.w.api(t, "POST /api/data", s.token, "").want(t, 200) // a token lives on beside the next one
	p.w.api(t, "POST /api/data", second.token, "").want(t, 200)

	p.refresh(t, s.refresh).want(t, 401, "invalid_credentials")
	for name, token := range map[string]string{"the first": s.token, "the second": second.token} {
		p.w.api(t, "POST /api/data", token, "").want(t, 401, "invalid_credentials")
		t.Log(name, "opens nothing more")
	}
	p.refresh(t, second.refresh).want(t, 401, "invalid_credentials")

	// A repetition with its idempotency key is none: its answer was lost. But only of the last, and with that key.
	_, s = p.signedIn(t, "kim@mail.example")
	first := p.refresh(t, s.refresh, "Idempotency-Key: one").want(t, 200)
	again := p.refresh(t, s.refresh, "Idempotency-Key: one").want(t, 200)
	equal(t, "replayed", again.header.Get("Idempotent-Replayed"), "true")
	again.expect(t, "refreshToken", first.text("refreshToken"))
	third := p.refresh(t, again.text("refreshToken"), "Idempotency-Key: two").want(t, 200)
	p.refresh(t, s.refresh, "Idempotency-Key: one").want(t, 401, "invalid_credentials")
	p.refresh(t, third.text("refreshToken")).want(t, 401, "invalid_credentials")

	// What never was one ends nothing.
	_, s = p.signedIn(t, "lee@mail.example")
	parts := strings.SplitN(s.refresh, "_", 4)
	for _, forged := range []string{
		"rt_" + parts[1] + "_0_" + strings.Repeat("A", 43), "rt_" + parts[1] + "_1_" + parts[3], "rt_" + parts[1] + "_-1_" + parts[3],
		s.refresh + "A", "rt_", "nonsense", strings.TrimPrefix(s.refresh, "rt_"),
	} {
		p.refresh(t, forged).want(t, 401, "invalid_credentials")
	}
	p.refresh(t, s.refresh).want(t, 200)
}
