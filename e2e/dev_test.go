package e2e

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
)

func TestASecondDevInOneFolderSaysSoAndHarmsNothing(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	d.must(t, http.StatusOK, track(d.facts.Demo.SecretKey, "me"))
	before := read(t, d.factsPath())

	for what, port := range map[string]string{"another port": "0", "the same port": d.port} {
		second := program.DevCommand(d.dir)
		second.Env = program.Environ(map[string]string{"PORT": port})
		code, out, log := program.Run(t, second)
		if code != 1 || !strings.Contains(log, "running in this folder already: "+d.facts.APIURL) || strings.Contains(out, "is ready") {
			t.Errorf("on %s the second ends with %d and says: %s%s", what, code, out, log)
		}
	}

	if now := read(t, d.factsPath()); now != before {
		t.Errorf("the second has changed dev.json:\n%s\n%s", before, now)
	}
	if n := number(t, d.must(t, http.StatusOK, track(d.facts.Demo.SecretKey, "me")), "usage.count"); n != 2 {
		t.Errorf("the first counts %d, want 2", n)
	}

	d.Interrupt(t)
	if code := d.ExitCode(t); code != 0 {
		t.Errorf("after Ctrl-C the exit code is %d", code)
	}
	if n := postgresOf(t, d.dir); n != 0 {
		t.Errorf("after Ctrl-C %d processes of PostgreSQL are left", n)
	}
	for line := range strings.Lines(d.Log.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("the log has an error: %s", line)
		}
	}
}

func TestAKilledDevLeavesNoPostgresAndTheNextGoesOn(t *testing.T) {
	t.Parallel()
	first := startDev(t, program.Folder(t))
	for range 3 {
		first.must(t, http.StatusOK, track(first.facts.Demo.SecretKey, "me"))
	}
	customer := post("/api/customers", object{"email": "ada@example.com"}).as(first.facts.Demo.SecretKey)
	made := text(t, first.must(t, http.StatusCreated, customer), "customer.id")
	if postgresOf(t, first.dir) == 0 {
		t.Fatal("no PostgreSQL works in the folder while dev runs")
	}

	first.Kill()
	wait.For(t, "end of PostgreSQL", func() bool { return postgresOf(t, first.dir) == 0 })

	second := startDev(t, first.dir)
	if second.facts.Demo != first.facts.Demo {
		t.Errorf("the demo was\n%+v\nand is\n%+v", first.facts.Demo, second.facts.Demo)
	}
	if n := number(t, second.must(t, http.StatusOK, track(second.facts.Demo.SecretKey, "me")), "usage.count"); n != 4 {
		t.Errorf("the fourth call has count %d", n)
	}
	second.must(t, http.StatusOK, get("/api/customers/"+made).as(second.facts.Demo.SecretKey))
	second.must(t, http.StatusOK, get("/api/me").on(dashboardHost).as(second.facts.Demo.DeveloperToken))
	if _, ok := second.endUsers(t)[made]; !ok {
		t.Errorf("the sandbox has forgotten the customer %s", made)
	}
}

func TestDevJSONTellsProgramsAllTheyNeed(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	info, err := os.Stat(d.factsPath())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("dev.json, which holds keys, has mode %v", info.Mode())
	}
	var fields map[string]json.RawMessage
	var demo map[string]string
	decode(t, read(t, d.factsPath()), &fields)
	decode(t, string(fields["demo"]), &demo)
	want := []string{"apiUrl", "clerkSandboxUrl", "connectUrl", "dashboardUrl", "databaseUrl", "demo", "opsUrl", "stripeSandboxUrl"}
	if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
		t.Errorf("the fields are %v, want %v", got, want)
	}
	want = []string{"developerToken", "email", "password", "platformId", "projectId", "publishableKey", "secretKey"}
	if got := slices.Sorted(maps.Keys(demo)); !slices.Equal(got, want) {
		t.Errorf("the fields of demo are %v, want %v", got, want)
	}

	for _, address := range []string{
		d.facts.DashboardURL + "/", d.facts.ConnectURL + "/", d.facts.APIURL + "/health", "http://localhost:" + d.port + "/health",
		"http://127.0.0.1:" + d.port + "/health", d.facts.OpsURL + "/readyz", d.facts.ClerkSandboxURL + "/",
		d.facts.StripeSandboxURL + "/",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		client := program.Client("127.0.0.1:" + u.Port())
		a, err := send(client, get(u.Path).on(u.Host))
		client.CloseIdleConnections()
		if err != nil || a.status != http.StatusOK {
			t.Errorf("%s answers %d %v", address, a.status, err)
		}
	}
	conn, err := pgx.Connect(context.Background(), d.facts.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(context.Background())

	key := d.facts.Demo
	tiers := d.must(t, http.StatusOK, get("/api/tiers?publishableKey="+key.PublishableKey))
	list := at[[]any](t, tiers, "tiers")
	free, pro := list[0].(object), list[1].(object)
	if free["name"] != "free" || free["limit"] != 20.0 || pro["name"] != "pro" || pro["limit"] != 10_000.0 || pro["price"] != 1000.0 {
		t.Errorf("the demo's tiers are %s", tiers.body)
	}
	own := d.must(t, http.StatusOK, get("/api/platforms/"+key.PlatformID).on(dashboardHost).as(key.DeveloperToken))
	if mode := text(t, own, "platform.mode"); mode != "test" {
		t.Errorf("the demo's platform has mode %s", mode)
	}
}

// From nothing to a count there are three steps: `make run`, and two lines of what it prints.
func TestThreeStepsLeadToTheFirstTrackedCall(t *testing.T) {
	t.Parallel()
	d := startDev(t, program.Folder(t))
	var steps []string
	for line := range strings.Lines(d.Out.String()) {
		if strings.HasPrefix(line, "  export ") || strings.HasPrefix(line, "  curl ") && strings.Contains(line, "/api/data") {
			steps = append(steps, strings.TrimSpace(line))
		}
	}
	if len(steps) != 2 {
		t.Fatalf("dev says to do %q", steps)
	}
	shell := exec.Command("bash", "-c", strings.Join(steps, "\n"))
	shell.Dir, shell.Env = d.dir, program.Environ(nil)
	code, out, log := program.Run(t, shell)
	var answer struct {
		Success bool
		Usage   struct{ Count int }
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != 0 || !answer.Success || answer.Usage.Count != 1 {
		t.Errorf("the call says %s%s (%v)", out, log, err)
	}
}

func TestDevIsNotReadyBeforeDevJSONIsThere(t *testing.T) {
	t.Parallel()
	dir := program.Folder(t)
	// What cannot be replaced by a file: whoever says "ready" all the same, has not written first.
	if err := os.MkdirAll(filepath.Join(dir, ".dreamapi", "dev.json.new"), 0o777); err != nil {
		t.Fatal(err)
	}
	code, out, log := program.Run(t, program.DevCommand(dir))
	if code == 0 || strings.Contains(out, "is ready") || !strings.Contains(log, "dev.json") {
		t.Errorf("dev ends with %d and says: %s%s", code, out, log)
	}
	wait.For(t, "end of PostgreSQL", func() bool { return postgresOf(t, dir) == 0 })
}

func TestTwoDevsRunSideBySideAlsoAsAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	second := program.DevCommand(program.Folder(t))
	if os.Geteuid() == 0 { // else both are an ordinary user's
		runAs(t, second, "nobody")
	}
	devs := []*devRun{startDev(t, program.Folder(t)), startDevAs(t, second)}
	for i, d := range devs {
		d.must(t, http.StatusOK, track(d.facts.Demo.SecretKey, "me"))
		d.must(t, http.StatusUnauthorized, track(devs[1-i].facts.Demo.SecretKey, "me"))
	}
	for _, d := range devs {
		d.Interrupt(t)
		if code := d.ExitCode(t); code != 0 {
			t.Errorf("after Ctrl-C the exit code is %d", code)
		}
	}
}

// runAs has the command run as another user.
func runAs(t *testing.T, cmd *exec.Cmd, name string) {
	t.Helper()
	account, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(account.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(account.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
