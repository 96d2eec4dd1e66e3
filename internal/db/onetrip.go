package db

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
)

// ErrRolledBack says that nothing of a OneTrip was kept: trying again, all of it or a part, is safe.
var ErrRolledBack = errors.New("the transaction was rolled back")

// UUID is the form of a uuid in which lists of them are sent quickly.
type UUID = pgtype.UUID

// Trip is the statements of a OneTrip.
type Trip struct {
	batch        *pgx.Batch
	asked, known int // statements, and how many of them are known to have done their work
}

// Collect adds a statement whose rows go into the list, column by field.
func Collect[T any](t *Trip, list *[]T, sql string, args ...any) {
	t.asked++
	t.batch.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		if *list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T]); err == nil {
			t.known++
		}
		return err
	})
}

// OneTrip is a transaction that has entered the platforms and costs a single round trip: the statements that fn adds are
// sent together with its beginning and its commit. What they collect must not be believed before OneTrip has returned nil.
//
// Plans are made once and go from row to row by indexes, whatever the statistics say of a table; nothing is compiled,
// though a scan of the clock's one row then seems dear enough for it; and nothing waits longer for a lock than a tenth of a
// second.
//
// An error that wraps ErrRolledBack says that nothing was kept. Errors of code errs.Unavailable say so too, and that
// another attempt will hardly do better. After any other error the outcome is not known.
func (d *DB) OneTrip(ctx context.Context, platforms []id.Platform, fn func(*Trip)) error {
	for attempt := 1; ; attempt++ {
		err := d.oneTrip(ctx, platforms, fn)
		if !errors.Is(err, errDead) || attempt > maxDead {
			return err
		}
	}
}

func (d *DB) oneTrip(ctx context.Context, platforms []id.Platform, fn func(*Trip)) error {
	conn, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	batch := &pgx.Batch{}
	batch.Queue("begin")
	batch.Queue(`SELECT set_config('role', $1, true), set_config('plan_cache_mode', 'force_generic_plan', true),
		set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
		set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
		set_config('jit', 'off', true), set_config('lock_timeout', '100ms', true),
		dreamapi.enter($2)`, string(d.role), entered(platforms...))
	t := &Trip{batch: batch}
	fn(t)
	batch.Queue("commit")
	if err = conn.SendBatch(ctx, batch).Close(); err == nil {
		return nil
	}
	if conn.Conn().PgConn().TxStatus() != 'I' && !conn.Conn().IsClosed() {
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		_, _ = conn.Exec(back, "rollback") // or the pool closes the connection
		cancel()
	}
	return t.fate(err)
}

// fate is what an error means for a transaction whose commit was sent along with it. What the server itself says, it
// says in the order of the statements: before the last of them has done its work, there was no commit.
func (t *Trip) fate(err error) error {
	var pg *pgconn.PgError
	said := errors.As(err, &pg)
	switch {
	case said && pg.SeverityUnlocalized == "ERROR" && !strings.HasPrefix(pg.Code, "53"): // which is: no resources
		return errors.Join(ErrRolledBack, err)
	case said && pg.SeverityUnlocalized == "ERROR":
		return unavailable(err)
	case said && t.known < t.asked, pgconn.SafeToRetry(err):
		return unavailable(errors.Join(errDead, err))
	default:
		return UnknownOutcome(err)
	}
}

// UnknownOutcome is the error of a call of which nobody can say whether it was kept.
func UnknownOutcome(cause error) error {
	return errs.New(errs.Internal, "The database went away while it stored the result, so the outcome is not "+
		"known. Send the request again with the same Idempotency-Key, or read the state first.").Because(cause)
}
