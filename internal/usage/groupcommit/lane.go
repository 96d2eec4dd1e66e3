// Package groupcommit collects what arrives while a commit is under way, and hands it over as the next batch: the
// busier it gets the larger the batches are, and a lone item waits for nobody. It knows nothing of what it collects or of
// any database.
package groupcommit

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrFull says that no more items may wait, in all or for one owner.
var ErrFull = errors.New("too many items wait already")

// ErrStuck says that items wait behind a commit which is taking too long.
var ErrStuck = errors.New("the commit ahead takes too long")

// Config is how a Lane works.
type Config[T any] struct {
	// Flush commits a batch and lets each of its items know how it went. No two flushes at once have items of one owner: what
	// they lock, they do not lock from each other.
	Flush func(batch []T)
	// Owner is whose an item is. Owners take turns, so that nobody waits behind the flood of another.
	Owner func(T) string
	// Refuse lets an item know why it is not flushed: ErrStuck.
	Refuse func(T, error)

	Most     int           // items in a batch
	Bound    int           // items that may wait; of one owner half as many
	Slow     time.Duration // once a flush has taken this long, a second one may go beside it
	Patience time.Duration // after which an item that still waits is refused; behind a flush this old, at once
}

// Lane is where items wait. Make one with New.
type Lane[T any] struct {
	cfg Config[T]

	mu      sync.Mutex
	turns   []*owner[T] // those with items waiting, in the order of their turns
	owners  map[string]*owner[T]
	waiting int // items
	ready   int // of those, the items of owners who are not away
	flights []*flight[T]

	wake     chan struct{} // for a flusher
	stop     chan struct{} // ends the watch
	stopped  chan struct{} // ends the flushers, when nothing waits
	watching sync.WaitGroup
	flushing sync.WaitGroup
}

// flight is a flush under way.
type flight[T any] struct {
	owners []*owner[T] // of its items
	since  time.Time
	slow   bool
}

// atOnce is how many flushes may be under way.
const atOnce = 2

// owner is one who has items waiting, or in a flush under way.
type owner[T any] struct {
	name  string
	items []entry[T] // that wait, oldest first
	away  *flight[T] // nil: none under way has items of this owner
}

type entry[T any] struct {
	item  T
	since time.Time
}

// New makes a Lane and starts it.
func New[T any](cfg Config[T]) *Lane[T] {
	l := &Lane[T]{
		cfg: cfg, owners: map[string]*owner[T]{},
		wake: make(chan struct{}, atOnce), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	for range atOnce {
		l.flushing.Go(l.flushAll)
	}
	l.watching.Go(l.watch)
	return l
}

// Close flushes what waits, and returns when that is done. Nothing may be submitted meanwhile.
func (l *Lane[T]) Close() {
	close(l.stop)
	l.watching.Wait()
	close(l.stopped)
	l.flushing.Wait()
	for l.flush(atOnce) { // what waited behind a Run
	}
}

// Submit hands items over: all of them, or none with ErrFull or ErrStuck.
func (l *Lane[T]) Submit(items ...T) error {
	if err := l.enqueue(items); err != nil {
		return err
	}
	l.wakeOne()
	return nil
}

// Run is Submit by somebody who will wait for the outcome: where no flush is under way, the next batch is flushed here, as
// to have another goroutine do it would only cost the time to wake that one. What arrives meanwhile it leaves to others.
func (l *Lane[T]) Run(items ...T) error {
	if err := l.enqueue(items); err != nil {
		return err
	}
	l.flushing.Add(1)
	defer l.flushing.Done()
	defer l.wakeOne()
	l.flush(1)
	return nil
}

// enqueue has items wait.
func (l *Lane[T]) enqueue(items []T) error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.room(items, now); err != nil {
		return err
	}
	for _, item := range items {
		name := l.cfg.Owner(item)
		o := l.owners[name]
		if o == nil {
			o = &owner[T]{name: name}
			l.owners[name] = o
		}
		if len(o.items) == 0 {
			l.turns = append(l.turns, o)
		}
		o.items = append(o.items, entry[T]{item, now})
		if o.away == nil {
			l.ready++
		}
	}
	l.waiting += len(items)
	return nil
}

// wakeOne wakes a flusher, if it has something to do.
func (l *Lane[T]) wakeOne() {
	l.mu.Lock()
	may := l.may(atOnce)
	l.mu.Unlock()
	if may {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// may is whether a flush may begin, where so many are the most. Beside another it does only if that is slow: two small
// batches cost more than a large one.
func (l *Lane[T]) may(most int) bool {
	return l.ready > 0 && len(l.flights) < most && (len(l.flights) == 0 || slices.ContainsFunc(l.flights, (*flight[T]).isSlow))
}

func (f *flight[T]) isSlow() bool { return f.slow }

// room is an error unless the items, which belong to one owner, may wait.
func (l *Lane[T]) room(items []T, now time.Time) error {
	stuck := func(f *flight[T]) bool { return now.Sub(f.since) > l.cfg.Patience }
	others := func(f *flight[T]) bool { return !stuck(f) }
	o := l.owners[l.cfg.Owner(items[0])]
	if o != nil && o.away != nil && stuck(o.away) || len(l.flights) == atOnce && !slices.ContainsFunc(l.flights, others) {
		return ErrStuck
	}
	if l.waiting+len(items) > l.cfg.Bound {
		return ErrFull
	}
	if o != nil && len(o.items)+len(items) > l.cfg.Bound/2 {
		return ErrFull
	}
	return nil
}

// flushAll flushes batch after batch, until there is none.
func (l *Lane[T]) flushAll() {
	for last := false; !last; {
		select {
		case <-l.wake:
		case <-l.stopped:
			last = true
		}
		for l.flush(atOnce) {
		}
	}
}

// flush flushes the next batch; false where there is none, or none that may go beside those under way. Who calls it does so
// again, or wakes a flusher: to wake one after each batch would have two of them after the same one.
func (l *Lane[T]) flush(most int) bool {
	batch, f := l.take(most)
	if f == nil {
		return false
	}
	slow := time.AfterFunc(l.cfg.Slow, func() {
		l.mu.Lock()
		f.slow = true
		l.mu.Unlock()
		l.wakeOne()
	})
	defer l.land(f)
	defer slow.Stop()
	l.cfg.Flush(batch)
	return true
}

// take removes the next batch: one item of each owner in turn, until it is full. An owner who has items in another flush
// waits for its end.
func (l *Lane[T]) take(most int) ([]T, *flight[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.may(most) {
		return nil, nil
	}
	var elsewhere, turns []*owner[T]
	for _, o := range l.turns {
		if o.away != nil {
			elsewhere = append(elsewhere, o)
		} else {
			turns = append(turns, o)
		}
	}
	batch := make([]T, 0, min(l.ready, l.cfg.Most))
	f := &flight[T]{since: time.Now()}
	for len(batch) < cap(batch) {
		o := turns[0]
		batch = append(batch, o.items[0].item)
		if o.away == nil {
			o.away = f
			f.owners = append(f.owners, o)
		}
		o.items = o.items[1:]
		turns = turns[1:]
		if len(o.items) > 0 {
			turns = append(turns, o)
		}
	}
	l.turns = slices.Concat(elsewhere, turns)
	l.flights = append(l.flights, f)
	l.waiting -= len(batch)
	l.countReady()
	return batch, f
}

// countReady counts anew, after owners went away or came back.
func (l *Lane[T]) countReady() {
	l.ready = 0
	for _, o := range l.turns {
		if o.away == nil {
			l.ready += len(o.items)
		}
	}
}

// land lets the owners of a batch go into others again.
func (l *Lane[T]) land(f *flight[T]) {
	l.mu.Lock()
	for _, o := range f.owners {
		o.away = nil
		l.forget(o)
	}
	l.flights = slices.DeleteFunc(l.flights, func(other *flight[T]) bool { return other == f })
	l.countReady()
	l.mu.Unlock()
}

// forget forgets an owner who has no items here any more.
func (l *Lane[T]) forget(o *owner[T]) {
	if len(o.items) == 0 && o.away == nil {
		delete(l.owners, o.name)
	}
}

// watch refuses what has waited longer than the lane's patience.
func (l *Lane[T]) watch() {
	tick := time.NewTicker(l.cfg.Patience / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, item := range l.overdue(time.Now().Add(-l.cfg.Patience)) {
				l.cfg.Refuse(item, ErrStuck)
			}
		case <-l.stop:
			return
		}
	}
}

// overdue removes the items that wait since before a moment.
func (l *Lane[T]) overdue(before time.Time) (late []T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.turns[:0:0]
	for _, o := range l.turns {
		for len(o.items) > 0 && o.items[0].since.Before(before) {
			late = append(late, o.items[0].item)
			o.items = o.items[1:]
		}
		if len(o.items) > 0 {
			kept = append(kept, o)
		}
		l.forget(o)
	}
	l.turns = kept
	l.waiting -= len(late)
	l.countReady()
	return late
}
