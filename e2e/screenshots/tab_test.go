//go:build screenshots

package screenshots

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	patience = 30 * time.Second
	tallest  = 2000 // of a screenshot, in pixels
	narrow   = 360  // the narrowest screen on which nothing scrolls sideways
)

// kept is where the screenshots go.
var kept = filepath.Join("..", "..", "docs", "screenshots")

// tab is a tab of a Chromium, in which the test acts as a person.
type tab struct {
	ctx context.Context

	mu       sync.Mutex
	complain []string
}

func newTab(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	b := &tab{}
	ctx, end := chromedp.NewContext(allocator, chromedp.WithListener(b.listen))
	t.Cleanup(end)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // the browser ends with the context that starts it, which is none of one step
		t.Fatal(err)
	}
	b.size(t, 1280, 900)
	return b
}

func (b *tab) listen(event any) {
	var complaint string
	switch e := event.(type) {
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError {
			complaint = e.Entry.Text + " " + e.Entry.URL
		}
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Text
	}
	if complaint != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.complain = append(b.complain, complaint)
	}
}

// complaints are the errors in the console since they were last asked for.
func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.complain
	b.complain = nil
	return list
}

func (b *tab) act(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("at %s: %v", b.where(), err)
	}
}

// soon is a context for one step.
func (b *tab) soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, patience)
}

func (b *tab) where() string {
	at, _ := chromedp.Run(b.ctx, chromedp.Location())
	return at
}

func (b *tab) open(t *testing.T, address string) {
	t.Helper()
	b.act(t, chromedp.Navigate(address))
}

func look[T any](t *testing.T, b *tab, expression string) T {
	t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("at %s: %s: %v", b.where(), expression, err)
	}
	return value
}

func (b *tab) run(t *testing.T, script string) {
	t.Helper()
	look[bool](t, b, "(() => {"+script+"; return true})()")
}

func (b *tab) text(t *testing.T, selector string) string {
	t.Helper()
	return look[string](t, b, "document.querySelector("+quoted(selector)+").textContent")
}

func (b *tab) path(t *testing.T) string { t.Helper(); return look[string](t, b, "location.pathname") }

func (b *tab) origin(t *testing.T) string { t.Helper(); return look[string](t, b, "location.origin") }

// fill types into fields, by their ids.
func (b *tab) fill(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		b.run(t, "document.getElementById("+quoted(pairs[i])+").value = "+quoted(pairs[i+1]))
	}
}

// press presses the button or link that says so, and returns when the page behind it is there.
func (b *tab) press(t *testing.T, words string) {
	t.Helper()
	b.run(t, `const at = [...document.querySelectorAll('main button, main a, form button')].find(e => e.textContent.trim() === `+quoted(words)+`);
		if (!at) throw new Error('no button says ' + `+quoted(words)+`);
		for (let e = at; e; e = e.parentElement) if (e.tagName === 'DETAILS') e.open = true;
		at.setAttribute('data-pressed', '')`)
	b.pressAt(t, "[data-pressed]")
}

// pressAt is press for what a selector finds.
func (b *tab) pressAt(t *testing.T, selector string) {
	t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		t.Fatalf("at %s, after %s: %v", b.where(), selector, err)
	}
}

// says fails the test where the page does not.
func (b *tab) says(t *testing.T, words ...string) {
	t.Helper()
	page := look[string](t, b, "document.querySelector('main').textContent")
	for _, part := range words {
		if !strings.Contains(page, part) {
			t.Errorf("%s does not say %q:\n%s", b.where(), part, page)
		}
	}
}

// await returns once the address holds the text, as a page may lead on by itself.
func (b *tab) await(t *testing.T, part string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !strings.Contains(b.where(), part) {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain at %s for %s", b.where(), part)
		}
	}
	b.act(t, chromedp.WaitVisible(chromedp.CSS("main")))
}

// openUntil opens the page again and again until it says so.
func (b *tab) openUntil(t *testing.T, address, words string) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for b.open(t, address); !strings.Contains(look[string](t, b, "document.body.innerText"), words); b.open(t, address) {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s never says %q", address, words)
		}
	}
}

// pay pays at the sandbox's checkout.
func (b *tab) pay(t *testing.T) {
	t.Helper()
	at, err := url.Parse(b.where())
	if err != nil || !strings.HasPrefix(at.Path, "/c/pay/") {
		t.Fatalf("this is no checkout: %s", b.where())
	}
	b.fill(t, "number", "4242424242424242", "expiry", "12/34", "cvc", "123", "name", "Ada Lovelace")
	b.pressAt(t, "form.card > button")
}

// shoot keeps what the page looks like, in each of the four ways, without loading it again: a secret is shown once.
func (b *tab) shoot(t *testing.T, name string) {
	t.Helper()
	if list := b.complaints(); len(list) > 0 {
		t.Errorf("%s: the console shows %q", name, list)
	}
	if n := look[int](t, b, "document.querySelectorAll('h1').length"); n != 1 {
		t.Errorf("%s has %d headings of the first level", name, n)
	}
	b.size(t, narrow, 800)
	if wide := look[int64](t, b, "document.documentElement.scrollWidth"); wide > narrow {
		t.Errorf("%s is %d px wide on a screen of %d", name, wide, narrow)
	}
	for _, device := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 900}, {"phone", 390, 844}} {
		b.size(t, device.width, device.height)
		height := min(max(look[int64](t, b, "document.documentElement.scrollHeight"), device.height), tallest)
		for _, scheme := range []string{"light", "dark"} {
			b.call(t, func(ctx context.Context) error {
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
					{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
				}})
				return err
			})
			b.size(t, device.width, height)
			var shot []byte
			b.call(t, func(ctx context.Context) error {
				got, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
				shot = got.Data
				return err
			})
			small, err := shrink(shot)
			if err == nil {
				err = os.WriteFile(filepath.Join(kept, fmt.Sprintf("%s-%s-%s.png", name, scheme, device.name)), small, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	b.size(t, 1280, 900)
}

func (b *tab) size(t *testing.T, width, height int64) {
	t.Helper()
	b.act(t, chromedp.EmulateViewport(width, height))
}

func (b *tab) call(t *testing.T, fn func(context.Context) error) {
	t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	if err := fn(ctx); err != nil {
		t.Fatal(err)
	}
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has a form in JSON
	}
	return string(text)
}
