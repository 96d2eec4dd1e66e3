package tenant

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// The states of an event.
const (
	EventWaits     = "waiting"   // it was not worked yet, or is to be worked again
	EventProcessed = "processed" // what follows from it is done
	EventFailed    = "failed"    // the last attempt failed; it is tried again by itself
	EventIgnored   = "ignored"   // nothing follows from it
)

// EventStates are all of them.
var EventStates = []string{EventWaits, EventProcessed, EventFailed, EventIgnored}

// The senders of events.
const (
	FromStripe      = "stripe"
	FromClerkEvents = "clerk"
)

// Event is something that Stripe or Clerk told of a platform. It is kept for 30 days.
type Event struct {
	ID         string     `json:"id"`     // the sender's: evt_… or msg_…
	Source     string     `json:"source"` // stripe or clerk
	Type       string     `json:"type"`
	State      string     `json:"state"`
	Attempts   int32      `json:"attempts"`
	Problem    *Problem   `json:"problem"`
	ReceivedAt time.Time  `json:"receivedAt"`
	TriedAt    *time.Time `json:"triedAt"`    // last
	TookMs     *int32     `json:"tookMs"`     // the last attempt
	ObjectID   string     `json:"objectId"`   // the sender's; empty once the customer is deleted
	CustomerID string     `json:"customerId"` // empty: it is about none, or one who was deleted

	Endpoint string `json:"-"` // by which it came in
}

// EventDetail is an event with what came in.
type EventDetail struct {
	Event
	// Payload is without secrets, card details and what tells of a person; null where it is not kept.
	Payload json.RawMessage `json:"payload"`
}

// Problem says why an event failed, or why nothing was to be done.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"` // and what to do about it
}

// The problems that are no errors: why nothing was to be done.
const (
	NotFollowed    = "not_followed"
	NoSubscription = "no_subscription"
	AccountGone    = "not_connected"
	TooOld         = "too_old"
)

// problems are what a developer is told.
var problems = map[string]string{
	string(errs.Unavailable): "{sender} did not answer, or answered that it failed. It is tried again by itself. If {sender}'s status page " +
		"says that all is well, reprocess it.",
	string(errs.UpstreamFailed): "{sender} refused to say more about it. If you deleted the object there, nothing is lost. Else " +
		"reprocess it, and tell us the event's id if it fails again.",
	string(errs.Internal): "Something went wrong on our side, and nothing was changed. It is tried again by itself; tell us the event's " +
		"id if it stays.",
	AccountGone:    "The Stripe account no longer lets us act for it, so there was nothing to ask. Connect it again on the page Stripe.",
	NotFollowed:    "Nothing follows from events of this type here. It is shown so that you can see that it arrived.",
	TooOld:         "It came in too long ago to be worked again. Every six hours we ask Stripe how each subscription is, in any case.",
	NoSubscription: "It is about no subscription, so nobody's plan follows from it.",
}

func problemOf(source string, code *string) *Problem {
	if code == nil {
		return nil
	}
	sender := map[string]string{FromStripe: "Stripe", FromClerkEvents: "Clerk"}[source]
	return &Problem{*code, strings.ReplaceAll(problems[*code], "{sender}", sender)}
}

// EventProblem is the code of what an attempt failed by.
func EventProblem(err error) string {
	var known *errs.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return string(errs.Unavailable)
	case errors.As(err, &known) && problems[string(known.Code)] != "":
		return string(known.Code)
	default:
		return string(errs.Internal)
	}
}

// EventTry is how an attempt to work an event came out.
type EventTry struct {
	State   string
	Problem string // empty: none
	Took    time.Duration
}

// TriedEvent makes an EventTry of what an attempt, which began then, returned.
func TriedEvent(began time.Time, ignored string, failed error) EventTry {
	try := EventTry{State: EventProcessed, Took: time.Since(began)}
	switch {
	case failed != nil:
		try.State, try.Problem = EventFailed, EventProblem(failed)
	case ignored != "":
		try.State, try.Problem = EventIgnored, ignored
	}
	return try
}

// ToldOf are the platforms that are told of an attempt: all to which the event is shown, unless one asked for it. That others
// see a change because of that, must not be; but where it was the attempt that succeeded, it did so for all.
func ToldOf(shown []id.Platform, asked id.Platform, alone bool) []id.Platform {
	switch {
	case asked == "":
		return shown
	case alone:
		return []id.Platform{asked}
	case slices.Contains(shown, asked):
		return shown
	default:
		return append(slices.Clone(shown), asked)
	}
}

func milliseconds(d time.Duration) *int32 { return new(int32(min(d.Milliseconds(), 1<<30))) }

// RecordEvent keeps an event for the platform's developer. One that is kept already stays as it is.
func RecordEvent(ctx context.Context, tx db.Tx, at id.Platform, e EventDetail) error {
	params := tenantdb.RecordEventParams{
		PlatformID: string(at), ID: e.ID, Source: e.Source, Endpoint: e.Endpoint, Type: e.Type, ObjectID: e.ObjectID,
		CustomerID: e.CustomerID, State: e.State, Payload: e.Payload,
	}
	if e.Problem != nil {
		params.Problem = &e.Problem.Code
	}
	_, err := queries.RecordEvent(ctx, tx, params)
	return err
}

// RecordEventTry enters the platforms and writes down for them how an attempt came out.
func RecordEventTry(ctx context.Context, tx db.Tx, at []id.Platform, event string, try EventTry) error {
	if len(at) == 0 {
		return nil
	}
	if _, err := tx.EnterAll(ctx, at); err != nil {
		return err
	}
	return queries.EventTried(ctx, tx, tenantdb.EventTriedParams{
		PlatformIds: id.Strings(at), ID: event, State: try.State, Problem: orNil(try.Problem), TookMs: milliseconds(try.Took),
	})
}

// EventFilter narrows a list of events; an empty field does not.
type EventFilter struct {
	Type, State  string
	Since, Until *time.Time // when it was received; Until is after the last
	Limit        int        // 1 to 100
	Cursor       string     // the next of the page before
}

// Events lists what came in, the latest first, and the cursor of the next page.
func (a *Admin) Events(ctx context.Context, at id.Platform, f EventFilter) (events []Event, next string, err error) {
	params := tenantdb.EventsParams{
		PlatformID: string(at), Type: orNil(f.Type), State: orNil(f.State), Until: platform.Never, Before: platform.Never, Most: int32(f.Limit) + 1,
	}
	set(&params.Since, f.Since)
	set(&params.Until, f.Until)
	if f.State != "" && !slices.Contains(EventStates, f.State) {
		return nil, "", errs.InvalidParam("state", "state is one of %s.", strings.Join(EventStates, ", "))
	}
	if f.Cursor != "" {
		moment, event, err := readEventCursor(f.Cursor)
		if err != nil {
			return nil, "", errs.InvalidParam("cursor", "cursor is the nextCursor of an earlier answer.")
		}
		params.Before, params.BeforeID = moment, event
	}
	err = a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		rows, err := queries.Events(ctx, tx, params)
		if len(rows) > f.Limit {
			rows = rows[:f.Limit]
			last := rows[f.Limit-1]
			next = cursor(last.ReceivedAt, last.ID)
		}
		events = make([]Event, len(rows))
		for i, r := range rows {
			events[i] = Event{
				r.ID, r.Source, r.Type, r.State, r.Attempts, problemOf(r.Source, r.Problem), r.ReceivedAt, r.TriedAt, r.TookMs, r.ObjectID,
				r.CustomerID, r.Endpoint,
			}
		}
		return err
	})
	return events, next, err
}

// readEventCursor is readCursor for the ids of those who send events.
func readEventCursor(s string) (time.Time, string, error) {
	plain, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return time.Time{}, "", err
	}
	at, event, ok := strings.Cut(string(plain), " ")
	if !ok || event == "" || strings.ContainsFunc(event, func(r rune) bool { return r < '!' || r > '~' }) {
		return time.Time{}, "", errors.New("a cursor without an id")
	}
	moment, err := time.Parse(time.RFC3339Nano, at)
	return moment, event, err
}

// Event returns an event with its payload; errs.NotFound for one that is another platform's, too.
func (a *Admin) Event(ctx context.Context, at id.Platform, event string) (EventDetail, error) {
	var found EventDetail
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		found, err = readEvent(ctx, tx, event)
		return err
	})
	return found, err
}

func readEvent(ctx context.Context, tx db.Tenant, event string) (EventDetail, error) {
	r, err := queries.OneEvent(ctx, tx, tenantdb.OneEventParams{PlatformID: string(tx.Platform), ID: event})
	if db.NoRows(err) {
		return EventDetail{}, noEvent()
	}
	return EventDetail{Event{
		r.ID, r.Source, r.Type, r.State, r.Attempts, problemOf(r.Source, r.Problem), r.ReceivedAt, r.TriedAt, r.TookMs, r.ObjectID,
		r.CustomerID, r.Endpoint,
	}, r.Payload}, err
}

func noEvent() error { return errs.New(errs.NotFound, "There is no such event.") }

// EventTypes lists the types of the events that there are.
func (a *Admin) EventTypes(ctx context.Context, at id.Platform) (types []string, err error) {
	err = a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		types, err = queries.EventTypes(ctx, tx, string(at))
		return err
	})
	return types, err
}

// MostFailed is as far as FailedEvents counts.
const MostFailed = 100

// FailedEvents counts the events whose last attempt failed, up to MostFailed.
func (a *Admin) FailedEvents(ctx context.Context, at id.Platform) (n int64, err error) {
	err = a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		n, err = queries.FailedEvents(ctx, tx, tenantdb.FailedEventsParams{PlatformID: string(at), Most: MostFailed})
		return err
	})
	return n, err
}

// WorkEventAgain marks an event of the platform to be worked again, and answers it as it is then; waits is whether it was
// marked less than a minute before, so that there is a job for it already.
func WorkEventAgain(ctx context.Context, tx db.Tenant, event string) (e EventDetail, waits bool, err error) {
	waits, err = queries.LockEvent(ctx, tx, tenantdb.LockEventParams{PlatformID: string(tx.Platform), ID: event})
	if db.NoRows(err) {
		return e, false, noEvent()
	}
	if err != nil {
		return e, false, err
	}
	if e, err = readEvent(ctx, tx, event); err != nil {
		return e, false, err
	}
	if e.Problem != nil && e.Problem.Code == NotFollowed {
		return e, false, errs.New(errs.Conflict, "Nothing follows from events of the type %s, so there is nothing to do again.", e.Type)
	}
	if e.State = EventWaits; waits {
		return e, true, nil
	}
	return e, false, queries.EventWaits(ctx, tx, tenantdb.EventWaitsParams{PlatformID: string(tx.Platform), ID: event})
}
