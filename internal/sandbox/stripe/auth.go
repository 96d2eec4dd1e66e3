package stripe

import (
	"crypto/subtle"
	"net/http"
	"strings"
)

// authenticate says whose objects a request is about: our account's in the mode
// of the key, or with Stripe-Account those of a connected account.
func (s *Server) authenticate(r *http.Request) (Scope, string, error) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if user, _, basic := r.BasicAuth(); basic {
		key, ok = user, true
	}
	key = strings.TrimSpace(key)
	if !ok || key == "" {
		return Scope{}, "", keyMissing()
	}
	live, known := s.modeOf(key)
	if !known {
		return Scope{}, "", keyInvalid(key)
	}
	if v := r.Header.Get("Stripe-Version"); v != "" && v != apiVersion {
		return Scope{}, "", invalid("", "", "Invalid Stripe API version: %s. The sandbox speaks %s only.", v, apiVersion)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.Header.Get("Stripe-Account")
	if id == "" || id == s.clock.Ours {
		return Scope{s.clock.Ours, live}, key, nil
	}
	if a := s.account(id); a == nil || !a.Connected {
		return Scope{}, "", accountInvalid(key, id)
	}
	return Scope{id, live}, key, nil
}

// modeOf says which of our keys it is.
func (s *Server) modeOf(key string) (live, known bool) {
	same := func(a string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(key)) == 1 }
	return same(s.cfg.LiveKey), same(s.cfg.LiveKey) || same(s.cfg.TestKey)
}

// guardKeys refuses a request whose idempotency key is in use by another.
func (s *Server) guardKeys(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Idempotency-Key")
		if r.Method != http.MethodPost || key == "" {
			next.ServeHTTP(w, r)
			return
		}
		if len(key) > 255 {
			s.answer(w, asAnswer(nil, &apiError{status: http.StatusBadRequest, Type: typeIdempotency,
				Message: "Idempotency keys can be at most 255 characters long."}))
			return
		}
		id := strings.Join([]string{r.Header.Get("Authorization"), r.Header.Get("Stripe-Account"), key}, "\x00")
		if _, busy := s.inUse.LoadOrStore(id, nil); busy {
			s.answer(w, asAnswer(nil, keyInUse()))
			return
		}
		defer s.inUse.Delete(id)
		next.ServeHTTP(w, r)
	})
}
