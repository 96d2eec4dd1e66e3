package usage

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/idempotency"
)

// Each of these goes red for one mistake that is easily made where calls are counted in batches.

// limited is the call with a limit.
func limited(c Call, most int64) Call {
	e := *c.Entitlement
	grant := *e.Grant
	grant.Limits = monthly(&most)
	e.Grant = &grant
	c.Entitlement = &e
	return c
}

func TestCallsOfOneBatchThatDoNotAllFitAreDecidedOneByOne(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	call := limited(b.newCall(t, "user", 1), 7)
	if _, err := b.Track(call); err != nil { // so that there is a row, as the fast lane wants
		t.Fatal(err)
	}
	var calls []Call
	for _, quantity := range []int64{4, 1, 4, 1} {
		c := call
		c.Quantity = quantity
		calls = append(calls, c)
	}
	batch, done := waiting(t, calls...)
	b.flushFast(batch)
	done.Wait()
	for i, refused := range []bool{false, false, true, false} {
		if it := batch[i]; it.err != nil || it.outcome.Refused != refused {
			t.Errorf("call %d of %d units is refused: %v, %v", i, it.Quantity, it.outcome.Refused, it.err)
		}
	}
	if n := b.count(t, call); n != 7 {
		t.Errorf("%d units are counted, want 7", n)
	}
}

func TestACountIsNotKeptWithoutTheRecordOfItsKey(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	call := b.newCall(t, "user", 1)
	if _, err := b.Track(call); err != nil {
		t.Fatal(err)
	}
	b.Exec(t, "ALTER TABLE tenant_usage.receipts ADD CONSTRAINT none CHECK (false)")
	keeper := idempotency.NewKeeper([]byte("a key for tests"))
	call.Receipt = ReceiptOf(keeper, idempotency.Request{Route: "POST /api/data", User: "user", Key: "once"})
	if _, err := b.Track(call); err == nil {
		t.Error("the call is answered although its key is not kept")
	}
	if n := b.count(t, call); n != 1 {
		t.Errorf("%d calls are counted, want the first alone", n)
	}
}

// Two batches that lock in different orders wait for each other.
func TestRowsAreLockedInTheOrderOfTheirKeys(t *testing.T) {
	t.Parallel()
	for name, lock := range map[string]func(books, []*item) error{
		"fast": func(b books, batch []*item) error {
			groups := groupByUser(batch)
			sql, args := statement(groups, b.fence.ask(groups))
			var found []added
			return b.lanes.OneTrip(context.Background(), platformsOf(batch), func(trip *db.Trip) { db.Collect(trip, &found, sql, args...) })
		},
		"careful": func(b books, batch []*item) error {
			return b.countCarefully(batch, func(account) bool { return false })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBooks(t)
			first := b.newCall(t, "a", 1)
			calls := []Call{first}
			for _, user := range []string{"b", "c"} {
				c := first
				e := *first.Entitlement
				e.UserID = user
				c.Entitlement = &e
				calls = append(calls, c)
			}
			if _, failed := b.TrackAll(calls); errors.Join(failed...) != nil {
				t.Fatal(failed)
			}
			look := b.Connect(t, b.Owner)
			for range 100 {
				change, err := b.Connect(t, b.Owner).Begin(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := change.Exec(t.Context(), "UPDATE tenant_usage.users SET calls = calls WHERE user_id = 'b'"); err != nil {
					t.Fatal(err)
				}
				batch, _ := waiting(t, calls...)
				slices.Reverse(batch)
				over := make(chan error, 1)
				go func() { over <- lock(b, batch) }()
				awaitWaiting(t, b, over)
				rows, err := look.Query(t.Context(), "SELECT user_id FROM tenant_usage.users ORDER BY user_id FOR UPDATE SKIP LOCKED")
				if err != nil {
					t.Fatal(err)
				}
				free, err := pgx.CollectRows(rows, pgx.RowTo[string])
				if err != nil {
					t.Fatal(err)
				}
				_ = change.Rollback(t.Context())
				if err := <-over; err != nil && !errors.Is(err, errHeld) && !errors.Is(err, db.ErrRolledBack) && !errs.Is(err, errs.Unavailable) {
					t.Fatal(err)
				}
				switch {
				case slices.Equal(free, []string{"c"}):
					return
				case !slices.Equal(free, []string{"a", "c"}): // else the batch had given up before the look
					t.Fatalf("while the batch waits for b, free are %v, want c alone", free)
				}
			}
			t.Fatal("no batch was seen waiting")
		})
	}
}
