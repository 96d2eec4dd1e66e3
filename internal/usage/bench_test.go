package usage_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/db/dbtest"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/usage"
)

// BenchmarkTrack measures a tracked call beside the least that a transaction costs here, so that a reader can put the
// two in relation: figures of one machine say nothing on another.
func BenchmarkTrack(b *testing.B) {
	d := dbtest.New(b)
	platform := id.NewPlatform()
	d.Exec(b, "INSERT INTO platform.developers (id, clerk_user_id, email) VALUES ('dev_1', 'user_1', 'a@example.com')")
	d.Exec(b, "INSERT INTO platform.projects (id, developer_id, name) VALUES ('prj_1', 'dev_1', 'p')")
	d.Exec(b, "INSERT INTO platform.platforms (id, project_id, mode, name) VALUES ($1, 'prj_1', 'test', 'p')", platform)
	d.Exec(b, "INSERT INTO tenant.settings (platform_id) VALUES ($1)", platform)
	d.Exec(b, `INSERT INTO tenant.tiers (platform_id, name, display_name, rate_limit, position)
		VALUES ($1, 'free', 'Free', 1000000, 1)`, platform)
	d.Exec(b, `INSERT INTO tenant.prices (platform_id, id, tier, interval, amount, currency)
		VALUES ($1, 'prc_1', 'free', 'month', 0, 'usd')`, platform)
	d.Exec(b, `INSERT INTO tenant.tier_limits (platform_id, tier, meter, max, period)
		VALUES ($1, 'free', 'requests', NULL, 'month')`, platform)
	pool := d.Open(b, db.Customer)
	service := usage.New(pool, idempotency.NewKeeper([]byte("benchmark")))

	track := func(b *testing.B, user func(n int64) string) {
		var calls atomic.Int64
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, err := service.Track(context.Background(), usage.Call{
					User:     usage.User{Platform: platform, ID: user(calls.Add(1)), Plan: "free"},
					Quantity: 1,
				}, idempotency.Request{})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	b.Run("an empty transaction", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := pool.Tenant(context.Background(), platform, func(context.Context, db.Tenant) error { return nil }); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("many users", func(b *testing.B) { track(b, func(n int64) string { return fmt.Sprintf("user%d", n%10_000) }) })
	b.Run("one user", func(b *testing.B) { track(b, func(int64) string { return "hot" }) })
}
