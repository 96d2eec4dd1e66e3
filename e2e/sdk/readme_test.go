package sdk

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
)

// blocks are the blocks of code of a page, in a language.
func blocks(t *testing.T, path, language string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		list = append(list, m[1])
	}
	return list
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// run runs a program, which must succeed, and returns what it said.
func run(t *testing.T, dir string, variables map[string]string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), program.Environ(variables)[2:]...)
	p := program.Start(t, cmd)
	awaitEnd(t, p, func() {})
	if code := p.ExitCode(t); code != 0 {
		t.Fatalf("%s %s ends with %d:\n%s%s", name, strings.Join(args, " "), code, p.Out.String(), p.Log.String())
	}
	return p.Out.String()
}

func TestTheGoREADMEsCodeWorks(t *testing.T) {
	t.Parallel()
	code := blocks(t, "../../sdk/go/README.md", "go")
	sdk, err := filepath.Abs("../../sdk/go")
	must(t, err)
	dir := program.Folder(t)
	module := "module shop\n\ngo 1.26\n\nrequire github.com/dream-api/dream-api/sdk/go v0.0.0\n\nreplace github.com/dream-api/dream-api/sdk/go => " + sdk + "\n"
	write(t, filepath.Join(dir, "go.mod"), module)
	write(t, filepath.Join(dir, "main.go"), code[0])
	must(t, os.Mkdir(filepath.Join(dir, "more"), 0o755))
	// The others are parts of a program, whose names this gives a meaning.
	var file strings.Builder
	file.WriteString("package more\n\nimport (\n\t\"context\"\n\t\"errors\"\n\t\"fmt\"\n\t\"net/http\"\n\t\"os\"\n\t\"time\"\n\n" +
		"\tdream \"github.com/dream-api/dream-api/sdk/go\"\n)\n\nvar _, _, _, _ = errors.As, http.NewServeMux, os.Getenv, time.Second\n")
	assigned := regexp.MustCompile(`(?m)^([a-z]\w*)(?:, err)? :=`)
	for i, block := range code[1:] {
		given := "client *dream.Client, "
		if strings.Contains(block, "client := ") {
			given = ""
		}
		var uses strings.Builder
		for _, m := range assigned.FindAllStringSubmatch(block, -1) {
			uses.WriteString("\t_ = " + m[1] + "\n")
		}
		if regexp.MustCompile(`(?m)^\w+, err :=`).MatchString(block) {
			uses.WriteString("\t_ = err\n")
		}
		fmt.Fprintf(&file, "\nfunc _(ctx context.Context, %sid, code string) error { // block %d\n%s%s\treturn nil\n}\n", given, i+2, block, uses.String())
	}
	if len(code) < 6 {
		t.Errorf("the README has %d blocks", len(code))
	}
	write(t, filepath.Join(dir, "more", "more.go"), file.String())
	run(t, dir, nil, "go", "vet", "./...")

	w := newWorld(t)
	out := run(t, dir, w.asAUser(), "go", "run", ".")
	if want := "1 " + w.facts.StripeSandboxURL; !strings.HasPrefix(out, want) {
		t.Errorf("the three calls say %q", out)
	}
}

// asAUser is the environment of a program that uses a client as its README says.
func (w *world) asAUser() map[string]string {
	return map[string]string{
		"DREAM_API_URL": w.proxy.url, "DREAM_SECRET_KEY": w.facts.Demo.SecretKey, "DREAM_PUBLISHABLE_KEY": w.facts.Demo.PublishableKey,
	}
}

// code is what a browser brings back from a sign-in that began without a challenge.
func (w *world) code(t *testing.T, email string) string {
	t.Helper()
	at, err := w.signInAt(email, w.facts.APIURL+"/sign-in?"+url.Values{
		"publishableKey": {w.facts.Demo.PublishableKey}, "redirectUrl": {callback}}.Encode())
	must(t, err)
	back, err := url.Parse(at)
	must(t, err)
	return back.Query().Get("code")
}
