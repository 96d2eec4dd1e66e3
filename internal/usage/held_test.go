package usage

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
)

// hold has a process stop in the middle of a change of what the table has of the platform.
func (b books) hold(t *testing.T, table string, platform id.Platform) (release func()) {
	t.Helper()
	change, err := b.Connect(t, b.Owner).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := change.Exec(t.Context(), "UPDATE tenant_usage."+table+" SET calls = calls WHERE platform_id = $1", string(platform)); err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		if err := change.Rollback(context.Background()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(release)
	return release
}

// waiting makes items for the calls, for whose answers done waits.
func waiting(t *testing.T, calls ...Call) (items []*item, done *sync.WaitGroup) {
	t.Helper()
	done = new(sync.WaitGroup)
	done.Add(len(calls))
	for _, c := range calls {
		it := itemOf(t, c)
		it.done = done
		items = append(items, it)
	}
	return items, done
}

func TestARowThatIsHeldKeepsNobodyWaitingWhoDoesNotNeedIt(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"users", "platforms"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			b := newBooks(t)
			held, other := b.newCall(t, "user", 1), b.newCall(t, "user", 1)
			held.Entitlement.PlatformRateLimit = new(1000)
			if _, failed := b.TrackAll([]Call{held, other}); errors.Join(failed...) != nil { // they have rows from now on
				t.Fatal(failed)
			}
			release := b.hold(t, table, held.Entitlement.Platform)

			batch, done := waiting(t, held, other)
			b.flushCarefully(batch)
			if batch[0].settled.Load() || !batch[1].settled.Load() || batch[1].err != nil {
				t.Errorf("answered is the held one: %v, the other: %v %v", batch[0].settled.Load(), batch[1].settled.Load(), batch[1].err)
			}
			next, nextDone := waiting(t, held)
			if err := b.countCarefully(next, b.held.has); err != nil || next[0].settled.Load() {
				t.Fatalf("the next call waits for the row: %v; it is answered: %v", err, next[0].settled.Load())
			}

			release()
			done.Wait()
			nextDone.Wait()
			if err := errors.Join(batch[0].err, next[0].err); err != nil || b.count(t, held) != 3 || b.count(t, other) != 2 {
				t.Errorf("at the end: %v; the counts are %d and %d, want 3 and 2", err, b.count(t, held), b.count(t, other))
			}
		})
	}
}

func TestAFlushThatPanicsLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	var done sync.WaitGroup
	done.Add(2)
	counted, other := &item{done: &done}, &item{done: &done}
	guard(func(batch []*item) {
		batch[0].settle(Outcome{}, nil)
		panic("a bug")
	})([]*item{counted, other})
	done.Wait()
	if counted.err != nil || !errs.Is(other.err, errs.Internal) {
		t.Errorf("what was counted has %v, the other %v", counted.err, other.err)
	}
}
