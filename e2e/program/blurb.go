package program

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// StartBlurb installs the product of examples/blurb into a folder of its own, as a developer would who has copied it, and
// runs it on a free port beside the dev of another folder, whose keys it finds there. It returns its origin.
func StartBlurb(t *testing.T, dir string, variables map[string]string) (origin string) {
	t.Helper()
	at := installBlurb(t)
	cmd := exec.Command("node", "server.js")
	cmd.Dir = at
	all := map[string]string{"PORT": "0", "DEV_JSON": FactsPath(dir), "TEXTS": filepath.Join(at, "texts.jsonl")}
	maps.Copy(all, variables)
	cmd.Env = Environ(all)
	return originOf(t, Start(t, cmd), "Blurb is at ")
}

// installBlurb has beside the copy the client that the repository builds, where package.json looks for it.
func installBlurb(t *testing.T) (at string) {
	t.Helper()
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	root, folder := filepath.Dir(strings.TrimSpace(string(mod))), Folder(t)
	at = filepath.Join(folder, "examples", "blurb")
	source := filepath.Join(root, "examples", "blurb")
	entries, err := os.ReadDir(source)
	if err == nil {
		err = os.MkdirAll(at, 0o755)
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(folder, "sdk"), 0o755)
	}
	if err == nil {
		err = os.Symlink(filepath.Join(root, "sdk", "js"), filepath.Join(folder, "sdk", "js"))
	}
	for _, entry := range entries {
		if err != nil {
			break
		}
		from, to := filepath.Join(source, entry.Name()), filepath.Join(at, entry.Name())
		if slices.Contains([]string{"node_modules", "texts.jsonl"}, entry.Name()) {
			continue // of somebody who has run it there
		}
		if entry.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
			continue
		}
		var text []byte
		if text, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, text, 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	install := exec.Command("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund")
	install.Dir = at
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("Blurb is not installed: %v\n%s", err, out)
	}
	return at
}
