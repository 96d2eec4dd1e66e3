package torture

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/db/dbtest"
	"github.com/dream-api/dream-api/internal/localpg"
	"github.com/dream-api/dream-api/internal/secret"
)

// postgres is a PostgreSQL of a test's own, which writes as one in production does and can be killed. The servers reach
// it by a wire, because after each start it listens elsewhere.
type postgres struct {
	cfg  localpg.Config
	pg   *localpg.Server
	wire *wire
}

const (
	ownDatabase = "torture"
	owner       = "dreamapi_owner"
)

// newPostgres starts one with a migrated database whose clock can be turned. The settings are the server's.
func newPostgres(t *testing.T, settings map[string]string) *postgres {
	t.Helper()
	p := &postgres{cfg: localpg.Config{Dir: program.Folder(t), Durable: true, Settings: settings}}
	p.start(t)
	t.Cleanup(func() { _ = p.pg.Stop() })
	p.wire = newWire(t, p.pg.URL(owner, ownDatabase))
	p.exec(t, "postgres", "CREATE ROLE "+owner+" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE; "+db.RolesSQL(owner))
	p.exec(t, "postgres", "CREATE DATABASE "+ownDatabase+" OWNER "+owner)
	if _, err := db.Migrate(t.Context(), secret.New(p.pg.URL(owner, ownDatabase))); err != nil {
		t.Fatal(err)
	}
	p.exec(t, ownDatabase, "UPDATE dreamapi.clock SET turnable = true")
	return p
}

// database is the way to it, which stays the same.
func (p *postgres) database() dbtest.Database {
	return dbtest.Database{
		Owner: secret.New(p.wire.url(owner, ownDatabase)), Superuser: secret.New(p.wire.url("postgres", ownDatabase)),
	}
}

func (p *postgres) start(t *testing.T) {
	t.Helper()
	var err error
	if p.pg, err = localpg.Start(t.Context(), p.cfg); err != nil {
		t.Fatal(err)
	}
}

// exec runs a statement as the superuser.
func (p *postgres) exec(t *testing.T, database, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.pg.URL("postgres", database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// crash kills every process of the server at once, as a crash of the machine would, but for what the kernel has.
func (p *postgres) crash(t *testing.T) {
	t.Helper()
	all := p.processes(t)
	signal(t, all, syscall.SIGSTOP) // so that none does anything about the death of another
	signal(t, all, syscall.SIGKILL)
	<-p.pg.Exited()
	wait.For(t, "end of PostgreSQL's processes", func() bool {
		for _, pid := range all {
			if syscall.Kill(pid, 0) == nil {
				return false
			}
		}
		return true
	})
	_ = p.pg.Stop() // it did not end in good order
}

// revive starts the server again, and has the wire lead there.
func (p *postgres) revive(t *testing.T) {
	t.Helper()
	p.start(t)
	p.wire.set(p.pg.URL(owner, ownDatabase), nil)
}

// processes are the server's, the first of them before those that it started.
func (p *postgres) processes(t *testing.T) []int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.pg.DataDir(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return append([]int{pid}, childrenOf(t, pid)...)
}

// childrenOf are the processes that a process has started.
func childrenOf(t *testing.T, pid int) (children []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it is gone
		}
		// pid (name) state parent …, where the name may hold anything
		after := string(text[strings.LastIndexByte(string(text), ')')+1:])
		if fields := strings.Fields(after); fields[1] == strconv.Itoa(pid) {
			child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			children = append(children, child)
		}
	}
	return children
}

// signal signals those that are still there.
func signal(t *testing.T, pids []int, s syscall.Signal) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
}
