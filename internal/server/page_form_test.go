package server

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant"
)

// pagesAlone is a server that has no modules behind it: enough for forms and pages themselves.
func pagesAlone() *Server {
	at := func(host string) *url.URL { return &url.URL{Scheme: "https", Host: host} }
	return &Server{
		cfg: Config{
			DeveloperURL: at("dashboard.example"), OAuthURL: at("connect.example"), CustomerURL: at("api.example"),
			FormTargets: []string{"https://checkout.stripe.example"}, FlashKey: []byte("the flash key of the page tests."),
		},
		log: slog.New(slog.DiscardHandler),
	}
}

// opens has a handler answer a request with the cookies.
func opens(t *testing.T, s *Server, method, address string, fields url.Values, cookies []*http.Cookie, h echo.HandlerFunc) (*http.Response, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, address, strings.NewReader(fields.Encode()))
	r.Header.Set(echo.HeaderContentType, echo.MIMEApplicationForm)
	for _, cookie := range cookies {
		if cookie.MaxAge >= 0 {
			r.AddCookie(cookie)
		}
	}
	w := httptest.NewRecorder()
	err := s.securityHeaders(h)(echo.New().NewContext(r, w))
	return w.Result(), err
}

// fails is a form whose sending ends with the error.
func fails(s *Server, err error) echo.HandlerFunc {
	return s.form(func(echo.Context) error { return err })
}

// shows is a page with the template and what it shows itself.
func shows(s *Server, name string, data any) echo.HandlerFunc {
	return func(c echo.Context) error { return s.writeView(c, name, testView(name, id.Test, data)) }
}

func testView(name string, mode id.Mode, data any) view {
	own := platform.Platform{ID: "plt_1", Mode: mode, Name: "Staging", CreatedAt: time.Date(2031, 5, 5, 5, 5, 0, 0, time.UTC)}
	live := platform.Platform{ID: "plt_2", Mode: id.Live, Name: "Live"}
	project := platform.Project{ID: "prj_1", Name: "A & B", Platforms: []platform.Platform{own, live}}
	return view{
		Title: name, Section: name, Path: "/platforms/plt_1/" + name, Who: platform.Developer{Email: "ada@example.com"},
		Projects: []platform.Project{project}, Project: project, Platform: &own, Data: data,
	}
}

func text(t *testing.T, got *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func contains(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s:\n%s", part, page)
		}
	}
}

func freshTier() tierForm {
	return tierFormOf(tenant.Tier{Currency: "usd", RateLimit: 100, Limits: map[string]tenant.Limit{tenant.DefaultMeter: {Period: "month"}}})
}

func TestAFormThatFailsComesBackWithItsFaultsBesideItsFields(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	sent := url.Values{
		"back": {"/platforms/plt_1/new-tier"}, "form": {"tier"}, "displayName": {`"><script>alert(1)</script>`}, "monthly": {"x"}, "period.0": {"day"},
	}
	got, err := opens(t, s, http.MethodPost, "/platforms/plt_1/tiers", sent, nil, fails(s, errs.Invalid([]errs.Fault{
		{Param: "monthly", Message: "monthly is <no> amount."}, {Param: "displayName", Message: "displayName is odd."},
	})))
	if text(t, got, err); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/platforms/plt_1/new-tier" {
		t.Fatalf("%d to %s", got.StatusCode, got.Header.Get("Location"))
	}
	got, err = opens(t, s, http.MethodGet, "/platforms/plt_1/new-tier", nil, got.Cookies(), shows(s, "new-tier", freshTier()))
	page := text(t, got, err)
	contains(t, page, `role="alert"`, `<a href="#tier-monthly">The monthly price is &lt;no&gt; amount.</a>`,
		`<p class="fault" id="tier-monthly-fault">The monthly price is &lt;no&gt; amount.</p>`, `aria-describedby="tier-monthly-hint tier-monthly-fault"`,
		`value="x"`, `value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"`, `<option value="day" selected>`)
	if strings.Contains(page, "<script>alert") {
		t.Error("what was typed is not escaped")
	}
	if n := strings.Count(page, `aria-invalid="true"`); n != 2 {
		t.Errorf("%d fields are marked, want 2", n)
	}

	again, err := opens(t, s, http.MethodGet, "/platforms/plt_1/new-tier", nil, got.Cookies(), shows(s, "new-tier", freshTier()))
	if page := text(t, again, err); strings.Contains(page, `role="alert"`) || strings.Contains(page, `value="x"`) {
		t.Error("the faults are shown twice")
	}
}

func TestAFaultOfOneFormIsNotShownInAnother(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	got, err := opens(t, s, http.MethodPost, "/account/tokens", url.Values{"back": {"/account"}, "form": {"other"}, "name": {"typed"}}, nil,
		fails(s, errs.InvalidParam("name", "name has 1 to 100 characters.")))
	text(t, got, err)
	got, err = opens(t, s, http.MethodGet, "/projects", nil, got.Cookies(), shows(s, "projects", nil))
	page := text(t, got, err)
	contains(t, page, "The name has 1 to 100 characters.")
	if strings.Contains(page, `class="fault"`) || strings.Contains(page, "typed") {
		t.Error("another form shows the fault")
	}
}

func TestASecretIsShownOnce(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	made := func(c echo.Context) error {
		return s.done(c, "/account", flash{Title: "Ready", Secret: "sk_test_secret"})
	}
	got, err := opens(t, s, http.MethodPost, "/keys", nil, nil, made)
	if text(t, got, err); strings.Contains(got.Header.Get("Set-Cookie"), "sk_test") || strings.Contains(got.Header.Get("Location"), "sk_test") {
		t.Fatal("the secret can be read on the way")
	}
	got, err = opens(t, s, http.MethodGet, "/projects", nil, got.Cookies(), shows(s, "projects", nil))
	contains(t, text(t, got, err), "sk_test_secret", `role="status"`)
	got, err = opens(t, s, http.MethodGet, "/projects", nil, got.Cookies(), shows(s, "projects", nil))
	if strings.Contains(text(t, got, err), "sk_test_secret") {
		t.Error("the secret is shown twice")
	}
}

func TestWhatIsTypedIntoASecretFieldIsNotKept(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	got, err := opens(t, s, http.MethodPost, "/x", url.Values{"token": {"t"}, "secret": {"s"}, "password": {"p"}, "back": {"/"}, "name": {"n"}}, nil,
		fails(s, errs.New(errs.Conflict, "No.")))
	text(t, got, err)
	_, err = opens(t, s, http.MethodGet, "/", nil, got.Cookies(), func(c echo.Context) error {
		if f := s.shown(c); f == nil || len(f.Form) != 1 || f.Form["name"] != "n" {
			t.Errorf("the flash holds %+v", f)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFormTooLargeForACookieComesBackWhole(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	for name, failure := range map[string]error{
		"much was typed": errs.InvalidParam("features", "features is too long."),
		"much is wrong":  errs.New(errs.Conflict, "%s", strings.Repeat("no ", 5000)),
	} {
		e := echo.New()
		e.POST("/x/:tier", fails(s, failure), s.securityHeaders)
		e.GET("/y/:tier", shows(s, "new-tier", freshTier()), s.securityHeaders)
		typed := strings.Repeat("läng ", 100_000)
		sent := url.Values{"back": {"/y/pro?a=b"}, "form": {"tier"}, "features": {typed + "end"}, "monthly": {"19"}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/x/pro", strings.NewReader(sent.Encode()))
		r.Header.Set(echo.HeaderContentType, echo.MIMEApplicationForm)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != statuses[asError(failure).Code] || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %d with the cookie %q", name, w.Code, w.Header().Get("Set-Cookie"))
		}
		if page := w.Body.String(); !strings.Contains(page, typed+"end</textarea>") {
			t.Errorf("%s: what was typed is not there", name)
		} else {
			contains(t, strings.ReplaceAll(page, typed, "…"), `role="alert"`, `value="19"`)
		}
	}
}

func TestASingleFaultLeadsToItsField(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	got, err := opens(t, s, http.MethodPost, "/x", url.Values{"back": {"/y"}, "form": {"tier"}, "monthly": {"x"}}, nil,
		fails(s, errs.InvalidParam("monthly", "monthly is an amount.")))
	text(t, got, err)
	got, err = opens(t, s, http.MethodGet, "/y", nil, got.Cookies(), shows(s, "new-tier", freshTier()))
	page := text(t, got, err)
	contains(t, page, `<p><a href="#tier-monthly">The monthly price is an amount.</a></p>`, `<input id="tier-monthly"`)
	if n := strings.Count(page, "The monthly price is an amount."); n != 2 {
		t.Errorf("it is said %d times, want above and beside the field", n)
	}
}

func TestWhatIsBrokenOnOurSideIsNoFaultOfTheForm(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	for _, failure := range []error{errors.New("pq: no"), errs.New(errs.Internal, "No."), errs.New(errs.UpstreamFailed, "No.")} {
		got, err := opens(t, s, http.MethodPost, "/x", url.Values{"back": {"/y"}}, nil, fails(s, failure))
		if err == nil || len(got.Cookies()) > 0 {
			t.Errorf("%v leads back to the form", failure)
		}
	}
	got, err := opens(t, s, http.MethodPost, "/x", url.Values{"back": {"/y"}}, nil, fails(s, errs.New(errs.Unavailable, "Stripe is away.")))
	if text(t, got, err); got.Header.Get("Location") != "/y" {
		t.Error("what may go away by itself does not lead back to the form")
	}
}

func TestAFormHoldsTextAlone(t *testing.T) {
	t.Parallel()
	s := pagesAlone()
	reached := s.form(func(echo.Context) error { t.Error("the form is taken"); return nil })
	for _, bad := range []string{"a\x00b", "\xff"} {
		got, err := opens(t, s, http.MethodPost, "/x", url.Values{"back": {"/y"}, "name": {bad}}, nil, reached)
		if text(t, got, err); got.StatusCode != http.StatusSeeOther {
			t.Errorf("%q: %d", bad, got.StatusCode)
		}
	}
}

func TestAFormLeadsBackToThisSiteAlone(t *testing.T) {
	t.Parallel()
	here, err := url.Parse("https://dashboard.example/platforms/plt_1")
	if err != nil {
		t.Fatal(err)
	}
	stays := func(t interface{ Errorf(string, ...any) }, next string) {
		to, err := here.Parse(ownPath(next))
		if err != nil || to.Scheme != "https" || to.Host != "dashboard.example" {
			t.Errorf("%q leads to %v, %v", next, to, err)
		}
	}
	for _, next := range []string{
		"//evil.example", "https://evil.example", `/\evil.example`, "/\t/evil.example", "\\\\evil.example", "javascript:alert(1)", "", "x", "///evil.example",
		"http:evil.example", "/\n/evil.example", "https:/evil.example", " //evil.example",
	} {
		if got := ownPath(next); got != "/dashboard" {
			t.Errorf("%q leads to %q", next, got)
		}
	}
	for _, next := range []string{"/", "/plan", "/platforms/plt_1/customers?q=a%40b&plan=pro#top"} {
		if got := ownPath(next); got != next {
			t.Errorf("%q leads to %q", next, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		stays(t, rapid.StringMatching(`[/\\a-z.:@%#?\t ]{0,12}`).Draw(t, "next"))
	})
}
