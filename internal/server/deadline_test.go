package server

import (
	"context"
	"errors"
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

func TestADeadlineIsOverWhenItIsStopped(t *testing.T) {
	t.Parallel()
	early, late := within(t.Context(), time.Hour), within(t.Context(), time.Hour)
	done := early.Done()
	early.stop()
	late.stop()
	<-done
	<-late.Done()
	if !errors.Is(early.Err(), context.Canceled) || !errors.Is(late.Err(), context.Canceled) {
		t.Error(early.Err(), late.Err())
	}
	if at, ok := early.Deadline(); !ok || time.Until(at) < 59*time.Minute {
		t.Errorf("it ends at %v", at)
	}
}
