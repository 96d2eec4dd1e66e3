package torture

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// account is what is counted apart: a meter of a user.
type account struct{ platform, user, meter string }

// line is what is stored of a user and a meter.
type line struct {
	Platform, User, Meter string
	Count                 int64 // in the periods that are present, of each kind
	Days                  int64 // of all days, with the present one
}

// look reads rows as the superuser, from whom row-level security hides nothing.
func look[T any](t testing.TB, w *world, sql string, args ...any) []T {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, w.db.Superuser.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// stored reads what is counted.
func (w *world) stored(t testing.TB) map[account]line {
	t.Helper()
	lines := map[account]line{}
	for _, l := range look[line](t, w, `
		WITH slots AS (
			SELECT platform_id, user_id, split_part(s.slot, ' ', 1) AS meter, s.count, s.today
			FROM tenant_usage.users, unnest(slots, counts, today) AS s (slot, count, today)
		), parts AS (
			SELECT platform_id, user_id, meter, count, today AS days FROM slots
			UNION ALL SELECT platform_id, user_id, meter, 0, count FROM tenant_usage.days
		)
		SELECT platform_id, user_id, meter, sum(count)::bigint, sum(days)::bigint
		FROM parts GROUP BY platform_id, user_id, meter`) {
		lines[account{l.Platform, l.User, l.Meter}] = l
	}
	return lines
}

// wantBalancedBooks holds the three books against each other: what each user used on each day, what each platform's users
// used in each hour, and what the calls were answered less what they gave back.
func (w *world) wantBalancedBooks(t testing.TB, want map[account]int64) {
	t.Helper()
	type total struct{ platform, meter string }
	days, answered := map[total]int64{}, map[total]int64{}
	for a, l := range w.stored(t) {
		days[total{a.platform, a.meter}] += l.Days
		if l.Days != want[a] {
			t.Errorf("%v: the days add up to %d, what was answered to %d", a, l.Days, want[a])
		}
	}
	for a, n := range want {
		answered[total{a.platform, a.meter}] += n
	}
	type hour struct {
		Platform, Meter string
		Count           int64
	}
	hours := map[total]int64{}
	for _, h := range look[hour](t, w, `
		SELECT platform_id, meter, sum(count)::bigint FROM (
			SELECT platform_id, meter, count FROM tenant_usage.hours
			UNION ALL SELECT platforms[tallies[n]], meters[tallies[n]], counts[n] FROM tenant_usage.journal, unnest(counted) n
		) h GROUP BY platform_id, meter`) {
		hours[total{h.Platform, h.Meter}] = h.Count
	}
	for at, n := range answered {
		if days[at] != n || hours[at] != n {
			t.Errorf("%v: answered are %d, the days add up to %d and the hours to %d", at, n, days[at], hours[at])
		}
	}
}
