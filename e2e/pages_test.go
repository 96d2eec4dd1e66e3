package e2e

import (
	"fmt"
	"maps"
	"regexp"
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
		"docs":              w.vars["CUSTOMER_URL"] + "/docs",
		"an error":          w.vars["CUSTOMER_URL"] + "/docs/errors/tier_limit_reached",
		"calls":             w.vars["CUSTOMER_URL"] + "/docs/reference/customers",
		"types":             w.vars["CUSTOMER_URL"] + "/docs/reference/types",
		"a guide":           w.vars["CUSTOMER_URL"] + "/docs/guides/nextjs",
		"a long text":       w.vars["CUSTOMER_URL"] + "/docs/api",
		"connect":           w.vars["OAUTH_URL"] + "/",
		"sandbox":           w.clerk.variables["CLERK_API_URL"] + "/",
		"sandbox's sign-in": site("end-user-api") + "/sign-in",
		"sandbox's sign-up": site("end-user-api") + "/sign-up",
	}
}

// hostedPages are those for end users, of whom the browser is one from then on.
func (w *world) hostedPages(t *testing.T, s *server, b *browser.Tab) map[string]string {
	t.Helper()
	p := w.newPlatform(t, s, tier{limit: 10, rateLimit: 100})
	at := func(path string) string { return w.vars["CUSTOMER_URL"] + path + "?publishableKey=" + p.publishable }
	b.Open(t, at("/sign-up"))
	b.Press(t, "Continue with your email")
	b.Fill(t, "First name", "Eve", "Email address", "eve@example.com", "Password", "a long sentence of my own")
	b.Press(t, "Sign up")
	b.AwaitAt(t, "/account?")
	return map[string]string{
		"users' sign-in": at("/sign-in"), "users' sign-up": at("/sign-up"), "account": at("/account"),
		"account's end": at("/account/delete"), "users' problem": at("/sign-in") + "&redirectUrl=https://elsewhere.example",
	}
}

// unreadable lists the words of a page that stand out too little from what is behind them, by WCAG 2.2, 1.4.3.
const unreadable = `(() => {
	const paint = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
	const rgba = color => {
		paint.clearRect(0, 0, 1, 1);
		paint.fillStyle = color;
		paint.fillRect(0, 0, 1, 1);
		const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data;
		return [r, g, b, a / 255];
	};
	const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3]));
	const behind = e => {
		if (!e) return rgba('Canvas').slice(0, 3);
		const own = rgba(getComputedStyle(e).backgroundColor);
		return own[3] === 1 ? own.slice(0, 3) : over(own, behind(e.parentElement));
	};
	const light = color => {
		const [r, g, b] = color.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b;
	};
	const faint = [];
	for (const e of document.body.querySelectorAll('*')) {
		const words = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join(' ').trim() || e.value;
		if (!words || !e.checkVisibility({visibilityProperty: true}) || e.matches('progress, script, style, option')) continue;
		const style = getComputedStyle(e), ground = behind(e);
		const [dark, bright] = [light(over(rgba(style.color), ground)), light(ground)].sort((a, b) => a - b);
		const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
		const ratio = (bright + .05) / (dark + .05);
		if (ratio < (large ? 3 : 4.5)) faint.push(words + ': ' + ratio.toFixed(2));
	}
	return faint;
})()`

var requestIDs = regexp.MustCompile(`req_\w+`)

// focusable finds what the keyboard must reach.
const focusable = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
	.filter(e => e.checkVisibility({visibilityProperty: true}) && !(e.type === 'radio' && !e.checked))`

func TestPagesAreSoundInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve(t)
	b := browser.New(t, true)
	pages := w.hostedPages(t, s, b)
	b.NoComplaints(t)
	maps.Copy(pages, w.pages())
	for name, address := range pages {
		soundPage(t, b, name, address)
		if name == "users' problem" {
			b.NoComplaints(t, "400")
		} else {
			b.NoComplaints(t)
		}
	}
}

// soundPage opens a page on a desktop and on a phone, and holds it to what every page is held to.
func soundPage(t *testing.T, b *browser.Tab, name, address string) {
	t.Helper()
	for _, width := range []int64{1280, 360} {
		b.Act(t, chromedp.EmulateViewport(width, 800), chromedp.Navigate(address))
		soundAt(t, b, name, width)
	}
}

// soundOpenPage is the same for the page that is open, and may be the answer to a form.
func soundOpenPage(t *testing.T, b *browser.Tab, name string) {
	t.Helper()
	for _, width := range []int64{360, 1280} {
		b.Act(t, chromedp.EmulateViewport(width, 800))
		soundAt(t, b, name, width)
	}
}

// soundAt looks at a page in light and dark as a person would who sees badly, or has no mouse.
func soundAt(t *testing.T, b *browser.Tab, name string, width int64) {
	t.Helper()
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
	for _, scheme := range []string{"light", "dark"} {
		b.Act(t, browser.Prefer(scheme))
		where := fmt.Sprintf("%s, in %s, at %d px", name, scheme, width)
		if faint := browser.Look[[]string](t, b, unreadable); len(faint) > 0 {
			t.Errorf("%s: one can hardly read %q", where, faint)
		}
		// Colours are looked at above, so that two of the four are enough for the rest.
		if b.Scripts && (width > 1000) == (scheme == "light") {
			if faults := b.Faults(t); len(faults) > 0 {
				t.Errorf("%s: axe-core finds\n%s", where, strings.Join(faults, "\n"))
			}
		}
	}
	if b.Scripts {
		soundFocus(t, b, fmt.Sprintf("%s, at %d px", name, width))
	}
}

// soundFocus checks that the keyboard reaches everything on the page, and that one sees where it is.
func soundFocus(t *testing.T, b *browser.Tab, name string) {
	t.Helper()
	n := browser.Look[int](t, b, focusable+".length")
	dates := browser.Look[int](t, b, focusable+".filter(e => e.type === 'date').length")
	reached := map[int]bool{}
	for range n + 1 + 3*dates { // one more, as the browser's own bar may come between; in a date there are four stops
		b.Act(t, chromedp.KeyEvent(kb.Tab))
		i := browser.Look[int](t, b, focusable+".indexOf(document.activeElement)")
		ofItsOwn := browser.Look[bool](t, b, "document.activeElement.type === 'date'") // a part of it shows the focus
		if i >= 0 && !ofItsOwn && browser.Look[string](t, b, "getComputedStyle(document.activeElement).outlineStyle") == "none" {
			t.Errorf("%s: one does not see that the focus is on %s", name, browser.Look[string](t, b, "document.activeElement.outerHTML"))
		}
		reached[i] = true
	}
	for i := range n {
		if !reached[i] {
			t.Errorf("%s: the keyboard does not reach the %dth of %d links and fields", name, i+1, n)
		}
	}
}

func TestPagesSayTheSameWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve(t)
	with := browser.New(t, true)
	pages := w.hostedPages(t, s, with)
	maps.Copy(pages, w.pages())
	without := with.WithoutScripts(t)
	for name, address := range pages {
		with.Act(t, chromedp.Navigate(address))
		without.Act(t, chromedp.Navigate(address))
		words := func(b *browser.Tab) string { return requestIDs.ReplaceAllString(b.Words(t), "req_…") } // each is its own
		if a, b := words(with), words(without); a != b || a == "" {
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
