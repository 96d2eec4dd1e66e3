package usage

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/db/dbtest"
)

// On tables without statistics, or that were empty when the plan was made, the planner would go through all of a table for each
// call, or lock rows in another order than that of the keys.
func TestTheFastStatementsGoByIndexAndInOrder(t *testing.T) {
	t.Parallel()
	for name, analyzed := range map[string]bool{"unknown": false, "empty": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantIndexes(t, connect(t, analyzed))
		})
	}
}

func wantIndexes(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	ctx := context.Background()
	for name, sql := range map[string]string{
		"known": countKnownSQL, "known_keyed": countKnownKeyedSQL, "unknown": countUnknownSQL, "unknown_keyed": countUnknownKeyedSQL,
		"one": countOneSQL, "one_keyed": countOneKeyedSQL,
	} {
		if _, err := conn.Prepare(ctx, name, sql); err != nil {
			t.Fatal(err)
		}
		n := 50
		for !strings.Contains(sql, "$"+strconv.Itoa(n)+"::") {
			n--
		}
		nulls := strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ")
		rows, err := conn.Query(ctx, "EXPLAIN (COSTS off) EXECUTE "+name+" ("+nulls+")")
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.ReplaceAll(strings.Join(lines, "\n"), "Seq Scan on clock", "one row")
		parts := []string{"Index Scan using users_pkey"}
		if !strings.HasPrefix(name, "known") {
			parts = append(parts, "Index Scan using settings_fence_idx")
		}
		if !strings.HasPrefix(name, "one") {
			parts = append(parts, "Index Scan using settings_epoch_idx")
		}
		for _, part := range parts {
			if !strings.Contains(plan, part) {
				t.Errorf("%s has no %s:\n%s", name, part, plan)
			}
		}
		if strings.HasSuffix(name, "_keyed") && !byKey.MatchString(plan) {
			t.Errorf("%s does not look keys up one by one:\n%s", name, plan)
		}
		update := plan[strings.Index(plan, "Update on users"):strings.Index(plan, "CTE journaled")]
		for _, part := range []string{"Seq Scan", "Hash Join", "Merge Join", "Sort"} {
			if strings.Contains(update, part) || strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s has a %s:\n%s", name, part, plan)
			}
		}
	}
}

var byKey = regexp.MustCompile(`Index Only Scan using receipts_pkey on receipts r\n\s+Index Cond: \(\(platform_id = .* AND \(id = k\.id\)\)`)

// connect opens a connection that plans as the lanes' transactions do, with row-level security.
func connect(t *testing.T, analyzed bool) *pgx.Conn {
	t.Helper()
	d := dbtest.New(t)
	if analyzed {
		for _, table := range []string{"tenant_usage.users", "tenant_usage.receipts", "tenant.settings"} {
			d.Exec(t, "VACUUM ANALYZE "+table)
		}
	}
	conn := d.Connect(t, d.Owner)
	for _, setting := range []string{
		"role = dreamapi_customer", "plan_cache_mode = force_generic_plan", "enable_seqscan = off", "enable_bitmapscan = off", "enable_hashjoin = off", "enable_mergejoin = off",
	} {
		if _, err := conn.Exec(context.Background(), "SET "+setting); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}
