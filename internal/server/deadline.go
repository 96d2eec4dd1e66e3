package server

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends at a moment. Its timer starts when somebody first waits for that end: a request that is
// answered from memory, or by a batch, has nobody who does, and a timer with what belongs to it costs such a one a few
// percent.
type deadline struct {
	context.Context // which may end before
	at              time.Time

	mu      sync.Mutex
	timed   context.Context // nil: nobody waits yet
	cancel  context.CancelFunc
	stopped bool
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) {
	if at, ok := d.Context.Deadline(); ok && at.Before(d.at) {
		return at, true
	}
	return d.at, true
}

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} { return d.waited().Done() }

// Err implements context.Context.
func (d *deadline) Err() error {
	d.mu.Lock()
	waitedFor := d.timed != nil || d.stopped
	d.mu.Unlock()
	if !waitedFor && d.Context.Err() == nil && time.Now().Before(d.at) {
		return nil
	}
	return d.waited().Err()
}

// Value implements context.Context. Once there is a timer it is that context which answers, by which a derived one finds out
// that it can be ended along with it; otherwise each would need a goroutine that waits.
func (d *deadline) Value(key any) any {
	d.mu.Lock()
	timed := d.timed
	d.mu.Unlock()
	if timed != nil {
		return timed.Value(key)
	}
	return d.Context.Value(key)
}

// waited is the context with its timer.
func (d *deadline) waited() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.timed != nil:
	case d.stopped:
		d.timed, d.cancel = context.WithCancel(d.Context)
		d.cancel()
	default:
		d.timed, d.cancel = context.WithDeadline(d.Context, d.at)
	}
	return d.timed
}

// stop ends the context.
func (d *deadline) stop() {
	d.mu.Lock()
	d.stopped = true
	cancel := d.cancel
	d.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}
