package db

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dream-api/dream-api/internal/errs"
)

// Violates reports whether err is the violation of the constraint: constraints decide, and modules put it into words.
func Violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}

// OutOfRange reports whether err says that a number is larger or finer than PostgreSQL keeps.
func OutOfRange(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "22003"
}

// NoRows reports whether err says that a query for one row found none.
func NoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// errDead says that a connection of the pool had died before anything was done by it: the next may be alive.
var errDead = errors.New("the connection had died")

// maxDead is how many connections are tried; a restart of the database leaves a pool of dead ones.
const maxDead = 20

// isDead reports whether the first statement on a connection failed because that had died.
func isDead(err error) bool {
	var pg *pgconn.PgError
	return pgconn.SafeToRetry(err) || errors.As(err, &pg) && pg.SeverityUnlocalized == "FATAL"
}

// Held reports whether err says that a lock was not to be had in time, or not without a deadlock.
func Held(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01")
}

// lost reports whether err is a failure of the database or the way to it, and no answer to the query.
func lost(err error) bool {
	var ours *errs.Error
	if errors.As(err, &ours) {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, operator, system: see the PostgreSQL manual, appendix A
			return true
		}
		return pg.Code == "55P03" // a lock was not to be had in time
	}
	var connect *pgconn.ConnectError
	var network *net.OpError
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

func unavailable(cause error) error {
	return errs.New(errs.Unavailable, "The database can not be reached right now. Try again in a moment.").
		Because(cause).After(time.Second)
}

// hideURL keeps a password in a connection string out of an error.
func hideURL(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		return errors.New("it is not a PostgreSQL connection string (postgres://user:password@host/database)")
	}
	var bad *url.Error
	if errors.As(err, &bad) {
		return bad.Err
	}
	return err
}
