package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/secret"
)

// config is what `serve` reads from the environment. Each variable may also be given as NAME_FILE, a file that holds
// the value. The tag doc is what `help serve` prints.
type config struct {
	DatabaseURL          secret.Text `env:"DATABASE_URL,required,notEmpty" doc:"PostgreSQL; the login is a plain role that may enter the surfaces' roles"`
	DatabaseURLDeveloper secret.Text `env:"DATABASE_URL_DEVELOPER" doc:"another login for the developer surface"`
	DatabaseURLOAuth     secret.Text `env:"DATABASE_URL_OAUTH" doc:"another login for the oauth surface"`
	DatabaseURLCustomer  secret.Text `env:"DATABASE_URL_CUSTOMER" doc:"another login for the customer surface"`
	DatabaseURLWorker    secret.Text `env:"DATABASE_URL_WORKER" doc:"another login for background work; no transaction pooler, as it listens for notifications"`

	Port    int    `env:"PORT" envDefault:"8080" doc:"where the surfaces listen"`
	OpsAddr string `env:"OPS_ADDR" envDefault:"127.0.0.1:9090" doc:"where /livez, /readyz and /metrics listen; not for the world"`

	DrainDelay time.Duration `env:"DRAIN_DELAY" envDefault:"3s" doc:"how long to go on serving after SIGTERM while /readyz fails"`

	DeveloperURL   *url.URL       `env:"DEVELOPER_URL,required,notEmpty" doc:"public address of the dashboard"`
	OAuthURL       *url.URL       `env:"OAUTH_URL,required,notEmpty" doc:"public address to which Stripe sends developers back"`
	CustomerURL    *url.URL       `env:"CUSTOMER_URL,required,notEmpty" doc:"public address of the API"`
	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES" doc:"networks of the proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8"`

	DeveloperClerkSecretKey             secret.Text `env:"DEVELOPER_CLERK_SECRET_KEY,required,notEmpty" doc:"the Clerk app with which developers sign in"`
	DeveloperClerkPublishableKey        string      `env:"DEVELOPER_CLERK_PUBLISHABLE_KEY,required,notEmpty"`
	DeveloperClerkWebhookSecret         secret.Text `env:"DEVELOPER_CLERK_WEBHOOK_SECRET,required,notEmpty" doc:"whsec_…"`
	DeveloperClerkWebhookSecretPrevious secret.Text `env:"DEVELOPER_CLERK_WEBHOOK_SECRET_PREVIOUS" doc:"still accepted while the secret is being changed"`

	CustomerClerkSecretKey             secret.Text `env:"CUSTOMER_CLERK_SECRET_KEY,required,notEmpty" doc:"the Clerk app that all end users share"`
	CustomerClerkPublishableKey        string      `env:"CUSTOMER_CLERK_PUBLISHABLE_KEY,required,notEmpty"`
	CustomerClerkJWTTemplate           string      `env:"CUSTOMER_CLERK_JWT_TEMPLATE,required,notEmpty" doc:"the template that adds the claim publishableKey"`
	CustomerClerkWebhookSecret         secret.Text `env:"CUSTOMER_CLERK_WEBHOOK_SECRET,required,notEmpty" doc:"whsec_…"`
	CustomerClerkWebhookSecretPrevious secret.Text `env:"CUSTOMER_CLERK_WEBHOOK_SECRET_PREVIOUS"`

	StripeSecretKey                    secret.Text `env:"STRIPE_SECRET_KEY,required,notEmpty" doc:"our own Stripe account, live"`
	StripePriceID                      string      `env:"STRIPE_PRICE_ID,required,notEmpty" doc:"the price of $15 a month"`
	StripeWebhookSecret                secret.Text `env:"STRIPE_WEBHOOK_SECRET,required,notEmpty"`
	StripeWebhookSecretPrevious        secret.Text `env:"STRIPE_WEBHOOK_SECRET_PREVIOUS"`
	StripeConnectWebhookSecret         secret.Text `env:"STRIPE_CONNECT_WEBHOOK_SECRET,required,notEmpty" doc:"of the endpoint for connected accounts"`
	StripeConnectWebhookSecretPrevious secret.Text `env:"STRIPE_CONNECT_WEBHOOK_SECRET_PREVIOUS"`
	StripeClientID                     string      `env:"STRIPE_CLIENT_ID,required,notEmpty" doc:"of Connect: ca_…"`
	StripeTestSecretKey                secret.Text `env:"STRIPE_TEST_SECRET_KEY,required,notEmpty" doc:"our account in test mode, for previews"`
	StripeTestWebhookSecret            secret.Text `env:"STRIPE_TEST_WEBHOOK_SECRET,required,notEmpty"`
	StripeTestWebhookSecretPrevious    secret.Text `env:"STRIPE_TEST_WEBHOOK_SECRET_PREVIOUS"`

	SessionSigningKey         secret.Text `env:"SESSION_SIGNING_KEY,required,notEmpty" doc:"32 random bytes in base64: openssl rand -base64 32"`
	SessionSigningKeyPrevious secret.Text `env:"SESSION_SIGNING_KEY_PREVIOUS" doc:"tokens of this one are good too: the key before, or the one to come"`
	EncryptionKey             secret.Text `env:"ENCRYPTION_KEY,required,notEmpty" doc:"32 other random bytes in base64"`

	DeveloperFreeCalls int64 `env:"DEVELOPER_FREE_CALLS" envDefault:"5" doc:"changes a month by the JSON API for a developer who does not pay"`
	DeveloperPaidCalls int64 `env:"DEVELOPER_PAID_CALLS" envDefault:"500" doc:"changes a month for one who does"`

	TestPlatformCalls int64 `env:"TEST_PLATFORM_CALLS" envDefault:"10000" doc:"tracked calls a month that a test platform takes; 0: as many as it likes"`
	HistoryDays       int   `env:"HISTORY_DAYS" envDefault:"400" doc:"how long usage by hour and by day, and what happened to customers, is kept"`

	ClerkAPIURL  string `env:"CLERK_API_URL" doc:"of a sandbox; only with --unsafe-sandbox"`
	StripeAPIURL string `env:"STRIPE_API_URL" doc:"of a sandbox; only with --unsafe-sandbox"`
}

// loadConfig reads the environment, and names everything that is missing, unreadable or contradictory in one error.
func loadConfig(environ []string, unsafeSandbox bool) (config, error) {
	values, faults := withFiles(environ)
	var cfg config
	err := env.ParseWithOptions(&cfg, env.Options{Environment: values})
	var several env.AggregateError
	switch {
	case errors.As(err, &several):
		for _, one := range several.Errors {
			faults = append(faults, describe(one))
		}
	case err != nil:
		faults = append(faults, describe(err))
	}
	faults = append(faults, cfg.contradictions(unsafeSandbox)...)
	if len(faults) == 0 {
		return cfg, nil
	}
	slices.Sort(faults)
	return cfg, fmt.Errorf("the configuration is not complete; dreamapi help serve explains each variable:\n  %s",
		strings.Join(slices.Compact(faults), "\n  "))
}

// describe words a failure of the parser without the value, which may be a secret.
func describe(err error) string {
	var unset env.VarIsNotSetError
	var empty env.EmptyVarError
	var parse env.ParseError
	switch {
	case errors.As(err, &unset):
		return unset.Key + " is missing"
	case errors.As(err, &empty):
		return empty.Key + " is empty"
	case errors.As(err, &parse):
		field, _ := reflect.TypeFor[config]().FieldByName(parse.Name)
		return variable(field) + " can not be read"
	default:
		return err.Error()
	}
}

func variable(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	return name
}

// withFiles puts the contents of each NAME_FILE in the place of NAME.
func withFiles(environ []string) (values map[string]string, faults []string) {
	values = env.ToMap(environ)
	for field := range reflect.TypeFor[config]().Fields() {
		name := variable(field)
		path, ok := values[name+"_FILE"]
		if !ok {
			continue
		}
		if _, both := values[name]; both {
			faults = append(faults, name+" and "+name+"_FILE are both set")
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			var at *fs.PathError
			if errors.As(err, &at) {
				err = at.Err // without the path: somebody may have put the secret itself there
			}
			faults = append(faults, fmt.Sprintf("%s_FILE can not be read: %v", name, err))
		}
		values[name] = strings.TrimSpace(string(text))
	}
	return values, faults
}

// contradictions are the faults of values that are there.
func (c config) contradictions(unsafeSandbox bool) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }

	hosts := map[string]string{}
	for name, u := range map[string]*url.URL{
		"DEVELOPER_URL": c.DeveloperURL, "OAUTH_URL": c.OAuthURL, "CUSTOMER_URL": c.CustomerURL,
	} {
		if u == nil || *u == (url.URL{}) {
			continue
		}
		u.Path, u.Host = strings.TrimSuffix(u.Path, "/"), strings.ToLower(u.Host)
		plain := u.Scheme + "://" + u.Host
		if u.Hostname() == "" || u.String() != plain || strings.HasSuffix(u.Hostname(), ".") ||
			u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
			fault("%s is not a plain address such as https://api.example.com, as a browser would show it", name)
			continue
		}
		if u.Scheme != "https" && !unsafeSandbox {
			fault("%s is not https", name)
		}
		if other, ok := hosts[u.Hostname()]; ok {
			first, second := min(name, other), max(name, other)
			fault("%s and %s have the same host, and each surface needs its own", first, second)
		}
		hosts[u.Hostname()] = name
	}

	for name, key := range map[string]string{
		"DEVELOPER_CLERK_PUBLISHABLE_KEY": c.DeveloperClerkPublishableKey,
		"CUSTOMER_CLERK_PUBLISHABLE_KEY":  c.CustomerClerkPublishableKey,
	} {
		if key == "" {
			continue
		}
		host, err := clerkapp.FrontendHost(key)
		if err != nil {
			fault("%s: %v", name, err)
		} else if isLocal(host) && !unsafeSandbox {
			fault("%s is that of a sandbox (%s)", name, host)
		}
	}
	if c.DeveloperClerkPublishableKey != "" && c.DeveloperClerkPublishableKey == c.CustomerClerkPublishableKey {
		fault("DEVELOPER_CLERK_PUBLISHABLE_KEY and CUSTOMER_CLERK_PUBLISHABLE_KEY are of one Clerk app, and developers and end users need one each")
	}
	for _, pair := range []struct {
		side        string
		secret      secret.Text
		publishable string
	}{
		{"DEVELOPER", c.DeveloperClerkSecretKey, c.DeveloperClerkPublishableKey},
		{"CUSTOMER", c.CustomerClerkSecretKey, c.CustomerClerkPublishableKey},
	} {
		live := strings.HasPrefix(pair.secret.Reveal(), "sk_live_")
		if !pair.secret.Empty() && pair.publishable != "" && live != strings.HasPrefix(pair.publishable, "pk_live_") {
			fault("%s_CLERK_SECRET_KEY and %s_CLERK_PUBLISHABLE_KEY are one live and one test", pair.side, pair.side)
		}
	}
	for name, text := range map[string]secret.Text{
		"DEVELOPER_CLERK_WEBHOOK_SECRET":          c.DeveloperClerkWebhookSecret,
		"DEVELOPER_CLERK_WEBHOOK_SECRET_PREVIOUS": c.DeveloperClerkWebhookSecretPrevious,
		"CUSTOMER_CLERK_WEBHOOK_SECRET":           c.CustomerClerkWebhookSecret,
		"CUSTOMER_CLERK_WEBHOOK_SECRET_PREVIOUS":  c.CustomerClerkWebhookSecretPrevious,
		"STRIPE_WEBHOOK_SECRET":                   c.StripeWebhookSecret,
		"STRIPE_WEBHOOK_SECRET_PREVIOUS":          c.StripeWebhookSecretPrevious,
		"STRIPE_CONNECT_WEBHOOK_SECRET":           c.StripeConnectWebhookSecret,
		"STRIPE_CONNECT_WEBHOOK_SECRET_PREVIOUS":  c.StripeConnectWebhookSecretPrevious,
		"STRIPE_TEST_WEBHOOK_SECRET":              c.StripeTestWebhookSecret,
		"STRIPE_TEST_WEBHOOK_SECRET_PREVIOUS":     c.StripeTestWebhookSecretPrevious,
	} {
		if !text.Empty() && !isWebhookSecret(text.Reveal(), strings.Contains(name, "_CLERK_")) {
			fault("%s is not a webhook secret (whsec_…)", name)
		}
	}
	if strings.HasPrefix(c.StripeSecretKey.Reveal(), "sk_test_") && !unsafeSandbox {
		fault("STRIPE_SECRET_KEY is a test key, and nobody would pay")
	}
	if key := c.StripeTestSecretKey.Reveal(); key != "" && !strings.HasPrefix(key, "sk_test_") && !strings.HasPrefix(key, "rk_test_") {
		fault("STRIPE_TEST_SECRET_KEY is not a test key, and previews would cost money")
	}
	for name, key := range map[string]secret.Text{
		"SESSION_SIGNING_KEY": c.SessionSigningKey, "SESSION_SIGNING_KEY_PREVIOUS": c.SessionSigningKeyPrevious, "ENCRYPTION_KEY": c.EncryptionKey,
	} {
		if bytes, err := base64.StdEncoding.DecodeString(key.Reveal()); !key.Empty() && (err != nil || len(bytes) != 32) {
			fault("%s is not 32 bytes in base64", name)
		}
	}
	if !c.SessionSigningKey.Empty() && c.SessionSigningKey.Reveal() == c.EncryptionKey.Reveal() {
		fault("SESSION_SIGNING_KEY and ENCRYPTION_KEY are the same")
	}
	if !c.SessionSigningKey.Empty() && c.SessionSigningKey.Reveal() == c.SessionSigningKeyPrevious.Reveal() {
		fault("SESSION_SIGNING_KEY and SESSION_SIGNING_KEY_PREVIOUS are the same")
	}
	for name, address := range map[string]string{"CLERK_API_URL": c.ClerkAPIURL, "STRIPE_API_URL": c.StripeAPIURL} {
		if address != "" && !unsafeSandbox {
			fault("%s is that of a sandbox, which serve takes with --unsafe-sandbox only", name)
		}
	}
	if c.DrainDelay < 0 || c.DrainDelay > time.Minute {
		fault("DRAIN_DELAY is from 0s to 1m")
	}
	if c.Port < 0 || c.Port > 65535 {
		fault("PORT is not a port")
	}
	if c.DeveloperFreeCalls < 0 || c.DeveloperPaidCalls < 0 {
		fault("DEVELOPER_FREE_CALLS and DEVELOPER_PAID_CALLS are not below 0")
	}
	if c.TestPlatformCalls < 0 {
		fault("TEST_PLATFORM_CALLS is not below 0")
	}
	if c.HistoryDays < 1 || c.HistoryDays > 36_500 {
		fault("HISTORY_DAYS is from 1 to 36500")
	}
	return faults
}

// isWebhookSecret reports whether s can be one. What follows the prefix of Clerk's is base64, and what an empty rest
// signs anybody could.
func isWebhookSecret(s string, clerk bool) bool {
	rest, ok := strings.CutPrefix(s, "whsec_")
	if !ok || !clerk {
		return ok && len(rest) >= 16
	}
	key, err := base64.StdEncoding.DecodeString(rest)
	return err == nil && len(key) >= 16
}

func isLocal(hostport string) bool {
	host := hostport
	if name, _, err := net.SplitHostPort(hostport); err == nil {
		host = name
	}
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && (ip.IsLoopback() || ip.IsPrivate())
}

func helpServe(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "dreamapi serve reads the environment. Each variable may also be given as NAME_FILE, a file with the value.")
	_, _ = fmt.Fprintln(table)
	for field := range reflect.TypeFor[config]().Fields() {
		need := ""
		if strings.Contains(field.Tag.Get("env"), ",required") {
			need = "required"
		} else if fallback := field.Tag.Get("envDefault"); fallback != "" {
			need = fallback
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", variable(field), need, field.Tag.Get("doc"))
	}
	return table.Flush()
}
