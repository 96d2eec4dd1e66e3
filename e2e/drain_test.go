package e2e

import (
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/dream-api/dream-api/e2e/wait"
	"github.com/dream-api/dream-api/internal/db"
)

func TestSIGTERMLetsARequestUnderWayEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve(t)
	p := w.newPlatform(t, s, tier{20, 100})
	lock := w.lock(t, "tenant.customers", againstWriting)
	call := s.begin(post("/api/customers", object{"id": "user"}).as(p.secret))
	lock.awaitBlocked(t, db.Customer)

	s.Signal(t, syscall.SIGTERM)
	wait.For(t, "/readyz to fail", func() bool { return s.ready() == http.StatusServiceUnavailable })
	wait.For(t, "end of new connections", func() bool {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	if s.IsOver() {
		t.Fatal("the process has ended with a request under way")
	}

	lock.release(t)
	if answered := <-call; answered.err != nil || answered.status != http.StatusCreated {
		t.Errorf("the request under way gets %d %s %v", answered.status, answered.body, answered.err)
	}
	if code := s.ExitCode(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	if n := query[int](t, w, "SELECT count(*) FROM tenant.customers"); n != 1 {
		t.Errorf("%d customers are made, 1 was promised", n)
	}
}

func TestSIGTERMLetsAJobUnderWayEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve(t)
	p := w.newPlatform(t, s, tier{20, 100})
	customer := text(t, s.must(t, http.StatusCreated, newCustomer(p)), "customer.id")
	hold := w.gate.holdBefore(t, "DELETE", usersPath)
	s.must(t, http.StatusOK, del("/api/customers/"+customer).as(p.secret))
	hold.awaitReached(t)

	s.Signal(t, syscall.SIGTERM)
	wait.For(t, "/readyz to fail", func() bool { return s.ready() == http.StatusServiceUnavailable })
	hold.release()
	if code := s.ExitCode(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	if left := w.disagreements(t); len(left) > 0 {
		t.Errorf("the job was cut off: %v", left)
	}
}
