//go:build screenshots

package screenshots

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
)

// The pages for end users, as they are from the start and with a product's own name, logo and colour; and the demo product.
func TestScreenshotsOfUsersPages(t *testing.T) {
	folder := program.Folder(t)
	_, dev := program.StartDev(t, program.DevCommand(folder))
	demo := program.StartDemo(t, folder, nil)
	b := browser.New(t, true)
	page := func(path string) string {
		return dev.APIURL + path + "?publishableKey=" + dev.Demo.PublishableKey
	}

	b.Open(t, page("/sign-in")+"&redirectUrl=https://elsewhere.example/callback")
	b.Complaints() // the browser notes the 400
	shoot(t, b, "users-link-refused")
	b.Open(t, page("/sign-in"))
	shoot(t, b, "users-sign-in")
	b.Press(t, "Sign in with your email")
	b.Click(t, ".aside a") // no account yet
	b.Fill(t, "Email address", "grace@navy.example", "Password", "a long sentence of my own")
	b.Press(t, "Sign up")
	b.AwaitAt(t, "/sign-in?")
	b.Says(t, "No account here yet")
	b.Complaints() // the 403
	shoot(t, b, "users-no-account")
	b.Press(t, "Create an account")
	shoot(t, b, "users-sign-up")

	b = browser.New(t, true)
	b.Open(t, demo+"/")
	shoot(t, b, "demo-signed-out")
	b.Press(t, "Sign up")
	b.Press(t, "Continue with your email")
	b.Fill(t, "First name", "Ada", "Last name", "Lovelace", "Email address", "ada@analytical.example", "Password", "a long sentence of my own")
	b.Press(t, "Sign up")
	b.AwaitAt(t, demo+"/")
	b.Says(t, "of 20")
	click := func(want string) {
		b.Act(t, chromedp.Click(chromedp.CSS("#count")))
		wait.For(t, "count of "+want, func() bool { return b.Text(t, "#used") == want })
	}
	click("1")
	shoot(t, b, "demo")
	b.Open(t, page("/account"))
	shoot(t, b, "users-account-new")

	api := apiOf(dev, dev.Demo.SecretKey)
	ada := api.customer(t, "ada@analytical.example")
	api.post(t, "/api/data", ada, `{"quantity":17}`)
	b.Reload(t)
	shoot(t, b, "users-account-near-limit")
	api.post(t, "/api/data", ada, `{"quantity":2}`)
	b.Open(t, demo+"/")
	b.Act(t, chromedp.Click(chromedp.CSS("#count")))
	wait.For(t, "refusal", func() bool { return b.Text(t, "#says") != "" })
	b.Reload(t)
	b.Complaints() // the 402
	shoot(t, b, "demo-limit")

	blurb(t, folder)
	brand(t, dev)
	b.Press(t, "Upgrade")
	b.Pay(t, card, "Subscribe")
	b.AwaitAt(t, demo+"/")
	api.post(t, "/api/data", ada, `{"quantity":3180}`)
	b.Press(t, "Your account")
	b.Says(t, "Pro", "3,200 of 10,000")
	shoot(t, b, "users-account")
	b.Press(t, "Save the name")
	b.Says(t, "Saved")
	shoot(t, b, "users-account-saved")
	b.Press(t, "Delete my account")
	shoot(t, b, "users-account-delete")
	b.Open(t, page("/account"))
	b.Press(t, "Sign out here")
	shoot(t, b, "users-signed-out")
	b.Open(t, page("/sign-in"))
	shoot(t, b, "users-sign-in-branded")
	b.Open(t, page("/sign-up"))
	shoot(t, b, "users-sign-up-branded")
}

// brand gives the demo's platform a name, a logo, a colour and addresses of its own.
func brand(t *testing.T, dev program.Facts) {
	t.Helper()
	look, err := json.Marshal(map[string]string{
		"productName": "Tally", "logo": "data:image/png;base64," + base64.StdEncoding.EncodeToString(tally()), "color": "#0f766e",
		"homeUrl": "https://tally.example", "termsUrl": "https://tally.example/terms", "privacyUrl": "https://tally.example/privacy",
		"supportUrl": "https://tally.example/help",
	})
	if err != nil {
		t.Fatal(err)
	}
	dashboard, err := url.Parse(dev.DashboardURL)
	if err != nil {
		t.Fatal(err)
	}
	developer := apiOf(dev, dev.Demo.DeveloperToken)
	developer.host = dashboard.Host
	developer.do(t, http.MethodPatch, "/api/platforms/"+dev.Demo.PlatformID+"/sign-in", "", string(look))
}

// tally is a logo: tally marks on a rounded square.
func tally() []byte {
	const size = 160
	picture := image.NewNRGBA(image.Rect(0, 0, size, size))
	teal, white := color.NRGBA{15, 118, 110, 255}, color.NRGBA{255, 255, 255, 255}
	for y := range size {
		for x := range size {
			const r = 36
			dx, dy := max(r-x, x-(size-1-r), 0), max(r-y, y-(size-1-r), 0)
			if dx*dx+dy*dy > r*r {
				continue
			}
			picture.SetNRGBA(x, y, teal)
			upright := y >= 42 && y < 118 && x >= 44 && x < 116 && (x-44)%21 < 9
			across := x >= 30 && x < 130 && x+y*9/5 >= 216 && x+y*9/5 < 234
			if upright || across {
				picture.SetNRGBA(x, y, white)
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		panic(err) // a buffer takes everything
	}
	return out.Bytes()
}

// blurb is the example product: the desk of who has written, their limit, and the plans.
func blurb(t *testing.T, folder string) {
	t.Helper()
	b := browser.New(t, true)
	origin := program.StartBlurb(t, folder, nil)
	b.Open(t, origin+"/")
	b.Press(t, "Sign up")
	b.Press(t, "Continue with your email")
	b.Fill(t, "First name", "Ida", "Last name", "Rhodes", "Email address", "ida@tables.example", "Password", "a long sentence of my own")
	b.Press(t, "Sign up")
	b.AwaitAt(t, origin+"/")
	for i, about := range []string{"A teapot that never drips", "Socks that find each other", "A lamp for reading under the blanket"} {
		b.Fill(t, "In a few words", about)
		b.Act(t, chromedp.Click(chromedp.CSS("#write button")))
		wait.For(t, "text", func() bool {
			return browser.Look[int](t, b, "document.querySelectorAll('#texts article:not([hidden])').length") == i+1
		})
	}
	shoot(t, b, "blurb")
	b.Press(t, "See the plans")
	wait.For(t, "price list", func() bool {
		return browser.Look[bool](t, b, "!!document.querySelector('dream-pricing').shadowRoot?.querySelector('[part=tier]')")
	})
	shoot(t, b, "blurb-plans")
}
