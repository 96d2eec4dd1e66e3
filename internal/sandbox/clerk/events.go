package clerk

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// event is something that happened, and how far its delivery has come.
type event struct {
	ID      string          `json:"id"` // the svix-id, the same at every attempt
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload"`
	standin.Delivery
}

// keptEvents is how many events an app remembers after it is done with them.
const keptEvents = 200

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
	e := &event{ID: newID("msg"), Type: kind, Payload: payload, Delivery: standin.NewDelivery(time.Now(), t.s.faults.ForEvent(t.Name, kind))}
	if t.WebhookURL == "" {
		e.Status = standin.Skipped
	}
	t.Events = append(t.Events, e)
	t.forgetOldEvents()
	standin.Wake(t.wake)
}

func (a *appState) forgetOldEvents() {
	done := 0
	for _, e := range a.Events {
		if e.Status != standin.Pending {
			done++
		}
	}
	a.Events = slices.DeleteFunc(a.Events, func(e *event) bool {
		if e.Status == standin.Pending || done <= keptEvents {
			return false
		}
		done--
		return true
	})
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
				e.Again(time.Now())
				standin.Wake(a.wake)
				return s.save()
			}
		}
	}
	return errors.New("no such event")
}
