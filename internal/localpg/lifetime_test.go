package localpg

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestKilledParentLeavesNoServer(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := startChild(t, dir)
	c.awaitServer(t)
	execute(t, c.url, "create table kept as select 'yes' as v")
	conn, err := pgx.Connect(t.Context(), c.url) // a backend that would like to stay
	ok(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	equal(t, "the server is there", serves(c.serverPID, c.data), true)

	c.kill()
	await(t, "the server is gone", func() bool { return !serves(c.serverPID, c.data) })
	await(t, "its backends are gone", func() bool { return processesIn(t, c.data) == 0 })

	s := start(t, Config{Dir: dir})
	equal(t, "kept", query(t, s.URL("postgres", "postgres"), "select v from kept"), "yes")
	ok(t, s.Stop())
	equal(t, "left over", names(t, filepath.Join(dir, "socket")), "")
}

// The new process does not wait for the old one's server: Start does.
func TestStartRightAfterParentWasKilled(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := startChild(t, dir)
	c.awaitServer(t)
	oldSocket, err := os.Readlink(filepath.Join(dir, "socket"))
	ok(t, err)
	c.kill()
	s := start(t, Config{Dir: dir})
	equal(t, "answer", query(t, s.URL("postgres", "postgres"), "select 'yes'"), "yes")
	_, err = os.Lstat(oldSocket)
	equal(t, "the old socket's folder is gone", errors.Is(err, os.ErrNotExist), true)
}

func TestKilledDuringInitdb(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := startChild(t, dir)
	tmp := filepath.Join(dir, unfinished+"*")
	await(t, "initdb is at work", func() bool { return names(t, filepath.Join(tmp, "PG_VERSION")) != "" })
	c.kill()
	equal(t, "half a data directory has the name of a whole one", names(t, filepath.Join(dir, "data")), "")
	s := start(t, Config{Dir: dir})
	equal(t, "answer", query(t, s.URL("postgres", "postgres"), "select 'yes'"), "yes")
	await(t, "a later Start has removed what was left over", func() bool {
		ok(t, s.Stop())
		s = start(t, Config{Dir: dir})
		return names(t, tmp) == ""
	})
}

func TestSecondStart(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := startChild(t, dir)
	c.awaitServer(t)
	for range 2 {
		_, err := Start(t.Context(), Config{Dir: dir})
		if !errors.Is(err, ErrInUse) {
			t.Fatalf("got %v, want ErrInUse", err)
		}
		errorWith(t, err, "process "+strconv.Itoa(c.cmd.Process.Pid)+",")
		oneLine(t, err)
	}
	equal(t, "the first still answers", query(t, c.url, "select 'yes'"), "yes")
}

func TestServerOfAnotherProgram(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := start(t, Config{Dir: dir})
	ok(t, s.Stop())

	socket, err := s.home.makeSocketDir()
	ok(t, err)
	defer func() { _ = s.home.removeSocketDir() }()
	other, err := launch(s.home.command(s.proc.cmd.Path, serverArgs(Config{}, s.DataDir(), socket)...))
	ok(t, err)
	defer other.end(os.Interrupt, formerPatience, os.Kill)
	ok(t, s.home.awaitReady(t.Context(), other))

	_, err = Start(t.Context(), Config{Dir: dir})
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v, want ErrInUse", err)
	}
	errorWith(t, err, "process "+strconv.Itoa(other.pid())+",")
	equal(t, "the other still answers", query(t, socket.url("postgres", "postgres"), "select 'yes'"), "yes")
}
