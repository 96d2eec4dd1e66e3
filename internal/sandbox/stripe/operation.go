package stripe

import "github.com/dream-api/dream-api/internal/sandbox/standin"

// view runs an operation that changes nothing.
func (s *Server) view(f func(*tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run(false, requestInfo{}, f)
}

// change runs an operation and writes what it did before it returns: what a
// client was told has happened is there after a crash. If it fails nothing of
// it remains, unless the error says otherwise.
func (s *Server) change(f func(*tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run(true, requestInfo{}, f)
}

// run is an operation of our account in live mode; in and at lead elsewhere.
// What was due before it happens before it. The caller holds the mutex.
func (s *Server) run(save bool, from requestInfo, f func(*tx) error) error {
	if s.clock != nil {
		if err := s.catchUp(); err != nil {
			return err
		}
	}
	t := s.begin(from)
	err := f(t)
	if err != nil && !keeps(err) || !save {
		t.undo()
		return err
	}
	if saveErr := s.commit(t.work); saveErr != nil {
		return saveErr
	}
	return err
}

func keeps(err error) bool {
	e, ok := err.(*apiError) //nolint:errorlint // a wrapped one is nobody's answer
	return ok && e.keep
}

func (s *Server) begin(from requestInfo) *tx {
	t := &tx{work: newWork(s), from: from}
	if s.clock != nil {
		t.Scope = Scope{s.clock.Ours, true}
		t.now = s.nowOf("")
	}
	return t
}

func newWork(s *Server) *work {
	return &work{s: s, before: map[object][]byte{}, removed: map[object]bool{}}
}

// commit makes the work last, and lets the workers know.
func (s *Server) commit(w *work) error {
	woken := s.routeEvents(w)
	if err := s.journal.write(w); err != nil {
		w.undo()
		return err
	}
	for _, o := range w.order {
		if e, ok := o.(*event); ok && w.before[o] == nil {
			s.queueEvent(e)
		}
		if !w.removed[o] {
			s.timetable.note(s, o)
		}
	}
	if touches[*webhookEndpoint](w) {
		s.syncEndpoints()
	}
	for _, ep := range woken {
		ep.wakeWorker()
	}
	standin.Wake(s.tick)
	if s.journal.long() {
		return s.journal.compact(s.store)
	}
	return nil
}

// attempt runs a part of an operation which leaves no trace if it fails.
func (t *tx) attempt(f func(*tx) error) error {
	part := *t
	part.work = newWork(t.s)
	if err := f(&part); err != nil {
		part.undo()
		return err
	}
	for _, o := range part.order {
		if _, ok := t.before[o]; !ok {
			t.before[o] = part.before[o]
			t.order = append(t.order, o)
		}
		if part.removed[o] {
			t.removed[o] = true
		}
	}
	return nil
}

// rehearse runs a part of an operation and undoes it: a preview.
func (t *tx) rehearse(f func(*tx) error) error {
	part := *t
	part.work = newWork(t.s)
	err := f(&part)
	part.undo()
	return err
}

// touches is whether the work changed an object of a type.
func touches[T object](w *work) bool {
	for _, o := range w.order {
		if _, ok := o.(T); ok {
			return true
		}
	}
	return false
}
