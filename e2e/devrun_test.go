package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
)

// endUsersKey opens the shared Clerk app of any sandbox.
const endUsersKey = "sk_test_sandbox_end_users"

// devRun is a running `dreamapi dev`.
type devRun struct {
	*server
	dir, port string
	facts     program.Facts
}

// startDev starts dev in a folder and returns when it says that it is ready.
func startDev(t *testing.T, dir string) *devRun {
	t.Helper()
	return startDevAs(t, program.DevCommand(dir))
}

// startDevAs is startDev with a command that was changed.
func startDevAs(t *testing.T, cmd *exec.Cmd) *devRun {
	t.Helper()
	process, facts := program.StartDev(t, cmd)
	api, err := url.Parse(facts.APIURL)
	if err != nil {
		t.Fatal(err)
	}
	d := &devRun{server: &server{Process: process}, dir: cmd.Dir, port: api.Port(), facts: facts}
	d.addr, d.ops = "127.0.0.1:"+d.port, strings.TrimPrefix(facts.OpsURL, "http://")
	d.http = program.Client(d.addr)
	t.Cleanup(d.http.CloseIdleConnections)
	return d
}

func (d *devRun) factsPath() string { return program.FactsPath(d.dir) }

// endUsers are the users of the shared app of this dev's sandbox.
func (d *devRun) endUsers(t *testing.T) map[string]endUser {
	t.Helper()
	s := &sandbox{
		variables: map[string]string{"CUSTOMER_CLERK_SECRET_KEY": endUsersKey},
		http:      program.Client(strings.TrimPrefix(d.facts.ClerkSandboxURL, "http://")),
	}
	defer s.http.CloseIdleConnections()
	return s.endUsers(t)
}

// postgresOf counts the processes of PostgreSQL that work in a dev's folder: each has the data directory as its own.
func postgresOf(t *testing.T, dir string) int {
	t.Helper()
	data, err := os.Stat(filepath.Join(dir, ".dreamapi", "postgres", "data"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, cwd := range all {
		if in, err := os.Stat(cwd); err == nil && os.SameFile(in, data) {
			n++
		}
	}
	return n
}
