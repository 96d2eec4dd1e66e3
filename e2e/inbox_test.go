package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
	dream "github.com/dream-api/dream-api/sdk/go"
)

// A developer finds an event that failed, has it processed again, and moves the price list from test to live.
func TestADeveloperReprocessesAnEventAndCopiesTheTiersToLive(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with JavaScript": true, "without JavaScript": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDev(t, program.Folder(t))
			b := browser.New(t, scripts)
			d.signIn(t, b)
			test := d.facts.DashboardURL + strings.TrimSuffix(b.Path(t), "/start")
			d.reprocess(t, b, test)
			d.copyToLive(t, b, test)
			b.NoComplaints(t)
		})
	}
}

// signIn signs the demo's developer in on the dashboard.
func (d *devRun) signIn(t *testing.T, b *browser.Tab) {
	t.Helper()
	b.Open(t, d.facts.DashboardURL+"/sign-in")
	b.Press(t, "Sign in")
	b.Fill(t, "Email address", d.facts.Demo.Email, "Password", d.facts.Demo.Password)
	b.Press(t, "Sign in")
	if !b.Scripts {
		b.Press(t, "Continue") // a script would
	}
	b.AwaitAt(t, "/platforms/")
}

func (d *devRun) reprocess(t *testing.T, b *browser.Tab, test string) {
	t.Helper()
	key := d.facts.Demo.SecretKey
	b.Open(t, test+"/events")
	b.Says(t, "Nothing came in yet")
	user := text(t, d.must(t, http.StatusCreated, post("/api/customers", object{"email": "eve@example.com"}).as(key)), "customer.id")
	page := d.checkout(t, key, user, "pro", dream.SuccessURL("https://shop.example.com/paid"))
	// Nothing that we ask is answered, while Stripe tells of the payment.
	d.stripe().control(t, http.MethodPost, "/faults", object{"times": 100_000, "method": "GET", "path": "/v1/checkout", "status": 500})
	d.stripe().control(t, http.MethodPost, "/faults", object{"times": 100_000, "method": "GET", "path": "/v1/subscriptions", "status": 500})
	d.stripe().payUnseen(t, page)
	b.AwaitWords(t, "Stripe did not answer")
	plan := func() string {
		return text(t, d.must(t, http.StatusOK, get("/api/usage").as(key).with("X-User-Id", user)), "plan")
	}
	if now := plan(); now != "free" {
		t.Errorf("while Stripe does not answer the plan is %s", now)
	}

	b.Open(t, test)
	b.AwaitWords(t, "could not be processed")
	b.Press(t, "See what failed")
	b.AwaitWords(t, "checkout.session.completed\nStripe")
	b.Says(t, "Failed", "Stripe did not answer")
	b.Press(t, "checkout.session.completed")
	b.Says(t, "The last attempt failed", "tried again by itself", "[redacted]", user)
	b.DoesNotSay(t, "eve@example.com")
	if n := b.Text(t, ".facts"); !strings.Contains(n, "Attempts") || strings.Contains(n, "Attempts0") {
		t.Errorf("it failed after no attempt: %s", n)
	}
	soundOpenPage(t, b, "a failed event")
	event := b.Where()

	d.stripe().control(t, http.MethodDelete, "/faults", nil)
	b.Press(t, "Reprocess")
	b.Says(t, "It is being processed again")
	b.AwaitWords(t, "Processed")
	wait.For(t, "plan of what was paid", func() bool { return plan() == "pro" })
	b.Open(t, event)
	b.DoesNotSay(t, "The last attempt failed")
	b.Open(t, d.facts.DashboardURL+"/activity?action=event.reprocess")
	b.Says(t, "Reprocessed an event", event[strings.LastIndex(event, "/")+1:])
	soundOpenPage(t, b, "the activity")
	b.Open(t, test+"/events")
	soundOpenPage(t, b, "the events")
	b.Fill(t, "Type", "checkout")
	b.Press(t, "Show")
	b.Says(t, "checkout.session.completed")
	if n := browser.Look[int](t, b, "document.querySelectorAll('tbody tr').length"); n != 1 {
		t.Errorf("%d events are of the type", n)
	}
}

func (d *devRun) copyToLive(t *testing.T, b *browser.Tab, test string) {
	t.Helper()
	b.Open(t, test+"/setup")
	if strings.Contains(b.Words(t), "Create the live platform") {
		b.Press(t, "Create the live platform")
	}
	b.Open(t, test+"/tiers")
	b.Says(t, "TEST")
	b.Press(t, "Copy to live")
	live := b.Path(t)
	b.Says(t, "LIVE", "Copy tiers to live", "added", "Pro", "$10.00")
	soundOpenPage(t, b, "what a copy does")
	b.Press(t, "Copy to live now")
	b.AwaitAt(t, strings.TrimSuffix(live, "/price-list/copy")+"/tiers")
	b.Says(t, "are copied", "Pro", "LIVE")
	b.Click(t, ".mode-bar a")
	b.AwaitAt(t, test+"/tiers")
	b.Says(t, "TEST")
	for _, page := range []string{"/settings", "/connect", "/tiers"} {
		b.Open(t, test+page)
		soundOpenPage(t, b, page)
		b.Click(t, ".mode-bar a")
		b.Says(t, "LIVE")
		soundOpenPage(t, b, "live "+page)
	}
	b.Open(t, test+"/settings")
	b.Fill(t, "project-name", "Renamed")
	b.Press(t, "Rename the project")
	b.Says(t, "The project is called Renamed")
	b.Open(t, d.facts.DashboardURL+"/plan")
	b.Says(t, "Invoices", "None yet")
	soundOpenPage(t, b, "the plan")
}
