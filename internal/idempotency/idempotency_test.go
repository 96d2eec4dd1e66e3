package idempotency_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/db/dbtest"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

type made struct {
	Name   string `json:"name"`
	Secret string `json:"-"`
}

// once does the work of a request, and says how often it was done.
func once(t *testing.T, pool *db.DB, k *idempotency.Keeper, at id.Platform, r idempotency.Request, fail error) (result made, replayed bool, done int, err error) {
	t.Helper()
	err = pool.Tenant(t.Context(), at, func(ctx context.Context, tx db.Tenant) error {
		result, replayed, err = idempotency.Once(ctx, k, tx, r, func() (made, error) {
			done++
			return made{"n", "hush"}, fail
		})
		return err
	})
	return result, replayed, done, err
}

func TestOnceWorksOnceForAKey(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	pool, k, at := d.Open(t, db.Customer), idempotency.NewKeeper([]byte("k")), id.NewPlatform()
	r := idempotency.Request{Route: "POST /x", User: "u", Key: "key", Body: []byte("body")}

	broken := errors.New("broken")
	if _, _, done, err := once(t, pool, k, at, r, broken); !errors.Is(err, broken) || done != 1 {
		t.Fatalf("%d, %v", done, err)
	}
	first, replayed, done, err := once(t, pool, k, at, r, nil)
	if err != nil || replayed || done != 1 || first.Secret != "hush" {
		t.Fatalf("the first: %+v, %v, %d, %v", first, replayed, done, err)
	}
	again, replayed, done, err := once(t, pool, k, at, r, nil)
	if err != nil || !replayed || done != 0 || again != (made{Name: "n"}) {
		t.Fatalf("again: %+v, %v, %d, %v", again, replayed, done, err)
	}
	for name, other := range map[string]idempotency.Request{
		"another route": {"POST /y", "u", "key", []byte("body")}, "another user": {"POST /x", "v", "key", []byte("body")},
		"another key": {"POST /x", "u", "kez", []byte("body")}, "no key": {"POST /x", "u", "", []byte("body")},
	} {
		if _, replayed, done, err := once(t, pool, k, at, other, nil); err != nil || replayed || done != 1 {
			t.Errorf("%s: %v, %d, %v", name, replayed, done, err)
		}
	}
	if _, replayed, done, err := once(t, pool, k, at, idempotency.Request{Route: "POST /x"}, nil); err != nil || replayed || done != 1 {
		t.Errorf("without a key something was kept: %v, %d, %v", replayed, done, err)
	}
	if _, _, done, _ := once(t, pool, k, id.NewPlatform(), r, nil); done != 1 {
		t.Error("a key of one platform stands for one of another")
	}
	r.Body = []byte("another body")
	if _, _, done, err := once(t, pool, k, at, r, nil); !errs.Is(err, errs.IdempotencyMismatch) || done != 0 {
		t.Errorf("another body: %d, %v", done, err)
	}
	r.Body = []byte("body")
	if _, _, done, err := once(t, pool, idempotency.NewKeeper([]byte("another")), at, r, nil); !errs.Is(err, errs.IdempotencyMismatch) || done != 0 {
		t.Errorf("the fingerprint does not depend on the key: %d, %v", done, err)
	}
}

func TestAReservedKeyIsPendingUntilItIsCompletedOrReleased(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	pool, k, at := d.Open(t, db.Customer), idempotency.NewKeeper([]byte("k")), id.NewPlatform()
	r := idempotency.Request{Route: "POST /x", Key: "key", Body: []byte("body")}
	begin := func() (stored json.RawMessage, err error) {
		_ = pool.Tenant(t.Context(), at, func(ctx context.Context, tx db.Tenant) error {
			stored, err = k.Begin(ctx, tx, r)
			return nil
		})
		return stored, err
	}
	in := func(fn func(context.Context, db.Tenant) error) {
		t.Helper()
		if err := pool.Tenant(t.Context(), at, fn); err != nil {
			t.Fatal(err)
		}
	}
	if stored, err := begin(); stored != nil || err != nil {
		t.Fatal(stored, err)
	}
	if _, err := begin(); !errors.Is(err, idempotency.ErrPending) {
		t.Fatalf("reserved: %v", err)
	}
	if _, _, done, err := once(t, pool, k, at, r, nil); !errs.Is(err, errs.IdempotencyBusy) || done != 0 {
		t.Errorf("Once while it is pending: %d, %v", done, err)
	}
	in(func(ctx context.Context, tx db.Tenant) error { return k.Release(ctx, tx, r) })
	if stored, err := begin(); stored != nil || err != nil {
		t.Fatalf("released: %s, %v", stored, err)
	}
	in(func(ctx context.Context, tx db.Tenant) error { return k.Complete(ctx, tx, r, made{Name: "n"}) })
	in(func(ctx context.Context, tx db.Tenant) error { return k.Release(ctx, tx, r) }) // too late
	if stored, err := begin(); err != nil || len(stored) == 0 {
		t.Errorf("completed: %s, %v", stored, err)
	}
}
