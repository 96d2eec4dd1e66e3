package clerk

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// deliverEvents is an app's delivery worker: one event at a time, in order,
// where a failing one doesn't hold up the others.
func (s *Server) deliverEvents(a *app) {
	standin.Work(s.running, a.wake, func() (func(), time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if a.WebhookURL == "" {
			return nil, -1
		}
		e, found, wait := standin.Next(a.Events, time.Now(), func(e *event) *standin.Delivery { return &e.Delivery })
		if !found {
			return nil, wait
		}
		target, attempt := a.WebhookURL, *e
		return func() {
			status, err := a.post(s.deliver, target, &attempt)
			if err := s.record(a, e, status, err); err != nil {
				s.cfg.Log.Error("clerk sandbox can't save its events", "error", err)
			}
		}, 0
	})
}

func (s *Server) record(a *app, e *event, status int, failed error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	e.Attempted(now, status, failed, s.cfg.Retries)
	if failed != nil {
		s.cfg.Log.Warn("clerk sandbox: event not delivered", "app", a.Name, "type", e.Type, "id", e.ID, "attempt", e.Attempts, "error", failed)
	} else {
		a.letGoBefore(e, now)
	}
	return s.save()
}

// letGoBefore ends the wait of earlier events for this one.
func (a *appState) letGoBefore(e *event, now time.Time) {
	for _, earlier := range a.Events {
		if earlier == e {
			break
		}
		earlier.LetGo(now)
	}
}

// post makes one attempt. Only a 2xx is no error.
func (a *app) post(ctx context.Context, target string, e *event) (status int, err error) {
	now := time.Now()
	signature, err := a.signer.Sign(e.ID, now, e.Payload)
	if err != nil {
		return 0, err
	}
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "Svix-Webhooks/dreamapi-sandbox")
	header.Set("svix-id", e.ID)
	header.Set("svix-timestamp", strconv.FormatInt(now.Unix(), 10))
	header.Set("svix-signature", signature)
	return standin.Post(ctx, target, header, e.Payload)
}
