package tenant

import (
	"context"
	"slices"
	"strings"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// OrderTiers puts the tiers in the order of the names, which are those of all the tiers that are not archived.
func (a *Admin) OrderTiers(ctx context.Context, at id.Platform, names []string) ([]Tier, error) {
	var ordered []Tier
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if _, err := queries.LockSettings(ctx, tx, string(at)); err != nil {
			return err
		}
		now, err := readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(at)})
		if err != nil {
			return err
		}
		want := make([]string, len(now))
		for i, t := range now {
			want[i] = t.Name
		}
		if !slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(want))) {
			return errs.InvalidParam("names", "names holds each tier that is not archived once: %s.", strings.Join(want, ", "))
		}
		for i, name := range names {
			err := queries.PlaceTier(ctx, tx, tenantdb.PlaceTierParams{
				PlatformID: string(at), Name: name, Position: int32(i + 1),
			})
			if err != nil {
				return err
			}
		}
		ordered, err = readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(at), WithArchived: true})
		return err
	})
	return ordered, err
}

// CopyTiers gives a platform the tiers of another: those that it lacks are made, those of the same name become the same,
// others stay. Both platforms are the developer's, which is checked before.
func (a *Admin) CopyTiers(ctx context.Context, from, to id.Platform) ([]Tier, error) {
	source, err := a.Tiers(ctx, from)
	if err != nil {
		return nil, err
	}
	var copied []Tier
	err = a.db.Tenant(ctx, to, func(ctx context.Context, tx db.Tenant) error {
		currency, err := queries.LockSettings(ctx, tx, string(to))
		if err != nil {
			return err
		}
		if len(source) > 0 && source[0].Currency != currency {
			if err := changeCurrency(ctx, tx, source[0].Currency); err != nil {
				return err
			}
		}
		now, err := readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(to), WithArchived: true})
		if err != nil {
			return err
		}
		for _, t := range source {
			at := slices.IndexFunc(now, func(own Tier) bool { return own.Name == t.Name })
			switch {
			case at < 0 && t.Archived: // there is nobody here who would be on it
			case at < 0:
				err = insertTier(ctx, tx, t, &t.Position)
			default:
				err = updateTier(ctx, tx, now[at], changeTo(t))
			}
			if err != nil {
				return err
			}
		}
		if err := nobodyStranded(ctx, tx); err != nil {
			return err
		}
		if err := PublishSoon(ctx, tx, a.queue); err != nil {
			return err
		}
		copied, err = readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(to), WithArchived: true})
		return err
	})
	return copied, err
}

// changeTo is the change that makes any tier the same as t.
func changeTo(t Tier) TierChange {
	return TierChange{
		DisplayName: &t.DisplayName, TrialDays: &t.TrialDays, Features: &t.Features, RateLimit: &t.RateLimit,
		Position: &t.Position, Archived: &t.Archived,
		Prices: func(map[string]int64) (map[string]int64, error) { return amountsOf(t.Prices), nil },
		Limits: func(map[string]Limit) (map[string]Limit, error) { return t.Limits, nil },
	}
}
