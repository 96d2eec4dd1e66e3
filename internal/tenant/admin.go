package tenant

import (
	"context"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/platform"
)

// Admin is what a developer does with a platform. That the platform is the developer's is checked before.
type Admin struct {
	db       *db.DB
	keeper   *idempotency.Keeper
	resolver TXTResolver
}

// NewAdmin makes an Admin.
func NewAdmin(developer *db.DB, keeper *idempotency.Keeper, resolver TXTResolver) *Admin {
	return &Admin{developer, keeper, resolver}
}

// CreatePlatform adds a platform to a project of the developer, with a free tier to start from.
func (a *Admin) CreatePlatform(
	ctx context.Context, developer id.Developer, project id.Project, mode id.Mode, name string,
) (platform.Platform, error) {
	var made platform.Platform
	err := a.db.Tenant(ctx, id.NewPlatform(), func(ctx context.Context, tx db.Tenant) (err error) {
		if made, err = platform.InsertPlatform(ctx, tx, developer, project, mode, name); err != nil {
			return err
		}
		if err := queries.InsertSettings(ctx, tx, string(tx.Platform)); err != nil {
			return err
		}
		free := Tier{
			Name: "free", DisplayName: "Free", Interval: "month", RateLimit: DefaultRateLimit,
			Limits: map[string]Limit{DefaultMeter: {Max: new(int64(100)), Period: "month"}},
		}
		return insertTier(ctx, tx, free, nil)
	})
	return made, err
}
