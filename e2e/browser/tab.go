// Package browser drives a Chromium without a screen, in which a test acts as a person.
package browser

import (
	"context"
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/wait"
)

// Tab is a tab of a Chromium.
type Tab struct {
	Scripts bool // whether its pages run any

	ctx      context.Context
	console  console
	requests requests
}

// New starts a Chromium with nothing in its profile, which ends with the test.
func New(t *testing.T, scripts bool) *Tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	return open(allocator, t, scripts)
}

// Another opens another tab of the same browser.
func (b *Tab) Another(t *testing.T) *Tab { t.Helper(); return open(b.ctx, t, b.Scripts) }

// WithoutScripts opens another tab of the same browser, whose pages run no scripts.
func (b *Tab) WithoutScripts(t *testing.T) *Tab { t.Helper(); return open(b.ctx, t, false) }

func open(parent context.Context, t *testing.T, scripts bool) *Tab {
	t.Helper()
	b := &Tab{Scripts: scripts}
	ctx, closeTab := chromedp.NewContext(parent, chromedp.WithListener(b.console.listen), chromedp.WithListener(b.requests.listen))
	t.Cleanup(closeTab)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as the context in which it starts
		t.Fatal(err)
	}
	b.Act(t, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
		return err
	}))
	return b
}

// soon is a context for one thing that a person does.
func (b *Tab) soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, wait.Patience)
}

// Act does what a person does.
func (b *Tab) Act(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("at %s: %v", b.Where(), err)
	}
}

// Where is the address of the page, as far as it can be said.
func (b *Tab) Where() string {
	ctx, cancel := b.soon()
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	return at
}

// Click presses what leads to another page, and returns when that is there.
func (b *Tab) Click(t *testing.T, selector string) {
	t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		t.Fatalf("at %s, after %s: %v", b.Where(), selector, err)
	}
}

// Look evaluates an expression in the page.
func Look[T any](t *testing.T, b *Tab, expression string) T {
	t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("at %s: %s: %v", b.Where(), expression, err)
	}
	return value
}

// Prefer is what a person has set in their system: light or dark, and nothing that moves.
func Prefer(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	})
}
