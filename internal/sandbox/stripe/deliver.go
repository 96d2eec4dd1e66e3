package stripe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// queueEvent puts an event into the queues of the endpoints it goes to.
func (s *Server) queueEvent(e *event) {
	for _, ep := range s.endpoints {
		if d := e.to(ep.id); d != nil && d.Status == standin.Pending {
			ep.queue = append(ep.queue, e)
		}
	}
}

func (ep *endpoint) wakeWorker() { standin.Wake(ep.wake) }

// deliverEvents is an endpoint's worker: one event at a time, in order, where a
// failing one doesn't hold up the others.
func (s *Server) deliverEvents(ep *endpoint) {
	standin.Work(ep.running, ep.wake, func() (func(), time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		e, found, wait := standin.Next(ep.queue, time.Now(), func(e *event) *standin.Delivery { return &e.to(ep.id).Delivery })
		if !found {
			return nil, wait
		}
		target, payload := ep.url, indented(wireOf(e))
		header := http.Header{}
		header.Set("Content-Type", "application/json; charset=utf-8")
		header.Set("User-Agent", "Stripe/1.0 (dreamapi-sandbox)")
		header.Set("Stripe-Signature", signature(ep.secret, time.Now(), payload))
		return func() {
			status, err := standin.Post(s.deliver, target, header, payload)
			if err := s.record(ep, e, status, err); err != nil {
				s.cfg.Log.Error("stripe sandbox can't save its events", "error", err)
			}
		}, 0
	})
}

func (s *Server) record(ep *endpoint, e *event, status int, failed error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := e.to(ep.id)
	if d == nil || s.store.table(e.kind(), e.scope()).byID[e.ID] != object(e) {
		return nil // forgotten meanwhile
	}
	w := newWork(s)
	(&tx{work: w}).edit(e)
	now := time.Now()
	d.Attempted(now, status, failed, s.cfg.Retries)
	if failed != nil {
		s.cfg.Log.Warn("stripe sandbox: event not delivered", "url", ep.url, "type", e.Type, "id", e.ID, "attempt", d.Attempts, "error", failed)
	} else {
		ep.letGoBefore(e, now)
	}
	if d.Status != standin.Pending {
		ep.queue = slices.DeleteFunc(ep.queue, func(x *event) bool { return x == e })
	}
	e.countPending()
	return s.commit(w)
}

// letGoBefore ends the wait of earlier events for this one.
func (ep *endpoint) letGoBefore(e *event, now time.Time) {
	for _, earlier := range ep.queue {
		if earlier == e {
			break
		}
		earlier.to(ep.id).LetGo(now)
	}
}

// signature is by the machine's clock: receivers check its age against theirs.
func signature(secret string, now time.Time, payload []byte) string {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(payload)
	return "t=" + at + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
