//go:build screenshots

// Package screenshots walks all pages of the dashboard in a browser, against the built program, and keeps what they look
// like in docs/screenshots: light and dark, on a desktop and on a phone. It fails where a page scrolls sideways or
// complains in the console. `make screenshots` runs it.
package screenshots

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
)

// card is a good one.
const card = "4242424242424242"

func TestMain(m *testing.M) {
	remove := program.Build()
	m.Run()
	remove()
}

func TestScreenshots(t *testing.T) {
	_, dev := program.StartDev(t, program.DevCommand(program.Folder(t)))
	b := browser.New(t, true)

	b.Open(t, dev.DashboardURL+"/")
	shoot(t, b, "home")
	b.Open(t, dev.DashboardURL+"/dashboard")
	shoot(t, b, "sign-in")
	signUp(t, b)
	key := b.Text(t, "#secret")
	mine := apiOf(dev, key)
	mine.post(t, "/api/customers", "", `{"id":"ada","plan":"free"}`)
	mine.post(t, "/api/data", "ada", `{"quantity":1}`)
	wait.For(t, "two lights", func() bool { return browser.Look[int](t, b, "document.querySelectorAll('.lights .on').length") == 2 })
	shoot(t, b, "start")
	test := strings.TrimSuffix(b.Path(t), "/start")
	b.Open(t, dev.DashboardURL+test)
	shoot(t, b, "overview-first")

	testPlatform(t, dev, b, test, key)
	goLive(t, dev, b, test)
	account(t, dev, b)
	forms(t, dev, b, test)
}

func signUp(t *testing.T, b *browser.Tab) {
	t.Helper()
	b.Press(t, "Sign up")
	b.Fill(t, "first_name", "Ada", "last_name", "Lovelace", "email_address", "ada@analytical.example", "password", "a long sentence of my own")
	b.Press(t, "Sign up")
	b.AwaitAt(t, "/platforms/")
}

// testPlatform is the part of the walk on the platform that a first sign-in finds.
func testPlatform(t *testing.T, dev program.Facts, b *browser.Tab, at, key string) {
	t.Helper()
	for _, page := range []string{"customers", "setup", "connect"} {
		b.Open(t, dev.DashboardURL+at+"/"+page)
		shoot(t, b, map[string]string{"customers": "customers-empty", "setup": "setup-test", "connect": "connect-test"}[page])
	}

	b.Open(t, dev.DashboardURL+at+"/new-tier")
	shoot(t, b, "new-tier")
	b.Fill(t, "tier-displayName", "Team", "tier-name", "team", "tier-monthly", "49.005", "tier-yearly", "490", "tier-trialDays", "14",
		"tier-meter.1", "tokens", "tier-max.1", "many", "tier-features", "Everything in Pro\nTokens for the assistant\nA shared inbox")
	b.Press(t, "Add the tier")
	shoot(t, b, "new-tier-faults")
	b.Fill(t, "tier-monthly", "49.00", "tier-max.1", "2000000")
	b.Press(t, "Add the tier")
	shoot(t, b, "tiers")
	b.Open(t, dev.DashboardURL+at+"/tiers/team")
	shoot(t, b, "tier")

	api := apiOf(dev, key)
	for i, name := range []string{"Grace Hopper", "Alan Turing", "Edsger Dijkstra", "Barbara Liskov", "Donald Knuth", "Radia Perlman"} {
		first, last, _ := strings.Cut(name, " ")
		plan := []string{"free", "pro", "team"}[i%3]
		api.post(t, "/api/customers", "", fmt.Sprintf(`{"id":"u_%d","email":"%s@example.com","firstName":%q,"lastName":%q,"plan":%q}`,
			1001+i, strings.ToLower(first), first, last, plan))
		api.post(t, "/api/data", fmt.Sprintf("u_%d", 1001+i), fmt.Sprintf(`{"quantity":%d}`, 18-i))
	}
	paid := api.post(t, "/api/create-checkout", "u_1001", `{"tier":"team"}`)
	b.Open(t, paid["url"].(string))
	b.Pay(t, card, "Start trial")
	b.AwaitAt(t, "/checkout/")
	api.post(t, "/api/data", "u_1001", `{"meter":"tokens","quantity":1750000}`)

	for _, page := range []string{"", "/customers", "/customers/u_1001", "/usage", "/settings"} {
		b.Open(t, dev.DashboardURL+at+page)
		shoot(t, b, map[string]string{"": "overview", "/customers": "customers", "/customers/u_1001": "customer", "/usage": "usage", "/settings": "settings"}[page])
	}
	b.Fill(t, "settings-allowedOrigins", "https://app.example.com\nhttp://app.example.com/path")
	b.Press(t, "Save")
	shoot(t, b, "settings-faults")

	signIn(t, dev, b, at)

	b.Open(t, dev.DashboardURL+at+"/keys")
	shoot(t, b, "keys")
	b.Act(t, chromedp.Evaluate[chromedp.Void](`for (const details of [...document.querySelectorAll('.switch, .menu, .key details')].slice(0, 4)) details.open = true`))
	shoot(t, b, "keys-open")
	b.Fill(t, "key-name", "staging")
	b.Press(t, "Create the key")
	shoot(t, b, "keys-secret")
}

// signIn is the walk of a developer whose product has a look of its own.
func signIn(t *testing.T, dev program.Facts, b *browser.Tab, at string) {
	t.Helper()
	b.Open(t, dev.DashboardURL+at+"/sign-in")
	shoot(t, b, "sign-in-settings")
	file := filepath.Join(t.TempDir(), "logo.png")
	if err := os.WriteFile(file, logo(t), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Act(t, chromedp.SetUploadFiles(chromedp.ID("sign-in-logo"), []string{file}))
	b.Act(t, chromedp.Evaluate[chromedp.Void](`{
		const colour = document.getElementById('sign-in-color');
		colour.value = '#0f766e';
		colour.dispatchEvent(new Event('input', {bubbles: true}));
	}`))
	b.Fill(t, "Product name", "Analytical Engines", "Your product", "https://analytical.example", "Support", "help@analytical.example",
		"Terms", "https://analytical.example/terms", "Privacy policy", "analytical.example/privacy")
	b.Choose(t, "Who was invited")
	b.Fill(t, "With an address at", "analytical.example\nnone")
	b.Press(t, "Save")
	b.Says(t, "Please check what you entered", "The address of the privacy policy is", "none")
	shoot(t, b, "sign-in-settings-faults")
	b.Act(t, chromedp.SetUploadFiles(chromedp.ID("sign-in-logo"), []string{file}))
	b.Fill(t, "Privacy policy", "https://analytical.example/privacy", "With an address at", "analytical.example")
	b.Press(t, "Save")
	b.Says(t, "Saved")
	shoot(t, b, "sign-in-settings-branded")
	b.Choose(t, "Remove the logo")
	b.Choose(t, "Everybody")
	b.Press(t, "Save")
	b.Says(t, "Saved")
}

// logo is a wheel on a ground that can be seen through.
func logo(t *testing.T) []byte {
	t.Helper()
	made := image.NewNRGBA(image.Rect(0, 0, 400, 400))
	for y := range 400 {
		for x := range 400 {
			far := math.Hypot(float64(x)-199.5, float64(y)-199.5)
			teeth := 165 + 18*math.Copysign(1, math.Sin(12*math.Atan2(float64(y)-199.5, float64(x)-199.5)))
			if far > 70 && far < teeth {
				made.SetNRGBA(x, y, color.NRGBA{15, 118, 110, 255})
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, made); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// goLive is the walk from the first payment to a live key.
func goLive(t *testing.T, dev program.Facts, b *browser.Tab, test string) {
	t.Helper()
	b.Open(t, dev.DashboardURL+"/plan")
	shoot(t, b, "plan-none")
	b.Open(t, dev.DashboardURL+test+"/setup")
	b.Press(t, "Set up Live")
	shoot(t, b, "setup-start")
	live := strings.TrimSuffix(b.Path(t), "/setup")
	b.Open(t, dev.DashboardURL+live+"/connect")
	shoot(t, b, "connect")
	b.Open(t, dev.DashboardURL+live+"/keys")
	shoot(t, b, "keys-not-yet")

	b.Open(t, dev.DashboardURL+live+"/setup")
	b.Press(t, "Pay $15 a month")
	b.Pay(t, card, "Subscribe")
	b.AwaitAt(t, "/plan")
	shoot(t, b, "plan")
	b.Open(t, dev.DashboardURL+live+"/connect")
	b.Press(t, "Connect Stripe")
	b.Press(t, "Cancel")
	b.Says(t, "Nothing was connected")
	b.Press(t, "Connect Stripe")
	b.Choose(t, "Create a new account")
	b.Fill(t, "email", "ada@analytical.example", "business_name", "Analytical Engines")
	b.Press(t, "Connect my account")
	b.AwaitAt(t, live+"/connect")
	shoot(t, b, "connect-connected")
	b.Open(t, dev.DashboardURL+live+"/setup")
	shoot(t, b, "setup-middle")
	b.Open(t, dev.DashboardURL+live+"/tiers")
	b.Press(t, "Copy from test")
	b.Press(t, "Copy to live now")
	b.Open(t, dev.DashboardURL+live+"/keys")
	b.Fill(t, "key-name", "production")
	b.Press(t, "Create the key")
	b.Open(t, dev.DashboardURL+live+"/setup")
	shoot(t, b, "setup-done")
	b.Open(t, dev.DashboardURL+live)
	shoot(t, b, "overview-live")

	b.Open(t, dev.StripeSandboxURL+"/")
	b.Press(t, "Revoke access")
	b.Open(t, dev.DashboardURL+live+"/connect")
	b.AwaitWords(t, "no longer connected") // the event takes its time
	shoot(t, b, "connect-ended")
	b.Open(t, dev.DashboardURL+live)
	shoot(t, b, "overview-attention")
}

func account(t *testing.T, dev program.Facts, b *browser.Tab) {
	t.Helper()
	b.Open(t, dev.DashboardURL+"/projects")
	b.Fill(t, "project-name", "Difference engine")
	b.Press(t, "Create the project")
	shoot(t, b, "overview-new-project")
	b.Open(t, dev.DashboardURL+"/projects")
	shoot(t, b, "projects")
	b.Open(t, dev.DashboardURL+"/account")
	shoot(t, b, "account")
	b.Open(t, dev.DashboardURL+"/platforms/plt_nobody")
	b.Complaints() // the browser notes the 404
	shoot(t, b, "error")
	b.Open(t, dev.APIURL+"/")
	shoot(t, b, "api")
	b.Open(t, dev.APIURL+"/docs/errors")
	shoot(t, b, "errors")
}
