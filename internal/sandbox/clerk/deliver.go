package clerk

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// defaultRetries is Svix's schedule shortened to what a person at a sandbox
// will wait for. Svix gives up in the end; the sandbox goes on.
var defaultRetries = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute}

const deliveryTimeout = 15 * time.Second

// deliverEvents is an app's delivery worker: one event at a time, in order,
// where a failing one doesn't hold up the others.
func (s *Server) deliverEvents(a *app) {
	for {
		s.mu.Lock()
		e, wait := a.nextEvent(time.Now())
		var target string
		var attempt event
		if e != nil {
			target, attempt = a.WebhookURL, *e
		}
		s.mu.Unlock()
		if e == nil {
			if !s.waitForEvent(a, wait) {
				return
			}
			continue
		}
		select {
		case <-s.closing:
			return
		default:
		}
		status, err := a.post(s.deliver, target, &attempt)
		if err := s.record(a, e, status, err); err != nil {
			s.cfg.Log.Error("clerk sandbox can't save its events", "error", err)
		}
	}
}

// waitForEvent returns false if the server is closing.
func (s *Server) waitForEvent(a *app, wait time.Duration) bool {
	var due <-chan time.Time
	if wait >= 0 {
		due = time.After(wait)
	}
	select {
	case <-s.closing:
		return false
	case <-a.wake:
	case <-due:
	}
	return true
}

func (s *Server) record(a *app, e *event, status int, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Attempts++
	e.LastStatus, e.LastError = status, ""
	if err != nil {
		e.LastError = err.Error()
		e.failed(time.Now(), s.cfg.Retries)
		s.cfg.Log.Warn("clerk sandbox: event not delivered", "app", a.Name, "type", e.Type, "id", e.ID, "attempt", e.Attempts, "error", err)
	} else {
		a.delivered(e, time.Now())
	}
	return s.save()
}

// post makes one attempt. Only a 2xx is no error.
func (a *app) post(ctx context.Context, target string, e *event) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(e.Payload))
	if err != nil {
		return 0, err
	}
	now := time.Now()
	signature, err := a.signer.Sign(e.ID, now, e.Payload)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Svix-Webhooks/dreamapi-sandbox")
	req.Header.Set("svix-id", e.ID)
	req.Header.Set("svix-timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("svix-signature", signature)
	resp, err := webhookClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	// Reading to the end lets the connection be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.StatusCode, fmt.Errorf("answered %d", resp.StatusCode)
	}
	return resp.StatusCode, nil
}

// webhookClient resolves localhost and *.localhost itself, which not every
// resolver does, and as Svix does it takes a redirect for a failure.
var webhookClient = &http.Client{
	Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(addr)
			if err == nil && net.ParseIP(host) == nil && isLoopback(hostname(host)) {
				addr = net.JoinHostPort("127.0.0.1", port)
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
		MaxIdleConnsPerHost: 2,
		IdleConnTimeout:     30 * time.Second,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}
