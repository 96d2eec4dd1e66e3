package stripe

import (
	"container/heap"
	"errors"
	"time"
)

// sandboxClock is how far the sandbox's time is ahead of the machine's, and the
// name of our account; there is one.
type sandboxClock struct {
	header
	Ahead time.Duration `json:"ahead"`
	Ours  string        `json:"ours"`
}

func (*sandboxClock) kind() string { return "_clock" }

// perennial is an object to which things happen by themselves. due is when the
// next of them does, in the object's clock; 0 is never. happen makes it happen.
type perennial interface {
	object
	due(s *Server) int64
	happen(t *tx)
	// rank orders what falls on one second: a schedule changes the prices before
	// the renewal bills them.
	rank() int
}

// timetable knows what is due next, for each clock: "" is the sandbox's, others
// are test clocks. An entry that its object has outlived is left behind until
// it comes up.
type timetable struct {
	clocks  map[string]*dueHeap
	playing map[string]int64 // the moment a clock is at while it catches up
}

type dueEntry struct {
	at  int64
	obj perennial
}

type dueHeap []dueEntry

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.at != b.at {
		return a.at < b.at
	}
	if a.obj.rank() != b.obj.rank() {
		return a.obj.rank() < b.obj.rank()
	}
	return a.obj.head().Seq < b.obj.head().Seq
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is heap.Interface's.
func (h *dueHeap) Push(x any) { *h = append(*h, x.(dueEntry)) }

// Pop is heap.Interface's.
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// note enters an object that was made or changed.
func (tt *timetable) note(s *Server, o object) {
	p, ok := o.(perennial)
	if !ok {
		return
	}
	at := p.due(s)
	if at == 0 {
		return
	}
	clock := s.clockOf(o)
	if tt.clocks == nil {
		tt.clocks, tt.playing = map[string]*dueHeap{}, map[string]int64{}
	}
	h := tt.clocks[clock]
	if h == nil {
		h = &dueHeap{}
		tt.clocks[clock] = h
	}
	heap.Push(h, dueEntry{at, p})
}

// next is what is due first, without what has become untrue.
func (tt *timetable) next(s *Server, clock string) (dueEntry, bool) {
	h := tt.clocks[clock]
	for h != nil && h.Len() > 0 {
		first := (*h)[0]
		if s.store.table(first.obj.kind(), first.obj.scope()).byID[first.obj.head().ID] == object(first.obj) && first.obj.due(s) == first.at {
			return first, true
		}
		heap.Pop(h)
	}
	return dueEntry{}, false
}

// play makes everything happen that is due on a clock until a moment, in order
// and each at its own time.
func (s *Server) play(clock string, until int64) error {
	defer func() { delete(s.timetable.playing, clock) }()
	for {
		e, ok := s.timetable.next(s, clock)
		if !ok || e.at > until {
			return nil
		}
		s.timetable.playing[clock] = e.at
		t := s.begin(requestInfo{})
		e.obj.happen(t.at(e.obj))
		if err := s.commit(t.work); err != nil {
			return err
		}
		if next, ok := s.timetable.next(s, clock); ok && next == e {
			return errors.New("stripe sandbox: " + e.obj.kind() + " " + e.obj.head().ID + " stays due: a fault of the sandbox")
		}
	}
}

// catchUp makes what is due by the sandbox's clock happen.
func (s *Server) catchUp() error { return s.play("", s.nowOf("")) }

// nowOf is a clock's time in Unix seconds.
func (s *Server) nowOf(clock string) int64 {
	if at, ok := s.timetable.playing[clock]; ok {
		return at
	}
	if clock != "" {
		for _, tb := range s.store.kinds["test_helpers.test_clock"] {
			if c, ok := tb.byID[clock]; ok {
				return c.(*testClock).FrozenTime
			}
		}
	}
	return s.cfg.Now().Add(s.clock.Ahead).Unix()
}

// clockOf is the clock that an object lives by.
func (s *Server) clockOf(o object) string {
	switch o := o.(type) {
	case *customer:
		return val(o.TestClock)
	case *subscription:
		return val(o.TestClock)
	case *subscriptionSchedule:
		return val(o.TestClock)
	case *invoice:
		return val(o.TestClock)
	case *invoiceItem:
		return val(o.TestClock)
	}
	return ""
}

// keepTime is the worker that lets time pass.
func (s *Server) keepTime() {
	for {
		s.mu.Lock()
		err := s.catchUp()
		wait := time.Minute // Config.Now need not be the machine's clock
		if e, ok := s.timetable.next(s, ""); ok {
			wait = max(min(wait, time.Duration(e.at-s.nowOf(""))*time.Second), time.Second)
		}
		s.mu.Unlock()
		if err != nil {
			s.cfg.Log.Error("stripe sandbox: time stands still", "error", err)
			wait = time.Minute
		}
		select {
		case <-s.running.Done():
			return
		case <-s.tick:
		case <-time.After(wait):
		}
	}
}

// Advance turns the clock, and everything that falls into that time happens.
func (s *Server) Advance(d time.Duration) error {
	if d < 0 {
		return errors.New("the clock can't be turned back")
	}
	s.mu.Lock()
	err := s.run(true, requestInfo{}, func(t *tx) error {
		t.edit(s.clock)
		s.clock.Ahead += d
		return nil
	})
	if err == nil && s.cfg.OnClock != nil {
		s.cfg.OnClock(s.clock.Ahead) // first, so that whoever is told of what happens then knows that it is then
	}
	if err == nil {
		err = s.catchUp()
	}
	s.mu.Unlock()
	return err
}

// Ahead is how far the clock has been turned.
func (s *Server) Ahead() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock.Ahead
}

// Time is the sandbox's time.
func (s *Server) Time() time.Time { return s.cfg.Now().Add(s.Ahead()) }
