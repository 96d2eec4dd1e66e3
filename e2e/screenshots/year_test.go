//go:build screenshots

package screenshots

import (
	"net/http"
	"os"
	"testing"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
)

// yearTop is what fits beside a text.
const yearTop = 1240

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
	shootTop(t, b, "year-overview", yearTop)
	b.Open(t, at+"/customers")
	shootTop(t, b, "year-customers", yearTop)
	b.Open(t, at+"/customers/"+oldest(t, apiOf(dev, dev.DemoYear.SecretKey), "pro"))
	shootTop(t, b, "year-customer", yearTop)
	b.Open(t, at+"/tiers")
	shootTop(t, b, "year-tiers", yearTop)
	if browser.Look[bool](t, b, `document.querySelector('nav a[href$="/usage"]') !== null`) {
		b.Open(t, at+"/usage")
		shootTop(t, b, "year-usage", yearTop)
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
