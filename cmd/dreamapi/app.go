package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dream-api/dream-api/internal/billing"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/server"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

const (
	drainTime  = 20 * time.Second
	sweepEvery = time.Minute
	addUpEvery = 15 * time.Second // how far charts may lag behind
	topsEvery  = time.Minute      // when it is looked whose tops are due
	watchEvery = 30 * time.Second // when it is looked who is near a limit
)

// app is the program put together: the modules, the surfaces, the background work.
type app struct {
	log      *slog.Logger
	pools    []*db.DB
	modules  server.Modules
	counting *usage.Service
	work     *jobs.Registry
	queue    *jobs.Enqueuer
	worker   secret.Text // where the work's queue is

	workerPool *db.DB
	held       atomic.Bool // the reconciliation: while a year goes by within minutes it would find everything unlooked at for long

	drainDelay time.Duration

	surfaces *server.Server
	ops      *server.Operations
}

// newApp puts the program together; a sandbox, where it is allowed, has stand-ins for third parties and loopback addresses.
// Nothing listens or works yet.
func newApp(ctx context.Context, cfg config, allowed db.Allowances, log *slog.Logger) (_ *app, err error) {
	a := &app{log: log, work: jobs.NewRegistry(), drainDelay: cfg.DrainDelay}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	open := func(own secret.Text, role db.Role) *db.DB {
		url := cfg.DatabaseURL
		if !own.Empty() {
			url = own
		}
		pool, failed := db.Open(ctx, url, role)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", role, failed))
			return nil
		}
		a.pools = append(a.pools, pool)
		return pool
	}
	developer := open(cfg.DatabaseURLDeveloper, db.Developer)
	oauth := open(cfg.DatabaseURLOAuth, db.OAuth)
	customer := open(cfg.DatabaseURLCustomer, db.Customer)
	worker := open(cfg.DatabaseURLWorker, db.Worker)
	if err != nil {
		return nil, err
	}
	a.worker, a.workerPool = cfg.DatabaseURL, worker
	if !cfg.DatabaseURLWorker.Empty() {
		a.worker = cfg.DatabaseURLWorker
	}
	if err := a.verify(ctx, allowed); err != nil {
		return nil, err
	}

	developers, err := clerkapp.New(clerkapp.Config{
		SecretKey: cfg.DeveloperClerkSecretKey, PublishableKey: cfg.DeveloperClerkPublishableKey,
		APIURL: cfg.ClerkAPIURL, Insecure: allowed.Sandbox,
	})
	if err != nil {
		return nil, fmt.Errorf("the developers' Clerk app: %w", err)
	}
	endUsers, err := clerkapp.New(clerkapp.Config{
		SecretKey: cfg.CustomerClerkSecretKey, PublishableKey: cfg.CustomerClerkPublishableKey,
		APIURL: cfg.ClerkAPIURL, Insecure: allowed.Sandbox,
	})
	if err != nil {
		return nil, fmt.Errorf("the end users' Clerk app: %w", err)
	}
	fingerprints, err := derive(cfg.EncryptionKey, "idempotency fingerprints")
	if err != nil {
		return nil, err
	}
	keeper := idempotency.NewKeeper(fingerprints)
	queue, err := jobs.NewEnqueuer()
	if err != nil {
		return nil, err
	}
	a.queue = queue
	urls := billing.URLs{
		Developer: cfg.DeveloperURL.String(), OAuth: cfg.OAuthURL.String(), Customer: cfg.CustomerURL.String(),
	}
	stripe := stripeapi.New(stripeapi.Config{
		SecretKey: cfg.StripeSecretKey, TestSecretKey: cfg.StripeTestSecretKey, ClientID: cfg.StripeClientID, APIURL: cfg.StripeAPIURL,
	})
	money := billing.NewBackground(worker, stripe, queue, urls, cfg.StripePriceID)
	cashier := billing.NewCashier(customer, stripe, keeper, queue, urls)
	background := tenant.NewBackground(tenant.NewCustomers(worker, endUsers, keeper, queue, usage.Forget, money.Forget))
	developerWork := platform.NewBackground(worker, developers, queue)
	var testCalls *int64
	if cfg.TestPlatformCalls > 0 {
		testCalls = &cfg.TestPlatformCalls
	}
	if a.counting, err = usage.New(ctx, customer); err != nil {
		return nil, err
	}
	keys, err := sessionKeys(cfg)
	if err != nil {
		return nil, err
	}
	a.modules = server.Modules{
		Gate:        tenant.NewGate(customer, endUsers, keys, testCalls),
		EndUsers:    tenant.NewEndUsers(customer, endUsers, keys, queue, cfg.CustomerURL.String()),
		SessionKeys: keys,
		Admin:       tenant.NewAdmin(developer, keeper, queue, net.DefaultResolver),
		Customers:   tenant.NewCustomers(customer, endUsers, keeper, queue, usage.Forget, cashier.Forget),
		Background:  background,
		Platform: platform.New(developer, developers, queue, cfg.DeveloperURL.String(),
			platform.CallLimits{Free: cfg.DeveloperFreeCalls, Paid: cfg.DeveloperPaidCalls}),
		Developers:    developerWork,
		Usage:         a.counting,
		UsageReader:   usage.NewReader(customer),
		Keeper:        keeper,
		Cashier:       cashier,
		Desk:          billing.NewDesk(developer, stripe, queue, urls, cfg.StripePriceID),
		Bridge:        billing.NewBridge(oauth, stripe, urls),
		Billing:       money,
		CustomersRead: tenant.NewCustomers(developer, endUsers, keeper, queue),
		UsageRead:     usage.NewReader(developer),
		Watch:         usage.NewWatch(customer),
	}
	background.Register(a.work)
	developerWork.Register(a.work)
	money.Register(a.work)
	jobs.Every(a.work, sweepEvery, settle{}, func(ctx context.Context) error {
		return errors.Join(background.Settle(ctx), developerWork.Settle(ctx))
	})
	jobs.Every(a.work, sweepEvery, reconcile{}, func(ctx context.Context) error {
		if a.held.Load() {
			return nil
		}
		return money.Reconcile(ctx)
	})
	jobs.Every(a.work, addUpEvery, addUp{}, func(ctx context.Context) error { return usage.AddUp(ctx, worker) })
	jobs.Every(a.work, topsEvery, takeTops{}, func(ctx context.Context) error {
		return platform.EachPlatform(ctx, worker, func(ctx context.Context, platforms []id.Platform) error {
			return usage.TakeTops(ctx, worker, platforms)
		})
	})
	jobs.Every(a.work, sweepEvery, tidy{}, func(ctx context.Context) error {
		return platform.EachPlatform(ctx, worker, background.Tidy)
	})
	jobs.Every(a.work, time.Hour, recount{}, func(ctx context.Context) error {
		return platform.EachPlatform(ctx, worker, func(ctx context.Context, platforms []id.Platform) error {
			mended, err := background.Recount(ctx, platforms)
			for _, at := range mended {
				log.WarnContext(ctx, "the numbers of customers were wrong and have been mended", "platform", at)
			}
			return err
		})
	})
	jobs.Every(a.work, watchEvery, watch{}, func(ctx context.Context) error {
		return platform.EachPlatform(ctx, worker, usage.NewWatch(worker).Work)
	})
	jobs.Every(a.work, time.Hour, sweep{}, func(ctx context.Context) error {
		return platform.EachPlatform(ctx, worker, func(ctx context.Context, platforms []id.Platform) error {
			return errors.Join(idempotency.Sweep(ctx, worker, platforms), tenant.Sweep(ctx, worker, platforms),
				tenant.SweepTimeline(ctx, worker, platforms, cfg.HistoryDays),
				usage.Sweep(ctx, worker, platforms, cfg.HistoryDays), billing.Sweep(ctx, worker, platforms))
		})
	})
	flashKey, err := derive(cfg.EncryptionKey, "flash cookies")
	if err != nil {
		return nil, err
	}

	metrics := server.NewMetrics(versionText(), a.pools...)
	a.ops = server.NewOperations(metrics, a.pools...)
	a.surfaces, err = server.New(server.Config{
		DeveloperURL: cfg.DeveloperURL, OAuthURL: cfg.OAuthURL, CustomerURL: cfg.CustomerURL,
		Loopback: allowed.Sandbox, TrustedProxies: cfg.TrustedProxies,
		CustomerClerkSecrets:  []secret.Text{cfg.CustomerClerkWebhookSecret, cfg.CustomerClerkWebhookSecretPrevious},
		DeveloperClerkSecrets: []secret.Text{cfg.DeveloperClerkWebhookSecret, cfg.DeveloperClerkWebhookSecretPrevious},
		StripeSecrets: billing.Secrets{
			billing.OwnEndpoint:     {cfg.StripeWebhookSecret, cfg.StripeWebhookSecretPrevious},
			billing.ConnectEndpoint: {cfg.StripeConnectWebhookSecret, cfg.StripeConnectWebhookSecretPrevious},
			billing.PreviewEndpoint: {cfg.StripeTestWebhookSecret, cfg.StripeTestWebhookSecretPrevious},
		},
		DeveloperClerk: clerkOf(developers, allowed.Sandbox), CustomerClerk: clerkOf(endUsers, allowed.Sandbox),
		StripeTest: strings.HasPrefix(cfg.StripeSecretKey.Reveal(), "sk_test_"), FormTargets: formTargets(cfg), FlashKey: flashKey,
		Version: versionText(), HistoryDays: cfg.HistoryDays,
	}, a.modules, metrics, log)
	return a, err
}

func clerkOf(app *clerkapp.App, sandboxed bool) server.ClerkApp {
	return server.ClerkApp{Frontend: app.Frontend(), PublishableKey: app.PublishableKey(), Sandboxed: sandboxed}
}

// sessionKeys makes the keys of session tokens from those that are configured.
func sessionKeys(cfg config) (*tenant.SigningKeys, error) {
	var masters [][]byte
	for _, key := range []secret.Text{cfg.SessionSigningKey, cfg.SessionSigningKeyPrevious} {
		if key.Empty() {
			continue
		}
		master, err := base64.StdEncoding.DecodeString(key.Reveal())
		if err != nil {
			return nil, errors.New("a session signing key is not base64")
		}
		masters = append(masters, master)
	}
	return tenant.NewSigningKeys(cfg.CustomerURL.String(), time.Now, masters...), nil
}

// formTargets are the origins of Stripe's pages, to which forms of ours lead.
func formTargets(cfg config) []string {
	if cfg.StripeAPIURL != "" {
		return []string{cfg.StripeAPIURL}
	}
	return []string{"https://*.stripe.com"} // browsers hold each redirect behind a form to it
}

type settle struct{}

func (settle) Kind() string { return "tenant.settle" }

type reconcile struct{}

func (reconcile) Kind() string { return "billing.reconcile" }
func (reconcile) Outside()     {}

type addUp struct{}

func (addUp) Kind() string { return "usage.add_up" }

type takeTops struct{}

func (takeTops) Kind() string { return "usage.take_tops" }

type tidy struct{}

func (tidy) Kind() string { return "tenant.tidy" }

type watch struct{}

func (watch) Kind() string { return "usage.watch" }

type recount struct{}

func (recount) Kind() string { return "tenant.recount" }

type sweep struct{}

func (sweep) Kind() string { return "sweep" }

// verify refuses to serve from a database in which isolation or durability would not hold.
func (a *app) verify(ctx context.Context, allowed db.Allowances) error {
	var faults []string
	for _, pool := range a.pools {
		found, err := pool.Verify(ctx, allowed)
		if err != nil {
			return fmt.Errorf("the database can not be used: %w", err)
		}
		for _, f := range found {
			if !strings.Contains(strings.Join(faults, "\n"), f) {
				faults = append(faults, f)
			}
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("this database must not be served from:\n  %s", strings.Join(faults, "\n  "))
	}
	for _, pool := range a.pools {
		off, err := pool.LossySettings(ctx)
		if err != nil {
			return err
		}
		if len(off) > 0 {
			a.log.Warn("a crash of this database may lose what was answered", "role", string(pool.Role()), "off", off)
		}
	}
	return nil
}

// serve works until ctx ends, then lets requests and jobs under way end. It calls ready once it serves.
func (a *app) serve(ctx context.Context, surfaces, ops net.Listener, ready func() error) error {
	runner, err := jobs.Start(context.WithoutCancel(ctx), a.worker, a.work, a.log)
	if err != nil {
		return fmt.Errorf("the background work does not start: %w", err)
	}
	servers := []*http.Server{a.httpServer(a.surfaces), a.httpServer(a.ops)}
	failed := make(chan error, len(servers))
	for i, l := range []net.Listener{surfaces, ops} {
		go func() { failed <- servers[i].Serve(l) }()
	}
	a.log.Info("serving", "addr", surfaces.Addr().String(), "ops", ops.Addr().String(), "version", versionText())

	if err = ready(); err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	a.log.Info("draining", "atMost", drainTime.String())
	a.ops.Drain()
	if err == nil {
		time.Sleep(a.drainDelay) // until whoever sends requests here has seen that readyz fails
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err = errors.Join(err, servers[0].Shutdown(drain), runner.Stop(drain), servers[1].Shutdown(drain))
	a.log.Info("stopped")
	return err
}

func (a *app) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
}

func (a *app) close() {
	if a.counting != nil {
		a.counting.Close()
	}
	for _, pool := range a.pools {
		pool.Close()
	}
}

// derive makes a key for one purpose out of the one that is configured.
func derive(key secret.Text, purpose string) ([]byte, error) {
	master, err := base64.StdEncoding.DecodeString(key.Reveal())
	if err != nil {
		return nil, errors.New("ENCRYPTION_KEY is not base64")
	}
	return hkdf.Key(sha256.New, master, nil, "dream-api "+purpose, 32)
}
