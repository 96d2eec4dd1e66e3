package stripe

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

const apiVersion = "2023-10-16"

// keptEvents is how many events are remembered after they are done with.
const keptEvents = 500

// event is something that happened, and how far its deliveries have come.
type event struct {
	header
	AccountID       *string         `json:"account,omitempty"` // of a connected account
	Data            json.RawMessage `json:"data"`
	PendingWebhooks int             `json:"pending_webhooks"`
	Request         eventRequest    `json:"request"`
	Type            string          `json:"type"`
	ObjectID        string          `json:"_object_id"`
	Deliveries      []*delivery     `json:"_deliveries"`
}

func (*event) kind() string { return "event" }

type eventRequest struct {
	ID             *string `json:"id"`
	IdempotencyKey *string `json:"idempotency_key"`
}

// delivery is an event on its way to one endpoint.
type delivery struct {
	Endpoint string `json:"endpoint"`
	standin.Delivery
}

func (e *event) to(endpoint string) *delivery {
	for _, d := range e.Deliveries {
		if d.Endpoint == endpoint {
			return d
		}
	}
	return nil
}

// status sums the deliveries up.
func (e *event) status() string {
	if len(e.Deliveries) == 0 {
		return standin.Skipped
	}
	sum := standin.Delivered
	for _, d := range e.Deliveries {
		switch d.Status {
		case standin.Pending:
			return standin.Pending
		case standin.Dropped:
			sum = standin.Dropped
		}
	}
	return sum
}

// emit records an event about an object, as the object is now.
func (t *tx) emit(kind string, o object) {
	t.emitData(kind, o.head().ID, map[string]any{"object": wireOf(o)})
}

// emitUpdated records an event about an object that has changed, if it has.
func (t *tx) emitUpdated(kind string, o object, before map[string]any) {
	after := wireOf(o)
	if previous := difference(before, after); len(previous) > 0 {
		t.emitData(kind, o.head().ID, map[string]any{"object": after, "previous_attributes": previous})
	}
}

// update changes an object and emits the event of it.
func (t *tx) update(kind string, o object, change func()) {
	before := wireOf(o)
	t.edit(o)
	change()
	t.emitUpdated(kind, o, before)
}

func (t *tx) emitData(kind, objectID string, data any) {
	e := &event{Type: kind, ObjectID: objectID, Data: encode(data)}
	if t.from.ID != "" {
		e.Request.ID = &t.from.ID
	}
	if t.from.IdempotencyKey != "" {
		e.Request.IdempotencyKey = &t.from.IdempotencyKey
	}
	if t.Account != t.s.clock.Ours {
		e.AccountID = ptr(t.Account)
	}
	t.add(e, "evt_")
	t.forgetOldEvents()
}

// forgetOldEvents counts only sometimes: it looks at every event.
func (t *tx) forgetOldEvents() {
	if t.s.store.seq%64 != 0 {
		return
	}
	var done []*event
	for _, tb := range t.s.store.kinds["event"] {
		for _, o := range tb.list {
			e := o.(*event)
			if _, changing := t.before[e]; !changing && e.status() != standin.Pending {
				done = append(done, e)
			}
		}
	}
	if len(done) <= keptEvents {
		return
	}
	slices.SortFunc(done, func(a, b *event) int { return int(a.Seq - b.Seq) })
	for _, e := range done[:len(done)-keptEvents] {
		t.remove(e)
	}
}

// routeEvents says of new events where they go, and which endpoints to wake.
func (s *Server) routeEvents(w *work) []*endpoint {
	var woken []*endpoint
	now := time.Now()
	for _, o := range w.order {
		e, ok := o.(*event)
		if !ok || w.before[o] != nil || w.removed[o] {
			continue
		}
		faults := s.faults.ForEvent(e.Account, e.Type)
		for _, ep := range s.endpoints {
			if !ep.wants(e, s.clock.Ours) || !s.mayTell(e) {
				continue
			}
			e.Deliveries = append(e.Deliveries, &delivery{ep.id, standin.NewDelivery(now, faults)})
			woken = append(woken, ep)
		}
		e.countPending()
	}
	return woken
}

// mayTell is whether our application may know of the event: not of accounts it
// has no access to, apart from the very news of having lost it.
func (s *Server) mayTell(e *event) bool {
	if e.AccountID == nil || e.Type == "account.application.deauthorized" {
		return true
	}
	a := s.account(*e.AccountID)
	return a != nil && a.Connected
}

func (e *event) countPending() {
	e.PendingWebhooks = 0
	for _, d := range e.Deliveries {
		if d.Status == standin.Pending {
			e.PendingWebhooks++
		}
	}
}

// Event is an event as the control endpoints, the index page and tests see it.
type Event struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	Account    string          `json:"account"`
	Livemode   bool            `json:"livemode"`
	Created    time.Time       `json:"created"`
	Status     string          `json:"status"` // pending, delivered, dropped or skipped
	ObjectID   string          `json:"objectId"`
	Data       json.RawMessage `json:"data"` // object and previous_attributes
	Deliveries []Delivery      `json:"deliveries"`
}

// Delivery is how far an event has come at one endpoint.
type Delivery struct {
	URL        string `json:"url"`
	Status     string `json:"status"`
	Attempts   int    `json:"attempts"`
	LastStatus int    `json:"lastStatus"` // HTTP status; 0 if there was no answer
	LastError  string `json:"lastError"`
}

// Events are the events in the order they happened; empty arguments match all.
func (s *Server) Events(kind, status, account string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*event
	for _, tb := range s.store.kinds["event"] {
		for _, o := range tb.list {
			e := o.(*event)
			if (kind == "" || kind == e.Type) && (status == "" || status == e.status()) && (account == "" || account == e.Account) {
				found = append(found, e)
			}
		}
	}
	slices.SortFunc(found, func(a, b *event) int { return int(a.Seq - b.Seq) })
	list := make([]Event, len(found))
	for i, e := range found {
		list[i] = Event{ID: e.ID, Type: e.Type, Account: e.Account, Livemode: e.Livemode, Created: time.Unix(e.Created, 0).UTC(),
			Status: e.status(), ObjectID: e.ObjectID, Data: e.Data, Deliveries: []Delivery{}}
		for _, d := range e.Deliveries {
			list[i].Deliveries = append(list[i].Deliveries, Delivery{URL: s.urlOf(d.Endpoint), Status: d.Status, Attempts: d.Attempts,
				LastStatus: d.LastStatus, LastError: d.LastError})
		}
	}
	return list
}

// ResendEvent delivers an event once more, whatever its state, to the endpoints
// which want it now.
func (s *Server) ResendEvent(id string) error {
	return s.change(func(t *tx) error {
		e := everywhere[*event](t, id)
		if e == nil {
			return errors.New("no such event")
		}
		t.edit(e)
		sent := false
		for _, ep := range s.endpoints {
			if !ep.wants(e, s.clock.Ours) {
				continue
			}
			sent = true
			d := e.to(ep.id)
			if d == nil {
				d = &delivery{Endpoint: ep.id}
				e.Deliveries = append(e.Deliveries, d)
			}
			if d.Status != standin.Pending {
				ep.queue = append(ep.queue, e)
			}
			d.Again(time.Now())
			ep.wakeWorker()
		}
		if !sent {
			return errors.New("no webhook endpoint wants this event")
		}
		e.countPending()
		return nil
	})
}
