package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/db"
)

// shutOut has the database take no connection of the servers any more, and ends those that they have.
func (w *world) shutOut(t *testing.T) {
	t.Helper()
	w.exec(t, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database()); END $$")
	w.terminate(t)
}

func (w *world) letIn(t *testing.T) {
	t.Helper()
	w.exec(t, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT -1', current_database()); END $$")
}

// wantUnavailable checks that an answer tells the client to come back, and nothing of why.
func wantUnavailable(t *testing.T, a answer) {
	t.Helper()
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("the answer is %d with Retry-After %q: %s", a.status, a.header.Get("Retry-After"), a.body)
		return
	}
	if text(t, a, "code") != "unavailable" || text(t, a, "error") == "" || text(t, a, "message") == "" ||
		!strings.HasPrefix(text(t, a, "requestId"), "req_") || text(t, a, "docUrl") == "" {
		t.Errorf("the error has not the shape of errors: %s", a.body)
	}
	for _, detail := range []string{"SQLSTATE", "dreamapi_owner", "testdb", "/tmp/", "terminat"} {
		if strings.Contains(string(a.body), detail) {
			t.Errorf("the error tells of %q: %s", detail, a.body)
		}
	}
}

func TestWithoutTheDatabaseEveryCallIsToldToComeBackAndThenGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setClock(t)
	s := w.serve(t)
	p := w.newPlatform(t, s, tier{20, 100})
	s.must(t, http.StatusOK, track(p.secret, "user"))
	calls := []request{
		track(p.secret, "user"), usage(p.secret, "user"), newCustomer(p), get("/api/customers").as(p.secret),
		get("/api/tiers").with("X-Publishable-Key", p.publishable), get("/api/tiers").as(p.secret).on("shop.example.com"),
		p.own(get("/keys")),
	}

	w.shutOut(t)
	for _, r := range calls {
		wantUnavailable(t, s.do(t, r))
	}
	if status := s.ready(); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", status)
	}
	alive, err := http.Get("http://" + s.ops + "/livez")
	if err != nil || alive.StatusCode != http.StatusOK {
		t.Errorf("/livez answers %v %v: a restart would not help", alive, err)
	}
	s.must(t, http.StatusOK, get("/health"))

	w.letIn(t)
	wait.For(t, "readiness", func() bool { return s.ready() == http.StatusOK })
	if n := number(t, s.must(t, http.StatusOK, track(p.secret, "user")), "usage.count"); n != 2 {
		t.Errorf("the count is %d after two admitted calls", n)
	}
	// Background work goes on too: a Clerk user whose membership ends is seen off.
	customer := text(t, s.must(t, http.StatusCreated, newCustomer(p)), "customer.id")
	s.must(t, http.StatusOK, del("/api/customers/"+customer).as(p.secret))
	w.awaitAgreement(t)
	w.wantCustomers(t, p, 0)
}

// The call is made again where it is known that it had counted nothing, and refused otherwise.
func TestACallWhoseConnectionIsLostCountsWhatItsAnswerSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setClock(t)
	s := w.serve(t)
	p := w.newPlatform(t, s, tier{20, 100})
	lock := w.lock(t, "tenant_usage.users", againstWriting)
	call := s.begin(track(p.secret, "user"))
	lock.awaitBlocked(t, db.Customer)
	w.terminate(t)
	lock.release(t)
	lost := <-call
	if lost.err != nil {
		t.Fatal(lost.err)
	}
	admitted := 1
	if lost.status == http.StatusOK {
		admitted++
	} else {
		wantUnavailable(t, lost.answer)
	}
	if n := number(t, s.must(t, http.StatusOK, track(p.secret, "user")), "usage.count"); n != admitted {
		t.Errorf("the count is %d after %d admitted calls", n, admitted)
	}
}
