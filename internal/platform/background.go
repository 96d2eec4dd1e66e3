package platform

import (
	"context"
	"errors"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/platform/platformdb"
)

// Background is what the worker does for the platform side: it follows what happens at the developers' Clerk app.
type Background struct {
	db    *db.DB
	clerk *clerkapp.App
	queue *jobs.Enqueuer
}

// NewBackground makes a Background that works under the worker's role.
func NewBackground(worker *db.DB, clerk *clerkapp.App, queue *jobs.Enqueuer) *Background {
	return &Background{worker, clerk, queue}
}

// ClerkEvent is the job that works an event of the developers' Clerk app.
type ClerkEvent struct {
	EventID string `json:"eventId"`
}

// Kind names the job.
func (ClerkEvent) Kind() string { return "platform.clerk_event" }

// DeveloperGone is the job that ends what a developer who was deleted pays us for.
type DeveloperGone struct {
	DeveloperID id.Developer `json:"developerId"`
}

// Kind names the job.
func (DeveloperGone) Kind() string { return "platform.developer_gone" }

// Outside says that the job waits for Stripe.
func (DeveloperGone) Outside() {}

// Register adds the work to the registry.
func (b *Background) Register(r *jobs.Registry) {
	jobs.Handle(r, func(ctx context.Context, args EndAtClerk) error {
		return b.clerk.RevokeSession(ctx, args.ClerkSessionID)
	})
	jobs.Handle(r, func(ctx context.Context, args ClerkEvent) error { return b.work(ctx, args.EventID) })
}

// Receive stores an event of the developers' Clerk app and has it worked; an event that was received before changes
// nothing. A user's event has a userID, a session's a sessionID besides.
func (b *Background) Receive(ctx context.Context, eventID, eventType, userID, sessionID string) error {
	return b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		n, err := queries.InsertClerkEvent(ctx, tx, platformdb.InsertClerkEventParams{
			ID: eventID, Type: eventType, UserID: userID, SessionID: sessionID,
		})
		if err != nil || n == 0 {
			return err
		}
		return b.queue.Enqueue(ctx, tx, ClerkEvent{eventID})
	})
}

// Settle works the events that were left, and forgets what is old.
func (b *Background) Settle(ctx context.Context) error {
	var left []string
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		if err := queries.SweepClerkEvents(ctx, tx); err != nil {
			return err
		}
		if err := queries.SweepSessions(ctx, tx); err != nil {
			return err
		}
		if err := queries.SweepAudit(ctx, tx); err != nil {
			return err
		}
		if err := queries.SweepConnectAttempts(ctx, tx); err != nil {
			return err
		}
		left, err = queries.LeftClerkEvents(ctx, tx)
		return err
	})
	for _, event := range left {
		err = errors.Join(err, b.work(ctx, event))
	}
	return err
}

func (b *Background) work(ctx context.Context, eventID string) error {
	var event platformdb.PlatformClerkEvent
	var row platformdb.PlatformDeveloper
	known := true
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		if event, err = queries.ClerkEvent(ctx, tx, eventID); err != nil {
			return err
		}
		row, err = queries.DeveloperByClerkUser(ctx, tx, event.UserID)
		if db.NoRows(err) {
			known, err = false, nil
		}
		return err
	})
	if db.NoRows(err) { // worked before
		return nil
	}
	if err != nil {
		return err
	}
	var change func(context.Context, db.Tx) error
	switch {
	case event.SessionID != "": // to sign out without need is no harm, so the event is enough
		change = func(ctx context.Context, tx db.Tx) error { return queries.EndSessionsOfClerk(ctx, tx, event.SessionID) }
	case known:
		if change, err = b.follow(ctx, event, row); err != nil {
			return err
		}
	}
	return b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		if change != nil {
			if err := change(ctx, tx); err != nil {
				return err
			}
		}
		return queries.ClerkEventDone(ctx, tx, eventID)
	})
}

// follow asks Clerk how the developer is now, as the event may be old, and returns what is to be changed.
func (b *Background) follow(
	ctx context.Context, event platformdb.PlatformClerkEvent, row platformdb.PlatformDeveloper,
) (func(context.Context, db.Tx) error, error) {
	user, err := b.clerk.User(ctx, event.UserID)
	switch {
	case errors.Is(err, clerkapp.ErrNotFound) && event.Type == "user.deleted":
		return func(ctx context.Context, tx db.Tx) error { return b.delete(ctx, tx, row.ID) }, nil
	case errors.Is(err, clerkapp.ErrNotFound):
		return nil, nil //nolint:nilnil // the event that says so is on its way, and it alone deletes
	case err != nil:
		return nil, err
	}
	return func(ctx context.Context, tx db.Tx) error {
		if user.Banned { // until they are let in again, and then they sign in
			if _, err := queries.EndSessions(ctx, tx, row.ID); err != nil {
				return err
			}
			if err := queries.RevokeTokens(ctx, tx, row.ID); err != nil {
				return err
			}
		}
		return queries.SetDeveloper(ctx, tx, platformdb.SetDeveloperParams{ID: row.ID, Email: user.Email, Name: user.Name})
	}, nil
}

// delete ends all that a developer can enter by. Their platforms stay, for the customers on them; the plan is ended, and
// with it, after the grace, the live ones.
func (b *Background) delete(ctx context.Context, tx db.Tx, developer string) error {
	if err := queries.DeleteDeveloper(ctx, tx, developer); err != nil {
		return err
	}
	if err := queries.RevokeTokens(ctx, tx, developer); err != nil {
		return err
	}
	if _, err := queries.EndSessions(ctx, tx, developer); err != nil {
		return err
	}
	return b.queue.Enqueue(ctx, tx, DeveloperGone{id.Developer(developer)})
}
