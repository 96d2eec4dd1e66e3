//go:build screenshots

package screenshots

import (
	"net/http"
	"os"
	"testing"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
)

// The dashboard of the demo year, as the README and docs show it. SCREENSHOTS_YEAR may name a folder in which a year is made
// already: to make one takes minutes.
func TestScreenshotsOfTheDemoYear(t *testing.T) {
	folder := os.Getenv("SCREENSHOTS_YEAR")
	if folder == "" {
		folder = program.Folder(t)
	}
	_, dev := program.StartYear(t, program.DevCommand(folder, "--demo"))
	b := browser.New(t, true)
	b.Open(t, dev.DashboardURL+"/dashboard")
	b.Press(t, "Sign in")
	b.Fill(t, "email_address", dev.Demo.Email, "password", dev.Demo.Password)
	b.Press(t, "Sign in")
	b.AwaitAt(t, "/platforms/")

	at := dev.DashboardURL + "/platforms/" + dev.DemoYear.PlatformID
	b.Open(t, at)
	shoot(t, b, "year-overview")
	b.Open(t, at+"/customers")
	shoot(t, b, "year-customers")
	b.Open(t, at+"/customers/"+oldest(t, apiOf(dev, dev.DemoYear.SecretKey), "pro"))
	shoot(t, b, "year-customer")
	b.Open(t, at+"/tiers")
	shoot(t, b, "year-tiers")
	if browser.Look[bool](t, b, `document.querySelector('nav a[href$="/usage"]') !== null`) {
		b.Open(t, at+"/usage")
		shoot(t, b, "year-usage")
	}
}

// oldest is the id of a customer on a plan who has been there for long.
func oldest(t *testing.T, a api, plan string) (user string) {
	t.Helper()
	for cursor := ""; ; {
		page := a.do(t, http.MethodGet, "/api/customers?limit=100&plan="+plan+"&cursor="+cursor, "", "")
		for _, one := range page["data"].([]any) {
			user = one.(map[string]any)["id"].(string)
		}
		if next, ok := page["nextCursor"].(string); ok && next != "" {
			cursor = next
			continue
		}
		return user
	}
}
