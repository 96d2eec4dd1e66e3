package program

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Facts are what dev.json says.
type Facts struct {
	DashboardURL, ConnectURL, APIURL, OpsURL, ClerkSandboxURL, StripeSandboxURL, DatabaseURL string

	Demo struct {
		Email, Password, ProjectID, PlatformID, PublishableKey, SecretKey, DeveloperToken string
	}
	DemoYear struct{ ProjectID, PlatformID, SecretKey string } // where there is one
}

// FactsPath is where a dev in the folder writes them.
func FactsPath(dir string) string { return filepath.Join(dir, ".dreamapi", "dev.json") }

// DevCommand is `dreamapi dev` in a folder, on a free port.
func DevCommand(dir string, args ...string) *exec.Cmd {
	cmd := Command(map[string]string{"PORT": "0"}, append([]string{"dev"}, args...)...)
	cmd.Dir = dir
	return cmd
}

// StartDev starts a DevCommand and returns when it says that it is ready.
func StartDev(t *testing.T, cmd *exec.Cmd) (*Process, Facts) {
	t.Helper()
	p := startDev(t, cmd)
	p.Await(t, "readiness", func() bool { return strings.Contains(p.Out.String(), ready) })
	return p, factsOf(t, cmd.Dir)
}

// StartYear is StartDev for one that makes a year first, which takes minutes: it is waited for as long as it gets on.
func StartYear(t *testing.T, cmd *exec.Cmd) (*Process, Facts) {
	t.Helper()
	p := startDev(t, cmd)
	for said := ""; !strings.Contains(said, ready); said = p.Out.String() {
		p.Await(t, "progress", func() bool { return p.Out.String() != said })
	}
	return p, factsOf(t, cmd.Dir)
}

const ready = "is ready"

func startDev(t *testing.T, cmd *exec.Cmd) *Process {
	t.Helper()
	p := Start(t, cmd)
	t.Cleanup(func() { // in good order: what a killed one leaves in /tmp, the next in the same folder takes away
		if !p.IsOver() {
			p.Interrupt(t)
			p.ExitCode(t)
		}
	})
	return p
}

func factsOf(t *testing.T, dir string) (facts Facts) {
	t.Helper()
	text, err := os.ReadFile(FactsPath(dir))
	if err == nil {
		err = json.Unmarshal(text, &facts)
	}
	if err != nil {
		t.Fatal(err)
	}
	return facts
}
