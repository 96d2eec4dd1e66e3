// Package dbtest gives each test a PostgreSQL database of its own, cloned from a migrated template, in which the test
// works as production's roles. A package that uses it has
//
//	func TestMain(m *testing.M) { dbtest.Main(m) }
package dbtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver that pgtestdb opens by name
	"github.com/peterldowns/pgtestdb"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/localpg"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/migrations"
)

// owner is the plain role that migrates, and so owns every table. The tests migrate as it too: what only a superuser
// can do would show nowhere else.
const owner = "dreamapi_owner"

var server struct {
	once sync.Once
	pg   *localpg.Server
	err  error
}

// Main runs the tests of a package, stops the server that they shared, and runs what else is to be done in the end.
func Main(m *testing.M, after ...func()) {
	code := m.Run()
	for _, f := range after {
		f()
	}
	if server.pg != nil {
		if err := server.pg.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping PostgreSQL:", err)
			code = max(code, 1)
		}
		_ = os.RemoveAll(filepath.Dir(server.pg.DataDir()))
	}
	os.Exit(code)
}

// Database is one test's own.
type Database struct {
	Owner     secret.Text // connects as the owner of the tables
	Superuser secret.Text // connects as nobody in production may: for faults, such as a lock that is held
}

// New makes a database, which goes when the test has passed. Its clock can be turned.
func New(t testing.TB) Database {
	t.Helper()
	server.once.Do(start)
	if server.err != nil {
		t.Fatal(server.err)
	}
	super, err := url.Parse(server.pg.URL("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	made := pgtestdb.Custom(t, pgtestdb.Config{
		DriverName: "pgx",
		Host:       "localhost",
		User:       "postgres",
		Database:   "postgres",
		Options:    super.RawQuery,
		TestRole:   &pgtestdb.Role{Username: owner, Password: "not-secret", Capabilities: "NOSUPERUSER NOCREATEDB NOCREATEROLE"},
		// A pool that a failed test left open must not keep the database.
		ForceTerminateConnections: true,
	}, migrator{})
	return Database{
		Owner:     secret.New(server.pg.URL(owner, made.Database)),
		Superuser: secret.New(server.pg.URL("postgres", made.Database)),
	}
}

// Open opens a pool under a surface's role.
func (d Database) Open(t testing.TB, role db.Role) *db.DB {
	t.Helper()
	pool, err := db.Open(context.Background(), d.Owner, role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Exec runs a statement as the owner.
func (d Database) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	conn := d.Connect(t, d.Owner)
	if _, err := conn.Exec(context.Background(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// Connect opens one connection, which closes with the test.
func (d Database) Connect(t testing.TB, as secret.Text) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), as.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// TurnClock puts the database's clock ahead.
func (d Database) TurnClock(t testing.TB, ahead time.Duration) {
	t.Helper()
	d.Exec(t, "UPDATE dreamapi.clock SET ahead = $1", ahead)
}

// SetClock puts the database's clock to a moment, from which it goes on.
func (d Database) SetClock(t testing.TB, now time.Time) {
	t.Helper()
	d.Exec(t, "UPDATE dreamapi.clock SET ahead = $1::timestamptz - now()", now)
}

func start() {
	dir, err := os.MkdirTemp("/tmp", "dreamapi-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // root's server runs as another user, who must get in
	}
	if err != nil {
		server.err = err
		return
	}
	server.pg, server.err = localpg.Start(context.Background(), localpg.Config{
		Dir:      dir,
		Settings: map[string]string{"max_connections": "400", "shared_buffers": "64MB"},
	})
	if server.err != nil {
		return
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server.pg.URL("postgres", "postgres"))
	if err != nil {
		server.err = err
		return
	}
	defer func() { _ = conn.Close(ctx) }()
	_, server.err = conn.Exec(ctx, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'not-secret' NOSUPERUSER NOCREATEDB NOCREATEROLE;",
		owner)+db.RolesSQL(owner))
}

type migrator struct{}

// Hash implements pgtestdb.Migrator: a template serves until a migration changes.
func (migrator) Hash() (string, error) {
	sum := sha256.New()
	files, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		return "", err
	}
	for _, f := range files {
		text, err := fs.ReadFile(migrations.Files, f)
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Migrate implements pgtestdb.Migrator.
func (migrator) Migrate(ctx context.Context, std *sql.DB, cfg pgtestdb.Config) error {
	as := server.pg.URL(owner, cfg.Database)
	if strings.Contains(as, "postgres@") {
		return errors.New("the tests must not migrate as the superuser")
	}
	if _, err := db.Migrate(ctx, secret.New(as)); err != nil {
		return err
	}
	_, err := std.ExecContext(ctx, "UPDATE dreamapi.clock SET turnable = true")
	return err
}
