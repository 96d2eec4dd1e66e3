//go:build screenshots

package screenshots

import (
	"strings"
	"testing"
)

// forms sends the forms of which no picture is kept, as a person without a mouse or a script could.
func forms(t *testing.T, dev facts, b *tab, test string) {
	t.Helper()
	at := dev.DashboardURL + test
	b.open(t, at+"/tiers")
	b.pressAt(t, "[aria-label='Move Team up']")
	if order := b.text(t, "tbody"); strings.Index(order, "Team") > strings.Index(order, "Pro") {
		t.Errorf("Team has not moved up: %s", order)
	}
	b.open(t, at+"/tiers/team")
	b.press(t, "Move them all")
	b.says(t, "Nobody is on an earlier price")
	b.fill(t, "tier-monthly", "59")
	b.press(t, "Save")
	b.says(t, "The tier Team is saved")
	b.open(t, at+"/tiers/team")
	b.press(t, "Move them all")
	b.says(t, "1 subscriber renews at the present price")
	b.press(t, "Archive Team")
	b.says(t, "The tier Team is archived")
	b.press(t, "Put on sale again")
	b.says(t, "The tier Team is on sale again")

	b.open(t, at+"/keys")
	b.press(t, "Rotate staging")
	b.says(t, "The key staging has a successor", "shown this once", "Works until")
	b.press(t, "Revoke staging")
	b.says(t, "The key staging is revoked", "1 key that no longer works")

	b.open(t, at+"/settings")
	b.fill(t, "domain-domain", "shop.localhost")
	b.press(t, "Add the domain")
	b.says(t, "The domain shop.localhost leads to this platform")
	b.press(t, "Remove shop.localhost")
	b.says(t, "The domain shop.localhost is removed")
	b.fill(t, "settings-name", "Trying", "settings-allowedOrigins", "https://app.example.com")
	b.press(t, "Save")
	b.says(t, "Saved")

	b.open(t, dev.DashboardURL+"/account")
	b.fill(t, "token-name", "ci")
	b.press(t, "Create the token")
	b.says(t, "The token ci is ready", "dk_")
	b.press(t, "Revoke ci")
	b.says(t, "The token ci is revoked")

	b.open(t, dev.DashboardURL+"/projects")
	b.run(t, `for (const form of document.forms) form.noValidate = true`) // as an older browser
	b.press(t, "Add the platform")
	b.says(t, "The name has 1 to 100 characters.")
	b.press(t, "Sign out")
	b.open(t, dev.DashboardURL+"/account")
	b.await(t, "/sign-in?next=%2Faccount")
}
