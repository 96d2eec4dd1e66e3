package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
)

const focused = `(document.activeElement.id || document.activeElement.textContent).replace(/\s+/g, ' ').trim()`

// becomes waits until an expression of the page is that.
func becomes(t *testing.T, b *browser.Tab, expression, want string) {
	t.Helper()
	wait.For(t, want+" as "+expression, func() bool { return browser.Look[string](t, b, expression) == want })
}

// comesToSay waits until the page says so, without opening it again.
func comesToSay(t *testing.T, b *browser.Tab, words string) {
	t.Helper()
	wait.For(t, words, func() bool { return strings.Contains(b.Words(t), words) })
}

// A tier is edited in its card on the price list, by the keyboard too, with the form and the answers of its own page.
func TestATierOfTheDashboardIsEditedInItsCard(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	b := browser.New(t, true)
	own := d.signsUp(t, b, "in-place@example.com")
	b.Open(t, d.facts.DashboardURL+own+"/tiers")

	b.Act(t, chromedp.Focus(chromedp.CSS("#card-pro [data-edit]")), chromedp.KeyEvent(kb.Enter))
	becomes(t, b, focused, "tier-pro-displayName")
	b.PressHere(t, "Cancel")
	becomes(t, b, focused, "Edit Pro")
	b.Says(t, "$10.00 a month")
	if n := browser.Look[int](t, b, "document.querySelectorAll('.tier-edit').length"); n != 0 {
		t.Errorf("after Cancel %d forms are there", n)
	}

	b.PressHere(t, "Edit Pro")
	becomes(t, b, focused, "tier-pro-displayName")
	soundOpenPage(t, b, "a tier in its card")
	b.PressHere(t, "Edit Free") // another is edited at the same time, and nothing typed is lost
	becomes(t, b, focused, "tier-free-displayName")
	b.Fill(t, "tier-free-displayName", "Gratis", "tier-pro-displayName", "Professional", "tier-pro-monthly", "nonsense")
	b.Act(t, chromedp.KeyEvent(kb.Enter))
	comesToSay(t, b, "Please check what you entered")
	becomes(t, b, focused, "tier-pro-monthly")
	b.Says(t, "The monthly price")
	for field, want := range map[string]string{"tier-pro-monthly": "nonsense", "tier-pro-displayName": "Professional", "tier-free-displayName": "Gratis"} {
		if got := browser.Look[string](t, b, "document.getElementById('"+field+"').value"); got != want {
			t.Errorf("%s has become %q", field, got)
		}
	}
	soundOpenPage(t, b, "a tier with faults in its card")
	b.Fill(t, "tier-pro-monthly", "25")
	b.Act(t, chromedp.KeyEvent(kb.Enter))
	becomes(t, b, focused, "tier-pro-preview")
	b.Says(t, "$10.00", "$25.00", "For those who subscribe from now on.")
	b.DoesNotSay(t, "Please check")
	soundOpenPage(t, b, "what a change does, in the card")
	b.PressHere(t, "Save the change")
	becomes(t, b, focused, "Edit Professional")
	if card := b.Text(t, "#card-pro"); !strings.Contains(card, "The tier Professional is saved") || !strings.Contains(card, "$25.00 a month") {
		t.Errorf("the card shows %s", card)
	}
	if path := b.Path(t); path != own+"/tiers" {
		t.Errorf("the browser is at %s", path)
	}
	b.PressHere(t, "Edit Professional")
	becomes(t, b, focused, "tier-pro-displayName")
	b.DoesNotSay(t, "is saved")
	b.NoComplaints(t)
	b.Reload(t)
	b.Says(t, "Professional", "$25.00 a month", "Free")
	b.DoesNotSay(t, "Gratis")

	b.Press(t, "Move Professional up") // the order is a form of its own
	if list := b.Text(t, ".price-list"); strings.Index(list, "Professional") > strings.Index(list, "Free") {
		t.Errorf("it has not moved up: %s", list)
	}
}

func TestATierOfTheDashboardIsEditedOnItsPageWithoutJavaScript(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	b := browser.New(t, false)
	own := d.signsUp(t, b, "on-its-page@example.com")
	b.Open(t, d.facts.DashboardURL+own+"/tiers")
	b.Press(t, "Edit Pro")
	if path := b.Path(t); path != own+"/tiers/pro" {
		t.Errorf("Edit leads to %s", path)
	}
	b.Press(t, "Cancel")
	b.Press(t, "Edit Pro")
	b.Fill(t, "Monthly price", "nonsense")
	b.Press(t, "See what it does")
	b.Says(t, "Please check what you entered")
	b.Fill(t, "Monthly price", "25")
	b.Press(t, "See what it does")
	b.Says(t, "$10.00", "$25.00")
	b.Press(t, "Save the change")
	b.Says(t, "The tier Pro is saved", "$25.00 a month")
	if path := b.Path(t); path != own+"/tiers" {
		t.Errorf("after saving the browser is at %s", path)
	}
	b.NoComplaints(t)
}
