package main

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
	"github.com/dream-api/dream-api/internal/sandbox/stripe"
	"github.com/dream-api/dream-api/internal/secret"
)

// The two Clerk apps of the sandbox.
const (
	developersApp = "dream-api"
	endUsersApp   = "end-user-api"
)

// jwtTemplate is the template that the shared app must have: it puts the platform into a user's token.
const jwtTemplate = "dreamapi"

// Keys that open nothing but the sandbox on this machine.
var (
	sandboxDeveloperKey     = secret.New("sk_test_sandbox_developers")
	sandboxCustomerKey      = secret.New("sk_test_sandbox_end_users")
	sandboxDeveloperWebhook = secret.New(sandboxSecret("developers' clerk app"))
	sandboxCustomerWebhook  = secret.New(sandboxSecret("end users' clerk app"))

	sandboxStripeKey      = secret.New("sk_live_sandbox")
	sandboxStripeTestKey  = secret.New("sk_test_sandbox")
	sandboxStripeOwn      = secret.New(sandboxSecret("our stripe account"))
	sandboxStripeConnect  = secret.New(sandboxSecret("connected accounts"))
	sandboxStripePreview  = secret.New(sandboxSecret("our stripe test mode"))
	sandboxStripeClientID = "ca_sandbox"
	sandboxPriceID        = "price_sandbox"
)

func sandboxSecret(text string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(text + " of the sandbox only....")[:32])
}

// standIns are those for the third parties.
type standIns struct {
	clerk  *clerk.Server
	stripe *stripe.Server
}

// place is where the stand-ins are, and where they find us.
type place struct {
	dir                                 string // of their state; empty: in memory alone
	clerkAddr, stripeAddr               string
	developerURL, oauthURL, customerURL string // to which events and browsers go; empty: nowhere
	onClock                             func(ahead time.Duration)
}

// startStandIns runs the stand-ins.
func startStandIns(ctx context.Context, at place, log *slog.Logger) (_ standIns, err error) {
	var s standIns
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.clerk, err = clerk.Start(ctx, clerk.Config{
		Dir: at.dir, Addr: at.clerkAddr, Log: log,
		Apps: []clerk.App{
			{
				Name: developersApp, SecretKey: sandboxDeveloperKey.Reveal(), WebhookSecret: sandboxDeveloperWebhook.Reveal(),
				WebhookURL: webhook(at.developerURL, "clerk"),
			},
			{
				Name: endUsersApp, SecretKey: sandboxCustomerKey.Reveal(),
				WebhookSecret: sandboxCustomerWebhook.Reveal(), WebhookURL: webhook(at.customerURL, "clerk"),
				JWTTemplates: map[string]map[string]any{
					jwtTemplate: {"publishableKey": "{{user.public_metadata.publishableKey}}"},
				},
			},
		},
	})
	if err != nil {
		return s, err
	}
	s.stripe, err = stripe.Start(ctx, stripe.Config{
		Dir: at.dir, Addr: at.stripeAddr, Log: log, OnClock: at.onClock,
		LiveKey: sandboxStripeKey.Reveal(), TestKey: sandboxStripeTestKey.Reveal(), ClientID: sandboxStripeClientID,
		RedirectURIs: []string{at.oauthURL + "/callback"},
		Endpoints:    stripeEndpoints(at),
		Prices: []stripe.SeedPrice{{
			ID: sandboxPriceID, ProductName: "dream-api", Amount: 1500, Currency: "usd", Interval: "month", Livemode: true,
		}},
		Accounts: []stripe.SeedAccount{{
			ID: "acct_sandboxdemo", Email: demoEmail, BusinessName: "Demo Shop", Country: "US", Currency: "usd", ChargesEnabled: true,
		}},
	})
	return s, err
}

// stripeEvents are the types of event that docs/self-hosting.md has an endpoint at Stripe send.
var stripeEvents = []string{
	"checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed", "checkout.session.expired",
	"customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted", "customer.subscription.paused",
	"customer.subscription.resumed", "customer.subscription.trial_will_end", "customer.subscription.pending_update_applied",
	"customer.subscription.pending_update_expired", "subscription_schedule.created", "subscription_schedule.updated",
	"subscription_schedule.released", "subscription_schedule.canceled", "subscription_schedule.completed", "subscription_schedule.aborted",
	"subscription_schedule.expiring", "invoice.paid", "invoice.payment_failed", "account.updated", "account.application.deauthorized",
}

// stripeEndpoints are the webhook endpoints that an installation has at Stripe.
func stripeEndpoints(at place) []stripe.Endpoint {
	var endpoints []stripe.Endpoint
	if at.developerURL != "" {
		endpoints = append(endpoints, stripe.Endpoint{
			URL: webhook(at.developerURL, "stripe"), Secret: sandboxStripeOwn.Reveal(), Livemode: true, Events: stripeEvents,
		})
	}
	if at.customerURL != "" {
		endpoints = append(endpoints,
			stripe.Endpoint{
				URL: webhook(at.customerURL, "stripe"), Secret: sandboxStripeConnect.Reveal(), Connect: true, Livemode: true, Events: stripeEvents,
			},
			stripe.Endpoint{URL: webhook(at.customerURL, "stripe"), Secret: sandboxStripePreview.Reveal(), Events: stripeEvents})
	}
	return endpoints
}

func (s standIns) close() error {
	var err error
	if s.stripe != nil {
		err = s.stripe.Close()
	}
	if s.clerk != nil {
		err = errors.Join(err, s.clerk.Close())
	}
	return err
}

// sandbox runs the stand-ins alone, for tests of `serve --unsafe-sandbox`, and prints what serve must be given.
func sandbox(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var at place
	flags.StringVar(&at.dir, "dir", "", "")
	flags.StringVar(&at.clerkAddr, "clerk-addr", "127.0.0.1:0", "")
	flags.StringVar(&at.stripeAddr, "stripe-addr", "127.0.0.1:0", "")
	flags.StringVar(&at.developerURL, "developer-url", "", "")
	flags.StringVar(&at.oauthURL, "oauth-url", "", "")
	flags.StringVar(&at.customerURL, "customer-url", "", "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return usageError("sandbox takes --dir DIR, --clerk-addr and --stripe-addr HOST:PORT, and the addresses to which events and " +
			"browsers go: --developer-url, --oauth-url and --customer-url")
	}
	running, err := startStandIns(ctx, at, slog.New(slog.NewJSONHandler(stderr, nil)))
	if err != nil {
		return err
	}
	variables := running.variables()
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		_, _ = fmt.Fprintf(stdout, "%s=%s\n", name, variables[name])
	}
	_, _ = fmt.Fprintln(stdout, "# The sandbox is ready; serve --unsafe-sandbox takes these variables, and wants DATABASE_URL, the three "+
		"addresses, SESSION_SIGNING_KEY and ENCRYPTION_KEY besides.")
	<-ctx.Done()
	return running.close()
}

func webhook(surface, of string) string {
	if surface == "" {
		return ""
	}
	return surface + "/webhook/" + of
}

// variables are those of `serve` that point it to the stand-ins.
func (s standIns) variables() map[string]string {
	return map[string]string{
		"CLERK_API_URL":                   s.clerk.URL(),
		"DEVELOPER_CLERK_SECRET_KEY":      sandboxDeveloperKey.Reveal(),
		"DEVELOPER_CLERK_PUBLISHABLE_KEY": s.clerk.PublishableKey(developersApp),
		"DEVELOPER_CLERK_WEBHOOK_SECRET":  sandboxDeveloperWebhook.Reveal(),
		"CUSTOMER_CLERK_SECRET_KEY":       sandboxCustomerKey.Reveal(),
		"CUSTOMER_CLERK_PUBLISHABLE_KEY":  s.clerk.PublishableKey(endUsersApp),
		"CUSTOMER_CLERK_WEBHOOK_SECRET":   sandboxCustomerWebhook.Reveal(),
		"CUSTOMER_CLERK_JWT_TEMPLATE":     jwtTemplate,
		"STRIPE_API_URL":                  s.stripe.URL(),
		"STRIPE_SECRET_KEY":               sandboxStripeKey.Reveal(),
		"STRIPE_PRICE_ID":                 sandboxPriceID,
		"STRIPE_WEBHOOK_SECRET":           sandboxStripeOwn.Reveal(),
		"STRIPE_CONNECT_WEBHOOK_SECRET":   sandboxStripeConnect.Reveal(),
		"STRIPE_CLIENT_ID":                sandboxStripeClientID,
		"STRIPE_TEST_SECRET_KEY":          sandboxStripeTestKey.Reveal(),
		"STRIPE_TEST_WEBHOOK_SECRET":      sandboxStripePreview.Reveal(),
	}
}
