package program

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// StartDemo builds the demo product and runs it on a free port beside the dev of a folder, whose keys it finds there. It
// returns its origin.
func StartDemo(t *testing.T, dir string, variables map[string]string) (origin string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "demo")
	build := exec.Command("go", "build", "-o", binary, "github.com/dream-api/dream-api/examples/demo")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		t.Fatal("the demo does not build: ", err)
	}
	cmd := exec.Command(binary)
	cmd.Dir = dir
	cmd.Env = append(Environ(variables), "PORT=0")
	return originOf(t, Start(t, cmd), "The demo is at ")
}

// originOf is what a program says behind these words.
func originOf(t *testing.T, p *Process, words string) (origin string) {
	t.Helper()
	p.Await(t, words+"…", func() bool {
		_, after, ok := strings.Cut(p.Out.String(), words)
		origin = strings.TrimSpace(after)
		return ok && strings.HasSuffix(after, "\n")
	})
	return origin
}
