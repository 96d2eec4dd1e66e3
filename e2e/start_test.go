package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/browser"
	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
)

// The calls of the quick start run as they are printed, and the page lights up as they come.
func TestTheQuickStartRunsAsPrintedInEachLanguage(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	for name, run := range map[string]struct{ id, file, program, arg string }{
		"curl": {"#in-curl", "start.sh", "sh", ""}, "JavaScript": {"#in-js", "start.mjs", "node", ""}, "Go": {"#in-go", "start.go", "go", "run"},
	} {
		b := browser.New(t, name != "curl") // with curl, without JavaScript
		b.Open(t, d.facts.DashboardURL+"/dashboard")
		b.Press(t, "Sign up")
		b.Fill(t, "First name", "Ada", "Email address", name+"@example.com", "Password", "a long sentence of my own")
		b.Press(t, "Sign up")
		if !b.Scripts {
			b.Press(t, "Continue")
		}
		b.AwaitAt(t, "/start")
		b.Says(t, "Waiting for your calls", "Your test key")
		if !b.Scripts { // a newcomer who comes back has another key made
			b.Reload(t)
			b.Press(t, "Make a test key")
			b.Says(t, "Your test key")
		}
		file := filepath.Join(t.TempDir(), run.file)
		code := browser.Look[string](t, b, "document.querySelector('"+run.id+"').textContent")
		if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{file}
		if run.arg != "" {
			args = []string{run.arg, file}
		}
		out, err := exec.CommandContext(t.Context(), run.program, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		if !strings.Contains(string(out), "ada") || !strings.Contains(string(out), "http://") {
			t.Errorf("%s prints %s", name, out)
		}
		if b.Scripts {
			wait.For(t, "light for "+name, func() bool { return strings.Contains(b.Words(t), "All three calls have come") })
		} else {
			b.Press(t, "Look again")
			b.Says(t, "All three calls have come")
		}
		b.NoComplaints(t)
	}
}
