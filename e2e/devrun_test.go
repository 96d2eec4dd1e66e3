package e2e

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// endUsersKey opens the shared Clerk app of any sandbox.
const endUsersKey = "sk_test_sandbox_end_users"

// facts are what dev.json says.
type facts struct {
	DashboardURL, ConnectURL, APIURL, OpsURL, ClerkSandboxURL, StripeSandboxURL, DatabaseURL string

	Demo struct {
		Email, Password, ProjectID, PlatformID, PublishableKey, SecretKey, DeveloperToken string
	}
}

// devRun is a running `dreamapi dev`.
type devRun struct {
	*server
	dir, port string
	facts     facts
}

// devCommand is `dreamapi dev` in a folder, on a free port.
func devCommand(dir string) *exec.Cmd {
	cmd := command(environ(map[string]string{"PORT": "0"}), "dev")
	cmd.Dir = dir
	return cmd
}

// startDev starts dev in a folder and returns when it says that it is ready.
func startDev(t *testing.T, dir string) *devRun { t.Helper(); return awaitDev(t, devCommand(dir)) }

func awaitDev(t *testing.T, cmd *exec.Cmd) *devRun {
	t.Helper()
	d := &devRun{server: &server{process: start(t, cmd)}, dir: cmd.Dir}
	t.Cleanup(func() { // in good order: what a killed one leaves in /tmp, the next in the same folder takes away
		if !d.isOver() {
			d.interrupt(t)
			d.exitCode(t)
		}
	})
	awaitOr(t, "readiness", d.ended, func() bool { return strings.Contains(d.out.String(), "is ready") })
	if err := json.Unmarshal([]byte(read(t, d.factsPath())), &d.facts); err != nil {
		t.Fatal(err)
	}
	api, err := url.Parse(d.facts.APIURL)
	if err != nil {
		t.Fatal(err)
	}
	d.port = api.Port()
	d.addr, d.ops = "127.0.0.1:"+d.port, strings.TrimPrefix(d.facts.OpsURL, "http://")
	d.http = clientOf(d.addr)
	t.Cleanup(d.http.CloseIdleConnections)
	return d
}

func (d *devRun) factsPath() string { return filepath.Join(d.dir, ".dreamapi", "dev.json") }

// endUsers are the users of the shared app of this dev's sandbox.
func (d *devRun) endUsers(t *testing.T) map[string]endUser {
	t.Helper()
	s := &sandbox{
		variables: map[string]string{"CUSTOMER_CLERK_SECRET_KEY": endUsersKey},
		http:      clientOf(strings.TrimPrefix(d.facts.ClerkSandboxURL, "http://")),
	}
	defer s.http.CloseIdleConnections()
	return s.endUsers(t)
}

// interrupt is Ctrl-C, which the terminal sends to dev and to its PostgreSQL alike.
func (d *devRun) interrupt(t *testing.T) { t.Helper(); d.signal(t, syscall.SIGINT) }

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
