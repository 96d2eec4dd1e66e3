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
	waiting int                // items
	ready   int                // of those, the items of owners who are not away
	away    map[string]*flight // where owners have items in a flush under way
	flights []*flight

	wake     chan struct{} // for a flusher
	stop     chan struct{} // ends the watch
	stopped  chan struct{} // ends the flushers, when nothing waits
	watching sync.WaitGroup
	flushing sync.WaitGroup
}

// flight is a flush under way.
type flight struct {
	owners []string // of its items
	since  time.Time
	slow   bool
}

// atOnce is how many flushes may be under way.
const atOnce = 2

// owner holds the items of one owner, oldest first.
type owner[T any] struct {
	name  string
	items []entry[T]
}

type entry[T any] struct {
	item  T
	since time.Time
}

// New makes a Lane and starts it.
func New[T any](cfg Config[T]) *Lane[T] {
	l := &Lane[T]{
		cfg: cfg, owners: map[string]*owner[T]{}, away: map[string]*flight{},
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
	if !l.flush(1) {
		l.wakeOne()
	}
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
			l.turns = append(l.turns, o)
		}
		o.items = append(o.items, entry[T]{item, now})
		if l.away[name] == nil {
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
	return l.ready > 0 && len(l.flights) < most && (len(l.flights) == 0 || slices.ContainsFunc(l.flights, (*flight).isSlow))
}

func (f *flight) isSlow() bool { return f.slow }

// room is an error unless the items, which belong to one owner, may wait.
func (l *Lane[T]) room(items []T, now time.Time) error {
	stuck := func(f *flight) bool { return now.Sub(f.since) > l.cfg.Patience }
	others := func(f *flight) bool { return !stuck(f) }
	f := l.away[l.cfg.Owner(items[0])]
	if f != nil && stuck(f) || len(l.flights) == atOnce && !slices.ContainsFunc(l.flights, others) {
		return ErrStuck
	}
	if l.waiting+len(items) > l.cfg.Bound {
		return ErrFull
	}
	if o := l.owners[l.cfg.Owner(items[0])]; o != nil && len(o.items)+len(items) > l.cfg.Bound/2 {
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

// flush flushes the next batch; false where there is none, or none that may go beside those under way.
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
func (l *Lane[T]) take(most int) ([]T, *flight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.may(most) {
		return nil, nil
	}
	var elsewhere, turns []*owner[T]
	for _, o := range l.turns {
		if l.away[o.name] != nil {
			elsewhere = append(elsewhere, o)
		} else {
			turns = append(turns, o)
		}
	}
	batch := make([]T, 0, min(l.ready, l.cfg.Most))
	f := &flight{since: time.Now()}
	for len(batch) < cap(batch) {
		o := turns[0]
		batch = append(batch, o.items[0].item)
		if l.away[o.name] == nil {
			l.away[o.name] = f
			f.owners = append(f.owners, o.name)
		}
		o.items = o.items[1:]
		turns = turns[1:]
		if len(o.items) > 0 {
			turns = append(turns, o)
		} else {
			delete(l.owners, o.name)
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
		if l.away[o.name] == nil {
			l.ready += len(o.items)
		}
	}
}

// land lets the owners of a batch go into others again.
func (l *Lane[T]) land(f *flight) {
	l.mu.Lock()
	for _, name := range f.owners {
		delete(l.away, name)
	}
	l.flights = slices.DeleteFunc(l.flights, func(other *flight) bool { return other == f })
	l.countReady()
	l.mu.Unlock()
	l.wakeOne()
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
		} else {
			delete(l.owners, o.name)
		}
	}
	l.turns = kept
	l.waiting -= len(late)
	l.countReady()
	return late
}
