package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/secret"
)

// plan is what every user is said to be on: without a limit, and with a rate that nobody reaches.
const plan = "free"

// crowd is platforms with users, for whom calls are made.
type crowd struct {
	Platforms []platform
	Users     int // of each platform
	Apart     int // the numbers of two users who follow each other differ by this much
}

// platform is one of a crowd.
type platform struct{ ID, Key string }

// user is the id of the nth user of a platform.
func (c crowd) user(n int) string { return "u" + strconv.Itoa(n*c.Apart) }

// ids are those of the platforms.
func (c crowd) ids() []string {
	ids := make([]string, len(c.Platforms))
	for i, p := range c.Platforms {
		ids[i] = p.ID
	}
	return ids
}

// size is how many users there are.
func (c crowd) size() int { return len(c.Platforms) * c.Users }

// newCrowd makes platforms, each with a key and a price list of one tier, as the owner of the tables. Their users come
// later: the program keeps none whom it has not met.
func newCrowd(ctx context.Context, url secret.Text, platforms, users int) (crowd, error) {
	c := crowd{Platforms: make([]platform, platforms), Users: users, Apart: 1}
	ids, keyIDs, prices := make([]string, platforms), make([]string, platforms), make([]string, platforms)
	hashes, hints := make([][]byte, platforms), make([]string, platforms)
	for i := range c.Platforms {
		key := id.NewKey(id.Secret, id.Test)
		ids[i], keyIDs[i], prices[i] = string(id.NewPlatform()), string(id.NewKeyID()), string(id.NewPrice())
		hashes[i], hints[i] = key.Hash(), key.Hint()
		c.Platforms[i] = platform{ids[i], key.Reveal()}
	}
	developer, project := string(id.NewDeveloper()), string(id.NewProject())
	return c, execute(ctx, url, func(b *pgx.Batch) {
		b.Queue("INSERT INTO platform.developers (id, clerk_user_id, email) VALUES ($1, $1, 'bench@example.com')", developer)
		b.Queue("INSERT INTO platform.projects (id, developer_id, name) VALUES ($1, $2, 'bench')", project, developer)
		b.Queue(`INSERT INTO platform.platforms (id, project_id, mode, name)
			SELECT unnest($1::text[]), $2, 'test', 'bench'`, ids, project)
		b.Queue("INSERT INTO tenant.settings (platform_id) SELECT unnest($1::text[])", ids)
		b.Queue(`INSERT INTO tenant.tiers (platform_id, name, display_name, rate_limit, position)
			SELECT unnest($1::text[]), $2, 'Free', 1000000000, 1`, ids, plan)
		b.Queue(`INSERT INTO tenant.prices (platform_id, id, tier, interval, amount, currency)
			SELECT unnest($1::text[]), unnest($2::text[]), $3, 'month', 0, 'usd'`, ids, prices, plan)
		b.Queue(`INSERT INTO tenant.tier_limits (platform_id, tier, meter, max, period)
			SELECT unnest($1::text[]), $2, 'requests', NULL, 'month'`, ids, plan)
		b.Queue(`INSERT INTO tenant.keys (platform_id, id, kind, name, hash, hint)
			SELECT unnest($1::text[]), unnest($2::text[]), 'secret', 'bench', unnest($3::bytea[]), unnest($4::text[])`,
			ids, keyIDs, hashes, hints)
		b.Queue("INSERT INTO directory.keys (hash, platform_id) SELECT unnest($1::bytea[]), unnest($2::text[])", hashes, ids)
	})
}

// spread makes counters for so many users of each platform, of whom those of the crowd are some, evenly apart. Each is a
// copy of the first user's, whom the program has met: it is what the program makes of a user, whatever that is.
func (c *crowd) spread(ctx context.Context, url secret.Text, perPlatform int) error {
	c.Apart = perPlatform / c.Users
	err := execute(ctx, url, func(b *pgx.Batch) {
		b.Queue(`INSERT INTO tenant_usage.users
			SELECT another.* FROM tenant_usage.users u, generate_series(1, $1) n,
				LATERAL jsonb_populate_record(u, jsonb_build_object('user_id', 'u' || n)) another
			WHERE u.user_id = 'u0' AND u.platform_id = ANY($2)
			ON CONFLICT DO NOTHING`, perPlatform-1, c.ids())
	})
	if err != nil {
		return err
	}
	return vacuum(ctx, url, "tenant_usage.users")
}

// rewrite has the rows of tables, and their indexes, lie as densely as they are meant to.
func rewrite(ctx context.Context, url secret.Text, tables string) error {
	return errors.Join(maintain(ctx, url, "VACUUM (FULL) "+tables), vacuum(ctx, url, tables))
}

// vacuum brings tables that were just filled to where they would be after a while; of none: all.
func vacuum(ctx context.Context, url secret.Text, tables string) error {
	return maintain(ctx, url, "VACUUM (ANALYZE) "+tables)
}

// maintain runs a statement that wants no transaction, as the owner.
func maintain(ctx context.Context, url secret.Text, sql string) error {
	conn, err := pgx.Connect(ctx, url.Reveal())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

// execute runs statements as the owner, in one transaction.
func execute(ctx context.Context, url secret.Text, fn func(*pgx.Batch)) error {
	conn, err := pgx.Connect(ctx, url.Reveal())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	batch := &pgx.Batch{}
	fn(batch)
	return conn.SendBatch(ctx, batch).Close()
}
