package tenant

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// Connection is the Stripe account that a live platform takes payments with, or the last that it did.
type Connection struct {
	Account        string     `json:"account"` // acct_…
	Name           string     `json:"name"`
	ChargesEnabled bool       `json:"chargesEnabled"` // Stripe lets the account take payments
	ConnectedAt    time.Time  `json:"connectedAt"`
	EndedAt        *time.Time `json:"endedAt"`
	EndReason      *string    `json:"endReason"` // disconnected or deauthorized
}

// Lives reports whether the account is connected.
func (c Connection) Lives() bool { return c.Account != "" && c.EndedAt == nil }

// ConnectionOf reads the platform's connection; the zero one where there never was any.
func ConnectionOf(ctx context.Context, tx db.Tenant) (Connection, error) {
	row, err := queries.Connection(ctx, tx, string(tx.Platform))
	if db.NoRows(err) {
		return Connection{}, nil
	}
	return Connection(row), err
}

// Connect makes an account the one that the platform takes payments with. Another than before is refused while
// subscriptions live there, and has the price list published afresh.
func Connect(ctx context.Context, tx db.Tenant, account, name string, charges bool) error {
	if _, err := queries.LockSettings(ctx, tx, string(tx.Platform)); err != nil {
		return err
	}
	n, err := queries.LiveSubscriptionsElsewhere(ctx, tx, tenantdb.LiveSubscriptionsElsewhereParams{
		PlatformID: string(tx.Platform), Account: account,
	})
	if err != nil {
		return err
	}
	if n > 0 {
		return errs.New(errs.SubscriptionLives, "%d subscriptions live on the account that was connected before. Connect that one "+
			"again, or let them end first.", n)
	}
	ok, err := queries.LinkAccount(ctx, tx, account)
	if err != nil {
		return err
	}
	if !ok {
		return errs.New(errs.Conflict, "The Stripe account %s is connected by another developer here. Disconnect it there first.", account)
	}
	before, err := ConnectionOf(ctx, tx)
	if err != nil {
		return err
	}
	if before.Account != account {
		if err := queries.ForgetPublishedPrices(ctx, tx, string(tx.Platform)); err != nil {
			return err
		}
		if err := queries.ForgetPublishedProducts(ctx, tx, string(tx.Platform)); err != nil {
			return err
		}
	}
	return queries.SetConnection(ctx, tx, tenantdb.SetConnectionParams{
		PlatformID: string(tx.Platform), Account: account, Name: name, ChargesEnabled: charges,
	})
}

// Disconnect ends the connection of the platform to the account, for a reason: disconnected or deauthorized. last is
// whether no other platform uses the account any more. To end it again changes nothing.
func Disconnect(ctx context.Context, tx db.Tenant, account, reason string) (last bool, err error) {
	n, err := queries.EndConnection(ctx, tx, tenantdb.EndConnectionParams{
		PlatformID: string(tx.Platform), Account: account, Reason: &reason,
	})
	if err != nil || n == 0 {
		return false, err
	}
	shared, err := queries.UnlinkAccount(ctx, tx, account)
	return !shared, err
}

// RefreshConnection records what Stripe says of the account now.
func RefreshConnection(ctx context.Context, tx db.Tenant, account, name string, charges bool) error {
	return queries.RefreshConnection(ctx, tx, tenantdb.RefreshConnectionParams{
		PlatformID: string(tx.Platform), Account: account, Name: name, ChargesEnabled: charges,
	})
}

// LiveLacks says what the platform lacks before it may have live keys: plan, connection or tiers, in the order in which
// a developer gets them; empty when it lacks nothing, as a test platform does.
func LiveLacks(ctx context.Context, tx db.Tenant) (string, error) {
	return queries.LiveLacks(ctx, tx)
}

// ModeOf reads the mode of the platform that the transaction has entered.
func ModeOf(ctx context.Context, tx db.Tenant) (id.Mode, error) {
	mode, err := queries.Mode(ctx, tx)
	return id.Mode(mode), err
}
