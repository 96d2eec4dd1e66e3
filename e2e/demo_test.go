package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
)

const evesPassword = "a long sentence of my own"

// demo is the product of examples/demo beside a dev, and somebody before it.
type demo struct {
	*devRun
	*browser.Tab
	origin    string
	verifiers []string // of the sign-ins that were begun
}

// An end user's way through a product that is not ours, from the sign-up to the sign-out everywhere.
func TestAnEndUserUsesTheDemoProduct(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	tier := "/api/platforms/" + d.facts.Demo.PlatformID + "/tiers/free"
	d.must(t, http.StatusOK, patch(tier, object{"limit": 3}).on(dashboardHost).as(d.facts.Demo.DeveloperToken))
	// Each use of a token then takes a refresh.
	origin := program.StartDemo(t, d.dir, map[string]string{"REFRESH_EARLY": "1h"})

	t.Run("with JavaScript", func(t *testing.T) {
		eve := &demo{devRun: d, Tab: browser.New(t, true), origin: origin}
		eve.signUp(t, "eve@example.com")
		eve.looksSound(t)
		eve.countToTheLimit(t, 3)
		eve.refreshAtOnce(t)
		eve.upgrade(t)
		eve.count(t, "4")
		last := eve.tokens(t, 1)[0]
		eve.leaveEverywhere(t)
		d.must(t, http.StatusUnauthorized, get("/api/usage").as(last))
		eve.returnAndLeave(t)
		eve.NoComplaints(t)
		eve.keptItsSecrets(t, last)
	})
	t.Run("without JavaScript", func(t *testing.T) {
		kim := &demo{devRun: d, Tab: browser.New(t, false), origin: origin}
		kim.signUp(t, "kim@example.com")
		kim.Says(t, "Counting is done by the browser, with JavaScript")
		kim.upgrade(t)
		kim.leaveEverywhere(t)
		kim.returnAndLeave(t)
		kim.NoComplaints(t)
		kim.keptItsSecrets(t)
	})
	t.Run("what is not right is refused", func(t *testing.T) {
		for path, want := range map[string]int{"/callback?code=x&state=y": http.StatusBadRequest, "/token": http.StatusUnauthorized} {
			answer, err := http.Get(origin + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s answers %d, not %d", path, answer.StatusCode, want)
			}
		}
		forged, err := http.NewRequest(http.MethodPost, origin+"/sign-out", nil)
		if err != nil {
			t.Fatal(err)
		}
		forged.Header.Set("Origin", "https://elsewhere.example")
		forged.Header.Set("Sec-Fetch-Site", "cross-site")
		answer, err := http.DefaultClient.Do(forged)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("another site's form is answered %d", answer.StatusCode)
		}
	})
}

// begin goes from the demo to our page, and on to Clerk's form.
func (e *demo) begin(t *testing.T, words string) {
	t.Helper()
	e.Press(t, words)
	e.AwaitAt(t, e.facts.APIURL+"/sign-")
	_, verifier, _ := strings.Cut(e.Cookie(t, e.origin, "demo_login"), ".")
	if len(verifier) < 43 {
		t.Fatalf("the code verifier is %q", verifier)
	}
	e.verifiers = append(e.verifiers, verifier)
	e.Says(t, "Demo")
}

// land is back at the demo, signed in.
func (e *demo) land(t *testing.T) {
	t.Helper()
	if !e.Scripts {
		e.Press(t, "Continue") // a script would
	}
	e.AwaitAt(t, e.origin+"/")
	if at := e.Where(); at != e.origin+"/" {
		t.Errorf("the sign-in ends at %s", at)
	}
	if left := e.Cookie(t, e.origin, "demo_login"); left != "" {
		t.Errorf("the cookie of the sign-in is left: %q", left)
	}
}

func (e *demo) signUp(t *testing.T, email string) {
	t.Helper()
	e.Open(t, e.origin+"/")
	e.Says(t, "Tally counts what you like")
	e.begin(t, "Sign up")
	e.Press(t, "Continue with your email")
	e.Fill(t, "First name", "Eve", "Email address", email, "Password", "password123")
	e.Press(t, "Sign up")
	e.Says(t, "breach")
	e.NoComplaints(t, "422")
	e.Fill(t, "Password", evesPassword)
	e.Press(t, "Sign up")
	e.land(t)
	e.Says(t, email, "free", "of 3")
}

// looksSound holds the demo's page to what ours are held to.
func (e *demo) looksSound(t *testing.T) {
	t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		e.Act(t, browser.Prefer(scheme), chromedp.EmulateViewport(360, 800))
		if faint := browser.Look[[]string](t, e.Tab, unreadable); len(faint) > 0 {
			t.Errorf("in %s, one can hardly read %q", scheme, faint)
		}
		if wide := browser.Look[int64](t, e.Tab, "document.documentElement.scrollWidth"); wide > 360 {
			t.Errorf("the page is %d px wide on a screen of 360", wide)
		}
		soundFocus(t, e.Tab, "the demo's page, in "+scheme)
	}
}

// count presses the button, which calls our API from the page.
func (e *demo) count(t *testing.T, want string) {
	t.Helper()
	e.Act(t, chromedp.Click(chromedp.CSS("#count")))
	wait.For(t, "count of "+want, func() bool { return e.Text(t, "#used") == want })
}

func (e *demo) countToTheLimit(t *testing.T, limit int) {
	t.Helper()
	for n := range limit {
		e.count(t, string(rune('1'+n)))
	}
	e.NoComplaints(t)
	e.Act(t, chromedp.Click(chromedp.CSS("#count")))
	wait.For(t, "refusal", func() bool { return strings.Contains(e.Text(t, "#says"), "upgrade") })
	if used := e.Text(t, "#used"); used != "3" {
		t.Errorf("after the refusal the page shows %s", used)
	}
	e.NoComplaints(t, "402")
	e.Reload(t)
	e.Says(t, "That is all that your plan grants")
}

// tokens has the page ask for its token so often at once.
func (e *demo) tokens(t *testing.T, times int) []string {
	t.Helper()
	browser.Look[bool](t, e.Tab, `(window.tokens = null, Promise.all(Array.from({length: `+string(rune('0'+times))+`},
		() => fetch('/token').then(a => a.json()).then(a => a.token))).then(all => window.tokens = all), true)`)
	var tokens []string
	wait.For(t, "tokens", func() bool {
		tokens = browser.Look[[]string](t, e.Tab, "window.tokens")
		return tokens != nil
	})
	return tokens
}

// refreshAtOnce has many ask for a token at the same time, each of whom gets a fresh one: the demo refreshes one at a
// time, as a refresh token that was used twice would end the session.
func (e *demo) refreshAtOnce(t *testing.T) {
	t.Helper()
	seen := map[string]bool{}
	for _, token := range e.tokens(t, 8) {
		if seen[token] {
			t.Error("the demo did not refresh between two tokens")
		}
		seen[token] = true
		e.must(t, http.StatusOK, get("/api/usage").as(token))
	}
}

// upgrade pays for the tier: by the demo's own button or, without scripts, by that of the account page.
func (e *demo) upgrade(t *testing.T) {
	t.Helper()
	if e.Scripts {
		e.Press(t, "Upgrade")
		e.Says(t, "$10.00")
		e.Pay(t, goodCard, "Subscribe")
		e.AwaitAt(t, e.origin+"/")
	} else {
		e.Press(t, "Your account")
		e.Press(t, "Choose Pro for $10.00 a month")
		e.Pay(t, goodCard, "Subscribe")
		e.AwaitAt(t, "/account")
		e.Says(t, "Pro", "of 10,000")
		e.Press(t, "Cards, invoices and cancelling")
		e.AwaitAt(t, e.facts.StripeSandboxURL)
		e.Open(t, e.origin+"/")
	}
	e.Says(t, "pro", "of 10000")
	e.DoesNotSay(t, "Upgrade")
}

func (e *demo) leaveEverywhere(t *testing.T) {
	t.Helper()
	e.Press(t, "Your account")
	e.AwaitAt(t, e.facts.APIURL+"/account")
	e.Says(t, "Your account", "Pro", "Active", "of 10,000", "Where you are signed in", "This page", "Chrome")
	if n := browser.Look[int](t, e.Tab, "document.querySelectorAll('progress').length"); n != 1 {
		t.Errorf("the account page has %d bars", n)
	}
	if n := browser.Look[int](t, e.Tab, "document.querySelectorAll('#devices ~ ul li').length"); n != 2 {
		t.Errorf("the account page has %d sessions:\n%s", n, e.Words(t))
	}
	e.Press(t, "Sign out everywhere")
	e.Says(t, "Signed out", "You are signed out on every device")
	e.Open(t, e.origin+"/")
	e.Says(t, "You are signed out", "Sign in")
	if left := e.Cookie(t, e.origin, "demo_session"); left != "" {
		t.Errorf("the demo keeps the cookie of a session that has ended: %q", left)
	}
}

// returnAndLeave signs in again, for which Clerk asks for the password, and out by the demo's own button.
func (e *demo) returnAndLeave(t *testing.T) {
	t.Helper()
	e.Open(t, e.origin+"/")
	e.begin(t, "Sign in")
	wait.For(t, "end of the session at Clerk", func() bool { // which a job ends
		e.Press(t, "Sign in with your email")
		if strings.Contains(e.Words(t), "Password") {
			return true
		}
		e.Act(t, chromedp.NavigateBack())
		return false
	})
	email := "eve@example.com"
	if !e.Scripts {
		email = "kim@example.com"
	}
	e.Fill(t, "Email address", email, "Password", evesPassword)
	e.Press(t, "Sign in")
	e.land(t)
	e.Says(t, email, "pro")
	e.Click(t, "header button") // sign out
	e.Says(t, "Tally counts what you like", "Sign up")
	// What is left is the session of the account page alone.
	asked := func(path string) []any {
		return at[[]any](t, e.must(t, http.StatusOK, get(path).as(e.facts.Demo.SecretKey)), "data")
	}
	id := asked("/api/customers?email=" + email)[0].(object)["id"].(string)
	if left := asked("/api/customers/" + id + "/sessions"); len(left) != 1 || left[0].(object)["kind"] != "page" {
		t.Errorf("after the sign-out the sessions are %v", left)
	}
}

// keptItsSecrets looks through every address and every Referer header of the visit.
func (e *demo) keptItsSecrets(t *testing.T, more ...string) {
	t.Helper()
	all := e.Requests()
	secrets := slices.Concat([]string{"eyJ", "rt_", "sk_test_"}, e.verifiers, more)
	callbacks := 0
	for _, r := range all {
		for _, text := range []string{r.URL, r.Referer} {
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("%q stands in an address or a Referer: %+v", secret, r)
				}
			}
		}
		at, err := url.Parse(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(r.Referer, "code=") {
			t.Errorf("a code stands in a Referer: %+v", r)
		}
		if at.Query().Has("code") {
			callbacks++
			if !strings.HasPrefix(r.URL, e.origin+"/callback?") {
				t.Errorf("a code goes to %s", r.URL)
			}
		}
	}
	if callbacks != 2 {
		t.Errorf("among %d requests %d brought a code, want 2", len(all), callbacks)
	}
}
