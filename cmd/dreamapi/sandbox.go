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

	"github.com/dream-api/dream-api/internal/sandbox/clerk"
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
)

func sandboxSecret(text string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(text + " of the sandbox only....")[:32])
}

// startClerk runs the stand-in for Clerk. The events of the shared app go to customerWebhook, or nowhere if it is empty.
func startClerk(ctx context.Context, dir, addr, customerWebhook string, log *slog.Logger) (*clerk.Server, error) {
	return clerk.Start(ctx, clerk.Config{
		Dir: dir, Addr: addr, Log: log,
		Apps: []clerk.App{
			{
				Name: developersApp, SecretKey: sandboxDeveloperKey.Reveal(), WebhookSecret: sandboxDeveloperWebhook.Reveal(),
			},
			{
				Name: endUsersApp, SecretKey: sandboxCustomerKey.Reveal(),
				WebhookSecret: sandboxCustomerWebhook.Reveal(), WebhookURL: customerWebhook,
				JWTTemplates: map[string]map[string]any{
					jwtTemplate: {"publishableKey": "{{user.public_metadata.publishableKey}}"},
				},
			},
		},
	})
}

// sandbox runs the stand-ins alone, for tests of `serve --unsafe-sandbox`, and prints what serve must be given.
func sandbox(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("dir", "", "")
	addr := flags.String("clerk-addr", "127.0.0.1:0", "")
	customerURL := flags.String("customer-url", "", "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return usageError("sandbox takes --dir DIR, --clerk-addr HOST:PORT, and --customer-url URL, to which events go")
	}
	server, err := startClerk(ctx, *dir, *addr, webhook(*customerURL),
		slog.New(slog.NewJSONHandler(stderr, nil)))
	if err != nil {
		return err
	}
	variables := sandboxVariables(server)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		_, _ = fmt.Fprintf(stdout, "%s=%s\n", name, variables[name])
	}
	_, _ = fmt.Fprintln(stdout, "# The sandbox is ready; serve --unsafe-sandbox takes these variables, and wants DATABASE_URL, the three "+
		"addresses, SESSION_SIGNING_KEY and ENCRYPTION_KEY besides.")
	<-ctx.Done()
	return errors.Join(server.Close())
}

func webhook(surface string) string {
	if surface == "" {
		return ""
	}
	return surface + "/webhook/clerk"
}

// sandboxVariables are the variables of `serve` that point it to the sandbox. What has no stand-in yet gets values
// that open nothing.
func sandboxVariables(server *clerk.Server) map[string]string {
	return map[string]string{
		"CLERK_API_URL":                   server.URL(),
		"DEVELOPER_CLERK_SECRET_KEY":      sandboxDeveloperKey.Reveal(),
		"DEVELOPER_CLERK_PUBLISHABLE_KEY": server.PublishableKey(developersApp),
		"DEVELOPER_CLERK_WEBHOOK_SECRET":  sandboxDeveloperWebhook.Reveal(),
		"CUSTOMER_CLERK_SECRET_KEY":       sandboxCustomerKey.Reveal(),
		"CUSTOMER_CLERK_PUBLISHABLE_KEY":  server.PublishableKey(endUsersApp),
		"CUSTOMER_CLERK_WEBHOOK_SECRET":   sandboxCustomerWebhook.Reveal(),
		"CUSTOMER_CLERK_JWT_TEMPLATE":     jwtTemplate,
		"STRIPE_SECRET_KEY":               "sk_test_sandbox",
		"STRIPE_PRICE_ID":                 "price_sandbox",
		"STRIPE_WEBHOOK_SECRET":           sandboxSecret("our stripe account"),
		"STRIPE_CONNECT_WEBHOOK_SECRET":   sandboxSecret("connected accounts"),
		"STRIPE_CLIENT_ID":                "ca_sandbox",
		"STRIPE_TEST_SECRET_KEY":          "sk_test_sandbox_preview",
		"STRIPE_TEST_WEBHOOK_SECRET":      sandboxSecret("our stripe test mode"),
	}
}
