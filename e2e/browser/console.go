package browser

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
)

// console keeps the errors that a page shows to nobody but its developer.
type console struct {
	mu     sync.Mutex
	errors []string
}

func (c *console) listen(event any) {
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
		c.mu.Lock()
		defer c.mu.Unlock()
		c.errors = append(c.errors, complaint)
	}
}

// Complaints are the errors in the console since they were last asked for.
func (b *Tab) Complaints() []string {
	b.console.mu.Lock()
	defer b.console.mu.Unlock()
	list := b.console.errors
	b.console.errors = nil
	return list
}

// NoComplaints checks that nothing went wrong of which only the console knows, but for the status of pages that refuse.
func (b *Tab) NoComplaints(t *testing.T, statuses ...string) {
	t.Helper()
	for _, complaint := range b.Complaints() {
		expected := false
		for _, status := range statuses {
			expected = expected || strings.Contains(complaint, "the server responded with a status of "+status)
		}
		if !expected {
			t.Errorf("the console shows %q", complaint)
		}
	}
}
