package e2e

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
)

// idsInPaths are what tells one page of a kind from another.
var idsInPaths = regexp.MustCompile(`plt_\w+|/customers/[^/]+|/tiers/[^/]+|/events/[^/]+`)

// Whatever page of the dashboard can be reached by links is sound, with customers in it whose names are hostile.
func TestEveryPageOfTheDashboardIsSoundInABrowser(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	key := d.facts.Demo.SecretKey
	longest := strings.Repeat("Wolfeschlegelsteinhausenbergerdorff", 2)
	for id, body := range map[string]object{
		"eve": {"id": "eve", "email": "eve@example.com", "firstName": `"><script>alert(1)</script>`, "lastName": longest},
		"kim": {"id": "kim", "plan": "free"},
	} {
		d.must(t, 201, post("/api/customers", body).as(key))
		d.must(t, 200, track(key, id))
	}
	b := browser.New(t, true)
	b.Open(t, d.facts.DashboardURL+"/dashboard")
	b.Press(t, "Sign in")
	b.Fill(t, "Email address", d.facts.Demo.Email, "Password", d.facts.Demo.Password)
	b.Press(t, "Sign in")
	b.AwaitAt(t, "/platforms/")
	d.eveBuys(t, b.Another(t))

	// No test of axe-core reaches what is folded away, so it is opened.
	const unfold = `document.querySelectorAll('details:not(.switch, .menu)').forEach(e => { e.name = ''; e.open = true })`
	pages := []string{b.Where(), d.facts.DashboardURL + "/platforms/plt_nobody", d.facts.DashboardURL + "/components"}
	seen := map[string]bool{}
	for len(pages) > 0 {
		address := pages[0]
		pages = pages[1:]
		at, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		kind := idsInPaths.ReplaceAllString(at.Path, "…")
		if at.RawQuery != "" {
			kind += "?"
		}
		if seen[kind] || strings.Contains(kind, "export") {
			continue
		}
		seen[kind] = true
		soundPage(t, b, kind, address)
		b.Act(t, chromedp.Evaluate[chromedp.Void](unfold))
		if faults := b.Faults(t); len(faults) > 0 {
			t.Errorf("%s, unfolded: axe-core finds\n%s", kind, strings.Join(faults, "\n"))
		}
		if wide := browser.Look[int64](t, b, "document.documentElement.scrollWidth"); wide > 360 {
			t.Errorf("%s, unfolded: it is %d px wide at 360 px", kind, wide)
		}
		if strings.Contains(address, "plt_nobody") {
			b.NoComplaints(t, "404")
		} else {
			b.NoComplaints(t)
		}
		pages = append(pages, browser.Look[[]string](t, b, `[...document.querySelectorAll('a[href]')].map(a => a.href.split('#')[0])
			.filter(href => href.startsWith(location.origin + '/'))`)...)
	}
	for _, want := range []string{
		"/platforms/…", "/platforms/…/start", "/platforms/…/customers", "/platforms/……", "/platforms/…/usage", "/platforms/…/tiers", "/platforms/…/new-tier",
		"/platforms/…/keys", "/platforms/…/connect", "/platforms/…/sign-in", "/platforms/…/settings", "/platforms/…/setup",
		"/projects", "/plan", "/activity", "/account",
	} {
		if !seen[want] {
			t.Errorf("no link leads to %s", want)
		}
	}
	t.Logf("looked at %d kinds of page", len(seen))
}

// eveBuys has a customer of the demo pay, so that there is a revenue to draw.
func (d *devRun) eveBuys(t *testing.T, b *browser.Tab) {
	t.Helper()
	a := d.must(t, 200, post("/api/create-checkout", object{"tier": "pro"}).as(d.facts.Demo.SecretKey).with("X-User-Id", "eve"))
	b.Open(t, text(t, a, "url"))
	b.Pay(t, goodCard, "Subscribe")
	b.AwaitAt(t, "/checkout/")
}
