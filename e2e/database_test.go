package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/db"
)

// query reads one value as the superuser, from whom row-level security hides nothing.
func query[T any](t testing.TB, w *world, sql string, args ...any) T {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, w.db.Superuser.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var value T
	if err := conn.QueryRow(ctx, sql, args...).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// column reads a column of text.
func column(t testing.TB, w *world, sql string) []string {
	t.Helper()
	return query[[]string](t, w, "SELECT ARRAY("+sql+")")
}

// tableLock keeps everybody else from a table, or from writing to it.
type tableLock struct {
	w     *world
	table string
	tx    pgx.Tx
}

// The modes in which a test locks.
const (
	againstWriting = "SHARE"
	againstLocking = "EXCLUSIVE" // of rows, and against writing
)

// lock locks a table until release, or the end of the test.
func (w *world) lock(t *testing.T, table, mode string) *tableLock {
	t.Helper()
	ctx := context.Background()
	tx, err := w.db.Connect(t, w.db.Superuser).Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "LOCK TABLE "+table+" IN "+mode+" MODE"); err != nil {
		t.Fatal(err)
	}
	return &tableLock{w, table, tx}
}

// awaitBlocked returns when a transaction of the role waits for the table.
func (l *tableLock) awaitBlocked(t *testing.T, role db.Role) {
	t.Helper()
	wait.For(t, "transaction of "+string(role)+" that waits for "+l.table, func() bool {
		return query[bool](t, l.w, `SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
			WHERE relation = $1::text::regclass AND NOT granted AND application_name = $2)`, l.table, string(role))
	})
}

// release lets those who wait go on.
func (l *tableLock) release(t *testing.T) {
	t.Helper()
	if err := l.tx.Rollback(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// start2031 is a moment after which neither the minute nor the month ends while a test runs.
var start2031 = time.Date(2031, time.May, 15, 12, 0, 1, 0, time.UTC)

// setClock puts the clock to start2031.
func (w *world) setClock(t *testing.T) {
	t.Helper()
	w.db.SetClock(t, start2031)
}

// exec runs a statement as the superuser.
func (w *world) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := w.db.Connect(t, w.db.Superuser).Exec(context.Background(), sql); err != nil {
		t.Fatal(err)
	}
}

// terminate ends every session of the servers, and returns when they are gone.
func (w *world) terminate(t *testing.T) {
	t.Helper()
	ended := query[[]int32](t, w, `SELECT array_agg(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND usename = 'dreamapi_owner'`)
	query[int](t, w, "SELECT count(pg_terminate_backend(pid)) FROM unnest($1::int[]) pid", ended)
	wait.For(t, "end of the sessions", func() bool { // in whose place others may have begun
		return query[int](t, w, "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)", ended) == 0
	})
}
