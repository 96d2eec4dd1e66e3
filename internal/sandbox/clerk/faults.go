package clerk

import (
	"context"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is a failure made to order, for the next Times requests or events
// that match. The package comment says what its fields mean.
type Fault struct {
	ID         string      `json:"id"`
	App        string      `json:"app,omitempty"`
	Method     string      `json:"method,omitempty"`
	Path       string      `json:"path,omitempty"`
	Times      int         `json:"times"` // what is left of it, once armed
	LatencyMs  int         `json:"latencyMs,omitempty"`
	Status     int         `json:"status,omitempty"`
	LoseAnswer bool        `json:"loseAnswer,omitempty"`
	Event      *EventFault `json:"event,omitempty"`
}

// EventFault is what happens to the events of a Fault.
type EventFault struct {
	Type      string `json:"type,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`
	Drop      bool   `json:"drop,omitempty"`
	DelayMs   int    `json:"delayMs,omitempty"`
	Reorder   bool   `json:"reorder,omitempty"`
}

func (f Fault) check() error {
	_, badGlob := path.Match(f.Path, "")
	request := f.LatencyMs != 0 || f.Status != 0 || f.LoseAnswer
	switch {
	case f.Times < 1:
		return errors.New("times must be at least 1")
	case f.LatencyMs < 0 || f.Event != nil && f.Event.DelayMs < 0:
		return errors.New("a delay can't be negative")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return errors.New("status must be between 400 and 599")
	case badGlob != nil:
		return errors.New("path is not a glob")
	case f.Event != nil && (request || f.Method != "" || f.Path != ""):
		return errors.New("a fault is for requests or for events, not for both")
	case f.Event != nil && *f.Event == (EventFault{Type: f.Event.Type}):
		return errors.New("event needs duplicate, drop, delayMs or reorder")
	case f.Event == nil && !request:
		return errors.New("a fault needs latencyMs, status, loseAnswer or event")
	}
	return nil
}

// faults are the armed ones. They are not part of the state: a restart is
// what one does to get rid of them.
type faults struct {
	mu    sync.Mutex
	armed []*Fault
}

// AddFault arms a fault and returns it with its id.
func (s *Server) AddFault(f Fault) (Fault, error) {
	if err := f.check(); err != nil {
		return Fault{}, err
	}
	if f.App != "" && s.app(f.App) == nil {
		return Fault{}, errNoApp
	}
	f.ID = newID("fault")
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = append(s.faults.armed, &f)
	return f, nil
}

// Faults are those which are still armed.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	list := make([]Fault, len(s.faults.armed))
	for i, f := range s.faults.armed {
		list[i] = *f
	}
	return list
}

// ClearFaults disarms them all.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = nil
}

// take uses each fault that matches once.
func (fs *faults) take(match func(*Fault) bool) []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var taken []Fault
	fs.armed = slices.DeleteFunc(fs.armed, func(f *Fault) bool {
		if !match(f) {
			return false
		}
		f.Times--
		taken = append(taken, *f)
		return f.Times == 0
	})
	return taken
}

func (fs *faults) forEvent(app, kind string) []EventFault {
	var list []EventFault
	for _, f := range fs.take(func(f *Fault) bool {
		return f.Event != nil && (f.App == "" || f.App == app) && (f.Event.Type == "" || f.Event.Type == kind)
	}) {
		list = append(list, *f.Event)
	}
	return list
}

func (f *Fault) matches(r *http.Request, app string) bool {
	if f.Event != nil || f.App != "" && f.App != app || f.Method != "" && !strings.EqualFold(f.Method, r.Method) {
		return false
	}
	glob, _ := path.Match(f.Path, r.URL.Path)
	return glob || strings.HasPrefix(r.URL.Path, f.Path)
}

// withFaults lets the armed faults spoil requests. The control endpoints are
// never spoiled.
func (s *Server) withFaults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_sandbox/") {
			next.ServeHTTP(w, r)
			return
		}
		name := ""
		if a := s.appOf(r); a != nil {
			name = a.Name
		}
		lost := false
		for _, f := range s.faults.take(func(f *Fault) bool { return f.matches(r, name) }) {
			pause(r.Context(), time.Duration(f.LatencyMs)*time.Millisecond)
			if f.Status != 0 {
				w.Header().Set("Retry-After", "1")
				writeError(w, unexpected(f.Status))
				return
			}
			lost = lost || f.LoseAnswer
		}
		if lost {
			next.ServeHTTP(nowhere{}, r)
			panic(http.ErrAbortHandler) // cuts the connection, and isn't logged
		}
		next.ServeHTTP(w, r)
	})
}

// nowhere takes an answer that nobody will get.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
