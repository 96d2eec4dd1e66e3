//go:build screenshots

// Package screenshots walks all pages of the dashboard in a browser, against the built program, and keeps what they look
// like in docs/screenshots: light and dark, on a desktop and on a phone. It fails where a page scrolls sideways or
// complains in the console. `make screenshots` runs it.
package screenshots

import (
	"fmt"
	"strings"
	"testing"
)

func TestScreenshots(t *testing.T) {
	dev := startDev(t)
	b := newTab(t)

	b.open(t, dev.DashboardURL+"/")
	b.shoot(t, "home")
	b.open(t, dev.DashboardURL+"/dashboard")
	b.shoot(t, "sign-in")
	signUp(t, b)
	b.shoot(t, "overview-first")
	key := b.text(t, "#secret")
	test := b.path(t)

	testPlatform(t, dev, b, test, key)
	goLive(t, dev, b, test)
	account(t, dev, b)
	forms(t, dev, b, test)
}

func signUp(t *testing.T, b *tab) {
	t.Helper()
	b.press(t, "Sign up")
	b.fill(t, "first_name", "Ada", "last_name", "Lovelace", "email_address", "ada@analytical.example", "password", "a long sentence of my own")
	b.press(t, "Sign up")
	b.await(t, "/platforms/")
}

// testPlatform is the part of the walk on the platform that a first sign-in finds.
func testPlatform(t *testing.T, dev facts, b *tab, at, key string) {
	t.Helper()
	for _, page := range []string{"customers", "setup", "connect"} {
		b.open(t, dev.DashboardURL+at+"/"+page)
		b.shoot(t, map[string]string{"customers": "customers-empty", "setup": "setup-test", "connect": "connect-test"}[page])
	}

	b.open(t, dev.DashboardURL+at+"/new-tier")
	b.shoot(t, "new-tier")
	b.fill(t, "tier-displayName", "Team", "tier-name", "team", "tier-monthly", "49.005", "tier-yearly", "490", "tier-trialDays", "14",
		"tier-meter.1", "tokens", "tier-max.1", "many", "tier-features", "Everything in Pro\nTokens for the assistant\nA shared inbox")
	b.press(t, "Add the tier")
	b.shoot(t, "new-tier-faults")
	b.fill(t, "tier-monthly", "49.00", "tier-max.1", "2000000")
	b.press(t, "Add the tier")
	b.shoot(t, "tiers")
	b.open(t, dev.DashboardURL+at+"/tiers/team")
	b.shoot(t, "tier")

	api := apiOf(dev, key)
	for i, name := range []string{"Grace Hopper", "Alan Turing", "Edsger Dijkstra", "Barbara Liskov", "Donald Knuth", "Radia Perlman"} {
		first, last, _ := strings.Cut(name, " ")
		plan := []string{"free", "pro", "team"}[i%3]
		api.post(t, "/api/customers", "", fmt.Sprintf(`{"id":"u_%d","email":"%s@example.com","firstName":%q,"lastName":%q,"plan":%q}`,
			1001+i, strings.ToLower(first), first, last, plan))
		api.post(t, "/api/data", fmt.Sprintf("u_%d", 1001+i), fmt.Sprintf(`{"quantity":%d}`, 18-i))
	}
	paid := api.post(t, "/api/create-checkout", "u_1001", `{"tier":"team"}`)
	b.open(t, paid["url"].(string))
	b.pay(t)
	b.await(t, "/checkout/")
	api.post(t, "/api/data", "u_1001", `{"meter":"tokens","quantity":1750000}`)

	for _, page := range []string{"", "/customers", "/customers/u_1001", "/settings"} {
		b.open(t, dev.DashboardURL+at+page)
		b.shoot(t, map[string]string{"": "overview", "/customers": "customers", "/customers/u_1001": "customer", "/settings": "settings"}[page])
	}
	b.fill(t, "settings-allowedOrigins", "https://app.example.com\nhttp://app.example.com/path")
	b.press(t, "Save")
	b.shoot(t, "settings-faults")

	b.open(t, dev.DashboardURL+at+"/keys")
	b.shoot(t, "keys")
	b.run(t, `for (const details of [...document.querySelectorAll('.switch, .menu, .key details')].slice(0, 4)) details.open = true`)
	b.shoot(t, "keys-open")
	b.fill(t, "key-name", "staging")
	b.press(t, "Create the key")
	b.shoot(t, "keys-secret")
}

// goLive is the walk from the first payment to a live key.
func goLive(t *testing.T, dev facts, b *tab, test string) {
	t.Helper()
	origin := b.origin(t)
	b.open(t, origin+"/plan")
	b.shoot(t, "plan-none")
	b.open(t, origin+test+"/setup")
	b.press(t, "Set up Live")
	b.shoot(t, "setup-start")
	live := strings.TrimSuffix(b.path(t), "/setup")
	b.open(t, origin+live+"/connect")
	b.shoot(t, "connect")
	b.open(t, origin+live+"/keys")
	b.shoot(t, "keys-not-yet")

	b.open(t, origin+live+"/setup")
	b.press(t, "Pay $15 a month")
	b.pay(t)
	b.await(t, "/plan")
	b.shoot(t, "plan")
	b.open(t, origin+live+"/connect")
	b.press(t, "Connect Stripe")
	b.press(t, "Cancel")
	b.says(t, "Nothing was connected")
	b.press(t, "Connect Stripe")
	b.run(t, `const fresh = document.querySelector('.account-new'); if (fresh) fresh.checked = true`)
	b.fill(t, "email", "ada@analytical.example", "business_name", "Analytical Engines")
	b.press(t, "Connect my account")
	b.await(t, live+"/connect")
	b.shoot(t, "connect-connected")
	b.open(t, origin+live+"/setup")
	b.shoot(t, "setup-middle")
	b.open(t, origin+live+"/tiers")
	b.press(t, "Copy the tiers")
	b.open(t, origin+live+"/keys")
	b.fill(t, "key-name", "production")
	b.press(t, "Create the key")
	b.open(t, origin+live+"/setup")
	b.shoot(t, "setup-done")
	b.open(t, origin+live)
	b.shoot(t, "overview-live")

	b.open(t, dev.StripeSandboxURL+"/")
	b.press(t, "Revoke access")
	b.openUntil(t, origin+live+"/connect", "no longer connected") // the event takes its time
	b.shoot(t, "connect-ended")
	b.open(t, origin+live)
	b.shoot(t, "overview-attention")
}

func account(t *testing.T, dev facts, b *tab) {
	t.Helper()
	b.open(t, dev.DashboardURL+"/projects")
	b.fill(t, "project-name", "Difference engine")
	b.press(t, "Create the project")
	b.shoot(t, "overview-new-project")
	b.open(t, dev.DashboardURL+"/projects")
	b.shoot(t, "projects")
	b.open(t, dev.DashboardURL+"/account")
	b.shoot(t, "account")
	b.open(t, dev.DashboardURL+"/platforms/plt_nobody")
	b.complaints() // the browser notes the 404
	b.shoot(t, "error")
	b.open(t, dev.APIURL+"/")
	b.shoot(t, "api")
	b.open(t, dev.APIURL+"/docs/errors")
	b.shoot(t, "errors")
}
