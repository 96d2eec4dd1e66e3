package tenant

import (
	"context"
	"errors"
	"slices"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// RemoveUser is the job that deletes a Clerk user whose last membership has ended.
type RemoveUser struct {
	UserID string `json:"userId"`
}

// Kind names the job.
func (RemoveUser) Kind() string { return "tenant.remove_user" }

// RenameKey is the job that has a Clerk user's metadata name a platform on which the user is still a customer.
type RenameKey struct {
	UserID string `json:"userId"`
}

// Kind names the job.
func (RenameKey) Kind() string { return "tenant.rename_key" }

// Delete ends a membership and all that this platform holds of the user. The Clerk user goes when it was the last
// membership anywhere: a job sees to that, from the moment this commits.
func (c *Customers) Delete(ctx context.Context, platform id.Platform, customer string) error {
	return c.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) error {
		state, err := c.leave(ctx, tx, customer)
		switch {
		case db.NoRows(err):
			return noCustomer()
		case err != nil:
			return err
		case state == "leaving":
			return c.queue.Enqueue(ctx, tx.Tx, RemoveUser{customer})
		case state == "member":
			return c.queue.Enqueue(ctx, tx.Tx, RenameKey{customer})
		default:
			return nil
		}
	})
}

// leave deletes the customer here and answers the state of the Clerk user: empty where there is none. It returns
// pgx's no rows where there is no such customer.
func (c *Customers) leave(ctx context.Context, tx db.Tenant, customer string) (string, error) {
	row, err := queries.LockCustomer(ctx, tx, tenantdb.LockCustomerParams{PlatformID: string(tx.Platform), ID: customer})
	if err != nil {
		return "", err
	}
	state := ""
	if CustomerKind(row.Kind) == FromClerk { // before anything else: whoever joins takes the locks in this order too
		if state, err = queries.LeaveUser(ctx, tx, customer); err != nil {
			return "", err
		}
	}
	for _, forget := range c.forget {
		if err := forget(ctx, tx, customer); err != nil {
			return "", err
		}
	}
	// Behind what locks the user's counters: nothing is written down of the user any more.
	if err := queries.ForgetTimeline(ctx, tx, tenantdb.ForgetTimelineParams{PlatformID: string(tx.Platform), CustomerID: customer}); err != nil {
		return "", err
	}
	err = queries.ForgetEvents(ctx, tx, tenantdb.ForgetEventsParams{PlatformID: string(tx.Platform), CustomerID: customer})
	if err != nil {
		return "", err
	}
	if err := RecordHere(ctx, tx, TimelineEntry{Kind: Deleted, Via: viaOf(ctx)}); err != nil {
		return "", err
	}
	_, err = queries.DeleteCustomer(ctx, tx, tenantdb.DeleteCustomerParams{PlatformID: string(tx.Platform), ID: customer})
	return state, err
}

// remove deletes a Clerk user who is on the way out, and records it. It may be repeated.
func (c *Customers) remove(ctx context.Context, userID string) error {
	var state string
	err := c.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		state, err = queries.UserState(ctx, tx, userID)
		return err
	})
	if err != nil || state != "leaving" {
		return err
	}
	if err := c.clerk.DeleteUser(ctx, userID); err != nil {
		return err
	}
	return c.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error { return queries.UserGone(ctx, tx, userID) })
}

// seeOff removes a Clerk user who was made by us and never became a member.
func (b *Background) seeOff(ctx context.Context, userID string) error {
	err := b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error { return queries.SeeOffUser(ctx, tx, userID) })
	if err != nil {
		return err
	}
	return b.remove(ctx, userID)
}

// renameKey sees to it that the publishable key in the user's metadata, which ends up in tokens, is that of a platform
// on which the user is a customer.
func (b *Background) renameKey(ctx context.Context, userID string) error {
	user, err := b.clerk.User(ctx, userID)
	if errors.Is(err, clerkapp.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	named, members := "", []string(nil)
	err = b.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		if key, ok := id.ParseKey(user.PublishableKey); ok {
			if named, err = queries.PlatformOfKey(ctx, tx, key.Hash()); err != nil {
				return err
			}
		}
		members, err = queries.PlatformsOfUser(ctx, tx, userID)
		return err
	})
	if err != nil || len(members) == 0 || slices.Contains(members, named) {
		return err
	}
	var key string
	err = b.db.Tenant(ctx, id.Platform(members[0]), func(ctx context.Context, tx db.Tenant) (err error) {
		key, err = currentKey(ctx, tx)
		return err
	})
	if err != nil || key == "" {
		return err
	}
	return b.clerk.SetPublishableKey(ctx, userID, key)
}
