package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

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

// ClerkEvent is the job that works an event of the shared Clerk app; Again, if it was worked before, too, for the platform
// whose developer asked for it.
type ClerkEvent struct {
	EventID    string      `json:"eventId"`
	Again      bool        `json:"again,omitempty"`
	PlatformID id.Platform `json:"platformId,omitempty"`
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
	jobs.Handle(r, func(ctx context.Context, args ClerkEvent) error { return b.workEvent(ctx, args, false) })
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
		failed = errors.Join(failed, b.workEvent(ctx, ClerkEvent{EventID: event}, true))
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
		if err := b.queue.Enqueue(ctx, tx, ClerkEvent{EventID: eventID}); err != nil || eventType != userDeleted {
			return err
		}
		members, err := queries.PlatformsOfUser(ctx, tx, userID)
		if err != nil || len(members) == 0 {
			return err
		}
		if _, err := tx.EnterAll(ctx, id.Of[id.Platform](members)); err != nil {
			return err
		}
		err = queries.RecordUserEvent(ctx, tx, tenantdb.RecordUserEventParams{
			ID: eventID, Type: eventType, PlatformIds: members, UserID: userID, Payload: userPayload(eventType, userID),
		})
		if err != nil {
			return err
		}
		return queries.ClerkEventShown(ctx, tx, tenantdb.ClerkEventShownParams{PlatformIds: members, ID: eventID})
	})
}

// userDeleted is the type of the one event about a user that concerns every platform of theirs. Of any other a platform is
// shown what changed something there: that a user did something elsewhere is none of its business.
const userDeleted = "user.deleted"

// userPayload is what a platform may know of an event of Clerk's. What came in also holds the user's other addresses,
// devices and sessions, which are the user's own, and those of other platforms.
func userPayload(eventType, userID string) json.RawMessage {
	data := map[string]any{"object": "user", "id": userID}
	switch eventType {
	case userDeleted:
		data["deleted"] = true
	case "session.revoked":
		data = map[string]any{"object": "session", "user_id": userID, "status": "revoked"}
	}
	payload, err := json.Marshal(map[string]any{"object": "event", "type": eventType, "data": data})
	if err != nil {
		panic(err) // texts always marshal
	}
	return payload
}

// didSomething keeps an event that changed something on the platform for its developer.
func didSomething(ctx context.Context, tx db.Tenant, event tenantdb.TenantClerkEvent) error {
	err := queries.RecordChangingUserEvent(ctx, tx, tenantdb.RecordChangingUserEventParams{
		PlatformID: string(tx.Platform), ID: event.ID, Type: event.Type, UserID: event.UserID,
		Payload: userPayload(event.Type, event.UserID),
	})
	if err != nil {
		return err
	}
	return queries.ClerkEventShown(ctx, tx, tenantdb.ClerkEventShownParams{PlatformIds: []string{string(tx.Platform)}, ID: event.ID})
}

// workEvent asks Clerk how the user is now, and brings the memberships in line: what the event itself says may be old.
// left is whether the event is one that was left to Settle, which has ended the intents first. How it came out is written
// down for the platforms.
func (b *Background) workEvent(ctx context.Context, job ClerkEvent, left bool) error {
	var event tenantdb.TenantClerkEvent
	var members []string
	var state string
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		if event, err = queries.ClerkEvent(ctx, tx, tenantdb.ClerkEventParams{ID: job.EventID, Again: job.Again}); err != nil {
			return err
		}
		if state, err = queries.UserState(ctx, tx, event.UserID); err != nil {
			return err
		}
		members, err = queries.PlatformsOfUser(ctx, tx, event.UserID)
		return err
	})
	if db.NoRows(err) && job.PlatformID == "" { // worked before
		return nil
	}
	if db.NoRows(err) {
		return b.tooOld(ctx, job)
	}
	if err != nil {
		return err
	}
	began, bring := time.Now(), members
	if job.PlatformID != "" && event.ProcessedAt != nil { // the others have had their turn
		bring = slices.DeleteFunc(slices.Clone(members), func(one string) bool { return one != string(job.PlatformID) })
	}
	done, err := b.act(ctx, event, bring, state, left)
	if err == nil && !done {
		return nil
	}
	return errors.Join(err, b.tried(ctx, event, job.PlatformID, TriedEvent(began, "", err)))
}

// tried writes down how an attempt came out, for us and for the platforms to which the event is shown: both or none, as one that
// is done with is not worked again by itself, and would be shown as waiting for ever.
func (b *Background) tried(ctx context.Context, event tenantdb.TenantClerkEvent, asked id.Platform, try EventTry) error {
	failed := try.State == EventFailed
	// An attempt that ran out of time is written down too.
	return b.db.Tx(context.WithoutCancel(ctx), func(ctx context.Context, tx db.Tx) error {
		shown, err := queries.ClerkEventWorked(ctx, tx, tenantdb.ClerkEventWorkedParams{ID: event.ID, Done: !failed})
		if err != nil && !db.NoRows(err) { // it was swept away meanwhile
			return err
		}
		return RecordEventTry(ctx, tx, ToldOf(id.Of[id.Platform](shown), asked, event.ProcessedAt != nil || failed), event.ID, try)
	})
}

// tooOld tells the platform that asked for an event that it is no longer here to be worked.
func (b *Background) tooOld(ctx context.Context, job ClerkEvent) error {
	return b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		return RecordEventTry(ctx, tx, []id.Platform{job.PlatformID}, job.EventID, EventTry{State: EventIgnored, Problem: TooOld})
	})
}

// act does what follows from an event; done is whether it is done with.
func (b *Background) act(
	ctx context.Context, event tenantdb.TenantClerkEvent, members []string, state string, left bool,
) (done bool, err error) {
	if event.SessionID != "" { // to sign out without need is no harm, so the event is enough
		return true, b.endSessionsOf(ctx, event, members, event.SessionID)
	}
	user, err := b.clerk.User(ctx, event.UserID)
	switch {
	case errors.Is(err, clerkapp.ErrNotFound) && event.Type == userDeleted:
		return true, b.endMemberships(ctx, event.UserID)
	case errors.Is(err, clerkapp.ErrNotFound): // only the event that says so ends memberships
		return true, nil
	case err != nil:
		return false, err
	case state == "" && isIntent(user.ExternalID):
		// Made by us and no customer yet: creation is under way, or was cut off and given up before Clerk had carried it
		// out. Only time tells, so the first look leaves the event to Settle. A repetition of the request may be about to
		// finish even then: it must find the user on the way out, or have been first.
		if !left {
			return false, nil
		}
		return true, b.seeOff(ctx, user.ID)
	}
	if err := b.setEmail(ctx, event, user, members); err != nil || !user.Banned {
		return true, err
	}
	return true, b.endSessionsOf(ctx, event, members, "")
}

// endSessionsOf ends the user's sessions and codes that came of a session at Clerk, or for an empty id all, on each
// platform. One that we ended ourselves, for a user who signed out of one platform, ends none.
func (b *Background) endSessionsOf(
	ctx context.Context, event tenantdb.TenantClerkEvent, members []string, clerkSession string,
) error {
	userID := event.UserID
	for _, member := range members {
		err := b.db.Tenant(ctx, id.Platform(member), func(ctx context.Context, tx db.Tenant) error {
			// First, as a deletion does: else each could wait for the other, or this write down something of who is gone.
			_, err := queries.KeepCustomer(ctx, tx, tenantdb.KeepCustomerParams{PlatformID: member, ID: userID})
			if db.NoRows(err) {
				return nil
			}
			if err != nil {
				return err
			}
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
			err = RecordHere(ctx, tx, TimelineEntry{CustomerID: userID, Kind: SessionsEnded, Via: ByClerk, Detail: map[string]any{"sessions": n, "reason": "clerk"}})
			if err != nil {
				return err
			}
			if err := queries.UserChanged(ctx, tx, tenantdb.UserChangedParams{PlatformID: member, UserID: userID}); err != nil {
				return err
			}
			return didSomething(ctx, tx, event)
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

func (b *Background) setEmail(
	ctx context.Context, event tenantdb.TenantClerkEvent, user clerkapp.User, members []string,
) error {
	for _, member := range members {
		err := b.db.Tenant(ctx, id.Platform(member), func(ctx context.Context, tx db.Tenant) error {
			changed, err := queries.SetCustomerEmail(ctx, tx, tenantdb.SetCustomerEmailParams{
				PlatformID: member, ID: user.ID, Email: &user.Email, Addresses: user.Addresses,
			})
			if err != nil {
				return err
			}
			vouched, err := queries.Vouch(ctx, tx, tenantdb.VouchParams{PlatformID: member, ID: user.ID, Proved: user.Proved})
			if err != nil || changed+vouched == 0 {
				return err
			}
			return didSomething(ctx, tx, event)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
