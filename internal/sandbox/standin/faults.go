package standin

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is a failure made to order, for the next Times requests, charges or events that match. It is for one of these
// three: LatencyMs, Status and LoseAnswer are for requests, CardDecline for charges.
type Fault struct {
	ID          string      `json:"id"`
	Of          string      `json:"of,omitempty"`     // only those of this app or account
	Method      string      `json:"method,omitempty"` // only this HTTP method
	Path        string      `json:"path,omitempty"`   // only this path: a prefix, or a glob as path.Match has it
	Times       int         `json:"times"`            // what is left of it, once armed
	LatencyMs   int         `json:"latencyMs,omitempty"`
	Status      int         `json:"status,omitempty"`      // answered without doing anything
	LoseAnswer  bool        `json:"loseAnswer,omitempty"`  // does what was asked, then cuts the connection
	CardDecline string      `json:"cardDecline,omitempty"` // the code, such as insufficient_funds
	Event       *EventFault `json:"event,omitempty"`
}

// EventFault is what happens to the events of a Fault.
type EventFault struct {
	Type      string `json:"type,omitempty"`      // only this type of event
	Duplicate bool   `json:"duplicate,omitempty"` // delivers it twice, with one id
	Drop      bool   `json:"drop,omitempty"`      // never delivers it
	DelayMs   int    `json:"delayMs,omitempty"`   // delivers it this much later
	Reorder   bool   `json:"reorder,omitempty"`   // delivers it after the event that follows it
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

func (f *Fault) isOf(owner string) bool { return f.Of == "" || f.Of == owner }

func (f *Fault) matches(r *http.Request, owner string) bool {
	if f.Event != nil || f.CardDecline != "" || !f.isOf(owner) || f.Method != "" && !strings.EqualFold(f.Method, r.Method) {
		return false
	}
	glob, _ := path.Match(f.Path, r.URL.Path)
	return glob || strings.HasPrefix(r.URL.Path, f.Path)
}

// Faults are the armed ones. They are not part of a stand-in's state: a restart is what one does to get rid of them.
type Faults struct {
	// Refuses says why a stand-in can't have a fault, if it can't.
	Refuses func(Fault) error

	mu    sync.Mutex
	armed []*Fault
}

// Add arms a fault and returns it with its id.
func (fs *Faults) Add(f Fault) (Fault, error) {
	if err := f.check(); err != nil {
		return Fault{}, err
	}
	if fs.Refuses != nil {
		if err := fs.Refuses(f); err != nil {
			return Fault{}, err
		}
	}
	f.ID = "fault_" + rand.Text()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.armed = append(fs.armed, &f)
	return f, nil
}

// Armed are those which are still armed.
func (fs *Faults) Armed() []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	list := make([]Fault, len(fs.armed))
	for i, f := range fs.armed {
		list[i] = *f
	}
	return list
}

// Clear disarms them all.
func (fs *Faults) Clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.armed = nil
}

// take uses each fault that matches once, or only the first if one is enough.
func (fs *Faults) take(one bool, match func(*Fault) bool) []Fault {
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

// ForEvent uses the faults of an event of the owner.
func (fs *Faults) ForEvent(owner, kind string) []EventFault {
	var list []EventFault
	for _, f := range fs.take(false, func(f *Fault) bool {
		return f.Event != nil && f.isOf(owner) && (f.Event.Type == "" || f.Event.Type == kind)
	}) {
		list = append(list, *f.Event)
	}
	return list
}

// ForCharge is the code with which the owner's next charge is declined, or "".
func (fs *Faults) ForCharge(owner string) string {
	for _, f := range fs.take(true, func(f *Fault) bool { return f.CardDecline != "" && f.isOf(owner) }) {
		return f.CardDecline
	}
	return ""
}

// Spoil lets the armed faults spoil a request of the owner, which next would answer otherwise. It is refuse that answers
// with a status as the third party would.
func (fs *Faults) Spoil(w http.ResponseWriter, r *http.Request, owner string, refuse func(status int), next http.Handler) {
	lost := false
	for _, f := range fs.take(false, func(f *Fault) bool { return f.matches(r, owner) }) {
		pause(r.Context(), time.Duration(f.LatencyMs)*time.Millisecond)
		if f.Status != 0 {
			w.Header().Set("Retry-After", "1")
			refuse(f.Status)
			return
		}
		lost = lost || f.LoseAnswer
	}
	if lost {
		next.ServeHTTP(nowhere{}, r)
		panic(http.ErrAbortHandler) // cuts the connection, and isn't logged
	}
	next.ServeHTTP(w, r)
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
