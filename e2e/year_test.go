package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/e2e/wait"
)

func TestTheDemoYearIsMadeOnceAndEndsInThePresent(t *testing.T) {
	t.Parallel()
	dir := program.Folder(t)
	first := startDev(t, dir) // somebody has tried the quick start before
	first.must(t, http.StatusOK, track(first.facts.Demo.SecretKey, "me"))
	first.Interrupt(t)
	first.ExitCode(t)
	began := time.Now()
	run := func() (customers, counted string) {
		t.Helper()
		d := startDevAs(t, program.DevCommand(dir, "--demo", "--demo-customers", "3"))
		conn := connect(t, d.facts.DatabaseURL)
		row := func(sql string, args ...any) (text string) {
			t.Helper()
			if err := conn.QueryRow(t.Context(), sql, args...).Scan(&text); err != nil {
				t.Fatal(err)
			}
			return text
		}
		if ahead := row("SELECT ahead::text FROM dreamapi.clock"); ahead != "00:00:00" {
			t.Errorf("the clock is ahead by %s", ahead)
		}
		if on := row("SHOW synchronous_commit"); on != "on" {
			t.Errorf("synchronous_commit is %s", on)
		}
		if d.facts.Demo != first.facts.Demo || d.facts.Demo.PlatformID == d.facts.DemoYear.PlatformID {
			t.Errorf("the quick start was on %+v, is on %+v, and the year on %+v", first.facts.Demo, d.facts.Demo, d.facts.DemoYear)
		}
		d.must(t, http.StatusOK, get("/api/customers").as(d.facts.DemoYear.SecretKey))
		created := row("SELECT min(created_at)::date::text FROM platform.projects")
		if want := began.UTC().AddDate(0, 0, -365).Format(time.DateOnly); created != want {
			t.Errorf("the project was created on %s, want %s", created, want)
		}
		if n := row("SELECT sum(count)::text FROM tenant_usage.hours WHERE platform_id = $1", d.facts.Demo.PlatformID); n != "1" {
			t.Errorf("of the quick start %s calls are counted", n)
		}
		customers = row("SELECT string_agg(email || created_at, ' ' ORDER BY email) FROM tenant.customers WHERE platform_id = $1", d.facts.DemoYear.PlatformID)
		counted = row("SELECT sum(count)::text FROM tenant_usage.hours WHERE platform_id = $1", d.facts.DemoYear.PlatformID)
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.Interrupt(t)
		if code := d.ExitCode(t); code != 0 {
			t.Errorf("the exit code is %d", code)
		}
		return customers, counted
	}
	customers, counted := run()
	if strings.Count(customers, "@example.com") != 3 {
		t.Errorf("the customers are %s", customers)
	}
	if again, more := run(); again != customers || more != counted {
		t.Errorf("the second start leaves %s and %s, and the first one did %s and %s", again, more, customers, counted)
	}
}

func TestADemoYearThatWasCutOffSaysHowToStartAfresh(t *testing.T) {
	t.Parallel()
	dir := program.Folder(t)
	p := program.Start(t, program.DevCommand(dir, "--demo"))
	p.Await(t, "the beginning of the year", func() bool {
		mark, err := os.ReadFile(filepath.Join(dir, ".dreamapi", "year.json"))
		return err == nil && strings.Contains(string(mark), `"made": false`) && strings.Contains(p.Out.String(), "Making a year")
	})
	p.Kill()
	wait.For(t, "end of PostgreSQL", func() bool { return postgresOf(t, dir) == 0 })
	for _, args := range [][]string{{"--demo"}, nil} {
		code, out, log := program.Run(t, program.DevCommand(dir, args...))
		if code != 1 || !strings.Contains(log, "make db/reset") || strings.Contains(out, "is ready") {
			t.Errorf("dev %v after it ends with %d and says %s%s", args, code, out, log)
		}
	}
}

func TestNoYearIsMadeWhereTheClockWasTurned(t *testing.T) {
	t.Parallel()
	dir := program.Folder(t)
	d := startDev(t, dir)
	answer, err := http.Post(d.facts.StripeSandboxURL+"/_sandbox/clock/advance", "application/json", strings.NewReader(`{"seconds":86400}`))
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()
	d.Interrupt(t)
	d.ExitCode(t)
	code, _, log := program.Run(t, program.DevCommand(dir, "--demo"))
	if code != 1 || !strings.Contains(log, "turned ahead by 24h0m0s") || !strings.Contains(log, "make db/reset") {
		t.Errorf("it ends with %d and says %s", code, log)
	}
	startDev(t, dir) // nothing was begun
}
