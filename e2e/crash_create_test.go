package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/db"
)

const usersPath = "/v1/users"

// newCustomer is a request that creates a customer.
func newCustomer(p platform) request {
	return post("/api/customers", object{"email": "ada@example.com", "firstName": "Ada", "plan": "free"}).
		as(p.secret).with("Idempotency-Key", "signup-1")
}

// creationCrashes are the moments, between each two steps of creating a customer, at which a server is killed. Each
// makes the request, kills the server, and lets go of what it held.
var creationCrashes = map[string]struct {
	crash   func(t *testing.T, w *world, s *server, p platform)
	settled int // how many customers there are once all is settled, the client never having come back
}{
	"before the intent is stored": {func(t *testing.T, w *world, s *server, p platform) {
		lock := w.lock(t, "tenant.customer_intents", againstWriting)
		s.begin(newCustomer(p))
		lock.awaitBlocked(t, db.Customer)
		s.Kill()
		lock.release(t)
	}, 0},
	"before Clerk is asked": {func(t *testing.T, w *world, s *server, p platform) {
		hold := w.gate.holdBefore(t, "POST", usersPath)
		s.begin(newCustomer(p))
		hold.awaitReached(t)
		s.Kill()
		hold.cutOff()
	}, 0},
	"while Clerk is asked, who carries it out": {func(t *testing.T, w *world, s *server, p platform) {
		hold := w.gate.holdBefore(t, "POST", usersPath)
		s.begin(newCustomer(p))
		hold.awaitReached(t)
		s.Kill()
		hold.release()
		hold.awaitDone(t)
	}, 1},
	"before Clerk's answer has come": {func(t *testing.T, w *world, s *server, p platform) {
		hold := w.gate.holdAfter(t, "POST", usersPath)
		s.begin(newCustomer(p))
		hold.awaitReached(t)
		s.Kill()
	}, 1},
	"before the customer is stored": {func(t *testing.T, w *world, s *server, p platform) {
		lock := w.lock(t, "tenant.customers", againstWriting)
		s.begin(newCustomer(p))
		lock.awaitBlocked(t, db.Customer)
		s.Kill()
		lock.release(t)
	}, 1},
	"before the intent is taken away": {func(t *testing.T, w *world, s *server, p platform) {
		hold := w.gate.holdAfter(t, "POST", usersPath)
		s.begin(newCustomer(p))
		hold.awaitReached(t)
		lock := w.lock(t, "tenant_usage.idempotency", againstWriting)
		hold.release()
		lock.awaitBlocked(t, db.Customer)
		s.Kill()
		lock.release(t)
	}, 1},
	"after the customer is stored": {func(t *testing.T, w *world, s *server, p platform) {
		s.begin(newCustomer(p))
		wait.For(t, "customer", func() bool { return query[int](t, w, "SELECT count(*) FROM tenant.customers") == 1 })
		s.Kill()
	}, 1},
}

func TestClerkAndTheDatabaseAgreeAfterACrashWhileACustomerIsCreated(t *testing.T) {
	t.Parallel()
	for name, moment := range creationCrashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.serve(t)
			p := w.newPlatform(t, first, tier{20, 100})

			moment.crash(t, w, first, p)
			w.db.TurnClock(t, time.Hour) // past the time that is left to the client
			second := w.succeed(t)
			w.awaitAgreement(t)
			w.wantCustomers(t, p, moment.settled)

			second.must(t, http.StatusCreated, newCustomer(p))
			w.awaitAgreement(t)
			w.wantCustomers(t, p, 1)
		})
	}
}

func TestAClientThatRepeatsItsRequestAfterACrashGetsOneCustomer(t *testing.T) {
	t.Parallel()
	for name, moment := range creationCrashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.serve(t)
			p := w.newPlatform(t, first, tier{20, 100})

			moment.crash(t, w, first, p)
			second := w.succeed(t)
			again := second.do(t, newCustomer(p))
			if again.status == http.StatusConflict {
				// For a minute nobody can know that the first request's server is dead.
				if code := text(t, again, "code"); code != "idempotency_busy" || again.header.Get("Retry-After") == "" {
					t.Fatalf("the repetition is refused with %s %v", again.body, again.header)
				}
				w.db.TurnClock(t, 90*time.Second)
				wait.For(t, "customer", func() bool {
					again = second.do(t, newCustomer(p))
					return again.status != http.StatusConflict
				})
			}
			if again.status != http.StatusCreated {
				t.Fatalf("the repetition gets %d %s", again.status, again.body)
			}
			replay := second.must(t, http.StatusCreated, newCustomer(p))
			if text(t, replay, "customer.id") != text(t, again, "customer.id") || replay.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("one repetition gets %s and another %s", again.body, replay.body)
			}
			w.awaitAgreement(t)
			w.wantCustomers(t, p, 1)
		})
	}
}

// Settle cannot know of a request that is still on its way to Clerk; the event that follows it does.
func TestAUserWhomClerkMakesAfterAllWasSettledGoesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.serve(t)
	p := w.newPlatform(t, first, tier{20, 100})
	hold := w.gate.holdBefore(t, "POST", usersPath)
	first.begin(newCustomer(p))
	hold.awaitReached(t)
	first.Kill()
	w.db.TurnClock(t, time.Hour)
	second := w.succeed(t)
	w.awaitAgreement(t) // the intent is given up

	hold.release()
	hold.awaitDone(t)
	const received = "SELECT count(*) FROM tenant.clerk_events WHERE type = 'user.created'"
	wait.For(t, "event of the new user", func() bool { return query[int](t, w, received) == 1 })
	second.Kill()
	w.db.TurnClock(t, 2*time.Hour)
	w.succeed(t)
	w.awaitAgreement(t)
	w.wantCustomers(t, p, 0)
}

func TestALostAnswerFromClerkIsMadeGoodByARepetition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve(t)
	p := w.newPlatform(t, s, tier{20, 100})
	w.clerk.fault(t, object{"of": "end-user-api", "method": "POST", "path": usersPath, "times": 1, "loseAnswer": true})

	lost := s.must(t, http.StatusServiceUnavailable, newCustomer(p))
	if lost.header.Get("Retry-After") == "" || text(t, lost, "code") != "unavailable" {
		t.Errorf("the client is told %v %s", lost.header, lost.body)
	}
	s.must(t, http.StatusCreated, newCustomer(p))
	w.awaitAgreement(t)
	w.wantCustomers(t, p, 1)
}

func TestALostAnswerFromClerkIsMadeGoodByTheNextServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve(t)
	p := w.newPlatform(t, s, tier{20, 100})
	w.clerk.fault(t, object{"of": "end-user-api", "method": "POST", "path": usersPath, "times": 1, "loseAnswer": true})
	s.must(t, http.StatusServiceUnavailable, newCustomer(p))
	s.Kill()
	w.db.TurnClock(t, time.Hour)
	w.succeed(t)
	w.awaitAgreement(t)
	w.wantCustomers(t, p, 1)
}

// The one who clears up and the client who comes back may meet: after a long outage the intent is fresh again, while the
// event of the user that it led to is old.
func TestACustomerWhoWasPromisedStaysWhenAnOldEventIsWorkedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.serve(t)
	p := w.newPlatform(t, first, tier{20, 100})
	made := w.gate.holdAfter(t, "POST", usersPath)
	first.begin(newCustomer(p))
	made.awaitReached(t)
	const looked = "SELECT count(*) FROM river.river_job WHERE kind = 'tenant.clerk_event' AND state = 'completed'"
	wait.For(t, "first look at the event", func() bool { return query[int](t, w, looked) == 1 })
	first.Kill()
	w.db.TurnClock(t, 10*time.Minute)
	second := w.serve(t) // which clears up when we say, and not at once: the lease is still the dead one's

	found := w.gate.holdAfter(t, "GET", usersPath)
	repetition := second.begin(newCustomer(p))
	found.awaitReached(t)
	w.endLease(t)
	const worked = "SELECT count(*) FROM tenant.clerk_events WHERE processed_at IS NOT NULL"
	wait.For(t, "second look at the event", func() bool { return query[int](t, w, worked) > 0 })
	found.release()

	promised := <-repetition
	if promised.err != nil || promised.status != http.StatusCreated {
		t.Fatalf("the repetition gets %d %s %v", promised.status, promised.body, promised.err)
	}
	wait.For(t, "rest of the events", func() bool {
		return w.clerk.pendingEvents(t) == 0 && query[int](t, w, "SELECT count(*) FROM tenant.clerk_events WHERE type = 'user.deleted' AND processed_at IS NULL") == 0
	})
	second.must(t, http.StatusOK, get("/api/customers/"+text(t, promised.answer, "customer.id")).as(p.secret))
	w.awaitAgreement(t)
	w.wantCustomers(t, p, 1)
}
