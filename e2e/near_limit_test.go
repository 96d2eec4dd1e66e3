package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
)

// A developer finds who is near the limit, grants units, and the API lets them through.
func TestADeveloperHelpsACustomerWhoIsNearTheLimit(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	for name, scripts := range map[string]bool{"with JavaScript": true, "without JavaScript": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := browser.New(t, scripts)
			d.helps(t, b, strings.ReplaceAll(name, " ", "-")+"@example.com")
			b.NoComplaints(t)
		})
	}
}

const password = "a long sentence of my own"

// signsUp makes a developer, and returns where their test platform is.
func (d *devRun) signsUp(t *testing.T, b *browser.Tab, developer string) string {
	t.Helper()
	b.Open(t, d.facts.DashboardURL+"/")
	b.Click(t, "a[href$='/dashboard']")
	b.Press(t, "Sign up")
	b.Fill(t, "First name", "Ada", "Email address", developer, "Password", password)
	b.Press(t, "Sign up")
	if !b.Scripts {
		b.Press(t, "Continue") // a script would
	}
	b.AwaitAt(t, "/platforms/")
	return strings.TrimSuffix(b.Path(t), "/start")
}

func (d *devRun) helps(t *testing.T, b *browser.Tab, developer string) {
	t.Helper()
	own := d.signsUp(t, b, developer)
	key := secret(t, b)

	// A customer comes to the limit of the free tier, and another to nothing like it.
	for _, id := range []string{"eve", "kim"} {
		d.must(t, http.StatusCreated, post("/api/customers", object{"id": id, "email": id + "@mail.example"}).as(key))
	}
	call := func(user string, quantity, status int) answer {
		t.Helper()
		return d.must(t, status, post("/api/data", object{"quantity": quantity}).as(key).with("X-User-Id", user))
	}
	call("eve", 20, http.StatusOK)
	call("eve", 1, http.StatusPaymentRequired)
	call("kim", 5, http.StatusOK)

	// The overview says who; the list behind it has nobody else, and stays so in the address.
	b.Open(t, d.facts.DashboardURL+own)
	b.AwaitWords(t, "Worth an upgrade mail")
	b.Says(t, "eve@mail.example", "20 of 20 requests on free", "at the limit", "Last events", "Reached the limit of 20 requests")
	b.Press(t, "All of them")
	b.Says(t, "eve@mail.example", "20 of 20", "as of")
	b.DoesNotSay(t, "kim@mail.example")
	b.Open(t, d.facts.DashboardURL+own+"/customers")
	b.Says(t, "kim@mail.example")
	b.Choose(t, "Near a limit")
	b.Press(t, "Show")
	b.DoesNotSay(t, "kim@mail.example")
	if query := browser.Look[string](t, b, "location.search"); !strings.Contains(query, "near=true") {
		t.Errorf("the address does not say what is shown: %s", query)
	}
	for _, width := range []int64{360, 1280} { // as it is on a telephone too
		b.Act(t, chromedp.EmulateViewport(width, 800))
		if wide := browser.Look[int64](t, b, "document.documentElement.scrollWidth"); wide > width {
			t.Errorf("at %d px the list is %d px wide", width, wide)
		}
	}

	b.Press(t, "eve@mail.example")
	b.Says(t, "20 of 20", "0 left this month", "Reached the limit of 20 requests", "Became a customer")
	b.Fill(t, "Units", "7")
	b.Press(t, "Grant")
	b.Says(t, "7 more requests are granted", "20 of 27", "Granted 7 units of requests")
	if limit := number(t, call("eve", 3, http.StatusOK), "usage.limit"); limit != 27 {
		t.Errorf("the limit is %d", limit)
	}
	b.Press(t, "Reset it")
	b.Says(t, "requests are counted from 0 again", "Reset requests, of which 23 units were used")
	if n := number(t, call("eve", 1, http.StatusOK), "usage.count"); n != 1 {
		t.Errorf("after the reset the call has count %d", n)
	}
	b.Open(t, d.facts.DashboardURL+own)
	b.DoesNotSay(t, "Worth an upgrade mail")
	for _, page := range []string{"", "/customers?near=true&sort=usage", "/customers/eve"} {
		for _, width := range []int64{1280, 360} {
			b.Act(t, chromedp.EmulateViewport(width, 800), chromedp.Navigate(d.facts.DashboardURL+own+page))
			if wide := browser.Look[int64](t, b, "document.documentElement.scrollWidth"); wide > width {
				t.Errorf("%s: at %d px it is %d px wide", page, width, wide)
			}
			for _, scheme := range []string{"light", "dark"} {
				b.Act(t, browser.Prefer(scheme))
				if faint := browser.Look[[]string](t, b, unreadable); len(faint) > 0 {
					t.Errorf("%s: in %s, at %d px, one can hardly read %q", page, scheme, width, faint)
				}
			}
		}
	}
}
