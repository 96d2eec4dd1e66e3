package localpg

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// childDir makes the test binary run a server in this folder instead of the tests, until its standard input ends.
const childDir = "LOCALPG_TEST_CHILD"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := Start(context.Background(), Config{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.proc.pid(), s.DataDir(), s.URL("postgres", "postgres"))
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child is another process that runs a server.
type child struct {
	cmd *exec.Cmd
	out *bufio.Reader

	serverPID int
	data, url string
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childDir+"="+dir)
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	ok(t, err)
	out, err := c.cmd.StdoutPipe()
	ok(t, err)
	c.out = bufio.NewReader(out)
	ok(t, c.cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.cmd.Wait() // an error if it was killed
	})
	return c
}

// awaitServer returns when the child's server is ready.
func (c *child) awaitServer(t *testing.T) {
	t.Helper()
	_, err := fmt.Fscan(c.out, &c.serverPID, &c.data, &c.url)
	ok(t, err)
}

// kill is kill -9, without a chance to clean up.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// newDir is a folder that does not exist yet, where every user can get at it.
func newDir(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "localpg-test-")
	ok(t, err)
	t.Cleanup(func() { ok(t, os.RemoveAll(base)) })
	ok(t, os.Chmod(base, 0o755))
	return filepath.Join(base, "project", "postgres")
}

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	ok(t, err)
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

// query returns the only value of a query's only row.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	ok(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), sql)
	ok(t, err)
	value, err := pgx.CollectOneRow(rows, pgx.RowTo[string])
	ok(t, err)
	return value
}

// execute runs statements that return nothing.
func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	ok(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), sql)
	ok(t, err)
}

// processesIn counts the processes whose working directory is data: the server and its backends. It sees them
// only where there is a /proc.
func processesIn(t *testing.T, data string) int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*/cwd")
	ok(t, err)
	n := 0
	for _, dir := range dirs {
		if cwd, err := os.Readlink(dir); err == nil && cwd == data {
			n++
		}
	}
	return n
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// errorWith checks that there is an error and that it says all of the words.
func errorWith(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

func oneLine(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has more than one line: %v", err)
	}
}

func names(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	ok(t, err)
	return strings.Join(found, " ")
}
