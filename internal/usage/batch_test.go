package usage

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/db/dbtest"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// books is a database and a Service that counts in it, under the customer surface's role.
type books struct {
	dbtest.Database
	*Service
}

func newBooks(t *testing.T) books {
	t.Helper()
	d := dbtest.New(t)
	d.Exec(t, "ALTER TABLE tenant.settings DROP CONSTRAINT settings_platform_id_fkey") // platforms here have no developers
	s, err := New(t.Context(), d.Open(t, db.Customer))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return books{d, s}
}

// newCall makes a platform, and a call for a user there that would be counted.
func (b books) newCall(t *testing.T, user string, quantity int64) Call {
	t.Helper()
	e := &tenant.Entitlement{Platform: id.NewPlatform(), UserID: user, Until: always.ends, Grant: &tenant.Grant{
		Plan: "free", RateLimit: 1000, Meters: []string{tenant.DefaultMeter},
		Limits: monthly(nil),
	}}
	e.Epoch = readOne[int64](t, b, "INSERT INTO tenant.settings (platform_id) VALUES ($1) RETURNING epoch", string(e.Platform))
	return Call{Entitlement: e, Until: always.ends, Quantity: quantity}
}

// monthly are the limits of a plan that grants so many a month; nil: unlimited.
func monthly(most *int64) []tenant.MeterLimit {
	return tenant.MeterLimits(map[string]tenant.Limit{tenant.DefaultMeter: {Max: most, Period: "month", Anchor: tenant.FromCalendar}})
}

// readOne reads a value as the superuser, from whom row-level security hides nothing.
func readOne[T any](t *testing.T, b books, sql string, args ...any) (value T) {
	t.Helper()
	if err := b.Connect(t, b.Superuser).QueryRow(context.Background(), sql, args...).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// count is what is counted of the call's user.
func (b books) count(t *testing.T, c Call) int64 {
	t.Helper()
	return readOne[int64](t, b, `SELECT coalesce(sum(n), 0)::bigint FROM tenant_usage.users, unnest(counts) n
		WHERE platform_id = $1 AND user_id = $2`, string(c.Entitlement.Platform), c.Entitlement.UserID)
}

// itemOf makes the item that TrackAll would.
func itemOf(t *testing.T, c Call) *item {
	t.Helper()
	c.Meter = tenant.DefaultMeter
	limit, slot, err := c.limit()
	if err != nil {
		t.Fatal(err)
	}
	return &item{Call: c, limit: limit, slot: slot}
}

func TestAForeignPlatformPlantedInABatchCountsNothing(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	own, foreign := b.newCall(t, "user", 1), b.newCall(t, "user", 1)
	if _, failed := b.TrackAll([]Call{own, foreign}); errors.Join(failed...) != nil { // both have rows from now on
		t.Fatal(failed)
	}
	batch := []*item{itemOf(t, own), itemOf(t, foreign)}
	entered := []id.Platform{own.Entitlement.Platform}

	groups := groupByUser(batch)
	for _, know := range []bool{false, true} { // its epoch is looked up, or asked about by what has changed
		if know {
			b.know(t, []Call{own, foreign})
		}
		q := b.fence.ask(groups)
		if looked := len(q.platforms) > 0; looked == know {
			t.Fatalf("the platforms are looked up: %v", looked)
		}
		owns, foreigns := b.count(t, own), b.count(t, foreign)
		sql, args := statement(groups, q)
		var found []added
		err := b.lanes.OneTrip(t.Context(), entered, func(trip *db.Trip) { db.Collect(trip, &found, sql, args...) })
		if err != nil || len(found) != 1 || b.count(t, own) != owns+1 || b.count(t, foreign) != foreigns {
			t.Errorf("the fast lane: %+v, %v; the counts are %d and %d, want %d and %d", found, err, b.count(t, own), b.count(t, foreign),
				owns+1, foreigns)
		}
	}

	d := &deed{}
	err := b.lanes.Tenants(t.Context(), entered, func(ctx context.Context, tx db.Tenants) error { return d.read(ctx, tx, batch, b.held.has) })
	if err == nil || d.sheets[account{foreign.Entitlement.Platform, "user"}] != nil {
		t.Errorf("the careful lane reads a foreign sheet: %+v, %v", d.sheets, err)
	}
}

func TestABatchEntersThePlatformsOfItsCallsAlone(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	super := b.Connect(t, b.Superuser)
	if _, err := super.Exec(t.Context(), `
		CREATE TABLE public.witnessed (entered text, counted text[]);
		CREATE FUNCTION public.witness() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
			INSERT INTO public.witnessed VALUES (current_setting('dreamapi.platforms'), new.platforms);
			RETURN new;
		END $$;
		GRANT EXECUTE ON FUNCTION public.witness() TO PUBLIC;
		CREATE TRIGGER witness BEFORE INSERT ON tenant_usage.journal FOR EACH ROW EXECUTE FUNCTION public.witness()`); err != nil {
		t.Fatal(err)
	}
	b.newCall(t, "bystander", 1) // a platform that nobody calls
	calls := []Call{b.newCall(t, "user", 1), b.newCall(t, "user", 1)}
	for range 2 { // the first time by the careful lane, which makes the rows, and then by the fast one
		if _, failed := b.TrackAll(calls); errors.Join(failed...) != nil {
			t.Fatal(failed)
		}
	}
	rows, err := super.Query(t.Context(), "SELECT entered, counted FROM public.witnessed")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var text string
		var counted []string
		if err := rows.Scan(&text, &counted); err != nil {
			t.Fatal(err)
		}
		var entered map[string]bool
		if err := json.Unmarshal([]byte(text), &entered); err != nil {
			t.Fatal(err)
		}
		slices.Sort(counted)
		if got := slices.Sorted(maps.Keys(entered)); !slices.Equal(got, counted) {
			t.Errorf("a batch that counted on %v had entered %v", counted, got)
		}
	}
	if n < 2 {
		t.Errorf("%d batches were seen", n)
	}
}

// A customer may be deleted just when the careful lane has seen that there is a row to lock. A user whose row the test
// is about to make keeps it between the two.
func TestACustomerDeletedAsABatchBeginsIsJudgedAgain(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	gone := b.newCall(t, "a", 0) // which is for the careful lane
	gone.Entitlement.UserEpoch = 7
	next := Call{Entitlement: new(*gone.Entitlement), Until: gone.Until}
	next.Entitlement.UserID = "b"
	const customer = "INSERT INTO tenant_usage.users (platform_id, user_id, epoch) VALUES ($1, $2, 7)"
	platform := string(gone.Entitlement.Platform)
	for attempt := range 100 {
		b.Exec(t, "DELETE FROM tenant_usage.users")
		b.Exec(t, customer, platform, "a")
		hold, err := b.Connect(t, b.Owner).Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hold.Exec(t.Context(), customer, platform, "b"); err != nil {
			t.Fatal(err)
		}
		deleter := b.Connect(t, b.Owner)
		done := make(chan []error, 1)
		go func() {
			_, failed := b.TrackAll([]Call{gone, next})
			done <- failed
		}()
		awaitWaiting(t, b, done)
		if _, err := deleter.Exec(t.Context(), "DELETE FROM tenant_usage.users WHERE user_id = 'a'"); err != nil {
			t.Fatal(err)
		}
		if err := hold.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		switch failed := <-done; {
		case errors.Is(failed[0], ErrStale):
			return
		case failed[0] != nil && !errs.Is(failed[0], errs.Unavailable):
			t.Fatal(failed[0])
		}
		t.Logf("attempt %d: the machine was too slow, and the batch was over", attempt)
	}
	t.Fatal("no batch was caught between the two")
}

// awaitWaiting returns when a batch waits for a lock, or is over.
func awaitWaiting[T any](t *testing.T, b books, over chan T) {
	t.Helper()
	wait.For(t, "batch that waits", func() bool {
		return len(over) > 0 || readOne[bool](t, b, `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'dreamapi_customer' AND wait_event_type = 'Lock')`)
	})
}

func TestARowThatIsBeingChangedIsNotWaitedForToSeeThatItIsThere(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	held := b.newCall(t, "user", 1)
	if _, err := b.Track(held); err != nil {
		t.Fatal(err)
	}
	b.hold(t, "users", held.Entitlement.Platform)
	batch := []*item{itemOf(t, held)}
	d := &deed{}
	err := b.lanes.Tenants(t.Context(), platformsOf(batch), func(ctx context.Context, tx db.Tenants) error {
		return d.read(ctx, tx, batch, everybody)
	})
	if err != nil || d.sheets[batch[0].account()] != nil {
		t.Errorf("a batch that goes around the row gets %v, and the sheet %v", err, d.sheets)
	}
}

// What a plan grants is read by several at once after a change, and each remembers what it has read.
func TestCallsOfOneUserAreOneGroupWhoeverReadWhatThePlanGrants(t *testing.T) {
	t.Parallel()
	grant := tenant.Grant{Plan: "free", RateLimit: 1000, Limits: monthly(nil)}
	call := Call{Until: always.ends, Quantity: 1, Entitlement: &tenant.Entitlement{
		Platform: id.NewPlatform(), UserID: "user", Epoch: 7, UserEpoch: 7, Until: always.ends, Grant: &grant,
	}}
	with := func(change func(*tenant.Entitlement)) *item {
		e, grant := *call.Entitlement, *call.Entitlement.Grant
		e.Grant = &grant
		change(&e)
		other := call
		other.Entitlement = &e
		return itemOf(t, other)
	}
	for name, c := range map[string]struct {
		change func(*tenant.Entitlement)
		calls  int // in the group
	}{
		"read twice":                 {func(*tenant.Entitlement) {}, 2},
		"another plan":               {func(e *tenant.Entitlement) { e.Plan = "pro" }, 1},
		"before a platform's change": {func(e *tenant.Entitlement) { e.Epoch-- }, 1},
		"before a user's change":     {func(e *tenant.Entitlement) { e.UserEpoch-- }, 1},
	} {
		if groups := groupByUser([]*item{itemOf(t, call), with(c.change)}); len(groups) != 1 || len(groups[0].items) != c.calls {
			t.Errorf("%s: %d groups, the first of %d calls, want 1 of %d", name, len(groups), len(groups[0].items), c.calls)
		}
	}
}
