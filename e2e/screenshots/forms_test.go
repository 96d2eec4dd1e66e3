//go:build screenshots

package screenshots

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
)

// forms sends the forms of which no picture is kept, as a person without a mouse or a script could.
func forms(t *testing.T, dev program.Facts, b *browser.Tab, test string) {
	t.Helper()
	at := dev.DashboardURL + test
	b.Open(t, at+"/tiers")
	b.Press(t, "Move Team up")
	if order := b.Text(t, ".price-list"); strings.Index(order, "Team") > strings.Index(order, "Pro") {
		t.Errorf("Team has not moved up: %s", order)
	}
	b.Open(t, at+"/tiers/team")
	b.Press(t, "Move them all")
	b.Says(t, "Nobody is on an earlier price")
	b.Fill(t, "tier-team-monthly", "59", "tier-team-max.0", "10")
	b.Press(t, "See what it does")
	b.Says(t, "$49.00", "$59.00", "For those who subscribe from now on. 1 subscriber keeps their price.")
	shoot(t, b, "tier-preview")
	b.Press(t, "Save the change")
	b.Says(t, "The tier Team is saved")
	b.Open(t, at+"/tiers/team")
	b.Press(t, "Move them all")
	b.Says(t, "1 subscriber renews at the present price")
	b.Press(t, "Archive Team")
	b.Says(t, "The tier Team is archived")
	b.Press(t, "Put on sale again")
	b.Says(t, "The tier Team is on sale again")

	b.Open(t, at+"/keys")
	b.Press(t, "Rotate staging")
	b.Says(t, "The key staging has a successor", "shown this once", "Works until")
	b.Press(t, "Revoke staging")
	b.Says(t, "The key staging is revoked", "1 key that no longer works")

	b.Open(t, at+"/settings")
	b.Fill(t, "domain-domain", "shop.localhost")
	b.Press(t, "Add the domain")
	b.Says(t, "The domain shop.localhost leads to this platform")
	b.Press(t, "Remove shop.localhost")
	b.Says(t, "The domain shop.localhost is removed")
	b.Fill(t, "settings-name", "Trying", "settings-allowedOrigins", "https://app.example.com")
	b.Press(t, "Save")
	b.Says(t, "Saved")

	b.Open(t, dev.DashboardURL+"/account")
	b.Fill(t, "token-name", "ci")
	b.Press(t, "Create the token")
	b.Says(t, "The token ci is ready", "dk_")
	b.Press(t, "Revoke ci")
	b.Says(t, "The token ci is revoked")

	b.Open(t, dev.DashboardURL+"/projects")
	b.Act(t, chromedp.Evaluate[chromedp.Void](`for (const form of document.forms) form.noValidate = true`)) // as an older browser
	b.Press(t, "Add the platform")
	b.Says(t, "The name has 1 to 100 characters.")
	b.Click(t, ".on-wide form button") // sign out
	b.Open(t, dev.DashboardURL+"/account")
	b.AwaitAt(t, "/sign-in?next=%2Faccount")
}
