package tenant

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/db"
)

// plan is a node of a query's plan, as PostgreSQL explains it.
type plan struct {
	Relation string  `json:"Relation Name"`
	Node     string  `json:"Node Type"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Plans    []plan
}

// read is how many customers the query looked at.
func (p plan) read() int { return p.readOf("customers") }

// readOf is how many rows of a table the query looked at.
func (p plan) readOf(table string) int {
	n := 0
	if p.Relation == table {
		n = int((p.Rows + p.Removed) * p.Loops)
	}
	for _, below := range p.Plans {
		n += below.readOf(table)
	}
	return n
}

// listener is a transaction that keeps what it is asked.
type listener struct {
	db.Tenant
	asked map[string][]any
}

func (l *listener) keep(sql string, args []any) {
	if l.asked == nil {
		l.asked = map[string][]any{}
	}
	l.asked[sql] = args
}

func (l *listener) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	l.keep(sql, args)
	return l.Tenant.Query(ctx, sql, args...)
}

func (l *listener) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	l.keep(sql, args)
	return l.Tenant.QueryRow(ctx, sql, args...)
}

func explain(ctx context.Context, t *testing.T, tx db.Tenant, sql string, args []any) plan {
	t.Helper()
	var raw []byte
	if err := tx.QueryRow(ctx, "EXPLAIN (ANALYZE, FORMAT JSON) "+sql, args...).Scan(&raw); err != nil {
		t.Fatal(err)
	}
	var plans []struct{ Plan plan }
	if err := json.Unmarshal(raw, &plans); err != nil || len(plans) != 1 {
		t.Fatal(err, string(raw))
	}
	return plans[0].Plan
}

// However many customers there are, and however far back the page, a list looks at those that it shows, and a number at none.
func TestAListLooksAtThoseItShowsAndNoOthers(t *testing.T) {
	t.Parallel()
	d := withPlatforms(t, "plt_1")
	d.Exec(t, `INSERT INTO tenant.tiers (platform_id, name, display_name, rate_limit, position) VALUES ('plt_1', 'free', 'f', 1, 1), ('plt_1', 'pro', 'p', 1, 2)`)
	d.Exec(t, `INSERT INTO tenant.prices (platform_id, id, tier, interval, amount, currency) VALUES ('plt_1', 'prc_1', 'free', 'month', 0, 'usd')`)
	d.Exec(t, `INSERT INTO tenant.customers (platform_id, id, kind, email, plan, created_at)
		SELECT 'plt_1', 'c' || i, 'external', i * 7919 % 12000 || '@x.example', CASE WHEN i % 9 = 0 THEN 'free' WHEN i % 400 = 7 THEN 'pro' END, now() - i * interval '1 minute'
		FROM generate_series(1, 12000) i`)
	d.Exec(t, `INSERT INTO billing.subscriptions (platform_id, id, customer_id, tier, status, cancel_at, grace_until, amount, interval)
		SELECT 'plt_1', 's' || i, 'c' || i, 'pro', (ARRAY['active', 'trialing', 'past_due', 'paused'])[i / 100 % 4 + 1], CASE WHEN i % 300 = 0 THEN now() END, now() + interval '1 day', 900, 'month'
		FROM generate_series(10, 12000, 10) i`)
	d.Exec(t, "SELECT tenant.recount('plt_1')")
	d.Exec(t, "ANALYZE tenant.customers, billing.subscriptions")
	at := time.Now().Add(-8000 * time.Minute)
	places := map[string]*place{"created": {at: at, id: "c"}, "email": {email: "7", id: "c"}}
	err := d.Open(t, db.Developer).Tenant(t.Context(), "plt_1", func(ctx context.Context, tx db.Tenant) error {
		if _, err := tx.Exec(ctx, "SET LOCAL plan_cache_mode = force_generic_plan"); err != nil { // as of the sixth time
			return err
		}
		if err := followIndexes(ctx, tx); err != nil {
			return err
		}
		for _, f := range []Filter{
			{}, {Sort: "email"}, {Plan: "pro"}, {Plan: "free"}, {Plan: NoPlan}, {Status: "active"}, {Status: "trialing"}, {Status: "past_due"},
			{Status: "paused"}, {Status: "cancelling"}, {Status: "paying"}, {Status: "paying", Plan: "pro"}, {Status: "none"}, {Email: "17@X.example"}, {Email: "nobody@x.example"},
		} {
			f.Limit = 20
			if f.Sort == "" {
				f.Sort = "created"
			}
			for _, from := range []*place{nil, places[f.Sort]} {
				plans, err := f.placed(ctx, tx)
				if err != nil {
					return err
				}
				sql, args := f.statement(tx.Platform, plans, from)
				p := explain(ctx, t, tx, sql, args)
				if n, subscriptions := p.read(), p.readOf("subscriptions"); n > 3*(f.Limit+1) || subscriptions > 3*(f.Limit+1) {
					t.Errorf("%+v behind %v looks at %d customers and %d subscriptions", f, from, n, subscriptions)
				}
			}
		}
		heard := &listener{Tenant: tx}
		if _, err := queries.CustomersByPlan(ctx, heard, "plt_1"); err != nil {
			return err
		}
		if _, err := queries.CustomersByStanding(ctx, heard, "plt_1"); err != nil {
			return err
		}
		for sql, args := range heard.asked {
			if n := explain(ctx, t, tx, sql, args).read(); n > 0 {
				t.Errorf("%s looks at %d customers", sql, n)
			}
		}
		if len(heard.asked) != 2 {
			t.Errorf("%d queries", len(heard.asked))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// To search all pages looks at each customer a few times, and not on each page at all who have what is sought.
func TestASearchThroughAllPagesIsNoLongerThanTheList(t *testing.T) {
	t.Parallel()
	const everybody = 30_000
	d := withPlatforms(t, "plt_1")
	d.Exec(t, `INSERT INTO tenant.customers (platform_id, id, kind, first_name, created_at)
		SELECT 'plt_1', 'c' || i, 'external', CASE WHEN i % 3 = 0 THEN 'Ada' ELSE '' END, now() - i * interval '1 minute' FROM generate_series(1, $1) i`, everybody)
	d.Exec(t, "SELECT tenant.recount('plt_1')")
	d.Exec(t, "ANALYZE tenant.customers")
	for _, sort := range []string{"created", "email"} {
		err := d.Open(t, db.Developer).Tenant(t.Context(), "plt_1", func(ctx context.Context, tx db.Tenant) error {
			found := 0
			var from *place
			for f := (&Filter{Q: "ada", Sort: sort, Limit: 1000}); ; {
				ids, err := f.search(ctx, tx, nil, from)
				if err != nil {
					return err
				}
				found += min(len(ids), f.Limit)
				if len(ids) <= f.Limit {
					break
				}
				from = &place{id: ids[f.Limit-1]}
				if err := tx.QueryRow(ctx, "SELECT created_at, address FROM tenant.customers WHERE id = $1", from.id).Scan(&from.at, &from.email); err != nil {
					return err
				}
			}
			looked, err := lookedAt(ctx, tx)
			if found != everybody/3 || looked > 3*everybody {
				t.Errorf("by %s: %d found, %d looked at", sort, found, looked)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// lookedAt is how many rows of customers the transaction has read.
func lookedAt(ctx context.Context, tx db.Tenant) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT sum(pg_stat_get_xact_tuples_fetched(r)) FROM (
		SELECT indexrelid FROM pg_index WHERE indrelid = 'tenant.customers'::regclass UNION ALL SELECT 'tenant.customers'::regclass) x (r)`).Scan(&n)
	return n, err
}

// What a few in a hundred have, or fewer, is not looked for among as many as might have a page of it, but found by the index; what
// nearly everybody has is not, however few of them pass the filter.
func TestASearchGoesTheShorterWay(t *testing.T) {
	t.Parallel()
	const everybody = 30_000
	d := withPlatforms(t, "plt_1")
	d.Exec(t, `INSERT INTO tenant.customers (platform_id, id, kind, first_name, last_name, standing, created_at)
		SELECT 'plt_1', 'c' || i, 'external', 'Ada', CASE WHEN i % 150 = 0 THEN 'Hopper' ELSE '' END, CASE WHEN i % 150 = 0 THEN 'active' ELSE 'none' END,
			now() - i * interval '1 minute' FROM generate_series(1, $1) i`, everybody)
	// As recount would, which takes the standing from subscriptions.
	d.Exec(t, `INSERT INTO tenant.customer_counts (platform_id, placed, standing, cancelling, customers) VALUES ('plt_1', '', 'none', false, $1)`, everybody)
	d.Exec(t, "ANALYZE tenant.customers")
	for _, sort := range []string{"created", "email"} {
		for most, f := range map[int]Filter{3_000: {Q: "hopper"}, 10_000: {Q: "ada", Status: "active"}} {
			f.Sort, f.Limit = sort, 20
			err := d.Open(t, db.Developer).Tenant(t.Context(), "plt_1", func(ctx context.Context, tx db.Tenant) error {
				ids, err := f.search(ctx, tx, nil, nil)
				if err != nil {
					return err
				}
				looked, err := lookedAt(ctx, tx)
				if len(ids) != f.Limit+1 || looked > most {
					t.Errorf("%+v: %d found, %d looked at", f, len(ids), looked)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
