package e2e

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a tab of a Chromium, in which a test acts as a person.
type tab struct {
	ctx     context.Context
	scripts bool

	mu       sync.Mutex
	complain []string // errors in the console
}

// newTab starts a Chromium with nothing in its profile. Without scripts, the pages run none.
func newTab(t *testing.T, scripts bool) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	return openTab(allocator, t, scripts)
}

func openTab(parent context.Context, t *testing.T, scripts bool) *tab {
	t.Helper()
	b := &tab{scripts: scripts}
	ctx, closeTab := chromedp.NewContext(parent, chromedp.WithListener(b.listen))
	t.Cleanup(closeTab)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as the context in which it starts
		t.Fatal(err)
	}
	soon, cancel := b.soon()
	defer cancel()
	_, err := chromedp.Call(soon, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// another opens another tab of the same browser.
func (b *tab) another(t *testing.T) *tab { t.Helper(); return openTab(b.ctx, t, b.scripts) }

// soon is a context for one thing that a person does.
func (b *tab) soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, patience)
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
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			complaint = fmt.Sprint("console.error with ", len(e.Args), " values")
		}
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

// act does what a person does.
func (b *tab) act(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("at %s: %v", b.where(), err)
	}
}

// where is the address of the page, as far as it can be said.
func (b *tab) where() string {
	ctx, cancel := b.soon()
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	return at
}

// click presses what leads to another page, and returns when that is there.
func (b *tab) click(t *testing.T, selector string) {
	t.Helper()
	ctx, cancel := b.soon()
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		t.Fatalf("at %s, after %s: %v", b.where(), selector, err)
	}
}

// look evaluates an expression in the page.
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
