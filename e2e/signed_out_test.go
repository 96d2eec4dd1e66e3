package e2e

import (
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
)

// Whose session ends while they fill in a form of the dashboard signs in in another tab, and sends it again.
func TestAFormOfTheDashboardOutlivesTheSession(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	for name, scripts := range map[string]bool{"with JavaScript": true, "without JavaScript": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := browser.New(t, scripts)
			email := strings.ReplaceAll(name, " ", "-") + "@example.com"
			d.outlives(t, b, email, d.signsUp(t, b, email))
		})
	}
}

func (d *devRun) outlives(t *testing.T, b *browser.Tab, email, own string) {
	t.Helper()
	other := b.Another(t)
	b.Open(t, d.facts.DashboardURL+own+"/tiers")
	if b.Scripts { // in the card, which gives way to the page that says so
		b.PressHere(t, "Edit Pro")
		becomes(t, b, focused, "tier-pro-displayName")
	} else {
		b.Press(t, "Edit Pro")
	}
	b.Fill(t, "Display name", `Pro "<b>"`, "Monthly price", "25", "Features", "One & two")
	other.Open(t, d.facts.DashboardURL+"/account")
	other.Press(t, "Sign out everywhere")
	if b.Scripts {
		b.PressHere(t, "See what it does")
		b.AwaitAt(t, "/tiers/pro/preview") // which a script leads to, so no press waits for it
	} else {
		b.Press(t, "See what it does")
	}
	b.Says(t, "You are signed out", "Nothing was saved", `Pro "<b>"`, "One & two")
	if query := browser.Look[string](t, b, "location.search"); query != "" {
		t.Errorf("the address has %s", query)
	}
	b.NoComplaints(t, "401")
	soundOpenPage(t, b, "the form of who is signed out")
	b.Press(t, "Send it again") // too early: it is kept
	b.Says(t, "You are signed out", `Pro "<b>"`)
	b.NoComplaints(t, "401")

	other.Open(t, d.facts.DashboardURL+"/sign-in")
	other.Press(t, "Sign in")
	other.Fill(t, "Email address", email, "Password", password)
	other.Press(t, "Sign in")
	if !b.Scripts {
		other.Press(t, "Continue")
	}
	other.AwaitAt(t, "/platforms/")
	b.Press(t, "Send it again")
	b.Says(t, "What this does", "$25.00")
	b.Press(t, "Save the change")
	b.Says(t, `Pro "<b>"`, "$25.00 a month", "One & two")
	b.NoComplaints(t)
}
