package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/secret"
)

// business is a developer with two platforms that differ in nothing but the number of their customers, and a browser in which
// the developer is signed in.
type business struct {
	big, small string // the platforms
	cookie     string
}

// someone is a customer whom both platforms have, who pays and has used something on each day of the year.
const someone = "c7"

// newBusiness makes it, as the owner of the tables: a year in which customers came, a tenth of them pays, and each has used
// something on twenty days; and for each platform all hours, movements and days of a year.
func newBusiness(ctx context.Context, url secret.Text, big, small int) (business, error) {
	b := business{string(id.NewPlatform()), string(id.NewPlatform()), rand.Text() + rand.Text()}
	developer, project, hash := string(id.NewDeveloper()), string(id.NewProject()), sha256.Sum256([]byte(b.cookie))
	err := execute(ctx, url, func(q *pgx.Batch) {
		q.Queue("INSERT INTO platform.developers (id, clerk_user_id, email) VALUES ($1, $1, 'pages@example.com')", developer)
		q.Queue("INSERT INTO platform.projects (id, developer_id, name) VALUES ($1, $2, 'pages')", project, developer)
		q.Queue(`INSERT INTO platform.sessions (hash, id, developer_id, clerk_session_id, user_agent, expires_at)
			VALUES ($1, $2, $3, '', 'bench', now() + interval '1 day')`, hash[:], string(id.NewSession()), developer)
		for _, at := range []string{b.big, b.small} {
			q.Queue("INSERT INTO platform.platforms (id, project_id, mode, name) VALUES ($1, $2, 'test', 'pages')", at, project)
		}
	})
	if err != nil {
		return b, err
	}
	for at, customers := range map[string]int{b.big: big, b.small: small} {
		progress("making %d customers with a year of usage", customers)
		if err := populateBusiness(ctx, url, at, customers); err != nil {
			return b, err
		}
	}
	return b, vacuum(ctx, url, "")
}

func populateBusiness(ctx context.Context, url secret.Text, at string, customers int) error {
	return execute(ctx, url, func(q *pgx.Batch) {
		q.Queue("INSERT INTO tenant.settings (platform_id) VALUES ($1)", at)
		q.Queue("INSERT INTO tenant.sign_in (platform_id, product_name) VALUES ($1, 'Pages')", at)
		q.Queue(`INSERT INTO tenant.tiers (platform_id, name, display_name, rate_limit, position)
			SELECT $1, name, initcap(name), 100, n FROM unnest('{free,starter,pro,scale}'::text[]) WITH ORDINALITY t (name, n)`, at)
		q.Queue(`INSERT INTO tenant.prices (platform_id, id, tier, interval, amount, currency)
			SELECT $1, 'prc_' || tier, tier, 'month', amount, 'usd' FROM unnest('{free,starter,pro,scale}'::text[], '{0,900,2900,9900}'::bigint[]) t (tier, amount)`, at)
		q.Queue(`INSERT INTO tenant.tier_limits (platform_id, tier, meter, max, period)
			SELECT $1, tier, meter, 1000 * n * n, 'month' FROM unnest('{free,starter,pro,scale}'::text[]) WITH ORDINALITY t (tier, n),
				unnest('{requests,tokens}'::text[]) meter`, at)
		q.Queue(`INSERT INTO tenant.customers (platform_id, id, kind, email, first_name, last_name, created_at)
			SELECT $1, 'c' || n, 'external', 'person' || n || '@example.com', 'First' || n % 500, 'Last' || n % 700,
				now() - interval '1 year' * n / $2::int FROM generate_series(1, $2::int) n`, at, customers)
		q.Queue(`INSERT INTO tenant_usage.users (platform_id, user_id, epoch, minute, day, slots, starts, ends, counts, extras, kept, today)
			SELECT $1, 'c' || n, nextval('tenant.epochs'), date_trunc('minute', now()), (now() AT TIME ZONE 'UTC')::date, '{requests month,tokens month}',
				array_fill(month, '{2}'), array_fill(month + interval '1 month', '{2}'), ARRAY[n::bigint * 7919 % 1100, n::bigint * 104729 % 1100], '{0,0}', '{0,0}',
				ARRAY[n % 9, n % 7]
			FROM generate_series(1, $2::int) n, date_trunc('month', now(), 'UTC') month`, at, customers)
		q.Queue(`INSERT INTO tenant_usage.days (platform_id, user_id, meter, day, count)
			SELECT $1, 'c' || n, meter, (now() AT TIME ZONE 'UTC')::date - (n * 7 + d * 17) % 365 - 1, 1 + (n + d) % 40
			FROM generate_series(1, $2::int) n, generate_series(1, 20) d, unnest('{requests,tokens}'::text[]) meter WHERE 'c' || n <> $3
			UNION ALL SELECT $1, $3, meter, (now() AT TIME ZONE 'UTC')::date - d, d FROM generate_series(1, 365) d, unnest('{requests,tokens}'::text[]) meter`,
			at, customers, someone)
		q.Queue(`INSERT INTO tenant_usage.hours (platform_id, hour, meter, plan, count)
			SELECT $1, date_trunc('hour', now()) - interval '1 hour' * h, meter, plan, 1 + h % 1000
			FROM generate_series(0, 365 * 24) h, unnest('{requests,tokens}'::text[]) meter, unnest('{free,starter,pro,scale}'::text[]) plan`, at)
		q.Queue(`INSERT INTO billing.subscriptions (platform_id, id, customer_id, tier, status, created_at, price_id, interval, amount, cancel_at, ended_at, grace_until)
			SELECT $1, 'sub_' || n, 'c' || n * 10 - 3, tier, status, now() - interval '1 year' * n * 10 / $2::int, 'prc_' || tier, 'month', amount,
				CASE WHEN n % 13 = 0 THEN now() + interval '9 days' END, CASE WHEN status = 'canceled' THEN now() - interval '1 day' END,
				CASE WHEN status = 'past_due' THEN now() + interval '3 days' END
			FROM generate_series(1, $2::int / 10) n,
				LATERAL (SELECT CASE n % 3 WHEN 0 THEN 'starter' WHEN 1 THEN 'pro' ELSE 'scale' END, CASE n % 3 WHEN 0 THEN 900 WHEN 1 THEN 2900 ELSE 9900 END,
					CASE WHEN n % 7 = 3 THEN 'canceled' WHEN n % 31 = 5 THEN 'past_due' WHEN n % 17 = 6 THEN 'trialing' ELSE 'active' END) p (tier, amount, status)`,
			at, customers)
		q.Queue(`INSERT INTO billing.mrr_movements (platform_id, id, at, customer_id, kind, before, after, currency, tier)
			SELECT platform_id, 'mov_' || id, created_at, customer_id, 'new', 0, amount, 'usd', tier FROM billing.subscriptions WHERE platform_id = $1
			UNION ALL
			SELECT platform_id, 'mov_end_' || id, ended_at, customer_id, 'churn', amount, 0, 'usd', tier FROM billing.subscriptions
			WHERE platform_id = $1 AND status = 'canceled'`, at)
		q.Queue(`INSERT INTO billing.mrr_days (platform_id, currency, day, new, churn, subscribers)
			SELECT platform_id, currency, (at AT TIME ZONE 'UTC')::date, sum(greatest(after - before, 0)), sum(greatest(before - after, 0)), sum(sign(after - before))
			FROM billing.mrr_movements WHERE platform_id = $1 GROUP BY 1, 2, 3`, at)
		q.Queue(`INSERT INTO tenant.timeline (platform_id, id, customer_id, at, kind)
			SELECT platform_id, 'created ' || id, id, created_at, 'created' FROM tenant.customers WHERE platform_id = $1`, at)
		q.Queue("SELECT tenant.recount($1)", at)
		q.Queue("INSERT INTO tenant_usage.activity (platform_id, at) VALUES ($1, now())", at)
		q.Queue(`INSERT INTO tenant_usage.adjustments (platform_id, id, user_id, meter, kind, quantity, expires, reason)
			SELECT $1, 'adj_' || n, 'c' || n, 'requests', 'grant', 10, 'used', 'a gift' FROM generate_series(1, $2::int / 20) n`, at, customers)
	})
}
