package standin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Retries is how long to wait after each failed delivery: what the third parties do, shortened to what a person at a
// sandbox will wait for. They give up in the end; the last one of these repeats.
var Retries = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute}

const (
	deliveryTimeout = 15 * time.Second
	// holdLimit ends the wait of an event which was to change places with the next.
	holdLimit = 10 * time.Second
)

// The states of an event and of its deliveries.
const (
	Pending   = "pending"
	Delivered = "delivered"
	Dropped   = "dropped" // by a fault
	Skipped   = "skipped" // nobody wanted it when it happened
)

// Delivery is how far an event has come on its way to one endpoint.
type Delivery struct {
	Status      string    `json:"status"`
	Copies      int       `json:"copies"` // deliveries still wanted
	Attempts    int       `json:"attempts"`
	LastStatus  int       `json:"lastStatus"` // HTTP status; 0 if there was no answer
	LastError   string    `json:"lastError"`
	NextAttempt time.Time `json:"nextAttempt"`
	Held        bool      `json:"held"` // waits for the event after this one
}

// NewDelivery is due at once, or as the faults would have it.
func NewDelivery(now time.Time, faults []EventFault) Delivery {
	d := Delivery{Status: Pending, Copies: 1, NextAttempt: now}
	for _, f := range faults {
		if f.Duplicate {
			d.Copies = 2
		}
		if f.Drop {
			d.Status = Dropped
		}
		if f.Reorder {
			d.Held, d.NextAttempt = true, d.NextAttempt.Add(holdLimit)
		}
		d.NextAttempt = d.NextAttempt.Add(time.Duration(f.DelayMs) * time.Millisecond)
	}
	return d
}

// Attempted records an attempt, which failed if there is an error.
func (d *Delivery) Attempted(now time.Time, status int, failed error, retries []time.Duration) {
	d.Attempts++
	d.LastStatus, d.LastError = status, ""
	if failed != nil {
		d.LastError, d.Held = failed.Error(), false
		d.NextAttempt = now.Add(retries[min(d.Attempts, len(retries))-1])
		return
	}
	d.NextAttempt = now
	if d.Copies--; d.Copies == 0 {
		d.Status = Delivered
	}
}

// LetGo ends the wait for a later event, which has been delivered.
func (d *Delivery) LetGo(now time.Time) {
	if d.Held {
		d.Held, d.NextAttempt = false, now
	}
}

// Again delivers once more, whatever the state.
func (d *Delivery) Again(now time.Time) {
	d.Status, d.Copies, d.Held, d.NextAttempt = Pending, max(d.Copies, 1), false, now
}

// Next finds the first that is due, or how long it is until one is: -1 is for ever.
func Next[E any](events []E, now time.Time, of func(E) *Delivery) (due E, found bool, wait time.Duration) {
	wait = -1
	for _, e := range events {
		d := of(e)
		if d.Status != Pending {
			continue
		}
		left := d.NextAttempt.Sub(now)
		if left <= 0 {
			return e, true, 0
		}
		if wait < 0 || left < wait {
			wait = left
		}
	}
	return due, false, wait
}

// Work makes one attempt after the other until ctx ends. What next has no attempt for now, it has when it is woken, or
// after the wait that it names; -1 is for ever.
func Work(ctx context.Context, wake <-chan struct{}, next func() (attempt func(), wait time.Duration)) {
	for ctx.Err() == nil {
		attempt, wait := next()
		if attempt != nil {
			if ctx.Err() == nil {
				attempt()
			}
			continue
		}
		var due <-chan time.Time
		if wait >= 0 {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-due:
		}
	}
}

// Wake never waits: one wake-up is as good as several.
func Wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Post makes one attempt to deliver. Only a 2xx is no error.
func Post(ctx context.Context, target string, header http.Header, payload []byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(payload))
	if err != nil {
		return 0, err
	}
	req.Header = header
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
// resolver does, and as Stripe and Svix do it takes a redirect for a failure.
var webhookClient = &http.Client{
	Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(addr)
			if err == nil && net.ParseIP(host) == nil && IsLoopback(Hostname(host)) {
				addr = net.JoinHostPort("127.0.0.1", port)
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
		MaxIdleConnsPerHost: 2,
		IdleConnTimeout:     30 * time.Second,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}
