package db_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/db/dbtest"
)

const surfaces = `('dreamapi_developer', 'dreamapi_oauth', 'dreamapi_customer', 'dreamapi_worker')`

// catalogue are the rules of tenancy, as queries for what breaks them.
var catalogue = map[string]string{
	"every table with a platform_id outside the directory is under FORCE row-level security": `
		SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'platform_id'
		WHERE c.relkind IN ('r', 'p') AND c.relnamespace <> 'directory'::regnamespace
			AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`,

	"every such table has exactly the two policies, for reading and for writing": `
		SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'platform_id'
		WHERE c.relkind IN ('r', 'p') AND c.relnamespace <> 'directory'::regnamespace
			AND (SELECT array_agg(DISTINCT (polname, polcmd, polpermissive, polroles::regrole[]::text[],
					pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))::text ORDER BY
					(polname, polcmd, polpermissive, polroles::regrole[]::text[],
					pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))::text)
				FROM pg_policy WHERE polrelid = c.oid)
			IS DISTINCT FROM (SELECT array_agg(DISTINCT (polname, polcmd, polpermissive, polroles::regrole[]::text[],
					pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))::text ORDER BY
					(polname, polcmd, polpermissive, polroles::regrole[]::text[],
					pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))::text)
				FROM pg_policy WHERE polrelid = 'tenant.customers'::regclass)`,

	"platform_id leads the primary key and every unique index": `
		SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'platform_id'
		WHERE c.relnamespace <> 'directory'::regnamespace AND i.indisunique AND i.indkey[0] <> a.attnum`,

	"every such table has a primary key": `
		SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'platform_id'
		WHERE c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)`,

	"a foreign key between two such tables includes platform_id on both sides": `
		SELECT k.conname FROM pg_constraint k
		JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'platform_id'
		JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attname = 'platform_id'
		WHERE k.contype = 'f'
			AND (array_position(k.conkey, a.attnum) IS NULL
				OR array_position(k.conkey, a.attnum) IS DISTINCT FROM array_position(k.confkey, f.attnum))`,

	"no surface may do anything with a partition named directly": `
		SELECT c.oid::regclass, r.rolname FROM pg_class c, pg_roles r
		WHERE c.relispartition AND c.relkind = 'r' AND r.rolname IN ` + surfaces + `
			AND (has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
				OR has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))`,

	"a table without a platform_id is one of those that belong to no tenant": `
		SELECT c.oid::regclass FROM pg_class c
		WHERE c.relkind IN ('r', 'p') AND c.relnamespace >= 16384
			AND c.relnamespace NOT IN ('river'::regnamespace, 'directory'::regnamespace, 'platform'::regnamespace,
				'platform_usage'::regnamespace)
			AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'platform_id')
			AND c.oid::regclass::text NOT IN ('dreamapi.clock', 'dreamapi.goose_db_version', 'tenant.clerk_events', 'tenant.clerk_sessions_ended',
				'billing.events', 'tenant_usage.journal')`,

	"a surface may call those functions of the directory that it needs, and no other": `
		SELECT r.rolname, p.proname FROM pg_proc p, pg_roles r
		WHERE p.pronamespace = 'directory'::regnamespace AND r.rolname IN ` + surfaces + `
			AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
			AND p.proname <> ALL (CASE r.rolname
				WHEN 'dreamapi_developer' THEN ARRAY['add_key', 'add_domain', 'remove_domain', 'domains_here', 'mode',
					'live_lacks', 'begin_connect', 'take_receipt', 'link_account', 'unlink_account', 'developer_changed',
					'find_customers']
				WHEN 'dreamapi_oauth' THEN ARRAY['take_ticket', 'take_state', 'leave_receipt', 'describe_receipt']
				WHEN 'dreamapi_customer' THEN ARRAY['platform_of_key', 'platform_of_domain', 'origin_known', 'join_user', 'leave_user',
					'user_state', 'user_gone', 'paid_until', 'mode', 'add_stripe_customer', 'add_checkout_session',
					'platform_of_checkout_session', 'find_customers']
				WHEN 'dreamapi_worker' THEN ARRAY['platform_of_key', 'join_user', 'leave_user', 'user_state', 'user_gone', 'see_off_user',
					'end_user', 'platforms_of_user', 'users_leaving', 'mode', 'platforms_of_account', 'unlink_account',
					'sweep_connect_attempts', 'take_abandoned_account', 'platform_of_checkout_session', 'platform_of_stripe_customer',
					'developer_changed']
				ELSE ARRAY[]::text[] END)`,

	"no surface may truncate, refer to or set triggers on a table": `
		SELECT c.oid::regclass, r.rolname FROM pg_class c, pg_roles r
		WHERE c.relkind IN ('r', 'p') AND c.relnamespace >= 16384 AND r.rolname IN ` + surfaces + `
			AND has_table_privilege(r.oid, c.oid, 'TRUNCATE, REFERENCES, TRIGGER')`,

	"a view runs with the rights of who asks": `
		SELECT c.oid::regclass FROM pg_class c
		WHERE c.relkind IN ('v', 'm') AND c.relnamespace >= 16384
			AND (c.relkind = 'm' OR NOT coalesce('security_invoker=true' = ANY(c.reloptions), false))`,

	"a function that runs as the owner is the directory's, in plpgsql, with a pinned search_path, and answers one value": `
		SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
		WHERE p.pronamespace >= 16384 AND p.prosecdef
			AND NOT (p.pronamespace = 'directory'::regnamespace AND l.lanname = 'plpgsql' AND NOT p.proretset
				AND coalesce('search_path=""' = ANY(p.proconfig), false))`,

	"no surface has any right on a table of the directory": `
		SELECT c.oid::regclass, r.rolname FROM pg_class c, pg_roles r
		WHERE c.relnamespace = 'directory'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND r.rolname IN ` + surfaces + `
			AND (has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE')
				OR has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE'))`,

	"no function of ours is for everybody": `
		SELECT p.oid::regprocedure FROM pg_proc p
		WHERE p.pronamespace >= 16384 AND p.pronamespace <> 'river'::regnamespace
			AND p.prokind = 'f' AND has_function_privilege('public', p.oid, 'EXECUTE')`,

	"the customer surface can not read the platform's schemas": `
		SELECT c.oid::regclass FROM pg_class c
		WHERE c.relnamespace IN ('platform'::regnamespace, 'platform_usage'::regnamespace)
			AND (has_table_privilege('dreamapi_customer', c.oid, 'SELECT, INSERT, UPDATE, DELETE')
				OR has_schema_privilege('dreamapi_customer', c.relnamespace, 'USAGE, CREATE'))`,

	"the oauth surface has no right on any table but the clock's": `
		SELECT c.oid::regclass FROM pg_class c
		WHERE c.relkind IN ('r', 'p', 'v') AND c.relnamespace >= 16384
			AND c.oid::regclass::text NOT IN ('dreamapi.clock', 'dreamapi.present', 'dreamapi.goose_db_version')
			AND (has_table_privilege('dreamapi_oauth', c.oid, 'SELECT, INSERT, UPDATE, DELETE')
				OR has_any_column_privilege('dreamapi_oauth', c.oid, 'SELECT, INSERT, UPDATE'))`,

	"no surface may create anything": `
		SELECT n.nspname, r.rolname FROM pg_namespace n, pg_roles r
		WHERE r.rolname IN ` + surfaces + ` AND n.nspname NOT LIKE 'pg_temp%' AND has_schema_privilege(r.oid, n.oid, 'CREATE')`,

	"no surface is a member of another role, owns a table, or passes by row-level security": `
		SELECT r.rolname FROM pg_roles r
		WHERE r.rolname IN ` + surfaces + ` AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcanlogin
			OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid)
			OR EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid))`,

	"no table of a tenant has a trigger": `
		SELECT t.tgname, t.tgrelid::regclass FROM pg_trigger t
		JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attname = 'platform_id' WHERE NOT t.tgisinternal`,
}

// breaches returns what a query of the catalogue finds.
func breaches(t *testing.T, conn *pgx.Conn, query string) []string {
	t.Helper()
	rows, err := conn.Query(context.Background(), "SELECT x::text FROM ("+query+") x")
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

func TestTheCatalogueKeepsTheRulesOfTenancy(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	conn := d.Connect(t, d.Superuser)
	for rule, query := range catalogue {
		if found := breaches(t, conn, query); len(found) > 0 {
			t.Errorf("it does not hold that %s: %s", rule, strings.Join(found, ", "))
		}
	}
}

// Each statement breaks a rule; that the rule then fails shows that its query can find anything at all.
func TestTheCatalogueFindsWhatBreaksARule(t *testing.T) {
	t.Parallel()
	for rule, statement := range map[string]string{
		"every table with a platform_id outside the directory is under FORCE row-level security":                             "ALTER TABLE tenant.tiers NO FORCE ROW LEVEL SECURITY",
		"every such table has exactly the two policies, for reading and for writing":                                         "ALTER POLICY entered ON tenant.tiers WITH CHECK (true)",
		"platform_id leads the primary key and every unique index":                                                           "CREATE UNIQUE INDEX ON tenant.customers (email)",
		"every such table has a primary key":                                                                                 "CREATE TABLE tenant.bare (platform_id text)",
		"a foreign key between two such tables includes platform_id on both sides":                                           "ALTER TABLE tenant.tiers ADD UNIQUE (name); ALTER TABLE tenant.customers ADD CONSTRAINT loose FOREIGN KEY (plan) REFERENCES tenant.tiers (name)",
		"no surface may do anything with a partition named directly":                                                         "GRANT SELECT (result) ON tenant_usage.idempotency_3 TO dreamapi_customer",
		"a table without a platform_id is one of those that belong to no tenant":                                             "CREATE TABLE tenant.loose (id text PRIMARY KEY, tenant text)",
		"a surface may call those functions of the directory that it needs, and no other":                                    "GRANT EXECUTE ON FUNCTION directory.end_user(text) TO dreamapi_customer",
		"no surface may truncate, refer to or set triggers on a table":                                                       "GRANT TRUNCATE ON tenant.tiers TO dreamapi_worker",
		"a view runs with the rights of who asks":                                                                            "CREATE VIEW tenant.leak AS SELECT * FROM tenant.customers",
		"a function that runs as the owner is the directory's, in plpgsql, with a pinned search_path, and answers one value": "CREATE FUNCTION directory.leak() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT id FROM tenant.customers'",
		"no surface has any right on a table of the directory":                                                               "GRANT SELECT (hash) ON directory.keys TO dreamapi_customer",
		"no function of ours is for everybody":                                                                               "GRANT EXECUTE ON FUNCTION directory.user_gone(text) TO PUBLIC",
		"the customer surface can not read the platform's schemas":                                                           "GRANT USAGE ON SCHEMA platform TO dreamapi_customer",
		"the oauth surface has no right on any table but the clock's":                                                        "GRANT SELECT ON tenant.tiers TO dreamapi_oauth",
		"no surface may create anything":                                                                                     "GRANT CREATE ON SCHEMA tenant TO dreamapi_developer",
		"no table of a tenant has a trigger":                                                                                 "CREATE TRIGGER t BEFORE INSERT ON tenant.tiers FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			d := dbtest.New(t)
			d.Exec(t, statement)
			if len(breaches(t, d.Connect(t, d.Superuser), catalogue[rule])) == 0 {
				t.Errorf("not found: %s", statement)
			}
		})
	}
}

func TestTheCustomerRoleCanNotReadThePlatformSchema(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	two(t, d)
	err := d.Open(t, db.Customer).Tx(context.Background(), func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, "SELECT * FROM platform.developers")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("%v", err)
	}
}
