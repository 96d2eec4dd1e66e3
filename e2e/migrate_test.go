package e2e

import (
	"context"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/localpg"
)

// newCluster starts a PostgreSQL in which nothing has been made but a database and its owner, a plain role whose name
// has to be quoted. It is as safe from power cuts as production's.
func newCluster(t *testing.T) (superuser, owner string) {
	t.Helper()
	ctx := context.Background()
	pg, err := localpg.Start(ctx, localpg.Config{Dir: filepath.Join(program.Folder(t), "postgres"), Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	conn := connect(t, pg.URL("postgres", "postgres"))
	for _, statement := range []string{
		`CREATE ROLE "shop-Owner" LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB`, `CREATE DATABASE shop OWNER "shop-Owner"`,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	return pg.URL("postgres", "shop"), pg.URL("shop-Owner", "shop")
}

func connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// psql runs statements as an administrator does.
func psql(t *testing.T, database, statements string) {
	t.Helper()
	cmd := exec.Command("psql", "-v", "ON_ERROR_STOP=1", "-f", "-", database)
	cmd.Env, cmd.Stdin = program.Environ(nil), strings.NewReader(statements)
	if code, out, log := program.Run(t, cmd); code != 0 {
		t.Fatalf("psql ends with %d: %s%s", code, out, log)
	}
}

func TestAPlainOwnerMigratesOnceAnAdministratorHasMadeTheRolesAndThenProductionServes(t *testing.T) {
	t.Parallel()
	superuser, owner := newCluster(t)
	migrate := func(args ...string) (int, string, string) {
		t.Helper()
		return program.Run(t, program.Command(map[string]string{"DATABASE_URL": owner}, append([]string{"migrate"}, args...)...))
	}

	if code, out, log := migrate("up"); code != 1 || !strings.Contains(log, "dreamapi migrate --print-roles") {
		t.Errorf("without the roles, migrate ends with %d and says: %s%s", code, out, log)
	}
	code, roles, log := migrate("--print-roles")
	if code != 0 {
		t.Fatalf("--print-roles ends with %d: %s", code, log)
	}
	for range 2 { // an administrator may run it again
		psql(t, superuser, roles)
	}

	_, before, _ := migrate("status")
	if strings.Contains(before, "applied") || !strings.Contains(before, "missing  00001 dreamapi") {
		t.Errorf("before it, the status is\n%s", before)
	}
	wantRefusal(t, production(owner), nil, "has not been migrated")
	code, up, log := migrate("up")
	if code != 0 {
		t.Fatalf("migrate ends with %d: %s%s", code, up, log)
	}
	_, after, _ := migrate("status")
	if want := strings.ReplaceAll(before, "missing", "applied"); after != want || up != want {
		t.Errorf("migrate says\n%sand the status is\n%swant\n%s", up, after, want)
	}
	if code, again, log := migrate("up"); code != 0 || !strings.Contains(again, "nothing to do") {
		t.Errorf("again, migrate ends with %d and says: %s%s", code, again, log)
	}

	// Without a sandbox and without --unsafe-sandbox: as production.
	variables := production(owner)
	s := &server{Process: program.Start(t, program.Command(variables, "serve"))}
	s.addr, s.ops = s.AwaitServing(t)
	s.http = program.Client(s.addr)
	t.Cleanup(s.http.CloseIdleConnections)
	wait.For(t, "readiness", func() bool { return s.ready() == http.StatusOK })
	home := s.must(t, http.StatusOK, get("/").on("dashboard.example.com"))
	if home.header.Get("Strict-Transport-Security") == "" {
		t.Errorf("production's pages have the headers %v", home.header)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "dashboard.localhost", "evil.example.com"} {
		s.must(t, http.StatusMisdirectedRequest, get("/health").on(host))
	}
}

func TestServersThatMigrateFirstTakeTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	superuser, owner := newCluster(t)
	variables := maps.Clone(w.vars)
	variables["DATABASE_URL"] = owner
	_, roles, _ := program.Run(t, program.Command(variables, "migrate", "--print-roles"))
	psql(t, superuser, roles)

	// Both come to the first step, and can take it only together: somebody else is at it, who then gives up.
	ctx := context.Background()
	admin, watch := connect(t, superuser), connect(t, superuser)
	if _, err := admin.Exec(ctx, "BEGIN; CREATE SCHEMA dreamapi"); err != nil {
		t.Fatal(err)
	}
	servers := []*server{{}, {}}
	for _, s := range servers {
		s.Process = program.Start(t, program.Command(variables, "serve", "--migrate", "--unsafe-sandbox"))
	}
	wait.For(t, "servers that wait", func() bool {
		var n int
		const waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop-Owner' AND wait_event_type = 'Lock'"
		return watch.QueryRow(ctx, waiting).Scan(&n) == nil && n == len(servers)
	})
	if _, err := admin.Exec(ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}

	for _, s := range servers {
		s.addr, s.ops = s.AwaitServing(t)
		wait.For(t, "readiness", func() bool { return s.ready() == http.StatusOK })
	}
}
