package server

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func within(parent context.Context, d time.Duration) *deadline {
	return &deadline{Context: parent, at: time.Now().Add(d)}
}

func TestADeadlineEndsForWhoWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := within(t.Context(), time.Second)
		defer d.stop()
		derived, cancel := context.WithCancel(d)
		defer cancel()
		begun := time.Now()
		<-derived.Done()
		if took := time.Since(begun); took != time.Second || !errors.Is(derived.Err(), context.DeadlineExceeded) ||
			!errors.Is(d.Err(), context.DeadlineExceeded) {
			t.Errorf("after %v: %v, %v", took, derived.Err(), d.Err())
		}
	})
}

func TestADeadlineEndsForWhoOnlyAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := within(t.Context(), time.Second)
		defer d.stop()
		if err := d.Err(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if !errors.Is(d.Err(), context.DeadlineExceeded) {
			t.Error(d.Err())
		}
		<-d.Done() // who waits only now is not left waiting
	})
}

func TestADeadlineEndsWithWhatItIsMadeOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		asked, waited := within(parent, time.Second), within(parent, time.Second)
		defer asked.stop()
		defer waited.stop()
		if at, ok := asked.Deadline(); !ok || time.Until(at) != time.Millisecond {
			t.Errorf("it ends at %v", at)
		}
		<-waited.Done()
		if !errors.Is(asked.Err(), context.DeadlineExceeded) || time.Now().After(asked.at) {
			t.Error(asked.Err())
		}
	})
}

func TestADeadlineIsNoLaterThanThatOfWhatItIsMadeOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for parent, want := range map[time.Duration]time.Duration{time.Millisecond: time.Millisecond, time.Hour: time.Second} {
			ctx, cancel := context.WithTimeout(t.Context(), parent)
			if at, ok := within(ctx, time.Second).Deadline(); !ok || time.Until(at) != want {
				t.Errorf("of %v: it ends at %v", parent, at)
			}
			cancel()
		}
	})
}

func TestADeadlineIsOverWhenItIsStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked, waited, derived := within(t.Context(), time.Hour), within(t.Context(), time.Hour), within(t.Context(), time.Hour)
		from, cancel := context.WithCancel(derived)
		defer cancel()
		for _, d := range []*deadline{asked, waited, derived} {
			d.stop()
		}
		if err := from.Err(); !errors.Is(err, context.Canceled) { // at once
			t.Error(err)
		}
		time.Sleep(2 * time.Hour)
		<-waited.Done()
		for _, d := range []*deadline{asked, waited, derived} {
			if err := d.Err(); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
}

type valueKey struct{}

func TestContextsOfADeadlineNeedNoGoroutines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, end := context.WithCancel(context.WithValue(t.Context(), valueKey{}, "value"))
		defer end()
		d := within(parent, time.Hour)
		defer d.stop()
		if d.Value(valueKey{}) != "value" {
			t.Error("it has not the values of what it is made of")
		}
		before := runtime.NumGoroutine()
		for range 1000 {
			derived, cancel := context.WithTimeout(context.WithValue(d, valueKey{}, "own"), time.Minute)
			defer cancel()
			if derived.Value(valueKey{}) != "own" || d.Value(valueKey{}) != "value" {
				t.Fatal("values are mixed up")
			}
		}
		if more := runtime.NumGoroutine() - before; more > 100 { // other tests have some, too
			t.Errorf("a thousand contexts have %d goroutines", more)
		}
	})
}
