package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/localpg"
	"github.com/dream-api/dream-api/internal/secret"
)

// stateDir holds all that dev keeps: the database, the sandbox's state, the demo's keys.
const stateDir = ".dreamapi"

// dev runs everything on this machine: a PostgreSQL, the sandbox, the surfaces on one port, and a demo platform.
func dev(ctx context.Context, args, environ []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("dev", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	withYear := flags.Bool("demo", false, "")
	var wanted yearOptions
	flags.IntVar(&wanted.Customers, "demo-customers", 5000, "")
	flags.Uint64Var(&wanted.Seed, "demo-seed", defaultYearSeed, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || wanted.Customers < 1 || wanted.Customers > 100_000 {
		return usageError("dev takes --demo, --demo-customers (1 to 100000) and --demo-seed only; PORT and DATABASE_URL in the environment " +
			"change its port and its database")
	}
	values := env.ToMap(environ)
	port := values["PORT"]
	if port == "" {
		port = "8080"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("PORT=%s is not a port: it is a number from 1 to 65535", port)
	}
	surfaces, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		if inUse := alreadyRunning(); inUse != nil {
			return inUse
		}
		return fmt.Errorf("port %s is taken: use another one, as in `make run PORT=9090` (%w)", port, err)
	}
	defer func() { _ = surfaces.Close() }()
	ops, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = ops.Close() }()

	logFile, err := openLog("dev.log")
	if err != nil {
		return err
	}
	defer func() { _ = logFile.Close() }()
	log := slog.New(slog.NewMultiHandler(
		slog.NewJSONHandler(logFile, nil),
		slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}), // the rest would bury what dev prints
	))
	year, err := readYear()
	if err != nil {
		return err
	}
	makesYear := *withYear && year == nil
	var super secret.Text
	databaseURL := secret.New(values["DATABASE_URL"])
	if !databaseURL.Empty() && makesYear {
		return errors.New("--demo wants the database that dev makes itself, whose clock can be turned: unset DATABASE_URL")
	}
	if databaseURL.Empty() {
		pg, started := startPostgres(ctx, stdout)
		if started != nil {
			return started
		}
		defer func() { err = errors.Join(err, pg.Stop()) }()
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		go func() {
			<-pg.Exited()
			cancel(errors.New("PostgreSQL has ended"))
		}()
		if databaseURL, err = createDatabase(ctx, pg); err != nil {
			return err
		}
		super = secret.New(pg.URL("postgres", "postgres"))
	}
	if n, err := db.ForeignTables(ctx, databaseURL); err != nil {
		return fmt.Errorf("the database of DATABASE_URL can not be read: %w", err)
	} else if n > 0 {
		return fmt.Errorf("the database of DATABASE_URL holds %d tables that are not dream-api's: give dev an empty one, or unset "+
			"DATABASE_URL and it runs its own", n)
	}
	if _, err := db.Migrate(ctx, databaseURL); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}

	_, actual, err := net.SplitHostPort(surfaces.Addr().String())
	if err != nil {
		return err
	}
	address := func(name string) string { return "http://" + name + ".localhost:" + actual }
	clock := &databaseClock{url: databaseURL}
	defer clock.close()
	sandboxed, err := startStandIns(ctx, place{
		dir: stateDir, developerURL: address("dashboard"), oauthURL: address("connect"), customerURL: address("api"),
		onClock: func(ahead time.Duration) {
			if err := clock.turn(context.WithoutCancel(ctx), ahead); err != nil {
				log.Error("the database's clock could not be turned", "error", err)
			}
		},
	}, log)
	if err != nil {
		return fmt.Errorf("the sandbox does not start: %w", err)
	}
	defer func() { err = errors.Join(err, sandboxed.close()) }()

	keys, err := devKeys()
	if err != nil {
		return err
	}
	variables := sandboxed.variables()
	for name, value := range map[string]string{
		"DATABASE_URL": databaseURL.Reveal(), "PORT": actual, "DRAIN_DELAY": "0s", "TEST_PLATFORM_CALLS": "0", "OPS_ADDR": ops.Addr().String(),
		"DEVELOPER_URL": address("dashboard"), "OAUTH_URL": address("connect"), "CUSTOMER_URL": address("api"),
		"SESSION_SIGNING_KEY": keys[0], "ENCRYPTION_KEY": keys[1],
	} {
		variables[name] = value
	}
	for _, name := range []string{"DEVELOPER_FREE_CALLS", "DEVELOPER_PAID_CALLS"} {
		if value := values[name]; value != "" {
			variables[name] = value
		}
	}
	var own []string
	for name, value := range variables {
		own = append(own, name+"="+value)
	}
	cfg, err := loadConfig(own, true)
	if err != nil {
		return err
	}
	a, err := newApp(ctx, cfg, db.Allowances{Sandbox: true, Lossy: true}, log)
	if err != nil {
		return err
	}
	defer a.close()

	ready := func() error {
		facts, err := a.demo(ctx, cfg, year)
		if err != nil {
			return fmt.Errorf("setting up the demo: %w", err)
		}
		facts.DashboardURL, facts.ConnectURL, facts.APIURL = address("dashboard"), address("connect"), address("api")
		facts.OpsURL = "http://" + ops.Addr().String()
		facts.ClerkSandboxURL, facts.StripeSandboxURL = sandboxed.clerk.URL(), sandboxed.stripe.URL()
		facts.DatabaseURL = databaseURL.Reveal()
		if err := facts.write(); err != nil {
			return err
		}
		return facts.print(stdout, actual)
	}
	if makesYear { // which needs the program at work
		if err := a.queue.Hurry(); err != nil {
			return err
		}
		a.work.Hurry()
		rest := ready
		ready = func() error {
			made, err := makeYear(ctx, a, sandboxed, cfg, wanted, super, stdout)
			if err != nil {
				return fmt.Errorf("making the demo year: %w", err)
			}
			year = &yearMark{*made, true}
			return rest()
		}
	} else if *withYear {
		_, _ = fmt.Fprintf(stdout, "The demo year is here already, with %d customers.\n", year.Customers)
	}
	if err := a.serve(ctx, surfaces, ops, ready); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// startPostgres runs the PostgreSQL of this folder.
func startPostgres(ctx context.Context, stdout io.Writer) (*localpg.Server, error) {
	_, _ = fmt.Fprintln(stdout, "Starting PostgreSQL in "+stateDir+"/ …")
	dir := filepath.Join(stateDir, "postgres")
	logFile, err := openLog("postgres.log")
	if err != nil {
		return nil, err
	}
	pg, err := localpg.Start(ctx, localpg.Config{
		Dir: dir, Durable: true, Log: logFile, Settings: map[string]string{"max_connections": "200"},
	})
	if errors.Is(err, localpg.ErrInUse) {
		if running := alreadyRunning(); running != nil {
			return nil, running
		}
	}
	return pg, err
}

// openLog makes a log in the folder of dev; that of the run before is gone.
func openLog(name string) (*os.File, error) {
	if err := os.MkdirAll(stateDir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(stateDir, name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
}

// alreadyRunning is the error of a second `dev` in one folder, or nil where there is no first.
func alreadyRunning() error {
	facts, err := readFacts()
	if err != nil || !facts.alive() {
		return nil //nolint:nilerr // no facts that can be read: no dev has been here
	}
	return fmt.Errorf("dev is running in this folder already: %s", facts.APIURL)
}

// createDatabase makes the database and its owner, a plain role, where they are missing. The clock of a database made
// here can be turned.
func createDatabase(ctx context.Context, pg *localpg.Server) (secret.Text, error) {
	const name = "dreamapi"
	conn, err := pgx.Connect(ctx, pg.URL("postgres", "postgres"))
	if err != nil {
		return secret.Text{}, err
	}
	defer func() { _ = conn.Close(ctx) }()
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return secret.Text{}, err
	}
	url := secret.New(pg.URL(name, name))
	if exists {
		return url, nil
	}
	const role = `DO $$ BEGIN
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dreamapi') THEN CREATE ROLE dreamapi LOGIN; END IF;
	END $$;`
	for _, statement := range []string{role, db.RolesSQL(name), "CREATE DATABASE dreamapi OWNER dreamapi"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return secret.Text{}, err
		}
	}
	if _, err := db.Migrate(ctx, url); err != nil {
		return secret.Text{}, err
	}
	own, err := pgx.Connect(ctx, url.Reveal())
	if err != nil {
		return secret.Text{}, err
	}
	defer func() { _ = own.Close(ctx) }()
	_, err = own.Exec(ctx, "UPDATE dreamapi.clock SET turnable = true")
	return url, err
}

// databaseClock is the clock of a database, which is put ahead, or behind, as the sandbox's is. A database that dev did not
// make has one that can not be turned.
type databaseClock struct {
	url  secret.Text
	mu   sync.Mutex
	conn *pgx.Conn // kept, as a year that goes by within minutes turns the clock thousands of times
}

func (c *databaseClock) turn(ctx context.Context, ahead time.Duration) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil || c.conn.IsClosed() {
		if c.conn, err = pgx.Connect(ctx, c.url.Reveal()); err != nil {
			return err
		}
	}
	_, err = c.conn.Exec(ctx, "UPDATE dreamapi.clock SET ahead = $1", ahead)
	return err
}

func (c *databaseClock) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.Close(context.Background())
	}
}

// devKeys returns the session signing key and the encryption key of this folder, and makes them the first time.
func devKeys() ([2]string, error) {
	path := filepath.Join(stateDir, "keys")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		var random [64]byte
		_, _ = rand.Read(random[:]) // never fails
		text = []byte(base64.StdEncoding.EncodeToString(random[:32]) + "\n" + base64.StdEncoding.EncodeToString(random[32:]) + "\n")
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return [2]string{}, err
	}
	lines := strings.Fields(string(text))
	if len(lines) != 2 {
		return [2]string{}, fmt.Errorf("%s is damaged; it holds two keys, a line each", path)
	}
	return [2]string(lines), nil
}
