package tenant

import (
	"context"
	"errors"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// Background is what the worker does: it finishes what a crash left, and follows what happened at Clerk.
type Background struct{ *Customers }

// NewBackground makes a Background of a Customers that works under the worker's role.
func NewBackground(c *Customers) *Background { return &Background{c} }

// ClerkEvent is the job that works an event of the shared Clerk app.
type ClerkEvent struct {
	EventID string `json:"eventId"`
}

// Kind names the job.
func (ClerkEvent) Kind() string { return "tenant.clerk_event" }

// Register adds the work to the registry.
func (b *Background) Register(r *jobs.Registry) {
	jobs.Handle(r, func(ctx context.Context, args RemoveUser) error { return b.remove(ctx, args.UserID) })
	jobs.Handle(r, func(ctx context.Context, args RenameKey) error { return b.renameKey(ctx, args.UserID) })
	jobs.Handle(r, func(ctx context.Context, args EndUserAtClerk) error {
		return b.clerk.RevokeSession(ctx, args.ClerkSessionID)
	})
	jobs.Handle(r, func(ctx context.Context, args ClerkEvent) error { return b.workEvent(ctx, args.EventID, false) })
}

// Settle finishes what was left behind: customers whose creation was cut off between Clerk and the database more than
// two minutes ago, Clerk users whose last membership has ended, and events that nobody could decide within five minutes.
func (b *Background) Settle(ctx context.Context) error {
	failed := platform.EachPlatform(ctx, b.db, func(ctx context.Context, platforms []id.Platform) error {
		var left []tenantdb.TenantCustomerIntent
		err := b.db.Tenants(ctx, platforms, func(ctx context.Context, tx db.Tenants) (err error) {
			left, err = queries.LeftIntents(ctx, tx, id.Strings(platforms))
			return err
		})
		for _, intent := range left {
			err = errors.Join(err, b.settleIntent(ctx, intent))
		}
		return err
	})

	var leaving, events []string
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		if leaving, err = queries.UsersLeaving(ctx, tx); err != nil {
			return err
		}
		if err := queries.SweepClerkEvents(ctx, tx); err != nil {
			return err
		}
		if err := queries.SweepClerkSessionsEnded(ctx, tx); err != nil {
			return err
		}
		events, err = queries.LeftClerkEvents(ctx, tx)
		return err
	})
	failed = errors.Join(failed, err)
	for _, user := range leaving {
		failed = errors.Join(failed, b.remove(ctx, user))
	}
	for _, event := range events {
		failed = errors.Join(failed, b.workEvent(ctx, event, true))
	}
	return failed
}

// settleIntent finishes an intent if its user was made, and takes it back if not: the password is known to nobody any
// more, and the request was never answered.
func (b *Background) settleIntent(ctx context.Context, intent tenantdb.TenantCustomerIntent) error {
	user, err := b.clerk.UserByExternalID(ctx, intent.ID)
	if errors.Is(err, clerkapp.ErrNotFound) {
		return b.abandon(ctx, intent)
	}
	if err != nil {
		return err
	}
	_, state, err := b.finish(ctx, intent, user)
	if errs.Is(err, errs.CustomerExists) || err == nil && state != "member" {
		return b.abandon(ctx, intent)
	}
	return err
}

// Receive stores an event of the shared Clerk app and has it worked; an event that was received before changes nothing. A
// user's event has a userID, a session's a sessionID besides.
func (b *Background) Receive(ctx context.Context, eventID, eventType, userID, sessionID string) error {
	return b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		n, err := queries.InsertClerkEvent(ctx, tx, tenantdb.InsertClerkEventParams{
			ID: eventID, Type: eventType, UserID: userID, SessionID: sessionID,
		})
		if err != nil || n == 0 {
			return err
		}
		return b.queue.Enqueue(ctx, tx, ClerkEvent{eventID})
	})
}

// workEvent asks Clerk how the user is now, and brings the memberships in line: what the event itself says may be old.
// left is whether the event is one that was left to Settle, which has ended the intents first.
func (b *Background) workEvent(ctx context.Context, eventID string, left bool) error {
	var event tenantdb.TenantClerkEvent
	var members []string
	var state string
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		if event, err = queries.ClerkEvent(ctx, tx, eventID); err != nil {
			return err
		}
		if state, err = queries.UserState(ctx, tx, event.UserID); err != nil {
			return err
		}
		members, err = queries.PlatformsOfUser(ctx, tx, event.UserID)
		return err
	})
	if db.NoRows(err) { // worked before
		return nil
	}
	if err != nil {
		return err
	}

	if event.SessionID != "" { // to sign out without need is no harm, so the event is enough
		if err := b.endSessionsOf(ctx, event.UserID, members, event.SessionID); err != nil {
			return err
		}
		return b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error { return queries.ClerkEventDone(ctx, tx, eventID) })
	}
	user, err := b.clerk.User(ctx, event.UserID)
	switch {
	case errors.Is(err, clerkapp.ErrNotFound) && event.Type == "user.deleted":
		if err := b.endMemberships(ctx, event.UserID); err != nil {
			return err
		}
	case errors.Is(err, clerkapp.ErrNotFound): // only the event that says so ends memberships
	case err != nil:
		return err
	case state == "" && isIntent(user.ExternalID):
		// Made by us and no customer yet: creation is under way, or was cut off and given up before Clerk had carried it
		// out. Only time tells, so the first look leaves the event to Settle. A repetition of the request may be about to
		// finish even then: it must find the user on the way out, or have been first.
		if !left {
			return nil
		}
		if err := b.seeOff(ctx, user.ID); err != nil {
			return err
		}
	default:
		if err := b.setEmail(ctx, user, members); err != nil {
			return err
		}
		if user.Banned {
			if err := b.endSessionsOf(ctx, user.ID, members, ""); err != nil {
				return err
			}
		}
	}
	return b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error { return queries.ClerkEventDone(ctx, tx, eventID) })
}

// endSessionsOf ends the user's sessions and codes that came of a session at Clerk, or for an empty id all, on each
// platform. One that we ended ourselves, for a user who signed out of one platform, ends none.
func (b *Background) endSessionsOf(ctx context.Context, userID string, members []string, clerkSession string) error {
	for _, member := range members {
		err := b.db.Tenant(ctx, id.Platform(member), func(ctx context.Context, tx db.Tenant) error {
			ours, err := queries.WeEndedClerkSession(ctx, tx, clerkSession)
			if err != nil || ours {
				return err
			}
			// Codes first: a session that is being made of one is seen by then.
			err = queries.DropCodes(ctx, tx, tenantdb.DropCodesParams{
				PlatformID: member, CustomerID: userID, ClerkSessionID: orNil(clerkSession),
			})
			if err != nil {
				return err
			}
			n, err := queries.EndSessionsOfClerk(ctx, tx, tenantdb.EndSessionsOfClerkParams{
				PlatformID: member, CustomerID: userID, ClerkSessionID: orNil(clerkSession),
			})
			if err != nil || n == 0 {
				return err
			}
			err = RecordHere(ctx, tx, Event{CustomerID: userID, Kind: SessionsEnded, Via: ByClerk, Detail: map[string]any{"sessions": n, "reason": "clerk"}})
			if err != nil {
				return err
			}
			return queries.UserChanged(ctx, tx, tenantdb.UserChangedParams{PlatformID: member, UserID: userID})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Background) endMemberships(ctx context.Context, userID string) error {
	var members []string
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		members, err = queries.EndUser(ctx, tx, userID)
		return err
	})
	if err != nil {
		return err
	}
	for _, member := range members {
		err := b.db.Tenant(ctx, id.Platform(member), func(ctx context.Context, tx db.Tenant) error {
			_, err := b.leave(Via(ctx, ByClerk), tx, userID)
			if db.NoRows(err) { // the developer deleted the customer meanwhile
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Background) setEmail(ctx context.Context, user clerkapp.User, members []string) error {
	for _, member := range members {
		err := b.db.Tenant(ctx, id.Platform(member), func(ctx context.Context, tx db.Tenant) error {
			err := queries.SetCustomerEmail(ctx, tx, tenantdb.SetCustomerEmailParams{
				PlatformID: member, ID: user.ID, Email: &user.Email, Addresses: user.Addresses,
			})
			if err != nil {
				return err
			}
			_, err = queries.Vouch(ctx, tx, tenantdb.VouchParams{PlatformID: member, ID: user.ID, Proved: user.Proved})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
