package e2e

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
	dream "github.com/dream-api/dream-api/sdk/go"
)

// A newcomer's way with no account anywhere: from the sign-up to the next call on the tier that was paid for.
func TestADeveloperAndACustomerGoTheThirteenStepsInABrowser(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with JavaScript": true, "without JavaScript": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDev(t, program.Folder(t))
			b := browser.New(t, scripts)
			key := d.developer(t, b)
			d.customer(t, b, key)
			b.NoComplaints(t)
		})
	}
}

// developer goes the first seven steps, from the sign-up to a live key.
func (d *devRun) developer(t *testing.T, b *browser.Tab) (liveKey string) {
	t.Helper()
	// 1. Sign up.
	b.Open(t, d.facts.DashboardURL+"/")
	b.Click(t, "a[href$='/dashboard']")
	b.Press(t, "Sign up")
	b.Fill(t, "First name", "Ada", "Email address", "ada@example.com", "Password", "a long sentence of my own")
	b.Press(t, "Sign up")
	if !b.Scripts {
		b.Press(t, "Continue") // a script would
	}
	b.AwaitAt(t, "/platforms/")

	// 2. The dashboard shows the test key, once.
	test, first := strings.CutSuffix(b.Path(t), "/start")
	if !first {
		t.Errorf("a first sign-in leads to %s", b.Path(t))
	}
	b.Says(t, "Your test key")
	testKey := secret(t, b)
	if !strings.HasPrefix(testKey, "sk_test_") {
		t.Fatalf("the test key is %q", testKey)
	}

	// 3. The first call, before any payment.
	if n := number(t, d.must(t, http.StatusOK, track(testKey, "me")), "usage.count"); n != 1 {
		t.Errorf("the first call has count %d", n)
	}
	b.Open(t, d.facts.DashboardURL+test)
	b.AwaitWords(t, "by 1 user")

	// 4. Pay.
	b.Open(t, d.facts.DashboardURL+test+"/setup")
	b.Press(t, "Set up Live")
	live := strings.TrimSuffix(b.Path(t), "/setup")
	b.Says(t, "They can be made once the three steps above are done")
	b.Press(t, "Pay $15 a month")
	b.Says(t, "$15.00")
	b.Pay(t, goodCard, "Subscribe")
	b.AwaitAt(t, d.facts.DashboardURL+"/plan")
	b.Says(t, "Active")

	// 5. Connect an account at Stripe.
	b.Open(t, d.facts.DashboardURL+live+"/setup")
	b.Press(t, "Connect Stripe")
	b.Choose(t, "Create a new account")
	b.Fill(t, "Email address", "ada@example.com", "Business name", "Analytical Engines")
	b.Press(t, "Connect my account")
	b.AwaitAt(t, d.facts.DashboardURL+live+"/connect")
	b.Says(t, "Stripe is connected", "Analytical Engines", "Takes payments")

	// 6. Define tiers; Stripe gets to know them.
	for _, tier := range [][]string{
		{"Display name", "Pro", "Name in the API", "pro", "Monthly price", "19.00", "Yearly price", "190", "Limit", "1000"},
		{"Display name", "Max", "Name in the API", "max", "Monthly price", "49", "Limit", "unlimited"},
	} {
		b.Open(t, d.facts.DashboardURL+live+"/new-tier")
		b.Fill(t, tier...)
		b.Press(t, "Add the tier")
		b.Says(t, tier[1])
	}
	b.Open(t, d.facts.DashboardURL+live+"/tiers/free")
	b.Fill(t, "Limit", "3")
	b.Press(t, "See what it does")
	b.Says(t, "100 a month", "3 a month", "At once, for 0 customers.")
	b.Press(t, "Save the change")
	b.AwaitWords(t, "Published")
	b.Says(t, "$19.00", "$190.00", "$49.00")
	b.DoesNotSay(t, "Being published")
	b.Press(t, "Pro")
	b.Says(t, "price_")

	// 7. Get live keys.
	b.Open(t, d.facts.DashboardURL+live+"/setup")
	b.Press(t, "Create live keys")
	b.Fill(t, "Name", "production")
	b.Press(t, "Create the key")
	liveKey = secret(t, b)
	b.Says(t, "production")
	b.Fill(t, "Name", "pages")
	b.Choose(t, "Publishable")
	b.Press(t, "Create the key")
	b.Says(t, "pk_live_")
	if !strings.HasPrefix(liveKey, "sk_live_") {
		t.Fatalf("the live key is %q", liveKey)
	}
	b.Open(t, d.facts.DashboardURL+live+"/setup")
	b.Says(t, "All done")
	return liveKey
}

// customer goes the other six, from the creation to the portal.
func (d *devRun) customer(t *testing.T, b *browser.Tab, key string) {
	t.Helper()
	shop := newShopPages(t)

	client := d.dream(key)

	// 8. The developer's backend creates the customer.
	customer, err := client.Customers.Create(t.Context(), dream.NewCustomer{Email: "eve@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	user := customer.ID

	// 9. Calls are counted until the limit.
	for range 3 {
		if _, err := client.Track(t.Context(), user); err != nil {
			t.Fatal(err)
		}
	}
	_, err = client.Track(t.Context(), user)
	var limit *dream.TierLimitError
	if !errors.As(err, &limit) || limit.Usage.Count != 3 {
		t.Fatalf("the fourth call ends with %v", err)
	}

	// 10. A checkout for the customer.
	page, err := limit.Upgrade(t.Context(), "pro", dream.SuccessURL(shop+"/paid"), dream.CancelURL(shop+"/"))
	if err != nil {
		t.Fatal(err)
	}

	// 11. The customer pays, on the developer's own account.
	b.Open(t, page.URL)
	b.Says(t, "Analytical Engines", "$19.00")
	b.Pay(t, goodCard, "Subscribe")

	// 12. The customer is back at the shop, and the next call is let through.
	b.AwaitAt(t, shop+"/paid")
	b.Says(t, "Thank you")
	next, err := client.Track(t.Context(), user)
	if err != nil || next.Plan != "pro" || next.Count != 4 || *next.Limit != 1000 {
		t.Errorf("after the payment the call is %+v %v", next, err)
	}

	// 13. The portal shows what was bought, and leads back.
	b.Open(t, d.portal(t, key, user, shop+"/account"))
	b.Says(t, "Your billing", "Pro", "$19.00", "Visa ending in 4242")
	b.DoesNotSay(t, "$15.00")
	b.Press(t, "Return to Analytical Engines")
	b.AwaitAt(t, shop+"/account")
}

// secret is the secret that the page shows, which it must not show again.
func secret(t *testing.T, b *browser.Tab) string {
	t.Helper()
	b.Says(t, "shown this once")
	shown := b.Text(t, "#secret")
	b.Reload(t)
	b.DoesNotSay(t, shown)
	return shown
}

// newShopPages is a developer's own site, to which checkouts lead back.
func newShopPages(t *testing.T) (address string) {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><html lang=en><title>Shop</title><link rel=icon href='data:,'><main><h1>Thank you</h1></main></html>"))
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// dream is a client of a developer's backend.
func (s *server) dream(key string) *dream.Client {
	return dream.New(key, dream.BaseURL("http://"+apiHost), dream.HTTPClient(s.http))
}

// checkout asks for a checkout for a customer, and returns its page.
func (s *server) checkout(t *testing.T, key, user, tier string, options ...dream.CheckoutOption) string {
	t.Helper()
	page, err := s.dream(key).Checkout(t.Context(), user, tier, options...)
	if err != nil {
		t.Fatal(err)
	}
	return page.URL
}

// portal is the page of a customer's billing portal.
func (s *server) portal(t *testing.T, key, user, back string) string {
	t.Helper()
	page, err := s.dream(key).Portal(t.Context(), user, back)
	if err != nil {
		t.Fatal(err)
	}
	return page.URL
}
