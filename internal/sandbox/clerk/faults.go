package clerk

import (
	"errors"
	"net/http"
	"strings"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// Fault is a failure made to order. The package comment says what its fields mean.
type Fault = standin.Fault

// EventFault is what happens to the events of a Fault.
type EventFault = standin.EventFault

// refuses says which faults there can't be.
func (s *Server) refuses(f Fault) error {
	switch {
	case f.CardDecline != "":
		return errors.New("cardDecline is for charges, and there are none here")
	case f.Of != "" && s.app(f.Of) == nil:
		return errNoApp
	}
	return nil
}

// AddFault arms a fault and returns it with its id.
func (s *Server) AddFault(f Fault) (Fault, error) { return s.faults.Add(f) }

// Faults are those which are still armed.
func (s *Server) Faults() []Fault { return s.faults.Armed() }

// ClearFaults disarms them all.
func (s *Server) ClearFaults() { s.faults.Clear() }

// withFaults lets the armed faults spoil requests. The control endpoints are
// never spoiled.
func (s *Server) withFaults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_sandbox/") {
			next.ServeHTTP(w, r)
			return
		}
		name := ""
		if a := s.appOf(r); a != nil {
			name = a.Name
		}
		s.faults.Spoil(w, r, name, func(status int) { writeError(w, unexpected(status)) }, next)
	})
}
