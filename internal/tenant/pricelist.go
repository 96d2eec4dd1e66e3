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
