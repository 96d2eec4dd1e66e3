package db_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/db/dbtest"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
)

// A database that was restored brings numbers of transactions along that its new server has still to give.
func TestMigratingRenewsEpochsThatWereRestored(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	made, brought := two(t, d)
	d.Exec(t, "INSERT INTO tenant.settings (platform_id, epoch) VALUES ($1, tenant.next_epoch()), ($2, 1::bigint << 60)", made, brought)
	conn := d.Connect(t, d.Superuser)
	read := func() (old, restored int64) {
		if err := conn.QueryRow(t.Context(), `SELECT min(epoch) FILTER (WHERE platform_id = $1), min(epoch) FILTER (WHERE platform_id = $2)
			FROM tenant.settings`, made, brought).Scan(&old, &restored); err != nil {
			t.Fatal(err)
		}
		return old, restored
	}
	before, _ := read()
	if _, err := db.Migrate(t.Context(), d.Owner); err != nil {
		t.Fatal(err)
	}
	if old, restored := read(); old != before || restored <= before || restored > before+1_000_000 {
		t.Errorf("the epochs are %d and %d, want %d and one soon after it", old, restored, before)
	}
}

func TestMain(m *testing.M) { dbtest.Main(m) }

// two makes two platforms with a customer each.
func two(t *testing.T, d dbtest.Database) (a, b id.Platform) {
	t.Helper()
	a, b = id.NewPlatform(), id.NewPlatform()
	d.Exec(t, "INSERT INTO platform.developers (id, clerk_user_id, email) VALUES ('dev_1', 'user_1', 'a@example.com')")
	d.Exec(t, "INSERT INTO platform.projects (id, developer_id, name) VALUES ('prj_1', 'dev_1', 'p')")
	for _, p := range []id.Platform{a, b} {
		d.Exec(t, "INSERT INTO platform.platforms (id, project_id, mode, name) VALUES ($1, 'prj_1', 'test', 'p')", p)
		d.Exec(t, "INSERT INTO tenant.customers (platform_id, id, kind) VALUES ($1, 'c_' || $1, 'external')", p)
	}
	return a, b
}

func customers(ctx context.Context, t *testing.T, q interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}) int64 {
	t.Helper()
	tag, err := q.Exec(ctx, "SELECT FROM tenant.customers")
	if err != nil {
		t.Fatal(err)
	}
	return tag.RowsAffected()
}

func TestATransactionSeesOnlyThePlatformsItEntered(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := two(t, d)
	ctx := context.Background()
	pool := d.Open(t, db.Customer)

	see := func(want int64, run func(fn func(n int64)) error) {
		t.Helper()
		if err := run(func(n int64) {
			if n != want {
				t.Errorf("saw %d rows, want %d", n, want)
			}
		}); err != nil {
			t.Error(err)
		}
	}
	for range 3 { // the pool hands the same session out again: nothing may remain in it
		see(1, func(fn func(int64)) error {
			return pool.Tenant(ctx, a, func(ctx context.Context, tx db.Tenant) error { fn(customers(ctx, t, tx)); return nil })
		})
		see(2, func(fn func(int64)) error {
			return pool.Tenants(ctx, []id.Platform{a, b}, func(ctx context.Context, tx db.Tenants) error {
				fn(customers(ctx, t, tx))
				return nil
			})
		})
		see(0, func(fn func(int64)) error {
			return pool.Tx(ctx, func(ctx context.Context, tx db.Tx) error { fn(customers(ctx, t, tx)); return nil })
		})
		see(0, func(fn func(int64)) error {
			return pool.Tenant(ctx, id.Platform(`x"}'); select '`), func(ctx context.Context, tx db.Tenant) error {
				fn(customers(ctx, t, tx))
				return nil
			})
		})
	}
}

func TestAForeignRowCanBeNeitherWrittenNorMoved(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := two(t, d)
	pool := d.Open(t, db.Customer)
	for name, statement := range map[string]string{
		"insert": "INSERT INTO tenant.customers (platform_id, id, kind) VALUES ($1, 'planted', 'external')",
		"move":   "UPDATE tenant.customers SET platform_id = $1",
	} {
		err := pool.Tenant(context.Background(), a, func(ctx context.Context, tx db.Tenant) error {
			_, err := tx.Exec(ctx, statement, string(b))
			return err
		})
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("%s: %v, want 42501", name, err)
		}
	}
	err := pool.Tenant(context.Background(), a, func(ctx context.Context, tx db.Tenant) error {
		tag, err := tx.Exec(ctx, "DELETE FROM tenant.customers WHERE platform_id = $1", string(b))
		if tag.RowsAffected() != 0 {
			t.Error("deleted a foreign row")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestADirectoryFunctionThatWritesNeedsExactlyOnePlatform(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := two(t, d)
	pool := d.Open(t, db.Customer)
	ctx := context.Background()
	join := func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, "SELECT directory.join_user('user_9')")
		return err
	}
	for name, err := range map[string]error{
		"none": pool.Tx(ctx, join),
		"two": pool.Tenants(ctx, []id.Platform{a, b}, func(ctx context.Context, tx db.Tenants) error {
			return join(ctx, tx.Tx)
		}),
	} {
		if err == nil || !strings.Contains(err.Error(), "exactly one is needed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := pool.Tenant(ctx, a, func(ctx context.Context, tx db.Tenant) error { return join(ctx, tx.Tx) }); err != nil {
		t.Error(err)
	}
}

func TestATransactionOutlivesTheClientThatAskedForIt(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, _ := two(t, d)
	pool := d.Open(t, db.Customer)
	ctx, hangUp := context.WithCancel(context.Background())
	err := pool.Tenant(ctx, a, func(ctx context.Context, tx db.Tenant) error {
		hangUp()
		_, err := tx.Exec(ctx, "INSERT INTO tenant.customers (platform_id, id, kind) VALUES ($1, 'n', 'external')", string(a))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := pool.Stat().NewConnsCount(); n != 1 {
		t.Errorf("%d connections were made", n)
	}
	if err := pool.Tx(ctx, func(context.Context, db.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a transaction began for a client who had gone: %v", err)
	}
}

// What PostgreSQL thinks that a statement costs is far off under row-level security, and compiling one takes half a second.
func TestNoStatementIsCompiled(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for _, role := range []db.Role{db.Developer, db.OAuth, db.Customer, db.Worker} {
		err := d.Open(t, role).Tx(t.Context(), func(ctx context.Context, tx db.Tx) error {
			var jit string
			if err := tx.QueryRow(ctx, "SHOW jit").Scan(&jit); err != nil || jit != "off" {
				t.Errorf("%s: jit is %q, %v", role, jit, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestAPanicRollsBack(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, _ := two(t, d)
	pool := d.Open(t, db.Customer)
	func() {
		defer func() { _ = recover() }()
		_ = pool.Tenant(context.Background(), a, func(ctx context.Context, tx db.Tenant) error {
			_, _ = tx.Exec(ctx, "DELETE FROM tenant.customers")
			panic("boom")
		})
	}()
	if n := pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are still taken", n)
	}
	_ = pool.Tenant(context.Background(), a, func(ctx context.Context, tx db.Tenant) error {
		if n := customers(ctx, t, tx); n != 1 {
			t.Errorf("%d customers, want the one from before", n)
		}
		return nil
	})
}

func TestADatabaseThatIsGoneIsUnavailable(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	pool := d.Open(t, db.Customer)
	super := d.Connect(t, d.Superuser)
	ctx := context.Background()
	kill := func() {
		_, err := super.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()",
			string(db.Customer))
		if err != nil {
			t.Fatal(err)
		}
	}
	err := pool.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		kill()
		_, err := tx.Exec(ctx, "SELECT 1")
		return err
	})
	if !errs.Is(err, errs.Unavailable) {
		t.Errorf("killed within: %v", err)
	}
	err = pool.Tx(ctx, func(context.Context, db.Tx) error { kill(); return nil })
	if !errs.Is(err, errs.Internal) || !strings.Contains(err.Error(), "outcome is not known") {
		t.Errorf("killed before COMMIT: %v", err)
	}
}

func TestServingIsRefusedFromAnUnsafeDatabase(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	ctx := context.Background()
	everything := db.Allowances{Sandbox: true, Lossy: true}

	faults, err := d.Open(t, db.Customer).Verify(ctx, everything)
	if err != nil || len(faults) != 0 {
		t.Fatalf("a sound database: %v %v", faults, err)
	}
	faults, err = d.Open(t, db.Customer).Verify(ctx, db.Allowances{})
	if all := strings.Join(faults, "\n"); err != nil || !strings.Contains(all, "fsync off") ||
		!strings.Contains(all, "synchronous_commit off") || !strings.Contains(all, "clock can be turned") {
		t.Errorf("a database for tests: %q %v", all, err)
	}
	faults, err = d.Open(t, db.Customer).Verify(ctx, db.Allowances{Lossy: true})
	if all := strings.Join(faults, "\n"); err != nil || strings.Contains(all, " off") || !strings.Contains(all, "clock can be turned") {
		t.Errorf("a database for tests, of which losses are accepted: %q %v", all, err)
	}
	super, err := db.Open(ctx, d.Superuser, db.Customer)
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close()
	if faults, err := super.Verify(ctx, everything); err != nil || !strings.Contains(strings.Join(faults, ""), "login postgres is a superuser") {
		t.Errorf("a superuser's login: %v %v", faults, err)
	}
	owner, err := db.Open(ctx, d.Owner, "dreamapi_owner")
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if faults, err := owner.Verify(ctx, everything); err != nil || !strings.Contains(strings.Join(faults, ""), "owns tables") {
		t.Errorf("the owner: %v %v", faults, err)
	}
	d.Exec(t, "UPDATE dreamapi.goose_db_version SET version_id = version_id - 1 WHERE version_id = (SELECT max(version_id) FROM dreamapi.goose_db_version)")
	if faults, err := d.Open(t, db.Customer).Verify(ctx, everything); err != nil || !strings.Contains(strings.Join(faults, ""), "run `dreamapi migrate`") {
		t.Errorf("an old schema: %v %v", faults, err)
	}
}

func TestATableOfSomethingElseIsSeen(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	ctx := context.Background()
	if n, err := db.ForeignTables(ctx, d.Owner); n != 0 || err != nil {
		t.Errorf("a database of ours: %d, %v", n, err)
	}
	d.Exec(t, "ALTER TABLE dreamapi.goose_db_version RENAME TO something_else") // so that it is not known for ours
	if n, err := db.ForeignTables(ctx, d.Owner); n == 0 || err != nil {
		t.Errorf("a database of something else: %d, %v", n, err)
	}
}

func TestWhatASweepDidBeforeItWasCutOffIsKept(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := two(t, d)
	pool := d.Open(t, db.Customer)
	cutOff := errors.New("cut off")
	steps := 0
	err := pool.InSteps(context.Background(), []id.Platform{a, b}, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
		steps++
		if steps == 2 {
			return 0, cutOff
		}
		_, err := tx.Exec(ctx, "DELETE FROM tenant.customers WHERE platform_id = $1", string(a))
		return int64(step), err // as if there were more
	})
	if !errors.Is(err, cutOff) || steps != 2 {
		t.Errorf("after %d steps: %v", steps, err)
	}
	_ = pool.Tenants(context.Background(), []id.Platform{a, b}, func(ctx context.Context, tx db.Tenants) error {
		if n := customers(ctx, t, tx); n != 1 {
			t.Errorf("%d customers, want the one that the second step left", n)
		}
		return nil
	})
}
