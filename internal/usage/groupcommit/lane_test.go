package groupcommit_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dream-api/dream-api/internal/usage/groupcommit"
)

// item is owned by the platform that its first letter names.
type item string

// book is a Flush that notes its batches, and waits at the gate before each one ends.
type book struct {
	mu      sync.Mutex
	batches [][]item
	refused []item
	gate    chan struct{} // nil: none
	took    time.Duration
}

func (b *book) flush(batch []item) {
	b.mu.Lock()
	b.batches = append(b.batches, slices.Clone(batch))
	b.mu.Unlock()
	if b.gate != nil {
		<-b.gate
	}
	time.Sleep(b.took) // in a bubble whose clock is not the world's
}

func (b *book) flushed() [][]item {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.batches)
}

func (b *book) lane(most, bound int) *groupcommit.Lane[item] {
	return groupcommit.New(groupcommit.Config[item]{
		Flush: b.flush, Owner: func(i item) string { return string(i[0]) },
		Refuse: func(i item, err error) {
			if errors.Is(err, groupcommit.ErrStuck) {
				b.refused = append(b.refused, i)
			}
		},
		Most: most, Bound: bound, Slow: 2 * time.Millisecond, Patience: 200 * time.Millisecond,
	})
}

func submit(t *testing.T, l *groupcommit.Lane[item], items ...item) {
	t.Helper()
	if err := l.Submit(items...); err != nil {
		t.Fatal(err)
	}
}

// run has somebody Run items, and waits for nobody.
func run(t *testing.T, l *groupcommit.Lane[item], items ...item) {
	go func() {
		if err := l.Run(items...); err != nil {
			t.Error(err)
		}
	}()
}

func TestALoneItemWaitsForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		l := b.lane(10, 100)
		start := time.Now()
		submit(t, l, "a1")
		synctest.Wait()
		if len(b.flushed()) != 1 || time.Since(start) != 0 {
			t.Errorf("after %v there are the batches %v", time.Since(start), b.flushed())
		}
		l.Close()
	})
}

func TestWhatArrivesDuringACommitIsTheNextBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{took: time.Millisecond}
		l := b.lane(10, 100)
		submit(t, l, "a1")
		synctest.Wait()
		submit(t, l, "a2", "a3")
		submit(t, l, "b1")
		time.Sleep(5 * time.Millisecond)
		if want := [][]item{{"a1"}, {"a2", "b1", "a3"}}; !slices.EqualFunc(b.flushed(), want, slices.Equal) {
			t.Errorf("the batches are %v, want %v", b.flushed(), want)
		}
		l.Close()
	})
}

func TestOwnersTakeTurnsSoThatAFloodHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{took: time.Millisecond}
		l := b.lane(4, 100)
		submit(t, l, "f0")
		synctest.Wait()
		submit(t, l, "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8")
		submit(t, l, "q1")
		submit(t, l, "r1")
		l.Close()
		if want := []item{"f1", "q1", "r1", "f2"}; !slices.Equal(b.flushed()[1], want) {
			t.Errorf("the batch behind the flood is %v, want %v", b.flushed()[1], want)
		}
		if n := len(slices.Concat(b.flushed()...)); n != 11 {
			t.Errorf("%d items are flushed, want 11", n)
		}
	})
}

func TestNoMoreMayWaitThanTheBoundAndOfOneOwnerHalfAsMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{gate: make(chan struct{})}
		l := b.lane(10, 4)
		submit(t, l, "a0")
		synctest.Wait()
		submit(t, l, "a1", "a2")
		if err := l.Submit("a3"); !errors.Is(err, groupcommit.ErrFull) {
			t.Errorf("a third of one owner: %v", err)
		}
		if err := l.Submit("b1", "b2", "b3"); !errors.Is(err, groupcommit.ErrFull) {
			t.Errorf("more than fit: %v", err)
		}
		submit(t, l, "b1", "c1") // three together are refused whole, and the place is free
		if err := l.Submit("d1"); !errors.Is(err, groupcommit.ErrFull) {
			t.Errorf("a fifth: %v", err)
		}
		close(b.gate)
		l.Close()
		if n := len(slices.Concat(b.flushed()...)); n != 5 {
			t.Errorf("%d items are flushed, want 5", n)
		}
	})
}

func TestASecondFlushGoesBesideOneThatIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{gate: make(chan struct{})}
		l := b.lane(10, 100)
		submit(t, l, "a1", "a2")
		synctest.Wait()
		submit(t, l, "a3")
		submit(t, l, "b1")
		synctest.Wait()
		if len(b.flushed()) != 1 {
			t.Fatalf("beside another there are at once %v", b.flushed())
		}
		time.Sleep(3 * time.Millisecond)
		synctest.Wait()
		if got := b.flushed(); len(got) != 2 || !slices.Equal(got[1], []item{"b1"}) { // a3 waits for a1 and a2
			t.Errorf("beside a slow commit there are %v", got)
		}
		submit(t, l, "c1") // and no third
		time.Sleep(3 * time.Millisecond)
		synctest.Wait()
		if len(b.flushed()) != 2 {
			t.Errorf("beside two slow commits there are %v", b.flushed())
		}
		close(b.gate)
		l.Close()
	})
}

func TestBesideACommitThatHangsTheOthersGoOn(t *testing.T) {
	t.Parallel()
	for name, submit := range map[string]func(*testing.T, *groupcommit.Lane[item], ...item){"submitted": submit, "run": run} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hung := make(chan struct{})
				var flushed []item
				l := groupcommit.New(groupcommit.Config[item]{
					Flush: func(batch []item) {
						if batch[0][0] == 'h' {
							<-hung
						}
						flushed = append(flushed, batch...)
					},
					Owner: func(i item) string { return string(i[0]) }, Refuse: func(item, error) {},
					Most: 10, Bound: 100, Slow: 2 * time.Millisecond, Patience: time.Hour,
				})
				submit(t, l, "h1", "h2", "h3")
				synctest.Wait()
				submit(t, l, "h4")
				time.Sleep(3 * time.Millisecond)
				for _, i := range []item{"a1", "b1", "a2"} {
					submit(t, l, i)
					synctest.Wait() // also that nobody goes round in circles
					if !slices.Contains(flushed, i) {
						t.Errorf("%s waits beside a commit that hangs", i)
					}
				}
				close(hung)
				synctest.Wait()
				l.Close()
				if len(flushed) != 7 {
					t.Errorf("flushed are %v", flushed)
				}
			})
		})
	}
}

func TestTheEndFlushesWhatWaitsBehindARun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{gate: make(chan struct{})}
		l := b.lane(10, 100)
		run(t, l, "a1")
		synctest.Wait()
		submit(t, l, "a2")
		ended := make(chan struct{})
		go func() { l.Close(); close(ended) }()
		synctest.Wait() // nothing is left for the flushers to do
		close(b.gate)
		<-ended
		if n := len(slices.Concat(b.flushed()...)); n != 2 {
			t.Errorf("%d items are flushed, want 2: %v", n, b.flushed())
		}
	})
}

func TestWhoeverRunsALoneItemFlushesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{took: time.Millisecond}
		l := b.lane(10, 100)
		if err := l.Run("a1"); err != nil || len(b.flushed()) != 1 {
			t.Errorf("when Run returns there are the batches %v, %v", b.flushed(), err)
		}
		var running sync.WaitGroup
		for _, i := range []item{"a2", "a3", "b1", "a4"} {
			running.Go(func() {
				if err := l.Run(i); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		time.Sleep(5 * time.Millisecond)
		if n := len(slices.Concat(b.flushed()...)); n != 5 { // and those are too that came while it was done
			t.Errorf("%d items are flushed, want 5: %v", n, b.flushed())
		}
		l.Close()
	})
}

func TestWhatWaitsTooLongIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{gate: make(chan struct{})}
		l := b.lane(1, 100)
		submit(t, l, "a1")
		submit(t, l, "b1")
		synctest.Wait()
		time.Sleep(3 * time.Millisecond) // both flushers are away
		synctest.Wait()
		submit(t, l, "c1", "c2")
		time.Sleep(100 * time.Millisecond)
		submit(t, l, "d1")
		time.Sleep(150 * time.Millisecond)
		synctest.Wait()
		if want := []item{"c1", "c2"}; !slices.Equal(b.refused, want) {
			t.Errorf("refused are %v, want %v", b.refused, want)
		}
		close(b.gate)
		l.Close()
		if n := len(slices.Concat(b.flushed()...)); n != 3 {
			t.Errorf("%d items are flushed, want 3: %v", n, b.flushed())
		}
	})
}

func TestBehindACommitThatHangsNewItemsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hung := map[byte]chan struct{}{'a': make(chan struct{}), 'b': make(chan struct{})}
		l := groupcommit.New(groupcommit.Config[item]{
			Flush: func(batch []item) {
				if gate := hung[batch[0][0]]; gate != nil {
					<-gate
				}
			},
			Owner: func(i item) string { return string(i[0]) }, Refuse: func(item, error) {},
			Most: 10, Bound: 100, Slow: 2 * time.Millisecond, Patience: 200 * time.Millisecond,
		})
		submit(t, l, "a1")
		time.Sleep(201 * time.Millisecond)
		if err := l.Submit("a2"); !errors.Is(err, groupcommit.ErrStuck) {
			t.Errorf("behind the own commit that hangs: %v", err)
		}
		submit(t, l, "c1") // the other flush is free
		synctest.Wait()
		submit(t, l, "b1")
		time.Sleep(199 * time.Millisecond)
		submit(t, l, "c2")
		time.Sleep(2 * time.Millisecond)
		if err := l.Submit("c3"); !errors.Is(err, groupcommit.ErrStuck) {
			t.Errorf("while both commits hang: %v", err)
		}
		close(hung['b'])
		synctest.Wait()
		submit(t, l, "c4")
		close(hung['a'])
		synctest.Wait()
		submit(t, l, "a3")
		l.Close()
	})
}
