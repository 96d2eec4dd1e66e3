package main

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/db/dbtest"
	"github.com/dream-api/dream-api/internal/tenant"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// world is the whole program, put together as `dev` does it, on a database and a Clerk of its own.
type world struct {
	db dbtest.Database
	standIns
	app    *app
	port   string
	client *http.Client
	logs   *logs
	known  *secrets
	stop   context.CancelFunc // has the program end, as SIGTERM does
}

// setup is what a test may want otherwise.
type setup struct {
	jobs     bool   // the background work runs; else the test has it done, by w.settle and the like
	clerkDir string // where the sandbox keeps its state, which holds its private keys
	config   func(*config)

	stripeEvents bool // Stripe delivers events
	clock        bool // Stripe's clock turns the database's, as in `dev`
}

func withClock(s *setup) { s.clock = true }

func withStripeEvents(s *setup) { s.stripeEvents = true }

func withJobs(s *setup) { s.jobs = true }

func withClerkIn(dir string) func(*setup) { return func(s *setup) { s.clerkDir = dir } }

func withConfig(change func(*config)) func(*setup) { return func(s *setup) { s.config = change } }

// boot starts a world, which ends with the test. At its end no secret that went over the wire may be in its log.
func boot(t *testing.T, options ...func(*setup)) *world {
	t.Helper()
	s := setup{config: func(*config) {}}
	for _, option := range options {
		option(&s)
	}
	w := &world{db: dbtest.New(t), logs: &logs{}, known: &secrets{}}
	t.Cleanup(func() { w.known.mustNotBeIn(t, w.logs.String()) })
	log := slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))

	surfaces, ops := listen(t), listen(t)
	_, w.port, _ = net.SplitHostPort(surfaces.Addr().String())
	w.client = clientOf(t, surfaces.Addr().String())

	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	var err error
	at := place{dir: s.clerkDir, developerURL: w.url("dashboard"), oauthURL: w.url("connect"), customerURL: w.url("api")}
	if s.clock {
		clock := &databaseClock{url: w.db.Owner}
		t.Cleanup(clock.close)
		at.onClock = func(ahead time.Duration) {
			if err := clock.turn(context.Background(), ahead); err != nil {
				t.Error(err)
			}
		}
	}
	w.standIns, err = startStandIns(context.Background(), at, log)
	must(t, err)
	t.Cleanup(func() { must(t, w.close()) })
	w.clerk.SetWebhookURL(endUsersApp, "") // a test that wants events asks for them
	w.clerk.SetWebhookURL(developersApp, "")
	if !s.stripeEvents {
		must(t, w.stripe.SetEndpoints(nil))
	}

	cfg := w.config(t)
	s.config(&cfg)
	w.app, err = newApp(ctx, cfg, db.Allowances{Sandbox: true, Lossy: true}, log)
	must(t, err)
	t.Cleanup(w.app.close)
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() { ended <- w.run(ctx, s.jobs, surfaces, ops, ready) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal("the program ended:", err)
	}
	return w
}

// another starts a second process on the same database, with the same addresses, and without background work.
func (w *world) another(t *testing.T) *world {
	t.Helper()
	second := &world{db: w.db, standIns: w.standIns, port: w.port, logs: w.logs, known: w.known}
	surfaces, ops := listen(t), listen(t)
	second.client = clientOf(t, surfaces.Addr().String())
	ctx, stop := context.WithCancel(context.Background())
	var err error
	second.app, err = newApp(ctx, w.config(t), db.Allowances{Sandbox: true, Lossy: true}, slog.New(slog.NewJSONHandler(w.logs, nil)))
	must(t, err)
	t.Cleanup(second.app.close)
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() { ended <- second.run(ctx, false, surfaces, ops, ready) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
	<-ready
	return second
}

// run serves as production does, or without the background work.
func (w *world) run(ctx context.Context, jobs bool, surfaces, ops net.Listener, ready chan struct{}) error {
	started := func() error { close(ready); return nil }
	if jobs {
		return w.app.serve(ctx, surfaces, ops, started)
	}
	server := w.app.httpServer(w.app.surfaces)
	context.AfterFunc(ctx, func() { _ = server.Shutdown(context.WithoutCancel(ctx)) })
	_ = ops.Close()
	_ = started()
	if err := server.Serve(surfaces); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// environ is what `serve --unsafe-sandbox` would be given.
func (w *world) environ() []string {
	variables := w.variables()
	for name, value := range map[string]string{
		"DATABASE_URL": w.db.Owner.Reveal(), "PORT": w.port, "DEVELOPER_FREE_CALLS": "100000", "TEST_PLATFORM_CALLS": "0",
		"DEVELOPER_URL": w.url("dashboard"), "OAUTH_URL": w.url("connect"), "CUSTOMER_URL": w.url("api"),
		"SESSION_SIGNING_KEY": base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"ENCRYPTION_KEY":      base64.StdEncoding.EncodeToString([]byte("an encryption key of 32 bytes...")),
	} {
		variables[name] = value
	}
	var environ []string
	for name, value := range variables {
		environ = append(environ, name+"="+value)
	}
	return environ
}

func (w *world) config(t *testing.T) config {
	t.Helper()
	cfg, err := loadConfig(w.environ(), true)
	must(t, err)
	cfg.DrainDelay = 0
	return cfg
}

// url is the public address of a surface: api, dashboard or connect.
func (w *world) url(surface string) string { return "http://" + w.host(surface) }

func (w *world) host(name string) string { return name + ".localhost:" + w.port }

// wantEvents has Clerk deliver events from now on.
func (w *world) wantEvents() { w.clerk.SetWebhookURL(endUsersApp, w.url("api")+"/webhook/clerk") }

func (w *world) background() *tenant.Background { return w.app.modules.Background }

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// clientOf dials the address whatever host the request names, as *.localhost resolves nowhere but in browsers.
func clientOf(t *testing.T, address string) *http.Client {
	t.Helper()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		MaxIdleConnsPerHost: 64,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// await waits until the condition holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatal("waited in vain until", what)
		case <-tick.C:
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
