// Package idempotency keeps the first answer to each idempotency key, in the transaction of the work itself, so that
// work and record commit together. It keeps results, not HTTP: what an answer looks like is for package server.
package idempotency

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency/idempotencydb"
)

// Longest is the length of an idempotency key at the most, in bytes.
const Longest = 255

var queries = idempotencydb.New()

// ErrPending says that an earlier transaction reserved the key and no result has been stored yet.
var ErrPending = errors.New("the first request with the idempotency key has no result yet")

// Request is what makes a request the same as an earlier one: its key within the platform, route and user; and the
// body, which must then be equal. With an empty key nothing is kept.
type Request struct {
	Route string
	User  string
	Key   string
	Body  []byte
}

// Keeper keeps the records of all platforms.
type Keeper struct{ fingerprintKey []byte }

// NewKeeper makes a Keeper. Bodies are compared by an HMAC under fingerprintKey, because they may hold passwords.
func NewKeeper(fingerprintKey []byte) *Keeper { return &Keeper{fingerprintKey} }

// Begin reserves the key. If it was used before, the answer is the stored result or ErrPending; with another body
// errs.IdempotencyMismatch. A concurrent request with the key is waited for: its transaction holds the row.
func (k *Keeper) Begin(ctx context.Context, tx db.Tenant, r Request) (stored json.RawMessage, err error) {
	if r.Key == "" {
		return nil, nil
	}
	mine := k.Fingerprint(r.Body)
	n, err := queries.Reserve(ctx, tx, idempotencydb.ReserveParams{
		PlatformID: string(tx.Platform), Route: r.Route, UserID: r.User, Key: r.Key, Fingerprint: mine,
	})
	if err != nil || n == 1 {
		return nil, err
	}
	first, err := queries.Find(ctx, tx, idempotencydb.FindParams{
		PlatformID: string(tx.Platform), Route: r.Route, UserID: r.User, Key: r.Key,
	})
	switch {
	case db.NoRows(err): // released between the two statements
		return nil, errs.New(errs.IdempotencyBusy, "Another request with this Idempotency-Key has just failed. Send this "+
			"one again.").After(time.Second)
	case err != nil:
		return nil, err
	case !hmac.Equal(first.Fingerprint, mine):
		return nil, errs.New(errs.IdempotencyMismatch, "This Idempotency-Key was used before with another request body. "+
			"Use a new key for a new request.")
	case first.Result == nil:
		return nil, ErrPending
	default:
		return first.Result, nil
	}
}

// Complete stores the result of a request whose key was reserved.
func (k *Keeper) Complete(ctx context.Context, tx db.Tenant, r Request, result any) error {
	if r.Key == "" {
		return nil
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		return err
	}
	return queries.Complete(ctx, tx, idempotencydb.CompleteParams{
		PlatformID: string(tx.Platform), Route: r.Route, UserID: r.User, Key: r.Key, Result: encoded,
	})
}

// Release frees a reserved key whose request came to nothing.
func (k *Keeper) Release(ctx context.Context, tx db.Tenant, r Request) error {
	if r.Key == "" {
		return nil
	}
	return queries.Release(ctx, tx, idempotencydb.ReleaseParams{
		PlatformID: string(tx.Platform), Route: r.Route, UserID: r.User, Key: r.Key,
	})
}

// Once runs do for the first request with the key, and gives later ones the same result. The JSON form of T is what
// is stored: a field that must not be kept, such as a new secret, has the tag json:"-".
func Once[T any](
	ctx context.Context, k *Keeper, tx db.Tenant, r Request, do func() (T, error),
) (result T, replayed bool, err error) {
	stored, err := k.Begin(ctx, tx, r)
	if errors.Is(err, ErrPending) {
		return result, false, Busy()
	}
	if err != nil {
		return result, false, err
	}
	if stored != nil {
		return result, true, json.Unmarshal(stored, &result)
	}
	if result, err = do(); err != nil {
		return result, false, err
	}
	return result, false, k.Complete(ctx, tx, r, result)
}

// Busy is the error of a request that comes while the first with its key is under way.
func Busy() error {
	return errs.New(errs.IdempotencyBusy, "A request with this Idempotency-Key is under way. Wait for it, or send this one "+
		"again in a moment.").After(time.Second)
}

// Sweep deletes the records of the platforms that are older than 25 hours; 24 are promised.
func Sweep(ctx context.Context, worker *db.DB, platforms []id.Platform) error {
	return worker.InSteps(ctx, platforms, func(ctx context.Context, tx db.Tenants, step int32) (int64, error) {
		return queries.Sweep(ctx, tx, idempotencydb.SweepParams{PlatformIds: id.Strings(platforms), Most: step})
	})
}

// Fingerprint is by what a body is known.
func (k *Keeper) Fingerprint(body []byte) []byte {
	mac := hmac.New(sha256.New, k.fingerprintKey)
	mac.Write(body)
	return mac.Sum(nil)
}
