package e2e

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/db"
)

// deletionCrashes are the moments, between each two steps of deleting a customer, at which a server is killed.
var deletionCrashes = map[string]struct {
	crash func(t *testing.T, w *world, s *server, deletion request)
	left  int // how many customers there are once all is settled
}{
	"before anything is stored": {func(t *testing.T, w *world, s *server, deletion request) {
		lock := w.lock(t, "tenant.customers", againstLocking)
		s.begin(deletion)
		lock.awaitBlocked(t, db.Customer)
		s.Kill()
		lock.release(t)
	}, 1},
	"before the job is stored, and all with it": {func(t *testing.T, w *world, s *server, deletion request) {
		lock := w.lock(t, "river.river_job", againstWriting)
		s.begin(deletion)
		lock.awaitBlocked(t, db.Customer)
		s.Kill()
		lock.release(t)
	}, 1},
	"before the job begins": {func(t *testing.T, w *world, s *server, deletion request) {
		letGo := w.holdJobs(t)
		s.begin(deletion)
		wait.For(t, "end of the membership", func() bool { return query[int](t, w, "SELECT count(*) FROM tenant.customers") == 0 })
		s.Kill()
		letGo()
	}, 0},
	"before Clerk is asked": {func(t *testing.T, w *world, s *server, deletion request) {
		hold := w.gate.holdBefore(t, "DELETE", usersPath)
		s.begin(deletion)
		hold.awaitReached(t)
		s.Kill()
		hold.cutOff()
	}, 0},
	"while Clerk is asked, who carries it out": {func(t *testing.T, w *world, s *server, deletion request) {
		hold := w.gate.holdBefore(t, "DELETE", usersPath)
		s.begin(deletion)
		hold.awaitReached(t)
		s.Kill()
		hold.release()
		hold.awaitDone(t)
	}, 0},
	"before Clerk's answer has come": {func(t *testing.T, w *world, s *server, deletion request) {
		hold := w.gate.holdAfter(t, "DELETE", usersPath)
		s.begin(deletion)
		hold.awaitReached(t)
		s.Kill()
	}, 0},
	"before Clerk's answer has come, whose event is lost too": {func(t *testing.T, w *world, s *server, deletion request) {
		w.clerk.fault(t, object{"of": "end-user-api", "times": 1, "event": object{"type": "user.deleted", "drop": true}})
		hold := w.gate.holdAfter(t, "DELETE", usersPath)
		s.begin(deletion)
		hold.awaitReached(t)
		s.Kill()
	}, 0},
	"before it is recorded that the user is gone": {func(t *testing.T, w *world, s *server, deletion request) {
		hold := w.gate.holdAfter(t, "DELETE", usersPath)
		s.begin(deletion)
		hold.awaitReached(t)
		lock := w.lock(t, "directory.users", againstWriting)
		hold.release()
		lock.awaitBlocked(t, db.Worker)
		s.Kill()
		lock.release(t)
	}, 0},
}

func TestClerkAndTheDatabaseAgreeAfterACrashWhileACustomerIsDeleted(t *testing.T) {
	t.Parallel()
	for name, moment := range deletionCrashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.serve(t)
			p := w.newPlatform(t, first, tier{20, 100})
			customer := text(t, first.must(t, http.StatusCreated, newCustomer(p)), "customer.id")
			first.must(t, http.StatusOK, track(p.secret, customer))
			deletion := del("/api/customers/" + customer).as(p.secret)

			moment.crash(t, w, first, deletion)
			w.db.TurnClock(t, time.Hour)
			second := w.succeed(t)
			w.awaitAgreement(t)
			w.wantCustomers(t, p, moment.left)
			if n := query[int](t, w, "SELECT count(*) FROM tenant_usage.users"); n != moment.left {
				t.Errorf("there are %d counters and %d customers", n, moment.left)
			}

			want := map[int]int{0: http.StatusNotFound, 1: http.StatusOK}[moment.left]
			second.must(t, want, deletion)
			w.awaitAgreement(t)
			w.wantCustomers(t, p, 0)
		})
	}
}

// holdJobs lets jobs be stored and none begin, until the function is called; by then the server is dead.
func (w *world) holdJobs(t *testing.T) (letGo func()) {
	t.Helper()
	ctx := context.Background()
	conn := w.db.Connect(t, w.db.Superuser)
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`SELECT pg_advisory_lock(1);
		CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql
			AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN new; END $$;
		GRANT EXECUTE ON FUNCTION public.hold() TO PUBLIC;
		CREATE TRIGGER hold BEFORE UPDATE ON river.river_job FOR EACH ROW EXECUTE FUNCTION public.hold()`)
	return func() {
		t.Helper()
		// The dead server's sessions first: PostgreSQL would end the statement that it is at.
		w.terminate(t)
		exec("DROP TRIGGER hold ON river.river_job; SELECT pg_advisory_unlock(1)")
	}
}
