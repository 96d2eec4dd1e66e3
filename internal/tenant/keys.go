package tenant

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// Key is a key as it may be shown again and again.
type Key struct {
	ID         id.KeyID   `json:"id"`
	Kind       id.KeyKind `json:"kind"`
	Name       string     `json:"name"`
	State      string     `json:"state"` // active, expiring, expired or revoked
	Hint       string     `json:"hint"`
	Value      *string    `json:"value"` // of a publishable key; a secret key is shown once
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  *time.Time `json:"expiresAt"`
	RevokedAt  *time.Time `json:"revokedAt"`
	LastUsedAt *time.Time `json:"lastUsedAt"`
}

// Works reports whether the key opens anything now.
func (k Key) Works() bool { return k.State == "active" || k.State == "expiring" }

// NewKey is a key just made. Secret is empty for a publishable key, and when the answer is a repetition.
type NewKey struct {
	Key    Key    `json:"key"`
	Secret string `json:"-"`
}

const (
	longestOverlap = 30 * 24 * time.Hour
	mostKeys       = 100
)

// Keys lists the platform's keys, oldest first.
func (a *Admin) Keys(ctx context.Context, platform id.Platform) ([]Key, error) {
	var keys []Key
	err := a.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) error {
		rows, err := queries.Keys(ctx, tx, string(platform))
		keys = make([]Key, len(rows))
		for i, row := range rows {
			keys[i] = keyFrom(row.TenantKey, row.Now)
		}
		return err
	})
	return keys, err
}

// CreateKey makes a key of the platform's mode.
func (a *Admin) CreateKey(
	ctx context.Context, p platform.Platform, kind id.KeyKind, name string, r idempotency.Request,
) (made NewKey, replayed bool, err error) {
	var faults []errs.Fault
	if kind != id.Secret && kind != id.Publishable {
		faults = append(faults, errs.Fault{Param: "kind", Message: `kind is "secret" or "publishable".`})
	}
	if n := len([]rune(name)); n == 0 || n > 100 {
		faults = append(faults, errs.Fault{Param: "name", Message: "name has 1 to 100 characters."})
	}
	if err := errs.Invalid(faults); err != nil {
		return NewKey{}, false, err
	}
	err = a.db.Tenant(ctx, p.ID, func(ctx context.Context, tx db.Tenant) error {
		made, replayed, err = idempotency.Once(ctx, a.keeper, tx, r, func() (NewKey, error) {
			n, err := queries.CountKeys(ctx, tx, string(p.ID))
			if err == nil {
				err = errs.TooMany(n+1, mostKeys, "keys that work") // a rotation is never refused for that
			}
			if err != nil {
				return NewKey{}, err
			}
			return insertKey(ctx, tx, kind, p.Mode, name)
		})
		return err
	})
	return made, replayed, err
}

// RotateKey makes a successor of the same kind and name. An old secret key works on for the overlap and no longer; an
// old publishable key resolves for ever, because it stands in the tokens of end users.
func (a *Admin) RotateKey(
	ctx context.Context, p platform.Platform, key string, overlap time.Duration, r idempotency.Request,
) (made NewKey, replayed bool, err error) {
	if overlap < 0 || overlap > longestOverlap {
		return NewKey{}, false, errs.InvalidParam("overlapSeconds", "overlapSeconds is from 0 to %d (30 days).",
			int(longestOverlap.Seconds()))
	}
	err = a.db.Tenant(ctx, p.ID, func(ctx context.Context, tx db.Tenant) error {
		made, replayed, err = idempotency.Once(ctx, a.keeper, tx, r, func() (NewKey, error) {
			old, err := lockKey(ctx, tx, key)
			if err != nil {
				return NewKey{}, err
			}
			if old.State == "revoked" || old.State == "expired" {
				return NewKey{}, errs.New(errs.Conflict, "The key is %s, so there is nothing to rotate. Create a new one.",
					old.State)
			}
			if old.Kind == id.Secret {
				err := queries.EndKeyAt(ctx, tx, tenantdb.EndKeyAtParams{
					PlatformID: string(tx.Platform), ID: key, Seconds: overlap.Seconds(),
				})
				if err != nil {
					return NewKey{}, err
				}
			}
			return insertKey(ctx, tx, old.Kind, p.Mode, old.Name)
		})
		return err
	})
	return made, replayed, err
}

// RevokeKey ends a key: from the moment this returns it opens nothing, in any process. To revoke it again changes
// nothing.
func (a *Admin) RevokeKey(ctx context.Context, platform id.Platform, key string) (Key, error) {
	var revoked Key
	err := a.db.Tenant(ctx, platform, func(ctx context.Context, tx db.Tenant) error {
		if _, err := lockKey(ctx, tx, key); err != nil {
			return err
		}
		err := queries.RevokeKey(ctx, tx, tenantdb.RevokeKeyParams{PlatformID: string(platform), ID: key})
		if err != nil {
			return err
		}
		revoked, err = lockKey(ctx, tx, key)
		return err
	})
	return revoked, err
}

func insertKey(ctx context.Context, tx db.Tenant, kind id.KeyKind, mode id.Mode, name string) (NewKey, error) {
	key := id.NewKey(kind, mode)
	params := tenantdb.InsertKeyParams{
		PlatformID: string(tx.Platform), ID: string(id.NewKeyID()), Kind: string(kind), Name: name,
		Hash: key.Hash(), Hint: key.Hint(),
	}
	made := NewKey{}
	if kind == id.Publishable {
		params.Value = new(key.Reveal())
	} else {
		made.Secret = key.Reveal()
	}
	row, err := queries.InsertKey(ctx, tx, params)
	if err != nil {
		return NewKey{}, err
	}
	made.Key = keyFrom(row, row.CreatedAt)
	return made, lacking(queries.AddKeyToDirectory(ctx, tx, key.Hash()))
}

// lacking puts into words what the directory says a live platform must have before it gets a key.
func lacking(err error) error {
	switch {
	case db.Violates(err, "live_keys_need_plan"):
		return errs.New(errs.PlanRequired, "Live keys are for developers who pay. Subscribe first; test keys need no plan.")
	case db.Violates(err, "live_keys_need_connection"):
		return errs.New(errs.NotConnected, "Live keys need a connected Stripe account, so that your customers can pay you. Connect "+
			"it first; test keys need none.")
	case db.Violates(err, "live_keys_need_tiers"):
		return errs.New(errs.Conflict, "Live keys need a tier that Stripe knows. Add one, or copy those of a test platform; if there "+
			"are some, they are being published: try again in a moment.").After(time.Second)
	default:
		return err
	}
}

func lockKey(ctx context.Context, tx db.Tenant, key string) (Key, error) {
	row, err := queries.LockKey(ctx, tx, tenantdb.LockKeyParams{PlatformID: string(tx.Platform), ID: key})
	if db.NoRows(err) {
		return Key{}, errs.New(errs.NotFound, "There is no such key.")
	}
	return keyFrom(row.TenantKey, row.Now), err
}

func keyFrom(row tenantdb.TenantKey, now time.Time) Key {
	state := "active"
	switch {
	case row.RevokedAt != nil:
		state = "revoked"
	case row.ExpiresAt != nil && !now.Before(*row.ExpiresAt):
		state = "expired"
	case row.ExpiresAt != nil:
		state = "expiring"
	}
	return Key{
		ID: id.KeyID(row.ID), Kind: id.KeyKind(row.Kind), Name: row.Name, State: state, Hint: row.Hint, Value: row.Value,
		CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt, RevokedAt: row.RevokedAt, LastUsedAt: row.LastUsedAt,
	}
}
