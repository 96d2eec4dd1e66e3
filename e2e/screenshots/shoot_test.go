//go:build screenshots

package screenshots

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/browser"
)

const (
	tallest = 2000 // of a screenshot, in pixels
	narrow  = 360  // the narrowest screen on which nothing scrolls sideways
)

// kept is where the screenshots go.
var kept = filepath.Join("..", "..", "docs", "screenshots")

// shoot keeps what the page looks like, in each of the four ways, without loading it again: a secret is shown once.
func shoot(t *testing.T, b *browser.Tab, name string) { t.Helper(); shootTop(t, b, name, tallest) }

// shootTop is shoot for what a page begins with, so many pixels at the most.
func shootTop(t *testing.T, b *browser.Tab, name string, most int64) {
	t.Helper()
	if list := b.Complaints(); len(list) > 0 {
		t.Errorf("%s: the console shows %q", name, list)
	}
	if n := browser.Look[int](t, b, "document.querySelectorAll('h1').length"); n != 1 {
		t.Errorf("%s has %d headings of the first level", name, n)
	}
	b.Act(t, chromedp.EmulateViewport(narrow, 800))
	if wide := browser.Look[int64](t, b, "document.documentElement.scrollWidth"); wide > narrow {
		t.Errorf("%s is %d px wide on a screen of %d", name, wide, narrow)
	}
	for _, device := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 900}, {"phone", narrow, 800}} {
		b.Act(t, chromedp.EmulateViewport(device.width, device.height))
		height := min(max(browser.Look[int64](t, b, "document.documentElement.scrollHeight"), device.height), most)
		for _, scheme := range []string{"light", "dark"} {
			var shot []byte
			take := chromedp.Func(func(ctx context.Context, at *chromedp.Target) (err error) {
				shot, err = chromedp.CaptureScreenshot()(ctx, at)
				return err
			})
			b.Act(t, browser.Prefer(scheme), chromedp.EmulateViewport(device.width, height), take)
			small, err := shrink(shot)
			if err == nil {
				err = os.WriteFile(filepath.Join(kept, fmt.Sprintf("%s-%s-%s.png", name, scheme, device.name)), small, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	b.Act(t, chromedp.EmulateViewport(1280, 900))
}
