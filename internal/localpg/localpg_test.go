package localpg

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestServer(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	dir := newDir(t)
	s := start(t, Config{Dir: dir, Log: &log, Settings: map[string]string{
		"max_connections":  "17",
		"listen_addresses": "127.0.0.1", // ours wins
	}})
	url := s.URL("postgres", "postgres")
	for setting, want := range map[string]string{
		"max_connections":         "17",
		"listen_addresses":        "",
		"fsync":                   "off",
		"synchronous_commit":      "off",
		"full_page_writes":        "off",
		"data_checksums":          "on",
		"server_encoding":         "UTF8",
		"TimeZone":                "UTC",
		"unix_socket_directories": string(s.socket),
		"data_directory":          s.DataDir(),
	} {
		equal(t, setting, query(t, url, "show "+setting), want)
	}
	equal(t, "letters beyond ASCII", query(t, url, "select upper('é')"), "É")

	data, err := os.Stat(s.DataDir())
	ok(t, err)
	equal(t, "root runs the server", data.Sys().(*syscall.Stat_t).Uid == 0, false)
	for _, private := range []string{dir, s.DataDir(), string(s.socket)} {
		info, err := os.Stat(private)
		ok(t, err)
		equal(t, "mode of "+private, info.Mode().Perm(), 0o700)
	}

	ok(t, s.Stop())
	ok(t, s.Stop())
	<-s.Exited()
	_, err = os.Lstat(string(s.socket))
	equal(t, "the socket's folder is gone", errors.Is(err, os.ErrNotExist), true)
	if !strings.Contains(log.String(), "database system is shut down") {
		t.Errorf("the log misses the end:\n%s", log.String())
	}
}

func TestDurable(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Dir: newDir(t), Durable: true})
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		equal(t, setting, query(t, s.URL("postgres", "postgres"), "show "+setting), "on")
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	got := socketDir("/tmp/dreamapi-pg-x").url("some user", "a/b")
	equal(t, "url", got, "postgres://some%20user@/a/b?host=/tmp/dreamapi-pg-x&port=5432")
}

// The path of a socket inside such a folder would be too long.
func TestLongDir(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Dir: filepath.Join(newDir(t), strings.Repeat("long/", 30))})
	equal(t, "answer", query(t, s.URL("postgres", "postgres"), "select 'yes'"), "yes")
}

func TestRestartKeepsData(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: newDir(t)}
	s := start(t, cfg)
	execute(t, s.URL("postgres", "postgres"), "create table kept as select 'yes' as v")
	ok(t, s.Stop())
	s = start(t, cfg)
	equal(t, "kept", query(t, s.URL("postgres", "postgres"), "select v from kept"), "yes")
}

func TestStartSaysWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	_, err := Start(t.Context(), Config{Dir: dir, Settings: map[string]string{"no_such_setting": "1"}})
	errorWith(t, err, "ended while it started", `unrecognized configuration parameter "no_such_setting"`)
	equal(t, "left over", names(t, filepath.Join(dir, "socket")), "")
	start(t, Config{Dir: dir})
}

func TestCancelledStart(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := Start(ctx, Config{Dir: dir})
		result <- err
	}()
	unfinishedData := filepath.Join(dir, unfinished+"*", "PG_VERSION")
	await(t, "initdb is at work", func() bool { return names(t, unfinishedData) != "" })
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	equal(t, "left over", names(t, filepath.Join(dir, "*")), filepath.Join(dir, "lock"))

	s := start(t, Config{Dir: dir})
	ok(t, s.Stop())
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Config{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	equal(t, "processes", processesIn(t, s.DataDir()), 0)
	start(t, Config{Dir: dir})
}

func TestServerEndsByItself(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: newDir(t), Durable: true} // not durable, it may lose what it just committed
	s := start(t, cfg)
	execute(t, s.URL("postgres", "postgres"), "create table kept as select 'yes' as v")
	ok(t, syscall.Kill(s.proc.pid(), syscall.SIGKILL))
	<-s.Exited()
	errorWith(t, s.Stop(), "killed")
	s = start(t, cfg)
	equal(t, "kept", query(t, s.URL("postgres", "postgres"), "select v from kept"), "yes")
}

func TestNoDir(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Config{})
	errorWith(t, err, "Dir is empty")
}
