package tenant

import (
	"context"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// RemoveUser is the job that deletes a Clerk user whose last membership has ended.
type RemoveUser struct {
	UserID string `json:"userId"`
}

// Kind names the job.
func (RemoveUser) Kind() string { return "tenant.remove_user" }

// Delete ends a membership and all that this platform holds of the user. The Clerk user goes when it was the last
// membership anywhere: a job sees to that, from the moment this commits.
func (c *Customers) Delete(ctx context.Context, platform id.Platform, customer string) error {
	return c.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) error {
		if err := lockCustomer(ctx, tx, customer); err != nil {
			return err
		}
		state, err := c.leave(ctx, tx, customer)
		if err != nil || state != "leaving" {
			return err
		}
		return c.queue.Enqueue(ctx, tx.Tx, RemoveUser{customer})
	})
}

// leave deletes the customer here and answers the state of the Clerk user: empty where there is none.
func (c *Customers) leave(ctx context.Context, tx db.Tenant, customer string) (string, error) {
	kind, err := queries.LockCustomer(ctx, tx, tenantdb.LockCustomerParams{PlatformID: string(tx.Platform), ID: customer})
	if err != nil {
		return "", err
	}
	for _, forget := range c.forget {
		if err := forget(ctx, tx, customer); err != nil {
			return "", err
		}
	}
	_, err = queries.DeleteCustomer(ctx, tx, tenantdb.DeleteCustomerParams{PlatformID: string(tx.Platform), ID: customer})
	if db.Violates(err, "subscriptions_platform_id_customer_id_fkey") {
		return "", errs.New(errs.SubscriptionLives, "The customer has a subscription. Cancel it first.")
	}
	if err != nil || CustomerKind(kind) != FromClerk {
		return "", err
	}
	return queries.LeaveUser(ctx, tx, customer)
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
