package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
)

var boldWords = regexp.MustCompile(`\*\*([^*]+)\*\*`)

// Who presses what the guide has in bold, in its order, is live: the words are those of the pages.
func TestTheGuideToGoLiveClickByClick(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/guides/go-live.md")
	if err != nil {
		t.Fatal(err)
	}
	d := startDev(t, program.Folder(t))
	b := browser.New(t, true)
	d.signIn(t, b)
	b.Open(t, d.facts.DashboardURL+"/platforms/"+d.facts.Demo.PlatformID)
	b.Act(t, chromedp.EmulateViewport(1280, 900)) // on which the menu is open
	b.Click(t, "nav a[href$='/setup']")
	// What is to be done on the page to which a click leads, before one comes back.
	then := map[string]func(){
		"Set up Live": func() {},
		"Pay $15 a month": func() {
			b.Pay(t, goodCard, "Subscribe")
			b.AwaitAt(t, d.facts.DashboardURL+"/plan")
		},
		"Connect Stripe": func() {
			b.Choose(t, "Create a new account")
			b.Fill(t, "Email address", "ada@example.com", "Business name", "Analytical Engines")
			b.Press(t, "Connect my account")
			b.AwaitAt(t, "/connect")
			b.Says(t, "Takes payments")
		},
		"Copy those of Test": func() { b.Says(t, "free", "pro") },
		"Copy to live now":   func() {},
		"Create live keys": func() {
			b.Fill(t, "Name", "production")
			b.Press(t, "Create the key")
			b.Says(t, "sk_live_")
			b.Fill(t, "Name", "pages")
			b.Choose(t, "Publishable")
			b.Press(t, "Create the key")
			b.Says(t, "pk_live_")
		},
	}
	done := map[string]bool{}
	live := ""
	for _, bold := range boldWords.FindAllStringSubmatch(string(guide), -1) {
		words := bold[1]
		act, known := then[words]
		if !known {
			t.Fatalf("the guide has %q in bold, and this test does not know what comes of it", words)
		}
		b.Press(t, words)
		act()
		done[words] = true
		switch {
		case live == "":
			live = strings.TrimSuffix(b.Path(t), "/setup")
		case words != "Copy those of Test":
			b.Open(t, d.facts.DashboardURL+live+"/setup")
		}
	}
	if len(done) != len(then) {
		t.Errorf("the guide has in bold only %v", done)
	}
	b.Says(t, "All done")
	b.NoComplaints(t)
}
