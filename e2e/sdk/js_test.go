package sdk

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
)

const jsFolder = "../../sdk/js"

// The clients' tests in sdk/js/test, which Node runs against the program that is started here.
func TestTheJavaScriptClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.developer(t, "POST", "/tiers", map[string]any{
		"name": "tight", "price": 500, "limit": 3, "rateLimit": 2, "meters": map[string]any{"tokens": map[string]any{"limit": 1000}},
	})
	environ := w.environ(w.control(t))
	files, err := filepath.Glob(jsFolder + "/test/*.test.mjs")
	must(t, err)
	alone := filepath.Join(jsFolder, "test", "rotation.test.mjs")
	files = slices.DeleteFunc(files, func(f string) bool { return f == alone })
	w.node(t, environ, 30, files...)
	w.node(t, environ, 1, alone) // it starts the program again
}

// environ is what the tests in JavaScript are told.
func (w *world) environ(control string) map[string]string {
	return map[string]string{
		"TEST_API": w.proxy.url, "TEST_ISSUER": w.facts.APIURL, "TEST_SECRET_KEY": w.facts.Demo.SecretKey,
		"TEST_PUBLISHABLE_KEY": w.facts.Demo.PublishableKey, "TEST_CONTROL": control, "TEST_STRIPE": w.facts.StripeSandboxURL,
		"NO_COLOR": "1",
	}
}

var testsPassed = regexp.MustCompile(`(?m)^# pass (\d+)$`)

// node runs tests of Node's, all of which must pass.
func (w *world) node(t *testing.T, environ map[string]string, atLeast int, files ...string) {
	t.Helper()
	built(t)
	cmd := exec.Command("node", append([]string{"--test", "--test-reporter=tap", "--test-concurrency=1", "--test-timeout=200000"}, absolute(t, files)...)...)
	cmd.Dir, cmd.Env = jsFolder, program.Environ(environ)
	p := program.Start(t, cmd)
	awaitEnd(t, p, func() {
		select {
		case done := <-w.rotations:
			w.rotate(t)
			close(done)
		default:
		}
	})
	out := p.Out.String()
	passed := 0
	if m := testsPassed.FindStringSubmatch(out); m != nil {
		passed, _ = strconv.Atoi(m[1])
	}
	clean := strings.Contains(out, "\n# fail 0\n") && strings.Contains(out, "\n# skipped 0\n") && strings.Contains(out, "\n# todo 0\n") &&
		strings.Contains(out, "\n# cancelled 0\n")
	if code := p.ExitCode(t); code != 0 || !clean || passed < atLeast {
		t.Fatalf("node ends with %d, and %d tests passed, of at least %d:\n%s\n%s", code, passed, atLeast, out, p.Log.String())
	}
}

// awaitEnd returns when a program has ended which has much to do, more than is waited for elsewhere.
func awaitEnd(t *testing.T, p *program.Process, meanwhile func()) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(5 * wait.Patience)
	for !p.IsOver() {
		select {
		case <-tick.C:
			meanwhile()
		case <-late:
			t.Fatalf("waited in vain for the end of a program that said:\n%s%s", p.Out.String(), p.Log.String())
		}
	}
}

// built checks that the package was built from what is there, which the Makefile sees to.
func built(t *testing.T) {
	t.Helper()
	made, err := os.Stat(filepath.Join(jsFolder, "dist", "cjs", "package.json")) // the last that is written
	if err != nil {
		t.Fatal("the JavaScript client is not built: run make sdk")
	}
	sources, err := filepath.Glob(jsFolder + "/src/*.ts")
	must(t, err)
	for _, source := range append(sources, jsFolder+"/package.json", jsFolder+"/tsconfig.json") {
		info, err := os.Stat(source)
		must(t, err)
		if info.ModTime().After(made.ModTime()) {
			t.Fatalf("%s is newer than what was built: run make sdk", source)
		}
	}
}

func absolute(t *testing.T, files []string) []string {
	t.Helper()
	var all []string
	for _, f := range files {
		path, err := filepath.Abs(f)
		must(t, err)
		all = append(all, path)
	}
	return all
}
