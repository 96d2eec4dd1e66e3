package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dream-api/dream-api/e2e/browser"
)

// pages are what a person may open.
func (w *world) pages() map[string]string {
	site := func(app string) string {
		return strings.Replace(w.clerk.variables["CLERK_API_URL"], "127.0.0.1", app+".clerk.localhost", 1)
	}
	return map[string]string{
		"start":             w.vars["DEVELOPER_URL"] + "/",
		"API":               w.vars["CUSTOMER_URL"] + "/",
		"errors":            w.vars["CUSTOMER_URL"] + "/docs/errors",
		"connect":           w.vars["OAUTH_URL"] + "/",
		"sandbox":           w.clerk.variables["CLERK_API_URL"] + "/",
		"sandbox's sign-in": site("end-user-api") + "/sign-in",
		"sandbox's sign-up": site("end-user-api") + "/sign-up",
	}
}

// focusable finds what the keyboard must reach.
const focusable = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, [tabindex="0"]')]`

func TestPagesAreSoundInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(t)
	b := browser.New(t, true)
	for name, address := range w.pages() {
		for _, width := range []int64{1280, 360} {
			b.Act(t, chromedp.EmulateViewport(width, 800), chromedp.Navigate(address))
			if title := browser.Look[string](t, b, "document.title"); title == "" {
				t.Errorf("%s: no title", name)
			}
			if n := browser.Look[int](t, b, "document.querySelectorAll('h1').length"); n != 1 {
				t.Errorf("%s: %d headings of the first level", name, n)
			}
			if lang := browser.Look[string](t, b, "document.documentElement.lang"); lang != "en" {
				t.Errorf("%s: the language is %q", name, lang)
			}
			if wide := browser.Look[int64](t, b, "document.documentElement.scrollWidth"); wide > width {
				t.Errorf("%s: at %d px it is %d px wide, and scrolls sideways", name, width, wide)
			}
		}

		n := browser.Look[int](t, b, focusable+".length")
		reached := map[int]bool{}
		for range n + 1 { // one more, as the browser's own bar may come between
			b.Act(t, chromedp.KeyEvent(kb.Tab))
			i := browser.Look[int](t, b, focusable+".indexOf(document.activeElement)")
			if i >= 0 && browser.Look[string](t, b, "getComputedStyle(document.activeElement).outlineStyle") == "none" {
				t.Errorf("%s: one does not see that the focus is on %s", name, browser.Look[string](t, b, "document.activeElement.outerHTML"))
			}
			reached[i] = true
		}
		for i := range n {
			if !reached[i] {
				t.Errorf("%s: the keyboard does not reach the %dth of %d links and fields", name, i+1, n)
			}
		}
		if list := b.Complaints(); len(list) > 0 {
			t.Errorf("%s: the console shows %q", name, list)
		}
	}
}

func TestPagesSayTheSameWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(t)
	with, without := browser.New(t, true), browser.New(t, false)
	for name, address := range w.pages() {
		with.Act(t, chromedp.Navigate(address))
		without.Act(t, chromedp.Navigate(address))
		const words = "document.body.innerText"
		if a, b := browser.Look[string](t, with, words), browser.Look[string](t, without, words); a != b || a == "" {
			t.Errorf("%s: with JavaScript it says\n%s\nand without\n%s", name, a, b)
		}
	}
}

func TestAPersonSignsUpAndIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(t)
	for name, scripts := range map[string]bool{"with JavaScript": true, "without JavaScript": false} {
		b := browser.New(t, scripts)
		email := strings.ToLower(strings.ReplaceAll(name, " ", "-")) + "@example.com"
		field := func(id, value string) chromedp.Action[chromedp.Void] {
			return chromedp.SendKeys(chromedp.ID(id), value)
		}
		wantHeading := func(want string) {
			t.Helper()
			if got := browser.Look[string](t, b, "document.querySelector('h1').innerText"); got != want {
				t.Errorf("%s: the page is %q, want %q", name, got, want)
			}
		}

		b.Act(t, chromedp.Navigate(w.pages()["sandbox's sign-in"]))
		b.Click(t, "p.aside a") // no account yet
		wantHeading("Create an account")
		b.Act(t, field("first_name", "Ada"), field("email_address", email), field("password", "password123"))
		b.Click(t, "form button")
		if says := browser.Look[string](t, b, "document.querySelector('#password-error').innerText"); !strings.Contains(says, "breach") {
			t.Errorf("%s: a breached password gets %q", name, says)
		}
		b.Complaints() // the browser notes the 422 of that
		b.Act(t, field("password", "a long sentence of my own"))
		b.Click(t, "form button")
		wantHeading("Your account")
		if says := browser.Look[string](t, b, "document.body.innerText"); !strings.Contains(says, email) {
			t.Errorf("%s: the account says\n%s", name, says)
		}

		b.Click(t, "header form button") // sign out
		wantHeading("Sign in")
		b.Act(t, field("email_address", email), field("password", "a long sentence of my own"))
		b.Click(t, "form button")
		wantHeading("Your account")
		if list := b.Complaints(); len(list) > 0 {
			t.Errorf("%s: the console shows %q", name, list)
		}
	}
	if n := len(w.clerk.endUsers(t)); n != 2 {
		t.Errorf("the shared Clerk app has %d users, want 2", n)
	}
}
