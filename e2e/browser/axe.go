package browser

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// axeFaults are what axe-core finds on the page, a line for each element: the rule, the element, and what to do.
const axeFaults = `axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.flatMap(v =>
	v.nodes.map(n => v.id + ' at ' + n.target.join(' ') + ': ' + n.failureSummary.replace(/\s+/g, ' '))))`

// Faults lists what axe-core finds on the page, by all of its rules. $AXE names its script, which make brings.
func (b *Tab) Faults(t *testing.T) []string {
	t.Helper()
	script, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		t.Fatalf("axe-core is not here, `make test` brings it: %v", err)
	}
	b.Act(t, chromedp.Evaluate[chromedp.Void](string(script)))
	ctx, cancel := b.soon()
	defer cancel()
	faults, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](axeFaults, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("axe-core at %s: %v", b.Where(), err)
	}
	return faults
}
