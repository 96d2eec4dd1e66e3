package e2e

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
	"github.com/dream-api/dream-api/internal/db/dbtest"
)

// production is a configuration without fault, but for the database that it is given.
func production(database string) map[string]string {
	secret := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	publishable := func(host string) string { return "pk_live_" + base64.StdEncoding.EncodeToString([]byte(host+"$")) }
	return map[string]string{
		"DATABASE_URL": database, "PORT": "0", "OPS_ADDR": "127.0.0.1:0",
		"DEVELOPER_URL": "https://dashboard.example.com", "OAUTH_URL": "https://connect.example.com",
		"CUSTOMER_URL":                    "https://api.example.com",
		"DEVELOPER_CLERK_SECRET_KEY":      "sk_live_" + strings.Repeat("d", 40),
		"DEVELOPER_CLERK_PUBLISHABLE_KEY": publishable("clerk.dashboard.example.com"),
		"DEVELOPER_CLERK_WEBHOOK_SECRET":  "whsec_" + secret("of the developers' Clerk app"),
		"CUSTOMER_CLERK_SECRET_KEY":       "sk_live_" + strings.Repeat("c", 40),
		"CUSTOMER_CLERK_PUBLISHABLE_KEY":  publishable("clerk.accounts.example.com"),
		"CUSTOMER_CLERK_JWT_TEMPLATE":     "dreamapi",
		"CUSTOMER_CLERK_WEBHOOK_SECRET":   "whsec_" + secret("of the end users' Clerk app"),
		"STRIPE_SECRET_KEY":               "sk_live_" + strings.Repeat("s", 40),
		"STRIPE_PRICE_ID":                 "price_15",
		"STRIPE_WEBHOOK_SECRET":           "whsec_" + secret("of our own account at Stripe"),
		"STRIPE_CONNECT_WEBHOOK_SECRET":   "whsec_" + secret("of the connected accounts"),
		"STRIPE_CLIENT_ID":                "ca_connect",
		"STRIPE_TEST_SECRET_KEY":          "sk_test_" + strings.Repeat("p", 40),
		"STRIPE_TEST_WEBHOOK_SECRET":      "whsec_" + secret("of our account in test mode"),
		"SESSION_SIGNING_KEY":             secret("session signing key of the tests"),
		"ENCRYPTION_KEY":                  secret("encryption key of the e2e tests."),
	}
}

// wantRefusal runs serve, which must end with an error that says all of it, and shows nothing that is secret.
func wantRefusal(t *testing.T, variables map[string]string, args []string, says ...string) {
	t.Helper()
	code, out, log := program.Run(t, program.Command(variables, append([]string{"serve"}, args...)...))
	if code != 1 || out != "" || strings.Contains(log, `"msg":"serving"`) {
		t.Errorf("serve ends with %d and says: %s%s", code, out, log)
	}
	for _, s := range says {
		if !strings.Contains(log, s) {
			t.Errorf("serve does not say %q but: %s", s, log)
		}
	}
	for name, value := range variables {
		secret := strings.Contains(name, "SECRET") || strings.HasSuffix(name, "_KEY") && !strings.Contains(name, "PUBLISHABLE")
		if secret && len(value) > len("whsec_") && strings.Contains(log, value) {
			t.Errorf("serve shows %s: %s", name, log)
		}
	}
}

func TestServeNamesEveryMissingVariableInOneError(t *testing.T) {
	t.Parallel()
	_, help, _ := program.Run(t, program.Command(nil, "help", "serve"))
	var missing []string
	for line := range strings.Lines(help) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == "required" {
			missing = append(missing, fields[0]+" is missing")
		}
	}
	for name := range production("") {
		if name != "PORT" && name != "OPS_ADDR" && !strings.Contains(strings.Join(missing, "\n"), name+" is missing") {
			t.Errorf("help serve does not call %s required", name)
		}
	}
	wantRefusal(t, nil, nil, missing...)
}

func TestServeRefusesAnEmptyWebhookSecret(t *testing.T) {
	t.Parallel()
	for name := range production("") {
		if !strings.HasSuffix(name, "_WEBHOOK_SECRET") {
			continue
		}
		variables := production("postgres://nobody@localhost/none")
		variables[name] = ""
		wantRefusal(t, variables, nil, name+" is empty")
		variables[name] = "whsec_"
		wantRefusal(t, variables, nil, name+" is not a webhook secret")
	}
}

func TestServeRefusesASandboxUnlessItIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wantRefusal(t, w.vars, nil, "CLERK_API_URL is that of a sandbox", "--unsafe-sandbox",
		"CUSTOMER_CLERK_PUBLISHABLE_KEY is that of a sandbox", "DEVELOPER_CLERK_PUBLISHABLE_KEY is that of a sandbox",
		"CUSTOMER_URL is not https", "STRIPE_API_URL is that of a sandbox")

	// One address of a sandbox among real ones is no better.
	for name, value := range map[string]string{
		"CLERK_API_URL": w.vars["CLERK_API_URL"], "CUSTOMER_CLERK_PUBLISHABLE_KEY": w.vars["CUSTOMER_CLERK_PUBLISHABLE_KEY"],
		"STRIPE_API_URL": "http://127.0.0.1:12111",
	} {
		variables := production(w.db.Owner.Reveal())
		variables[name] = value
		wantRefusal(t, variables, nil, name+" is that of a sandbox")
	}
}

func TestServeRefusesATestKeyWithWhichNobodyWouldPay(t *testing.T) {
	t.Parallel()
	variables := production("postgres://nobody@localhost/none")
	variables["STRIPE_SECRET_KEY"] = "sk_test_" + strings.Repeat("s", 40)
	wantRefusal(t, variables, nil, "STRIPE_SECRET_KEY is a test key")
}

func TestServeRefusesADatabaseInWhichItsPromisesWouldNotHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	with := func(database string) map[string]string {
		variables := maps.Clone(w.vars)
		variables["DATABASE_URL"] = database
		return variables
	}
	sandboxed := []string{"--unsafe-sandbox"}

	wantRefusal(t, with(w.db.Superuser.Reveal()), sandboxed, "the login postgres is a superuser")

	w.exec(t, "CREATE ROLE "+bypassing+" LOGIN BYPASSRLS IN ROLE dreamapi_developer, dreamapi_oauth, dreamapi_customer, dreamapi_worker")
	t.Cleanup(func() { w.exec(t, "DROP ROLE "+bypassing) })
	wantRefusal(t, with(strings.Replace(w.db.Superuser.Reveal(), "postgres@", bypassing+"@", 1)), sandboxed,
		bypassing+" is a superuser or has BYPASSRLS")

	// What a test's database may, production's must not.
	wantRefusal(t, production(w.db.Owner.Reveal()), nil, "fsync off", "its clock can be turned")
}

const bypassing = "e2e_bypassing"

func TestServeRefusesADatabaseThatIsBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.Exec(t, "DELETE FROM dreamapi.goose_db_version WHERE version_id = (SELECT max(version_id) FROM dreamapi.goose_db_version)")
	wantRefusal(t, w.vars, []string{"--unsafe-sandbox"}, "run `dreamapi migrate`")

	empty := dbtest.New(t)
	empty.Exec(t, "DROP SCHEMA dreamapi CASCADE")
	variables := maps.Clone(w.vars)
	variables["DATABASE_URL"] = empty.Owner.Reveal()
	wantRefusal(t, variables, []string{"--unsafe-sandbox"}, "has not been migrated", "dreamapi migrate")
}
