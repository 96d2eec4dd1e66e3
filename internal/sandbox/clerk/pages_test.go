package clerk_test

import (
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	sdk "github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/jwt"
	"github.com/clerk/clerk-sdk-go/v2/user"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
)

const dashboard = "http://dashboard.localhost:8080/session?next=/projects"

// browser keeps cookies and opens *.localhost, but runs no scripts.
type browser struct {
	t    *testing.T
	base string
	http *http.Client
}

// page is where a browser has arrived.
type page struct {
	status int
	path   string
	body   string
	header http.Header
}

func (b *bundle) browse(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	address := strings.TrimPrefix(b.URL(), "http://")
	return &browser{t: t, base: b.Issuer(appName), http: &http.Client{Jar: jar, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		DisableKeepAlives: true,
	}}}
}

func (br *browser) do(method, path string, form url.Values, header http.Header) page {
	br.t.Helper()
	req, err := http.NewRequestWithContext(br.t.Context(), method, br.base+path, strings.NewReader(form.Encode()))
	must(br.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := br.http.Do(req)
	must(br.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	must(br.t, err)
	return page{resp.StatusCode, resp.Request.URL.Path, string(body), resp.Header}
}

func (br *browser) get(path string) page {
	br.t.Helper()
	return br.do("GET", path, nil, nil)
}

func (br *browser) post(path string, fields ...string) page {
	br.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return br.do("POST", path, form, nil)
}

// has checks that the page holds all the texts.
func (p page) has(t *testing.T, status int, texts ...string) {
	t.Helper()
	equal(t, "status", p.status, status)
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(p.body), text) {
			t.Errorf("the page lacks %q:\n%s", text, p.body)
		}
	}
}

var tokenField = regexp.MustCompile(`name="session_token" value="([^"]+)"`)

// handedOver is the token of the form that posts to the target.
func (p page) handedOver(t *testing.T, target string) string {
	t.Helper()
	p.has(t, http.StatusOK, `method="post" action="`+target+`"`, "Continue", "/assets/submit.js")
	m := tokenField.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("no token in:\n%s", p.body)
	}
	return m[1]
}

func TestSignUpHandsASessionOver(t *testing.T) {
	t.Parallel()
	r := receive(t)
	b := setup(t, r.sends)
	br := b.browse(t)
	br.get("/sign-up?redirect_url="+url.QueryEscape(dashboard)).has(t, http.StatusOK, "Sandbox.", `value="`+dashboard+`"`)
	p := br.post("/sign-up", "email_address", "ada@example.com", "password", password, "first_name", "Ada", "redirect_url", dashboard)
	claims, _ := b.verify(t, p.handedOver(t, dashboard))
	equal(t, "azp", claims.AuthorizedParty, "http://dashboard.localhost:8080")
	u, err := b.users.Get(t.Context(), claims.Subject)
	must(t, err)
	equal(t, "first name", *u.FirstName, "Ada")
	equal(t, "event", r.next(t).Type, "user.created")
	equal(t, "event", r.next(t).Type, "session.created")
	s, err := b.sessions.Get(t.Context(), claims.SessionID)
	must(t, err)
	if s.LatestActivity == nil || *s.LatestActivity.IPAddress != "127.0.0.1" {
		t.Errorf("activity %+v", s.LatestActivity)
	}
}

func TestSignInHandsASessionOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com")
	br := b.browse(t)
	p := br.post("/sign-in", "email_address", "ADA@example.com", "password", password, "redirect_url", dashboard)
	claims, _ := b.verify(t, p.handedOver(t, dashboard))
	equal(t, "sub", claims.Subject, u.ID)

	// Now that there is a session, one goes on with it, or as somebody else.
	br.get("/sign-in?redirect_url="+url.QueryEscape(dashboard)).has(t, http.StatusOK, "ada@example.com", "Use another account")
	again, _ := b.verify(t, br.post("/continue", "redirect_url", dashboard).handedOver(t, dashboard))
	equal(t, "sid", again.SessionID, claims.SessionID)
	p = br.post("/sign-out", "redirect_url", dashboard)
	p.has(t, http.StatusOK, "Sign in", `value="`+dashboard+`"`)
	s, err := b.sessions.Get(t.Context(), claims.SessionID)
	must(t, err)
	equal(t, "status", s.Status, "removed")
	equal(t, "continue when signed out", br.post("/continue", "redirect_url", dashboard).path, "/sign-in")
}

func TestSigningInAgainEndsTheFormerSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com")
	br := b.browse(t)
	br.post("/sign-in", "email_address", "ada@example.com", "password", password)
	br.post("/sign-in", "email_address", "ada@example.com", "password", password)
	var sessions []sdk.Session
	b.call(t, "GET", "/v1/sessions?status=ended&user_id="+u.ID, "", &sessions)
	equal(t, "ended sessions", len(sessions), 1)
}

func TestFormsExplainWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.newUser(t, "ada@example.com")
	banned := b.newUser(t, "banned@example.com")
	_, err := b.users.Ban(t.Context(), banned.ID)
	must(t, err)
	locked := b.newUser(t, "locked@example.com")
	_, err = b.users.Lock(t.Context(), locked.ID)
	must(t, err)
	br := b.browse(t)

	for _, c := range []struct{ path, email, password, want string }{
		{"/sign-in", "ada@example.com", "wrong", "This password is not right"},
		{"/sign-in", "nobody@example.com", password, "There is no account"},
		{"/sign-in", "banned@example.com", password, "is banned"},
		{"/sign-in", "locked@example.com", password, "is locked"},
		{"/sign-up", "ada@example.com", password, "email address is taken"},
		{"/sign-up", "new@example.com", "password123", "data breach"},
		{"/sign-up", "new@example.com", "short", "8 characters or more"},
		{"/sign-up", "new", password, "must be a valid email address"},
		{"/sign-up", "new@example.com", "", "Choose a password"},
	} {
		p := br.post(c.path, "email_address", c.email, "password", c.password, "redirect_url", dashboard)
		p.has(t, http.StatusUnprocessableEntity, c.want, `value="`+c.email+`"`, `role="alert"`, `value="`+dashboard+`"`)
		if strings.Contains(p.body, `value="`+c.password+`"`) && c.password != "" {
			t.Errorf("%s repeats the password", c.path)
		}
	}
}

func TestACodeByMailSignsInAndProvesTheAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.newUser(t, "ada@example.com")
	b.newUser(t, "none@example.com", func(p *user.CreateParams) { p.Password, p.SkipPasswordRequirement = nil, sdk.Bool(true) })
	br := b.browse(t)
	br.post("/sign-in", "email_address", "none@example.com", "password", "").has(t, http.StatusUnprocessableEntity, "has no password", "emailed code")
	equal(t, "arrived at", br.post("/sign-in", "email_address", "none@example.com", "method", "email_code").path, "/user")
	strategies := func(email string) string {
		found, err := b.users.List(t.Context(), &user.ListParams{EmailAddresses: []string{email}})
		must(t, err)
		return found.Users[0].EmailAddresses[0].Verification.Strategy
	}
	equal(t, "proved by the code", strategies("none@example.com"), "email_code")
	equal(t, "proved by nobody", strategies("ada@example.com"), "admin")
	equal(t, "arrived at", br.post("/sign-in", "email_address", "ada@example.com", "method", "email_code").path, "/user")
	equal(t, "proved then", strategies("ada@example.com"), "email_code")
}

func TestReturnAddressesStayOnThisMachine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.newUser(t, "ada@example.com")
	br := b.browse(t)
	for _, bad := range []string{
		"https://evil.example/", "//evil.example", "javascript:alert(1)", "/relative", "http://localhost.evil.example",
		"http://me@localhost/", "ftp://localhost/", "http://127.0.0.1.evil.example/", "http:localhost",
	} {
		br.get("/sign-in?redirect_url="+url.QueryEscape(bad)).has(t, http.StatusBadRequest, "refused")
		p := br.post("/sign-in", "email_address", "ada@example.com", "password", password, "redirect_url", bad)
		p.has(t, http.StatusBadRequest, "refused")
	}
	for good, azp := range map[string]string{
		"http://localhost:3000/back": "http://localhost:3000",
		"HTTP://LOCALHOST:80/":       "http://localhost",
		"https://app.localhost:443/": "https://app.localhost",
		"http://127.0.0.1:9/x":       "http://127.0.0.1:9",
		"http://[::1]:9/x":           "http://[::1]:9",
	} {
		p := b.browse(t).post("/sign-in", "email_address", "ada@example.com", "password", password, "redirect_url", good)
		m := tokenField.FindStringSubmatch(p.body)
		if m == nil {
			t.Errorf("%s was refused", good)
			continue
		}
		token, err := jwt.Decode(t.Context(), &jwt.DecodeParams{Token: m[1]})
		must(t, err)
		equal(t, good, token.Extra["azp"], any(azp))
	}
}

func TestAccountPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.newUser(t, "ada@example.com", func(p *user.CreateParams) { p.PublicMetadata = raw(`{"publishableKey":"pk_test_1"}`) })
	b.newUser(t, "taken@example.com")
	api := b.newSession(t, u.ID)
	br := b.browse(t)
	equal(t, "signed out", br.get("/user").path, "/sign-in")
	br.post("/sign-in", "email_address", "ada@example.com", "password", password).has(t, http.StatusOK, "Your account", u.ID)

	br.post("/user/profile", "first_name", "Ada", "last_name", "Lovelace").has(t, http.StatusOK, "Saved.", `value="Lovelace"`)
	br.post("/user/email", "email_address", "taken@example.com").has(t, http.StatusUnprocessableEntity, "is taken", `value="taken@example.com"`, `value="Lovelace"`)
	br.post("/user/email", "email_address", "new@example.com").has(t, http.StatusOK, "Saved.", `value="new@example.com"`)
	br.post("/user/password", "current_password", "wrong", "new_password", "another fine one").has(t, http.StatusUnprocessableEntity, "not your current password")
	br.post("/user/password", "current_password", password, "new_password", "qwertyuiop").has(t, http.StatusUnprocessableEntity, "data breach")
	br.post("/user/password", "current_password", password, "new_password", "another fine one", "sign_out_of_other_sessions", "yes").has(t, http.StatusOK, "Saved.")
	s, err := b.sessions.Get(t.Context(), api.ID)
	must(t, err)
	equal(t, "the other session", s.Status, "revoked")
	again, err := b.users.Get(t.Context(), u.ID)
	must(t, err)
	equal(t, "user", *again.FirstName+" "+again.EmailAddresses[0].EmailAddress, "Ada new@example.com")

	other := b.newSession(t, u.ID)
	br.post("/user/sessions/"+other.ID+"/revoke").has(t, http.StatusOK, "this browser")
	s, err = b.sessions.Get(t.Context(), other.ID)
	must(t, err)
	equal(t, "revoked by hand", s.Status, "revoked")

	p := br.post("/user/token", "template", appName, "lifetime", "600")
	p.has(t, http.StatusOK, `"publishableKey": "pk_test_1"`)
	token := regexp.MustCompile(`eyJ[\w.-]+`).FindString(p.body)
	claims, all := b.verify(t, token)
	equal(t, "lifetime", *claims.Expiry-*claims.IssuedAt, 600)
	if _, ok := all["azp"]; ok {
		t.Error("a token for nobody's origin has an azp")
	}
	br.post("/user/token", "template", "", "lifetime", "5").has(t, http.StatusUnprocessableEntity, "lifetime must be", `value="5"`)
	equal(t, "signed out", br.post("/sign-out").path, "/sign-in")
	equal(t, "after that", br.post("/user/profile", "first_name", "Eve").path, "/sign-in")
}

func TestSomebodyElsesSessionStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.newUser(t, "ada@example.com")
	theirs := b.newSession(t, b.newUser(t, "bob@example.com").ID)
	br := b.browse(t)
	br.post("/sign-in", "email_address", "ada@example.com", "password", password)
	br.post("/user/sessions/" + theirs.ID + "/revoke")
	s, err := b.sessions.Get(t.Context(), theirs.ID)
	must(t, err)
	equal(t, "status", s.Status, "active")
}

func TestPagesAreGuarded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.newUser(t, "ada@example.com")
	br := b.browse(t)
	p := br.get("/sign-in")
	policy := p.header.Get("Content-Security-Policy")
	for _, rule := range []string{"default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, rule) {
			t.Errorf("the policy %q lacks %q", policy, rule)
		}
	}
	if strings.Contains(p.body, "<script>") || strings.Contains(p.body, "style=") || strings.Contains(p.body, "//cdn") {
		t.Error("the page has an inline script or style, or an outside asset")
	}
	form := url.Values{"email_address": {"ada@example.com"}, "password": {password}}
	br.do("POST", "/sign-in", form, http.Header{"Sec-Fetch-Site": {"cross-site"}}).has(t, http.StatusForbidden)
	br.do("POST", "/sign-in", form, http.Header{"Origin": {"http://evil.example"}}).has(t, http.StatusForbidden)

	br.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cookie := br.post("/sign-in", "email_address", "ada@example.com", "password", password).header.Get("Set-Cookie")
	port := b.URL()[strings.LastIndex(b.URL(), ":")+1:]
	for _, part := range []string{"sandbox_clerk_" + appName + "_" + port + "=", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie %q lacks %q", cookie, part)
		}
	}
	equal(t, "policy when handing over", strings.Contains(br.post("/continue", "redirect_url", dashboard).header.Get("Content-Security-Policy"), "form-action"), false)
}

func TestPagesHaveAnAliasAndAnIndex(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *clerk.Config) {
		cfg.Apps = append(cfg.Apps, clerk.App{Name: "dream-api", SecretKey: "sk_test_other"})
	})
	u := b.newUser(t, "ada@example.com")
	br := b.browse(t)
	br.base = b.URL()
	br.get("/").has(t, http.StatusOK, appName, "dream-api", b.Issuer(appName), b.PublishableKey("dream-api"))
	alias := "/apps/" + appName
	br.get(alias+"/sign-in").has(t, http.StatusOK, `action="`+alias+`/sign-in"`, alias+"/assets/style.css")
	p := br.post(alias+"/sign-in", "email_address", "ada@example.com", "password", password)
	equal(t, "arrived at", p.path, alias+"/user")
	p.has(t, http.StatusOK, u.ID)
	equal(t, "the other app", br.get("/apps/dream-api/user").path, "/apps/dream-api/sign-in")
	for _, asset := range []string{"/assets/style.css", alias + "/assets/submit.js", "/assets/avatar.svg"} {
		br.get(asset).has(t, http.StatusOK)
	}
	br.get("/assets/").has(t, http.StatusNotFound)
	br.base = strings.ToUpper(b.Issuer(appName)[:7]) + strings.ToUpper(b.Issuer(appName)[7:])
	br.get("/.well-known/jwks.json").has(t, http.StatusOK, `"kty":"RSA"`, `"kid":"ins_`)
}
