// Package groupcommit collects what arrives while a commit is under way, and hands it over as the next batch: the
// busier it gets the larger the batches are, and a lone item waits for nobody. It knows nothing of what it collects or of
// any database.
package groupcommit

import (
	"errors"
	"sync"
	"time"
)

// ErrFull says that no more items may wait, in all or for one owner.
var ErrFull = errors.New("too many items wait already")

// ErrStuck says that items wait behind a commit which is taking too long.
var ErrStuck = errors.New("the commit ahead takes too long")

// Config is how a Lane works.
type Config[T any] struct {
	// Flush commits a batch and lets each of its items know how it went. No two flushes of a lane have the same item.
	Flush func(batch []T)
	// Owner is whose an item is. Owners take turns, so that nobody waits behind the flood of another.
	Owner func(T) string
	// Refuse lets an item know why it is not flushed: ErrStuck.
	Refuse func(T, error)

	Most     int           // items in a batch
	Bound    int           // items that may wait; of one owner half as many
	Slow     time.Duration // once a flush has taken this long, a second one may go beside it
	Patience time.Duration // after which an item that still waits is refused
}

// Lane is where items wait. Make one with New.
type Lane[T any] struct {
	cfg Config[T]

	mu      sync.Mutex
	turns   []*owner[T] // those with items waiting, in the order of their turns
	owners  map[string]*owner[T]
	waiting int

	wake, help chan struct{} // for the first flusher, and for the second
	done       sync.WaitGroup
	stop       chan struct{}
}

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
		cfg: cfg, owners: map[string]*owner[T]{},
		wake: make(chan struct{}, 1), help: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	l.done.Add(3)
	go l.flushFrom(l.wake, true)
	go l.flushFrom(l.help, false)
	go l.watch()
	return l
}

// Close flushes what waits, and returns when that is done. Nothing may be submitted meanwhile.
func (l *Lane[T]) Close() {
	close(l.stop)
	l.done.Wait()
}

// Submit hands items over: all of them, or none with ErrFull.
func (l *Lane[T]) Submit(items ...T) error {
	now := time.Now()
	l.mu.Lock()
	if err := l.room(items); err != nil {
		l.mu.Unlock()
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
	}
	l.waiting += len(items)
	l.mu.Unlock()
	signal(l.wake)
	return nil
}

// room is an error unless the items, which belong to one owner, may wait.
func (l *Lane[T]) room(items []T) error {
	if l.waiting+len(items) > l.cfg.Bound {
		return ErrFull
	}
	if o := l.owners[l.cfg.Owner(items[0])]; o != nil && len(o.items)+len(items) > l.cfg.Bound/2 {
		return ErrFull
	}
	return nil
}

// flushFrom flushes a batch when it is signalled; until there is none, if it is to go on.
func (l *Lane[T]) flushFrom(signalled chan struct{}, on bool) {
	defer l.done.Done()
	for last := false; !last; {
		select {
		case <-signalled:
		case <-l.stop:
			last = true
		}
		for batch := l.take(); len(batch) > 0; batch = l.take() {
			slow := time.AfterFunc(l.cfg.Slow, func() { signal(l.help) })
			l.cfg.Flush(batch)
			slow.Stop()
			if !on && !last {
				break
			}
		}
	}
}

// take removes the next batch: one item of each owner in turn, until it is full.
func (l *Lane[T]) take() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := make([]T, 0, min(l.waiting, l.cfg.Most))
	for len(batch) < cap(batch) {
		o := l.turns[0]
		batch = append(batch, o.items[0].item)
		o.items = o.items[1:]
		l.turns = l.turns[1:]
		if len(o.items) > 0 {
			l.turns = append(l.turns, o)
		} else {
			delete(l.owners, o.name)
		}
	}
	l.waiting -= len(batch)
	return batch
}

// watch refuses what has waited longer than the lane's patience.
func (l *Lane[T]) watch() {
	defer l.done.Done()
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
	return late
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
