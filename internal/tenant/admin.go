package tenant

import (
	"context"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform"
)

// Admin is what a developer does with a platform. That the platform is the developer's is checked before.
type Admin struct {
	db       *db.DB
	keeper   *idempotency.Keeper
	queue    *jobs.Enqueuer
	resolver TXTResolver
}

// NewAdmin makes an Admin.
func NewAdmin(developer *db.DB, keeper *idempotency.Keeper, queue *jobs.Enqueuer, resolver TXTResolver) *Admin {
	return &Admin{developer, keeper, queue, resolver}
}

// defaultCurrency is that of a new platform; tenant.settings has the same default.
const defaultCurrency = "usd"

// CreatePlatform adds a platform to a project of the developer, with a free tier to start from.
func (a *Admin) CreatePlatform(
	ctx context.Context, developer id.Developer, project id.Project, mode id.Mode, name string,
) (platform.Platform, error) {
	var made platform.Platform
	err := a.db.Tenant(ctx, id.NewPlatform(), func(ctx context.Context, tx db.Tenant) (err error) {
		made, err = a.insertPlatform(ctx, tx, developer, project, mode, name, freeTier(100))
		return err
	})
	return made, err
}

// Started is what a first sign-in finds. SecretKey is that of the test platform, which is shown this once; empty for a
// developer who has projects.
type Started struct {
	Project   id.Project
	Test      id.Platform
	SecretKey string
}

// Start gives a developer who has no project one: a test platform with a price list and a key of each kind, so that the
// first call comes before any payment, and a live platform to be opened later.
func (a *Admin) Start(ctx context.Context, d platform.Developer) (Started, error) {
	var started Started
	err := a.db.Tenant(ctx, id.NewPlatform(), func(ctx context.Context, tx db.Tenant) error {
		project, ok, err := platform.InsertFirstProject(ctx, tx, d.ID, "My product")
		if err != nil || !ok {
			return err
		}
		test, err := a.insertPlatform(ctx, tx, d.ID, project.ID, id.Test, "Test", freeTier(20), proTier())
		if err != nil {
			return err
		}
		key, err := insertKey(ctx, tx, id.Secret, id.Test, "first")
		if err != nil {
			return err
		}
		if _, err := insertKey(ctx, tx, id.Publishable, id.Test, "first"); err != nil {
			return err
		}
		started = Started{project.ID, test.ID, key.Secret}
		return nil
	})
	if err != nil || started.Project == "" {
		return started, err
	}
	_, err = a.CreatePlatform(ctx, d.ID, started.Project, id.Live, "Live")
	return started, err
}

func (a *Admin) insertPlatform(
	ctx context.Context, tx db.Tenant, developer id.Developer, project id.Project, mode id.Mode, name string, tiers ...Tier,
) (platform.Platform, error) {
	made, err := platform.InsertPlatform(ctx, tx, developer, project, mode, name)
	if err != nil {
		return made, err
	}
	if err := queries.InsertSettings(ctx, tx, string(tx.Platform)); err != nil {
		return made, err
	}
	if err := queries.InsertSignIn(ctx, tx, string(tx.Platform)); err != nil {
		return made, err
	}
	for _, t := range tiers {
		if err := insertTier(ctx, tx, t, nil); err != nil {
			return made, err
		}
	}
	return made, PublishSoon(ctx, tx, a.queue)
}

func freeTier(requests int64) Tier {
	return Tier{
		Name: "free", DisplayName: "Free", Currency: defaultCurrency, Prices: PricesOf(map[string]int64{"month": 0}),
		RateLimit: DefaultRateLimit, Limits: map[string]Limit{DefaultMeter: {Max: &requests, Period: "month", Anchor: FromCalendar}},
	}
}

func proTier() Tier {
	return Tier{
		Name: "pro", DisplayName: "Pro", Currency: defaultCurrency, Prices: PricesOf(map[string]int64{"month": 1000}),
		RateLimit: DefaultRateLimit, Limits: map[string]Limit{DefaultMeter: {Max: new(int64(10_000)), Period: "month", Anchor: FromCalendar}},
	}
}

// OpenPlatforms counts those of the platforms that have a secret key which works.
func (a *Admin) OpenPlatforms(ctx context.Context, platforms []id.Platform) (open int64, err error) {
	if len(platforms) == 0 {
		return 0, nil
	}
	err = a.db.Tenants(ctx, platforms, func(ctx context.Context, tx db.Tenants) (err error) {
		open, err = queries.OpenPlatforms(ctx, tx, id.Strings(platforms))
		return err
	})
	return open, err
}

// Standings counts the customers of a platform by how they stand with their subscription.
func (a *Admin) Standings(ctx context.Context, at id.Platform) (s Standings, err error) {
	err = a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		s, err = StandingsOf(ctx, tx)
		return err
	})
	return s, err
}
