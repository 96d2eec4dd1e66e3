// Package wait has a test wait for what comes by itself.
package wait

import (
	"testing"
	"time"
)

// Patience ends a wait for what does not come. Nothing is concluded from it but failure.
const Patience = 60 * time.Second

// For returns once ok does.
func For(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(Patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
