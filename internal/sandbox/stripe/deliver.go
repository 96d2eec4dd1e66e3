package stripe

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// defaultRetries is Stripe's schedule shortened to what a person at a sandbox
// will wait for. Stripe gives up in the end; the sandbox goes on.
var defaultRetries = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute}

const deliveryTimeout = 15 * time.Second

// queueEvent puts an event into the queues of the endpoints it goes to.
func (s *Server) queueEvent(e *event) {
	for _, ep := range s.endpoints {
		if d := e.to(ep.id); d != nil && d.Status == statusPending {
			ep.queue = append(ep.queue, e)
		}
	}
}

func (ep *endpoint) wakeWorker() { wake(ep.wake) }

// next is the first event of the queue that is due, or how long until one is:
// -1 is for ever.
func (ep *endpoint) next(now time.Time) (e *event, wait time.Duration) {
	wait = -1
	for _, e := range ep.queue {
		left := e.to(ep.id).NextAttempt.Sub(now)
		if left <= 0 {
			return e, 0
		}
		if wait < 0 || left < wait {
			wait = left
		}
	}
	return nil, wait
}

// deliverEvents is an endpoint's worker: one event at a time, in order, where a
// failing one doesn't hold up the others.
func (s *Server) deliverEvents(ep *endpoint) {
	for {
		s.mu.Lock()
		e, wait := ep.next(time.Now())
		var target, secret string
		var payload []byte
		if e != nil {
			target, secret = ep.url, ep.secret
			payload = indented(wireOf(e))
		}
		s.mu.Unlock()
		if e == nil {
			if !s.waitForEvent(ep, wait) {
				return
			}
			continue
		}
		select {
		case <-s.closing:
			return
		case <-ep.gone:
			return
		default:
		}
		status, err := post(s.deliver, target, secret, payload)
		if err := s.record(ep, e, status, err); err != nil {
			s.cfg.Log.Error("stripe sandbox can't save its events", "error", err)
		}
	}
}

// waitForEvent returns false if the worker is to end.
func (s *Server) waitForEvent(ep *endpoint, wait time.Duration) bool {
	var due <-chan time.Time
	if wait >= 0 {
		due = time.After(wait)
	}
	select {
	case <-s.closing:
		return false
	case <-ep.gone:
		return false
	case <-ep.wake:
	case <-due:
	}
	return true
}

func (s *Server) record(ep *endpoint, e *event, status int, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := e.to(ep.id)
	if d == nil || s.store.table(e.kind(), e.scope()).byID[e.ID] != object(e) {
		return nil // forgotten meanwhile
	}
	w := newWork(s)
	(&tx{work: w}).edit(e)
	now := time.Now()
	d.Attempts++
	d.LastStatus, d.LastError = status, ""
	if err != nil {
		d.LastError, d.Held = err.Error(), false
		d.NextAttempt = now.Add(s.cfg.Retries[min(d.Attempts, len(s.cfg.Retries))-1])
		s.cfg.Log.Warn("stripe sandbox: event not delivered", "url", ep.url, "type", e.Type, "id", e.ID, "attempt", d.Attempts, "error", err)
	} else {
		ep.delivered(e, d, now)
	}
	e.countPending()
	return s.commit(w)
}

// delivered records a 2xx, and lets go of events which waited for this one.
func (ep *endpoint) delivered(e *event, d *delivery, now time.Time) {
	d.Copies--
	d.NextAttempt = now
	for _, earlier := range ep.queue {
		if earlier == e {
			break
		}
		if held := earlier.to(ep.id); held.Held {
			held.Held, held.NextAttempt = false, now
		}
	}
	if d.Copies == 0 {
		d.Status = statusDelivered
		ep.queue = slices.DeleteFunc(ep.queue, func(x *event) bool { return x == e })
	}
}

// post makes one attempt. Only a 2xx is no error.
func post(ctx context.Context, target, secret string, payload []byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(payload))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (dreamapi-sandbox)")
	req.Header.Set("Stripe-Signature", signature(secret, time.Now(), payload))
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

// signature is by the machine's clock: receivers check its age against theirs.
func signature(secret string, now time.Time, payload []byte) string {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(payload)
	return "t=" + at + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// webhookClient resolves localhost and *.localhost itself, which not every
// resolver does, and as Stripe does it takes a redirect for a failure.
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
