package tenant

import (
	"context"
	"testing"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// However much happened, and to however many, what happened last is found without looking at the rest.
func TestWhatHappenedLastLooksAtNothingElse(t *testing.T) {
	t.Parallel()
	d := withPlatforms(t, "plt_1", "plt_2")
	for _, at := range []string{"plt_1", "plt_2"} {
		d.Exec(t, `INSERT INTO tenant.customers (platform_id, id, kind) SELECT $1, 'c' || i, 'external' FROM generate_series(1, 12000) i`, at)
		d.Exec(t, `INSERT INTO tenant.timeline (platform_id, id, customer_id, kind, at)
			SELECT $1, 'hap_' || i, 'c' || i, 'created', now() - i * interval '1 minute' FROM generate_series(1, 12000) i`, at)
		d.Exec(t, `INSERT INTO tenant_usage.adjustments (platform_id, id, user_id, meter, kind, quantity, created_at)
			SELECT $1, 'adj_' || lpad(i::text, 5, '0'), 'c' || i * 7919 % 13000, 'requests', 'return', 1, now() - (12000 - i) * interval '1 minute'
			FROM generate_series(1, 12000) i`, at)
	}
	d.Exec(t, "ANALYZE")
	err := d.Open(t, db.Developer).Tenant(t.Context(), "plt_1", func(ctx context.Context, tx db.Tenant) error {
		if _, err := tx.Exec(ctx, "SET LOCAL plan_cache_mode = force_generic_plan"); err != nil { // as of the sixth time
			return err
		}
		heard := &listener{Tenant: tx}
		rows, err := queries.LatestHappened(ctx, heard, tenantdb.LatestHappenedParams{PlatformID: "plt_1", Most: 20})
		if err != nil || len(rows) != 20 {
			t.Errorf("%d events, %v", len(rows), err)
		}
		for sql, args := range heard.asked {
			p := explain(ctx, t, tx, sql, args)
			for _, table := range []string{"timeline", "adjustments", "customers"} {
				if n := p.readOf(table); n > 20 {
					t.Errorf("it looks at %d rows of %s", n, table)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
