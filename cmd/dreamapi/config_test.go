package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// production is an environment that serve starts with.
func production() map[string]string {
	hook := func(text string) string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(text)) }
	key := func(fill byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32)) }
	clerk := func(host string) string { return "pk_live_" + base64.StdEncoding.EncodeToString([]byte(host+"$")) }
	return map[string]string{
		"DATABASE_URL":  "postgres://dreamapi:pgsecretpgsecret@db.internal/dreamapi",
		"DEVELOPER_URL": "https://dashboard.example.com", "OAUTH_URL": "https://connect.example.com/", "CUSTOMER_URL": "https://API.example.com",
		"DEVELOPER_CLERK_SECRET_KEY": "sk_live_developersecret", "DEVELOPER_CLERK_PUBLISHABLE_KEY": clerk("clerk.example.com"),
		"DEVELOPER_CLERK_WEBHOOK_SECRET": hook("developers' webhook secret"),
		"CUSTOMER_CLERK_SECRET_KEY":      "sk_live_customersecret", "CUSTOMER_CLERK_PUBLISHABLE_KEY": clerk("clerk.users.example.com"),
		"CUSTOMER_CLERK_WEBHOOK_SECRET": hook("customers' webhook secret"), "CUSTOMER_CLERK_JWT_TEMPLATE": "dreamapi",
		"STRIPE_SECRET_KEY": "sk_live_stripesecret", "STRIPE_PRICE_ID": "price_1", "STRIPE_WEBHOOK_SECRET": "whsec_stripewebhooksecret",
		"STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_connectwebhooksecret", "STRIPE_CLIENT_ID": "ca_1",
		"STRIPE_TEST_SECRET_KEY": "sk_test_stripesecret", "STRIPE_TEST_WEBHOOK_SECRET": "whsec_testwebhooksecret",
		"SESSION_SIGNING_KEY": key(1), "ENCRYPTION_KEY": key(2),
	}
}

func load(values map[string]string, unsafeSandbox bool) (config, error) {
	var environ []string
	for name, value := range values {
		environ = append(environ, name+"="+value)
	}
	return loadConfig(environ, unsafeSandbox)
}

func TestAGoodConfigurationIsTaken(t *testing.T) {
	t.Parallel()
	cfg, err := load(production(), false)
	must(t, err)
	equal(t, "PORT", cfg.Port, 8080)
	equal(t, "OPS_ADDR", cfg.OpsAddr, "127.0.0.1:9090")
	equal(t, "OAUTH_URL", cfg.OAuthURL.String(), "https://connect.example.com")
	equal(t, "CUSTOMER_URL", cfg.CustomerURL.String(), "https://api.example.com")
	equal(t, "DEVELOPER_FREE_CALLS", cfg.DeveloperFreeCalls, 5)
	equal(t, "DEVELOPER_PAID_CALLS", cfg.DeveloperPaidCalls, 500)
}

func TestEveryMissingVariableIsNamedInOneError(t *testing.T) {
	t.Parallel()
	_, err := load(nil, false)
	if err == nil {
		t.Fatal("nothing is configured and nothing is missed")
	}
	for name := range production() {
		if !strings.Contains(err.Error(), "\n  "+name+" is missing") {
			t.Errorf("%s is not named in: %v", name, err)
		}
	}
	for name := range production() {
		for what, value := range map[string]string{"is empty": "", "is missing": "unset"} {
			values := production()
			if values[name] = value; value == "unset" {
				delete(values, name)
			}
			if _, err := load(values, false); err == nil || !strings.Contains(err.Error(), name+" "+what) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
}

func TestEveryContradictionIsNamed(t *testing.T) {
	t.Parallel()
	good := production()
	local := "pk_test_" + base64.StdEncoding.EncodeToString([]byte("x.clerk.localhost:1$"))
	for name, c := range map[string]struct {
		set  map[string]string
		want string
	}{
		"two surfaces, one host": {map[string]string{"OAUTH_URL": "https://API.example.com:444"}, "CUSTOMER_URL and OAUTH_URL have the same host"},
		"http":                   {map[string]string{"CUSTOMER_URL": "http://api.example.com"}, "CUSTOMER_URL is not https"},
		"a path":                 {map[string]string{"DEVELOPER_URL": "https://example.com/dash"}, "DEVELOPER_URL is not a plain address"},
		"no address":             {map[string]string{"DEVELOPER_URL": "dashboard"}, "DEVELOPER_URL is not a plain address"},
		"a user":                 {map[string]string{"DEVELOPER_URL": "https://u:pw@example.com"}, "DEVELOPER_URL is not a plain address"},
		"one Clerk app":          {map[string]string{"CUSTOMER_CLERK_PUBLISHABLE_KEY": good["DEVELOPER_CLERK_PUBLISHABLE_KEY"]}, "are of one Clerk app"},
		"no Clerk key":           {map[string]string{"CUSTOMER_CLERK_PUBLISHABLE_KEY": "pk_live_!"}, "CUSTOMER_CLERK_PUBLISHABLE_KEY: it is not a publishable key"},
		"live and test":          {map[string]string{"CUSTOMER_CLERK_SECRET_KEY": "sk_test_customersecret"}, "CUSTOMER_CLERK_SECRET_KEY and CUSTOMER_CLERK_PUBLISHABLE_KEY are one live and one test"},
		"a sandbox's key":        {map[string]string{"CUSTOMER_CLERK_SECRET_KEY": "sk_test_x", "CUSTOMER_CLERK_PUBLISHABLE_KEY": local}, "CUSTOMER_CLERK_PUBLISHABLE_KEY is that of a sandbox"},
		"a sandbox's address":    {map[string]string{"CLERK_API_URL": "http://127.0.0.1:1"}, "CLERK_API_URL is that of a sandbox"},
		"Stripe's sandbox":       {map[string]string{"STRIPE_API_URL": "http://127.0.0.1:1"}, "STRIPE_API_URL is that of a sandbox"},
		"an empty secret":        {map[string]string{"CUSTOMER_CLERK_WEBHOOK_SECRET_PREVIOUS": "whsec_"}, "CUSTOMER_CLERK_WEBHOOK_SECRET_PREVIOUS is not"},
		"a secret not in base64": {map[string]string{"CUSTOMER_CLERK_WEBHOOK_SECRET": "whsec_" + strings.Repeat("_", 32)}, "CUSTOMER_CLERK_WEBHOOK_SECRET is not"},
		"a port a browser omits": {map[string]string{"DEVELOPER_URL": "https://dashboard.example.com:443"}, "DEVELOPER_URL is not a plain address"},
		"too long a drain":       {map[string]string{"DRAIN_DELAY": "1h"}, "DRAIN_DELAY is from"},
		"no webhook secret":      {map[string]string{"CUSTOMER_CLERK_WEBHOOK_SECRET": "whsec_"}, "CUSTOMER_CLERK_WEBHOOK_SECRET is not a webhook secret"},
		"nor Stripe's":           {map[string]string{"STRIPE_CONNECT_WEBHOOK_SECRET": "secret"}, "STRIPE_CONNECT_WEBHOOK_SECRET is not a webhook secret"},
		"Stripe's test key":      {map[string]string{"STRIPE_SECRET_KEY": "sk_test_stripesecret"}, "STRIPE_SECRET_KEY is a test key"},
		"Stripe's live key":      {map[string]string{"STRIPE_TEST_SECRET_KEY": "sk_live_stripesecret"}, "STRIPE_TEST_SECRET_KEY is not a test key"},
		"a short key":            {map[string]string{"ENCRYPTION_KEY": "c2hvcnQ="}, "ENCRYPTION_KEY is not 32 bytes in base64"},
		"not base64":             {map[string]string{"SESSION_SIGNING_KEY": "_-_-"}, "SESSION_SIGNING_KEY is not 32 bytes in base64"},
		"one key twice":          {map[string]string{"SESSION_SIGNING_KEY_PREVIOUS": good["SESSION_SIGNING_KEY"]}, "SESSION_SIGNING_KEY and SESSION_SIGNING_KEY_PREVIOUS are the same"},
		"a previous key of what": {map[string]string{"SESSION_SIGNING_KEY_PREVIOUS": "abc"}, "SESSION_SIGNING_KEY_PREVIOUS is not 32 bytes in base64"},
		"one key for two":        {map[string]string{"SESSION_SIGNING_KEY": good["ENCRYPTION_KEY"]}, "SESSION_SIGNING_KEY and ENCRYPTION_KEY are the same"},
		"a port that is none":    {map[string]string{"PORT": "http"}, "PORT can not be read"},
		"a port too high":        {map[string]string{"PORT": "65536"}, "PORT is not a port"},
		"proxies that are none":  {map[string]string{"TRUSTED_PROXIES": "10.0.0.0/8,proxy"}, "TRUSTED_PROXIES can not be read"},
		"calls below 0":          {map[string]string{"DEVELOPER_FREE_CALLS": "-1"}, "DEVELOPER_FREE_CALLS"},
		"value and file":         {map[string]string{"ENCRYPTION_KEY_FILE": "/dev/null"}, "ENCRYPTION_KEY and ENCRYPTION_KEY_FILE are both set"},
	} {
		values := production()
		maps.Copy(values, c.set)
		if _, err := load(values, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	// All at once, in one error.
	values := production()
	for name, value := range map[string]string{"CUSTOMER_URL": "http://api.example.com", "PORT": "x", "ENCRYPTION_KEY": "x", "CLERK_API_URL": "http://x"} {
		values[name] = value
	}
	delete(values, "DATABASE_URL")
	_, err := load(values, false)
	for _, want := range []string{"CUSTOMER_URL", "PORT", "ENCRYPTION_KEY", "CLERK_API_URL", "DATABASE_URL is missing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in: %v", want, err)
		}
	}
}

func TestAValueMayStandInAFile(t *testing.T) {
	t.Parallel()
	values := production()
	for name, value := range production() { // every one of them
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, []byte(value+"\n"), 0o600))
		delete(values, name)
		values[name+"_FILE"] = path
	}
	cfg, err := load(values, false)
	must(t, err)
	equal(t, "STRIPE_SECRET_KEY", cfg.StripeSecretKey.Reveal(), "sk_live_stripesecret")
	values["ENCRYPTION_KEY_FILE"] = filepath.Join(t.TempDir(), "missing")
	if _, err := load(values, false); err == nil || !strings.Contains(err.Error(), "ENCRYPTION_KEY_FILE can not be read") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestNoErrorOfTheConfigurationHoldsASecret(t *testing.T) {
	t.Parallel()
	confidential := func(field reflect.StructField) bool { return strings.HasSuffix(field.Type.String(), "secret.Text") }
	var names []string
	for field := range reflect.TypeFor[config]().Fields() {
		if confidential(field) {
			names = append(names, variable(field))
		}
	}
	if len(names) < 15 {
		t.Fatalf("only %v are secret", names)
	}
	const mark = "hushhush"
	values := production()
	delete(values, "ENCRYPTION_KEY")
	values["ENCRYPTION_KEY_FILE"] = mark // the value itself, by mistake
	if _, err := load(values, false); err == nil || strings.Contains(err.Error(), mark) {
		t.Errorf("a value in the place of a file: %v", err)
	}
	for _, value := range []string{mark, "whsec_" + mark, "sk_test_" + mark, "postgres://u:" + mark + "@h:port/x", "%zz" + mark, mark + "\x7f"} {
		for _, some := range [][]string{names, names[:1]} {
			values := production()
			for _, name := range some {
				values[name] = value
			}
			values["PORT"], values["DEVELOPER_URL"] = "none", "https://u:"+mark+"@host\x7f"
			_, err := load(values, false)
			if err == nil || strings.Contains(err.Error(), mark) {
				t.Errorf("with %q: %v", value, err)
			}
		}
	}
	cfg, _ := load(maps.Collect(func(yield func(string, string) bool) {
		for _, name := range names {
			if !yield(name, mark) {
				return
			}
		}
	}), false)
	if text := fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg); strings.Contains(text, mark) {
		t.Error("printing the configuration shows a secret")
	}
	if slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "PUBLISHABLE") }) {
		t.Error("a publishable key is no secret")
	}
}

func TestHelpServeExplainsEveryVariable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	must(t, helpServe(&out))
	for field := range reflect.TypeFor[config]().Fields() {
		if !strings.Contains(out.String(), "  "+variable(field)+" ") {
			t.Errorf("%s is not explained", variable(field))
		}
	}
}
