// Package db owns how the program reaches PostgreSQL: a pool for each surface under that surface's role, transactions
// as closures, and the entry into a platform that row-level security demands. It knows no table of any module; their
// SQL lives beside them.
package db

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/secret"
)

// Role is a role of PostgreSQL under which a part of the program works.
type Role string

// The roles; migrations/roles.sql creates them.
const (
	Developer Role = "dreamapi_developer"
	OAuth     Role = "dreamapi_oauth"
	Customer  Role = "dreamapi_customer"
	Worker    Role = "dreamapi_worker"
)

const (
	longest     = 30 * time.Second // bounds a transaction whose caller set no deadline
	longestWait = 5 * time.Second  // for a connection, while all are in use
)

// DB is a pool whose transactions all run under one role.
type DB struct {
	pool *pgxpool.Pool
	role Role
}

// Open makes a pool. The login of the URL must be the role itself or a member of it. Nothing is dialled yet.
func Open(ctx context.Context, url secret.Text, role Role) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url.Reveal())
	if err != nil {
		return nil, fmt.Errorf("the database's URL can not be read: %w", hideURL(err))
	}
	if !strings.Contains(url.Reveal(), "pool_max_conns") {
		cfg.MaxConns = 16
	}
	cfg.ConnConfig.RuntimeParams["application_name"] = string(role)
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		sendLists(conn)
		return neverCompile(ctx, conn)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, hideURL(err)
	}
	return &DB{pool, role}, nil
}

// neverCompile keeps PostgreSQL from compiling statements, which takes longer than any of ours runs: it goes by what it thinks
// that one costs, and that is far off where row-level security hides how many rows there are. It is no parameter of the
// connection's start, as poolers refuse those.
func neverCompile(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SET jit = off")
	return err
}

// Reserve makes another pool to the same database under the same role, of so many connections, for work that must not
// wait while all of this one's are in use. It calls connected for each connection that it makes, before that is used.
func (d *DB) Reserve(ctx context.Context, connections int32, connected func()) (*DB, error) {
	cfg := d.pool.Config()
	prepare := cfg.AfterConnect
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		connected()
		return prepare(ctx, conn)
	}
	cfg.MinConns, cfg.MaxConns = 0, connections
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, hideURL(err)
	}
	return &DB{pool, d.role}, nil
}

// Close closes the pool when its transactions have ended.
func (d *DB) Close() { d.pool.Close() }

// Stat describes the pool, for metrics.
func (d *DB) Stat() *pgxpool.Stat { return d.pool.Stat() }

// Role is the role of the transactions.
func (d *DB) Role() Role { return d.role }

// Tx is a transaction that has entered no platform: it sees no row of any tenant. It serves as the DBTX of sqlc's code.
type Tx struct{ tx pgx.Tx }

// Tenant is a transaction that has entered one platform, and sees that platform's rows.
type Tenant struct {
	Tx
	Platform id.Platform
}

// Tenants is a transaction that has entered several platforms.
type Tenants struct{ Tx }

// Exec implements DBTX.
func (t Tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return t.tx.Exec(ctx, sql, args...)
}

// Query implements DBTX.
func (t Tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return t.tx.Query(ctx, sql, args...)
}

// QueryRow implements DBTX.
func (t Tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return t.tx.QueryRow(ctx, sql, args...)
}

// SendBatch implements DBTX.
func (t Tx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return t.tx.SendBatch(ctx, b)
}

// Pgx returns the transaction itself, for a library that writes in it.
func (t Tx) Pgx() pgx.Tx { return t.tx }

// Tx runs fn in a transaction that has entered no platform, and commits if fn returns nil.
//
// A transaction that has begun runs to its end or its deadline, whether or not the client still listens: its context
// is cut off from the caller's cancellation, because pgx answers a cancellation by closing the connection. fn uses the
// context that it is given.
func (d *DB) Tx(ctx context.Context, fn func(context.Context, Tx) error) error {
	return d.run(ctx, "", func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, Tx{tx}) })
}

// Tenant runs fn in a transaction that has entered the platform; else it is as Tx.
func (d *DB) Tenant(ctx context.Context, platform id.Platform, fn func(context.Context, Tenant) error) error {
	return d.run(ctx, entry(platform), func(ctx context.Context, tx pgx.Tx) error {
		return fn(ctx, Tenant{Tx{tx}, platform})
	})
}

// Tenants runs fn in a transaction that has entered all the platforms; else it is as Tx.
func (d *DB) Tenants(ctx context.Context, platforms []id.Platform, fn func(context.Context, Tenants) error) error {
	return d.run(ctx, entry(platforms...), func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, Tenants{Tx{tx}}) })
}

// InSteps runs a deletion in transactions that have entered the platforms, each of which is kept, until one of them
// deletes less than a step: so a long list is done in the end, even if the work is cut off now and then.
func (d *DB) InSteps(
	ctx context.Context, platforms []id.Platform, sweep func(ctx context.Context, tx Tenants, step int32) (deleted int64, err error),
) error {
	const step = 5000
	for deleted := int64(step); deleted == step; {
		err := d.Tenants(ctx, platforms, func(ctx context.Context, tx Tenants) (err error) {
			deleted, err = sweep(ctx, tx, step)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Enter makes a Tenant of a transaction that looked the platform up: it saves a second transaction where the platform
// is only known from a look-up. A transaction enters once.
func (t Tx) Enter(ctx context.Context, platform id.Platform) (Tenant, error) {
	if _, err := t.tx.Exec(ctx, entry(platform)); err != nil {
		return Tenant{}, err
	}
	return Tenant{t, platform}, nil
}

func (d *DB) run(ctx context.Context, entry string, fn func(context.Context, pgx.Tx) error) error {
	caller := ctx
	deadline, ok := caller.Deadline()
	if !ok {
		deadline = time.Now().Add(longest)
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(caller), deadline)
	defer cancel()

	// One message: BEGIN, the role and the platform cost a single round trip. SET LOCAL, because a pooler may give the
	// session to somebody else after the transaction.
	begin := "begin; set local role " + string(d.role) + ";" + entry
	conn, tx, err := d.begin(caller, ctx, begin)
	if err != nil {
		return err
	}
	defer conn.Release()
	defer func() {
		if recovered := recover(); recovered != nil {
			_ = tx.Rollback(ctx)
			panic(recovered)
		}
	}()
	if err := fn(ctx, tx); err != nil {
		_ = tx.Rollback(ctx) // the transaction is over either way, and err says why
		if lost(err) {
			return unavailable(err)
		}
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		if lost(err) {
			return UnknownOutcome(err)
		}
		return err
	}
	return nil
}

// EnterAll is Enter for several platforms.
func (t Tx) EnterAll(ctx context.Context, platforms []id.Platform) (Tenants, error) {
	if _, err := t.tx.Exec(ctx, entry(platforms...)); err != nil {
		return Tenants{}, err
	}
	return Tenants{t}, nil
}

// begin begins a transaction on a connection that is alive. The caller may give up waiting for one.
func (d *DB) begin(caller, ctx context.Context, query string) (*pgxpool.Conn, pgx.Tx, error) {
	for attempt := 1; ; attempt++ {
		conn, err := d.acquire(caller)
		if err != nil {
			return nil, nil, err
		}
		tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: query})
		if err == nil {
			return conn, tx, nil
		}
		conn.Release()
		if !isDead(err) || attempt > maxDead {
			return nil, nil, unavailable(hideURL(err))
		}
	}
}

func (d *DB) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	waiting, stopWaiting := context.WithTimeout(ctx, longestWait)
	defer stopWaiting()
	conn, err := d.pool.Acquire(waiting)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, unavailable(hideURL(err))
	}
	return conn, nil
}

// entry is the statement that enters platforms. It is put into the text of the query, as the simple protocol takes no
// parameters, so every id is quoted.
func entry(platforms ...id.Platform) string {
	return "select dreamapi.enter(" + quote(entered(platforms...)) + ")"
}

// entered is the list of platforms as the policies read it.
func entered(platforms ...id.Platform) string {
	list := []byte("{")
	for i, p := range platforms {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(appendJSON(list, string(p)), ":true"...)
	}
	return string(append(list, '}'))
}

// appendJSON adds a text as JSON. An id of ours, as each batch has dozens of, needs nothing but quotes.
func appendJSON(list []byte, text string) []byte {
	const plain = "_0123456789abcdefghijklmnopqrstuvwxyz"
	if strings.Trim(text, plain) == "" {
		return append(append(append(list, '"'), text...), '"')
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return append(list, quoted...)
}

func quote(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\x00", "").Replace(s) + "'"
}
