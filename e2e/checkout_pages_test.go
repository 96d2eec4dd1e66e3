package e2e

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
	dream "github.com/dream-api/dream-api/sdk/go"
)

// buyer is a customer of the demo's test platform, in a browser.
type buyer struct {
	*devRun
	*browser.Tab
	key, id, shop string
}

func newBuyer(t *testing.T) *buyer {
	t.Helper()
	d := startDev(t, program.Folder(t))
	c := &buyer{devRun: d, Tab: browser.New(t, true), key: d.facts.Demo.SecretKey, id: eve, shop: newShopPages(t)}
	c.must(t, http.StatusCreated, post("/api/customers", object{"email": "eve@example.com", "id": c.id}).as(c.key))
	c.dashboard(t, http.StatusCreated, post("/tiers", object{"name": "max", "displayName": "Max", "price": 3000, "limit": 100_000}))
	return c
}

// dashboard calls the developer API below the platform's path.
func (c *buyer) dashboard(t *testing.T, status int, r request) answer {
	t.Helper()
	r.path = "/api/platforms/" + c.facts.Demo.PlatformID + r.path
	return c.must(t, status, r.on(dashboardHost).as(c.facts.Demo.DeveloperToken))
}

// order is a fresh checkout, which leads back to the shop.
func (c *buyer) order(t *testing.T, tier string) string {
	t.Helper()
	return c.checkout(t, c.key, c.id, tier, dream.SuccessURL(c.shop+"/paid"), dream.CancelURL(c.shop+"/prices"))
}

func (c *buyer) plan(t *testing.T) string {
	t.Helper()
	usage, err := c.dream(c.key).Usage(t.Context(), c.id)
	if err != nil {
		t.Fatal(err)
	}
	return usage.Plan
}

func (c *buyer) wantPlan(t *testing.T, plan string) {
	t.Helper()
	if got := c.plan(t); got != plan {
		t.Fatalf("the customer is on %s, not %s", got, plan)
	}
}

// awaitPlan is for what an event tells.
func (c *buyer) awaitPlan(t *testing.T, plan string) {
	t.Helper()
	wait.For(t, "plan "+plan, func() bool { return c.plan(t) == plan })
}

// subscription is what the developer sees of the customer's.
func (c *buyer) subscription(t *testing.T) object {
	t.Helper()
	seen := at[any](t, c.dashboard(t, http.StatusOK, get("/customers/"+c.id)), "subscription")
	subscription, _ := seen.(object) // null: there is none
	return subscription
}

// subscribe pays for the tier pro and comes back.
func (c *buyer) subscribe(t *testing.T) {
	t.Helper()
	c.Open(t, c.order(t, "pro"))
	c.Pay(t, goodCard, "Subscribe")
	c.AwaitAt(t, c.shop+"/paid")
	c.wantPlan(t, "pro")
}

// visit opens the billing portal.
func (c *buyer) visit(t *testing.T, b *browser.Tab) {
	t.Helper()
	b.Open(t, c.portal(t, c.key, c.id, c.shop+"/account"))
}

// states are those of all subscriptions at Stripe.
func (c *buyer) states(t *testing.T) map[string]int {
	t.Helper()
	states := map[string]int{}
	for _, sub := range c.stripe().list(t, preview, "/v1/subscriptions?status=all") {
		states[sub["status"].(string)]++
	}
	return states
}

func TestACustomerWhoseCardIsDeclinedPaysWithAnother(t *testing.T) {
	t.Parallel()
	c := newBuyer(t)
	c.Open(t, c.order(t, "pro"))
	c.Pay(t, declinedCard, "Subscribe")
	c.Says(t, "Your card was declined.")
	c.wantPlan(t, "free")

	c.Pay(t, goodCard, "Subscribe")
	c.AwaitAt(t, c.shop+"/paid")
	c.wantPlan(t, "pro")
	if states := c.states(t); states["active"] != 1 || len(states) != 1 {
		t.Errorf("at Stripe there are %v", states)
	}
	c.NoComplaints(t, "402")
}

func TestACustomerPassesTheirBanksCheck(t *testing.T) {
	t.Parallel()
	c := newBuyer(t)
	c.Open(t, c.order(t, "pro"))
	c.Pay(t, secureCard, "Subscribe")
	c.Says(t, "Confirm it's you")
	c.Press(t, "Fail authentication")
	c.wantPlan(t, "free")
	c.Says(t, "Subscribe to Pro")

	c.Pay(t, secureCard, "Subscribe")
	c.Press(t, "Complete authentication")
	c.AwaitAt(t, c.shop+"/paid")
	c.wantPlan(t, "pro")
	c.NoComplaints(t, "402")
}

func TestACustomerWhoAbandonsACheckoutPaysAtASecondOne(t *testing.T) {
	t.Parallel()
	c := newBuyer(t)
	abandoned := c.order(t, "max")
	c.Open(t, abandoned)
	c.Click(t, "p.aside a") // back to the shop
	c.AwaitAt(t, c.shop+"/prices")
	c.wantPlan(t, "free")

	second := c.order(t, "pro")
	if second == abandoned {
		t.Error("the second checkout is at the address of the first")
	}
	if again := c.order(t, "pro"); again != second {
		t.Errorf("the same order leads to %s, and led to %s", again, second)
	}
	c.Open(t, second)
	c.Pay(t, goodCard, "Subscribe")
	c.AwaitAt(t, c.shop+"/paid")
	c.wantPlan(t, "pro")

	// Who finds the first page again and pays there too, gets that back.
	c.Open(t, abandoned)
	c.Pay(t, goodCard, "Subscribe")
	c.AwaitAt(t, c.shop+"/paid")
	wait.For(t, "end of the second subscription", func() bool { return c.states(t)["canceled"] == 1 })
	wait.For(t, "refund", func() bool { return len(c.stripe().list(t, preview, "/v1/refunds")) == 1 })
	if refund := c.stripe().list(t, preview, "/v1/refunds")[0]; refund["amount"] != 3000.0 {
		t.Errorf("the refund is %v", refund)
	}
	if states := c.states(t); states["active"] != 1 || states["canceled"] != 1 {
		t.Errorf("at Stripe there are %v", states)
	}
	c.wantPlan(t, "pro")
	c.NoComplaints(t)
}

// A customer cancels in one tab while another shows the page that confirms an upgrade, and then confirms that.
func TestACancellationDuringAnUpgradeEndsInWhatWasConfirmedLast(t *testing.T) {
	t.Parallel()
	c := newBuyer(t)
	c.subscribe(t)
	c.Open(t, c.order(t, "max"))
	c.Says(t, "Confirm the change", "To Max", "$30.00")

	portal := c.Another(t)
	c.visit(t, portal)
	portal.Press(t, "Cancel plan")
	portal.Press(t, "Cancel plan")
	portal.Says(t, "Your plan is cancelled.")
	wait.For(t, "cancellation", func() bool { return c.subscription(t)["cancelAt"] != nil })
	c.wantPlan(t, "pro") // until the period ends

	c.Press(t, "Confirm")
	c.AwaitAt(t, c.shop+"/paid")
	c.wantPlan(t, "max")
	if now := c.subscription(t); now["cancelAt"] != nil || now["status"] != "active" || now["tier"] != "max" {
		t.Errorf("after the upgrade the developer sees %v", now)
	}

	// And the other way round: what is cancelled last ends.
	portal.Reload(t)
	portal.Press(t, "Cancel plan")
	portal.Press(t, "Cancel plan")
	wait.For(t, "cancellation", func() bool { return c.subscription(t)["cancelAt"] != nil })
	c.wantPlan(t, "max")
	if states := c.states(t); states["active"] != 1 || len(states) != 1 {
		t.Errorf("at Stripe there are %v", states)
	}
	c.NoComplaints(t)
	portal.NoComplaints(t)
}

func TestALostEventIsHealedByTheReconciliationWhichSaysSo(t *testing.T) {
	t.Parallel()
	c := newBuyer(t)
	c.subscribe(t)
	wait.For(t, "silence", func() bool { return c.stripe().silent(t) })
	db, err := pgx.Connect(t.Context(), c.facts.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	wait.For(t, "end of what the events began", func() bool { // else a late look would see what is about to be lost
		var left int
		const under = "SELECT count(*) FROM river.river_job WHERE kind = 'billing.stripe_event' AND finalized_at IS NULL"
		return db.QueryRow(t.Context(), under).Scan(&left) == nil && left == 0
	})
	if err := db.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.stripe().control(t, http.MethodPost, "/faults", object{"times": 1000, "event": object{"drop": true}})
	c.visit(t, c.Tab)
	c.Press(t, "Cancel plan")
	c.Press(t, "Cancel plan")
	c.Says(t, "Your plan is cancelled.")
	if now := c.subscription(t); now["cancelAt"] != nil {
		t.Fatalf("the event was not lost: %v", now)
	}
	c.NoComplaints(t)

	c.stripe().advance(t, 1)
	c.Interrupt(t)
	c.ExitCode(t)
	c.devRun = startDev(t, c.dir) // the reconciliation begins with the program
	wait.For(t, "repair", func() bool { return c.subscription(t)["cancelAt"] != nil })
	c.wantPlan(t, "pro")
	repairs := at[[]any](t, c.dashboard(t, http.StatusOK, get("/repairs")), "data")
	if len(repairs) != 1 {
		t.Fatalf("there are %d repairs", len(repairs))
	}
	repair := repairs[0].(object)
	if repair["customerId"] != c.id || repair["was"].(object)["cancelAt"] != nil || repair["became"].(object)["cancelAt"] == nil {
		t.Errorf("the repair is recorded as %v", repair)
	}

	c.Open(t, c.facts.DashboardURL+"/sign-in")
	c.Press(t, "Sign in")
	c.Fill(t, "Email address", c.facts.Demo.Email, "Password", c.facts.Demo.Password)
	c.Press(t, "Sign in")
	c.AwaitAt(t, "/platforms/")
	c.Open(t, c.facts.DashboardURL+"/platforms/"+c.facts.Demo.PlatformID)
	c.Says(t, "Found by the regular check", eve)
	c.NoComplaints(t)
}

func TestASubscriptionThatLapsesHasItsGraceEndsAndReturns(t *testing.T) {
	t.Parallel()
	c := newBuyer(t)
	c.subscribe(t)
	c.visit(t, c.Tab)
	c.Press(t, "Update")
	c.Pay(t, laterCard, "Save the card")
	c.Says(t, "Your card is saved.", "ending in 0341")

	c.stripe().advance(t, 32) // the renewal fails
	wait.For(t, "word of the failure", func() bool { return c.subscription(t)["status"] == "past_due" })
	c.wantPlan(t, "pro") // in grace
	c.stripe().advance(t, 8)
	wait.For(t, "end of the grace", func() bool { return c.plan(t) == "free" })

	// The way to pay is the way to buy: it leads to where the card can be mended.
	c.Open(t, c.order(t, "pro"))
	c.Says(t, "The last payment failed. Update the card, and it is tried again.")
	c.Press(t, "Update")
	c.Pay(t, goodCard, "Save the card")
	c.Says(t, "ending in 4242")
	c.stripe().advance(t, 7) // Stripe tries again
	c.awaitPlan(t, "pro")
	if now := c.subscription(t); now["status"] != "active" || now["graceUntil"] != nil {
		t.Errorf("in the end the developer sees %v", now)
	}
	c.must(t, http.StatusOK, post("/api/data", nil).as(c.key).with("X-User-Id", c.id))
	c.NoComplaints(t)
}
