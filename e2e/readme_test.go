package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
)

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// A newcomer pastes the README's lines into a shell beside `make run`, and gets what it says.
func TestTheREADMEsShellLinesDoWhatItSays(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	d := startDev(t, program.Folder(t))

	shell, blocks := d.shellOf(string(readme))
	code, out, log := program.Run(t, shell)
	if code != 0 {
		t.Fatalf("the shell ends with %d:\n%s\n%s", code, out, log)
	}
	outputOf := func(command string) string { t.Helper(); return outputOf(t, blocks, out, command) }

	var priceList struct{ Tiers []struct{ Name string } }
	decode(t, outputOf("/api/tiers"), &priceList)
	if fmt.Sprint(priceList.Tiers) != "[{free} {pro}]" {
		t.Errorf("the price list has %v", priceList.Tiers)
	}

	var created struct {
		Success  bool
		Customer struct{ ID, Email, Plan, PublishableKey string }
	}
	decode(t, outputOf("/api/customers"), &created)
	customer := created.Customer
	if !created.Success || customer.Email != "ada@example.com" || customer.PublishableKey != d.facts.Demo.PublishableKey {
		t.Errorf("the customer created is %+v", created)
	}
	if user, ok := d.endUsers(t)[customer.ID]; !ok || user.PublicMetadata.PublishableKey != customer.PublishableKey {
		t.Errorf("in the shared Clerk app the customer %s is %+v", customer.ID, user)
	}

	counted, last, _ := strings.Cut(outputOf("seq 21"), "{")
	if want := strings.Repeat("200\n", 20) + "402\n"; counted != want {
		t.Errorf("the 21 calls get\n%swant\n%s", counted, want)
	}
	var refused struct {
		Code  string
		Usage struct{ Count, Limit, Remaining int }
	}
	decode(t, "{"+last, &refused)
	if refused.Code != "tier_limit_reached" || refused.Usage.Count != 20 || refused.Usage.Limit != 20 || refused.Usage.Remaining != 0 {
		t.Errorf("the 21st call gets {%s", last)
	}

	var checkout struct{ URL string }
	decode(t, outputOf("/create-checkout"), &checkout)
	page, err := http.Get(checkout.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = page.Body.Close() }()
	if shown, err := io.ReadAll(page.Body); err != nil || page.StatusCode != http.StatusOK || !strings.Contains(string(shown), "$10.00") {
		t.Errorf("the checkout is %d %v: %s", page.StatusCode, err, shown)
	}
}

const blockMark = "=== block"

// shellOf is one shell for all blocks of a page, as variables lead from one to the next; a line before each tells them apart.
func (d *devRun) shellOf(page string, replacements ...string) (shell *exec.Cmd, blocks []string) {
	var script strings.Builder
	script.WriteString("set -eu\n")
	replace := strings.NewReplacer(append(replacements, "localhost:8080", "localhost:"+d.port)...)
	for _, b := range shellBlock.FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, b[1])
		fmt.Fprintf(&script, "echo; echo '%s'\n%s\n", blockMark, replace.Replace(b[1]))
	}
	shell = exec.Command("bash", "-c", script.String())
	shell.Dir, shell.Env = d.dir, program.Environ(nil)
	return shell, blocks
}

// outputOf is what the block with the command said.
func outputOf(t *testing.T, blocks []string, out, command string) string {
	t.Helper()
	for i, block := range blocks {
		if strings.Contains(block, command) {
			return strings.TrimSuffix(strings.Split(out, "\n"+blockMark+"\n")[i+1], "\n")
		}
	}
	t.Fatalf("no block has %q", command)
	return ""
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.NewDecoder(strings.NewReader(text)).Decode(into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
