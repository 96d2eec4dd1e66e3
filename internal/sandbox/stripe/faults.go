package stripe

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

// Fault is a failure made to order, for the next Times requests, charges or
// events that match. The package comment says what its fields mean.
type Fault struct {
	ID          string      `json:"id"`
	Account     string      `json:"account,omitempty"`
	Method      string      `json:"method,omitempty"`
	Path        string      `json:"path,omitempty"`
	Times       int         `json:"times"` // what is left of it, once armed
	LatencyMs   int         `json:"latencyMs,omitempty"`
	Status      int         `json:"status,omitempty"`
	LoseAnswer  bool        `json:"loseAnswer,omitempty"`
	CardDecline string      `json:"cardDecline,omitempty"`
	Event       *EventFault `json:"event,omitempty"`
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
	kinds := 0
	for _, is := range []bool{request, f.CardDecline != "", f.Event != nil} {
		if is {
			kinds++
		}
	}
	switch {
	case f.Times < 1:
		return errors.New("times must be at least 1")
	case f.LatencyMs < 0 || f.Event != nil && f.Event.DelayMs < 0:
		return errors.New("a delay can't be negative")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return errors.New("status must be between 400 and 599")
	case badGlob != nil:
		return errors.New("path is not a glob")
	case kinds == 0:
		return errors.New("a fault needs latencyMs, status, loseAnswer, cardDecline or event")
	case kinds > 1:
		return errors.New("a fault is for requests, for charges or for events, not for several of them")
	case !request && (f.Method != "" || f.Path != ""):
		return errors.New("method and path are for faults of requests")
	case f.Event != nil && *f.Event == (EventFault{Type: f.Event.Type}):
		return errors.New("event needs duplicate, drop, delayMs or reorder")
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
	f.ID = randomID("fault_", 24)
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

// take uses each fault that matches once, or only the first if one is enough.
func (fs *faults) take(one bool, match func(*Fault) bool) []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var taken []Fault
	fs.armed = slices.DeleteFunc(fs.armed, func(f *Fault) bool {
		if one && len(taken) > 0 || !match(f) {
			return false
		}
		f.Times--
		taken = append(taken, *f)
		return f.Times == 0
	})
	return taken
}

func (fs *faults) forEvent(account, kind string) []EventFault {
	var list []EventFault
	for _, f := range fs.take(false, func(f *Fault) bool {
		return f.Event != nil && (f.Account == "" || f.Account == account) && (f.Event.Type == "" || f.Event.Type == kind)
	}) {
		list = append(list, *f.Event)
	}
	return list
}

// forCharge is the code with which the next charge is declined, or "".
func (fs *faults) forCharge(account string) string {
	for _, f := range fs.take(true, func(f *Fault) bool { return f.CardDecline != "" && (f.Account == "" || f.Account == account) }) {
		return f.CardDecline
	}
	return ""
}

func (f *Fault) matches(r *http.Request, account string) bool {
	if f.Event != nil || f.CardDecline != "" || f.Account != "" && f.Account != account || f.Method != "" && !strings.EqualFold(f.Method, r.Method) {
		return false
	}
	glob, _ := path.Match(f.Path, r.URL.Path)
	return glob || strings.HasPrefix(r.URL.Path, f.Path)
}

// withFaults lets the armed faults spoil requests. The control endpoints are
// never spoiled.
func (s *Server) withFaults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account := r.Header.Get("Stripe-Account")
		if account == "" {
			account = s.ours()
		}
		kept := keyOf(r, account)
		if status, ok := s.failedKeys.Load(kept); ok && kept != "" {
			w.Header().Set("Request-Id", randomID("req_", 14))
			w.Header().Set("Idempotent-Replayed", "true")
			writeError(w, unexpected(status.(int)))
			return
		}
		lost := false
		for _, f := range s.faults.take(false, func(f *Fault) bool { return f.matches(r, account) }) {
			pause(r.Context(), time.Duration(f.LatencyMs)*time.Millisecond)
			if f.Status != 0 {
				if f.Status >= http.StatusInternalServerError && kept != "" {
					s.failedKeys.Store(kept, f.Status)
				}
				w.Header().Set("Request-Id", randomID("req_", 14))
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

// keyOf is the idempotency key of a request, with whose it is; "" if it has none.
// A 500 is an answer that Stripe keeps like any other.
func keyOf(r *http.Request, account string) string {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || r.Method != http.MethodPost {
		return ""
	}
	return r.Header.Get("Authorization") + " " + account + " " + key
}

// ours is the id of our account.
func (s *Server) ours() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock.Ours
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
