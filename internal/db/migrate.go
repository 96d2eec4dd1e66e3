package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/migrations"
)

// Migration is one step of the schema, and whether it has been applied.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Migrate brings the schema up to date and returns the steps it took. The login of the URL becomes the owner of the
// tables: a plain role, as whom nobody serves. Several processes may call it at once: they take turns. Of a database that was
// restored it also renews what only meant something on the server that it comes from.
func Migrate(ctx context.Context, url secret.Text) ([]Migration, error) {
	var done []Migration
	err := withGoose(ctx, url, func(pool *pgxpool.Pool, g *goose.Provider) error {
		if err := ensureRoles(ctx, pool); err != nil {
			return err
		}
		// Goose takes its lock only once its table has a place. Two who make that at once would collide, IF NOT EXISTS or not.
		const place = `DO $$ BEGIN
			PERFORM pg_advisory_xact_lock(hashtext('dreamapi schema'));
			CREATE SCHEMA IF NOT EXISTS dreamapi;
		END $$`
		if _, err := pool.Exec(ctx, place); err != nil {
			return err
		}
		results, err := g.Up(ctx)
		for _, r := range results {
			done = append(done, Migration{r.Source.Version, name(r.Source), true})
		}
		if err != nil {
			return err
		}
		_, err = pool.Exec(ctx, "SELECT tenant.renew_epochs()")
		return err
	})
	return done, err
}

// ForeignTables counts the tables of a database that is not ours: none, where it is empty or has been migrated before.
func ForeignTables(ctx context.Context, url secret.Text) (n int, err error) {
	pool, err := pgxpool.New(ctx, url.Reveal())
	if err != nil {
		return 0, hideURL(err)
	}
	defer pool.Close()
	const count = `SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
		AND to_regclass('dreamapi.goose_db_version') IS NULL`
	err = pool.QueryRow(ctx, count).Scan(&n)
	return n, err
}

// MigrationStatus lists every step of the schema.
func MigrationStatus(ctx context.Context, url secret.Text) ([]Migration, error) {
	var all []Migration
	err := withGoose(ctx, url, func(pool *pgxpool.Pool, g *goose.Provider) error {
		var exists bool
		const known = "SELECT to_regclass('dreamapi.goose_db_version') IS NOT NULL"
		if err := pool.QueryRow(ctx, known).Scan(&exists); err != nil {
			return err
		}
		if !exists { // goose would create its table, and a look must not change anything
			for _, s := range g.ListSources() {
				all = append(all, Migration{s.Version, name(s), false})
			}
			return nil
		}
		status, err := g.Status(ctx)
		for _, s := range status {
			all = append(all, Migration{s.Source.Version, name(s.Source), s.State == goose.StateApplied})
		}
		return err
	})
	return all, err
}

// LatestVersion is the version of the schema that this program was built for.
func LatestVersion() int64 {
	var latest int64
	files, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for _, f := range files {
		if v, err := goose.NumericComponent(f); err == nil {
			latest = max(latest, v)
		}
	}
	for _, m := range migrations.Go(nil) {
		latest = max(latest, m.Version)
	}
	return latest
}

// RolesSQL is what an administrator runs where the owner may not create roles.
func RolesSQL(owner string) string {
	return migrations.Roles + fmt.Sprintf(
		"\n-- The owner of the tables migrates, and enters a role in each transaction; it is a plain role too.\n"+
			"GRANT dreamapi_developer, dreamapi_oauth, dreamapi_customer, dreamapi_worker TO %s;\n",
		`"`+strings.ReplaceAll(owner, `"`, `""`)+`"`)
}

func withGoose(ctx context.Context, url secret.Text, fn func(*pgxpool.Pool, *goose.Provider) error) error {
	pool, err := pgxpool.New(ctx, url.Reveal())
	if err != nil {
		return hideURL(err)
	}
	defer pool.Close()
	if err := pool.Ping(ctx); err != nil {
		return hideURL(err)
	}
	std := stdlib.OpenDBFromPool(pool)
	defer func() { _ = std.Close() }()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	g, err := goose.NewProvider(goose.DialectPostgres, std, migrations.Files,
		goose.WithGoMigrations(migrations.Go(pool)...),
		goose.WithDisableGlobalRegistry(true),
		goose.WithTableName("dreamapi.goose_db_version"),
		goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	return fn(pool, g)
}

func name(s *goose.Source) string {
	if s.Type == goose.TypeGo {
		return "river"
	}
	base := s.Path[strings.LastIndexByte(s.Path, '/')+1:]
	_, rest, _ := strings.Cut(strings.TrimSuffix(base, ".sql"), "_")
	return rest
}

// ensureRoles creates the surfaces' roles and makes the owner a member, where that has not been done.
func ensureRoles(ctx context.Context, pool *pgxpool.Pool) error {
	var owner string
	var ready bool
	const check = `SELECT current_user, count(*) FILTER (WHERE pg_has_role(current_user, oid, 'MEMBER')) = 4
		FROM pg_roles WHERE rolname IN ('dreamapi_developer', 'dreamapi_oauth', 'dreamapi_customer', 'dreamapi_worker')`
	if err := pool.QueryRow(ctx, check).Scan(&owner, &ready); err != nil {
		return err
	}
	if ready {
		return nil
	}
	_, err := pool.Exec(ctx, RolesSQL(owner))
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return fmt.Errorf("the role %q may not create roles: let an administrator run the output of "+
			"`dreamapi migrate --print-roles`, then migrate again (%s)", owner, pg.Message)
	}
	return err
}
