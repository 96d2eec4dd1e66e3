package clerk

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// The states of an event.
const (
	eventPending   = "pending"
	eventDelivered = "delivered"
	eventDropped   = "dropped" // by a fault
	eventSkipped   = "skipped" // there was no webhook URL when it happened
)

// event is something that happened, and how far its delivery has come.
type event struct {
	ID          string          `json:"id"` // the svix-id, the same at every attempt
	Type        string          `json:"type"`
	Status      string          `json:"status"`
	Payload     json.RawMessage `json:"payload"`
	Copies      int             `json:"copies"` // deliveries still wanted
	Attempts    int             `json:"attempts"`
	LastStatus  int             `json:"lastStatus"`
	LastError   string          `json:"lastError"`
	NextAttempt time.Time       `json:"nextAttempt"`
	// Held waits for the event after this one.
	Held bool `json:"held"`
}

const (
	// keptEvents is how many events an app remembers after it is done with them.
	keptEvents = 200
	// holdLimit ends the wait of an event which was to change places with the next.
	holdLimit = 10 * time.Second
)

// emit queues an event. It is delivered once the operation has been saved.
func (t *tx) emit(kind string, data any) {
	payload, err := json.Marshal(map[string]any{
		"object": "event", "type": kind, "data": data, "timestamp": t.millis(), "instance_id": t.InstanceID,
		"event_attributes": map[string]any{
			"http_request": map[string]string{"client_ip": t.from.IP, "user_agent": t.from.UserAgent},
		},
	})
	if err != nil {
		// Everything in data was JSON before.
		panic(err)
	}
	e := &event{ID: newID("msg"), Type: kind, Payload: payload, Status: eventPending, Copies: 1, NextAttempt: time.Now()}
	if t.WebhookURL == "" {
		e.Status = eventSkipped
	}
	for _, f := range t.s.faults.forEvent(t.Name, kind) {
		if f.Duplicate {
			e.Copies = 2
		}
		if f.Drop {
			e.Status = eventDropped
		}
		if f.Reorder {
			e.Held, e.NextAttempt = true, e.NextAttempt.Add(holdLimit)
		}
		e.NextAttempt = e.NextAttempt.Add(time.Duration(f.DelayMs) * time.Millisecond)
	}
	t.Events = append(t.Events, e)
	t.forgetOldEvents()
	t.wakeWorker()
}

func (a *appState) forgetOldEvents() {
	done := 0
	for _, e := range a.Events {
		if e.Status != eventPending {
			done++
		}
	}
	a.Events = slices.DeleteFunc(a.Events, func(e *event) bool {
		if e.Status == eventPending || done <= keptEvents {
			return false
		}
		done--
		return true
	})
}

// wakeWorker never waits: one wake-up is as good as several.
func (a *app) wakeWorker() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// nextEvent is the first pending event that is due, or how long until one is:
// -1 is for ever.
func (a *app) nextEvent(now time.Time) (e *event, wait time.Duration) {
	wait = -1
	if a.WebhookURL == "" {
		return nil, wait
	}
	for _, e := range a.Events {
		if e.Status != eventPending {
			continue
		}
		left := e.NextAttempt.Sub(now)
		if left <= 0 {
			return e, 0
		}
		if wait < 0 || left < wait {
			wait = left
		}
	}
	return nil, wait
}

// delivered records a 2xx.
func (a *appState) delivered(e *event, now time.Time) {
	e.Copies--
	if e.Copies == 0 {
		e.Status = eventDelivered
	}
	e.NextAttempt = now
	for _, earlier := range a.Events {
		if earlier == e {
			break
		}
		if earlier.Held {
			earlier.Held, earlier.NextAttempt = false, now
		}
	}
}

// failed schedules the next attempt.
func (e *event) failed(now time.Time, retries []time.Duration) {
	e.Held = false
	e.NextAttempt = now.Add(retries[min(e.Attempts, len(retries))-1])
}

// Event is an event as the control endpoints and tests see it.
type Event struct {
	App string `json:"app"`
	event
}

// Events are the app's events, or every app's, in the order they happened;
// with a status, only those.
func (s *Server) Events(app, status string) []Event {
	list := []Event{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		if app != "" && app != a.Name {
			continue
		}
		for _, e := range a.Events {
			if status == "" || status == e.Status {
				list = append(list, Event{App: a.Name, event: *e})
			}
		}
	}
	return list
}

// ResendEvent delivers an event once more, whatever its state, with the same svix-id.
func (s *Server) ResendEvent(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		for _, e := range a.Events {
			if e.ID == id {
				e.Status, e.Copies, e.Held, e.NextAttempt = eventPending, max(e.Copies, 1), false, time.Now()
				a.wakeWorker()
				return s.save()
			}
		}
	}
	return errors.New("no such event")
}
