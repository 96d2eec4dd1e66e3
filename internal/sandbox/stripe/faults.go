package stripe

import (
	"net/http"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// Fault is a failure made to order. The package comment says what its fields mean.
type Fault = standin.Fault

// EventFault is what happens to the events of a Fault.
type EventFault = standin.EventFault

// AddFault arms a fault and returns it with its id.
func (s *Server) AddFault(f Fault) (Fault, error) { return s.faults.Add(f) }

// Faults are those which are still armed.
func (s *Server) Faults() []Fault { return s.faults.Armed() }

// ClearFaults disarms them all.
func (s *Server) ClearFaults() { s.faults.Clear() }

// withFaults lets the armed faults spoil requests. A 500 is an answer that
// Stripe keeps like any other: the next request with its key gets it too.
func (s *Server) withFaults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account := r.Header.Get("Stripe-Account")
		if account == "" {
			account = s.ours()
		}
		kept := keyOf(r, account)
		if status, ok := s.failedKeys.Load(kept); ok && kept != "" {
			w.Header().Set("Request-Id", randomID("req_", 14))
			w.Header().Set("Idempotent-Replayed", "true")
			writeError(w, unexpected(status.(int)))
			return
		}
		s.faults.Spoil(w, r, account, func(status int) {
			if status >= http.StatusInternalServerError && kept != "" {
				s.failedKeys.Store(kept, status)
			}
			w.Header().Set("Request-Id", randomID("req_", 14))
			writeError(w, unexpected(status))
		}, next)
	})
}

// keyOf is the idempotency key of a request, with whose it is; "" if it has none.
func keyOf(r *http.Request, account string) string {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || r.Method != http.MethodPost {
		return ""
	}
	return r.Header.Get("Authorization") + " " + account + " " + key
}

// ours is the id of our account.
func (s *Server) ours() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock.Ours
}
