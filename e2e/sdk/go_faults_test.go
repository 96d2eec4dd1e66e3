package sdk

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	dream "github.com/dream-api/dream-api/sdk/go"
)

// isSilent is whether nothing at all comes back, so that only time tells. A machine that is busy may then need more tries.
func isSilent(kind string) bool { return kind == held || kind == stall }

// patient is a client that finds out in a moment that nothing comes back.
func (w *world) patient(kind string) *dream.Client {
	if isSilent(kind) {
		return w.client(dream.Timeout(2*time.Second), dream.Retries(10))
	}
	return w.client()
}

// Whatever happens to requests and answers on their way, a call counts once, and the caller is told so.
func countsOnce(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client()
	eve := newCustomer(t, c, "pro")
	want := int64(0)
	for _, f := range []fault{
		{Kind: lost}, {Kind: lost, Times: 3}, {Kind: cut}, {Kind: held}, {Kind: stall}, {Kind: drop, Times: 2}, {Kind: answer, Status: 503},
		{Kind: answer, Status: 503, RetryAfter: 1}, {Kind: answer, Status: 429, RetryAfter: 1}, {Kind: answer, Status: 502}, {Kind: answer, Status: 500},
	} {
		w.proxy.take(t)
		f.Request, f.Times = "POST /api/data", max(1, f.Times)
		w.proxy.arm(f)
		began := time.Now()
		want += 3
		usage, err := w.patient(f.Kind).Track(ctx, eve.ID, dream.Quantity(3))
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		equal(t, f.Kind+": count in the answer", usage.Count, want)
		equal(t, f.Kind+": count", w.counted(t, eve.ID), want)
		log := w.proxy.take(t)
		keys := map[string]bool{}
		tries := 0
		for _, s := range log {
			if s.Request == f.Request {
				keys[s.Key] = true
				tries++
			}
		}
		if tries < f.Times+1 || tries > f.Times+1 && !isSilent(f.Kind) {
			t.Errorf("%+v: %d tries", f, tries)
		}
		if len(keys) != 1 || keys[""] {
			t.Errorf("%+v: the tries have the keys %v", f, keys)
		}
		if acted := f.Kind == lost || f.Kind == cut || f.Kind == held; usage.Replayed != acted && !isSilent(f.Kind) {
			t.Errorf("%+v: whether the first answer came again: %v", f, usage.Replayed)
		}
		if took := time.Since(began); took < time.Duration(f.RetryAfter)*time.Second {
			t.Errorf("%+v: tried again after %v", f, took)
		}
	}

	// When it has failed often enough, the error says that it may have been counted, and by which key to find out.
	w.proxy.arm(fault{Request: "POST /api/data", Kind: lost, Times: 100}) // net/http itself repeats some
	_, err := c.Track(ctx, eve.ID)
	w.proxy.forget()
	var gone *dream.ConnectionError
	if !errors.As(err, &gone) || !gone.MayHaveHappened || gone.IdempotencyKey == "" {
		t.Fatalf("after many lost answers: %v", err)
	}
	usage, err := c.Track(ctx, eve.ID, gone.IdempotencyKey)
	must(t, err)
	if !usage.Replayed || usage.Count != want+1 || w.counted(t, eve.ID) != want+1 {
		t.Errorf("with its key it is %+v", usage)
	}
	w.proxy.arm(fault{Request: "POST /api/data", Kind: answer, Status: 503, Times: 4})
	_, err = c.Track(ctx, eve.ID)
	var failed *dream.ServerError
	if !errors.As(err, &failed) || failed.IdempotencyKey == "" || w.counted(t, eve.ID) != want+1 {
		t.Errorf("after four times 503: %v", err)
	}
	w.proxy.take(t)

	// A longer wait than one would make is the caller's.
	w.proxy.arm(fault{Request: "POST /api/data", Kind: answer, Status: 429, RetryAfter: 60})
	_, err = c.Track(ctx, eve.ID)
	var rate *dream.RateLimitError
	if !errors.As(err, &rate) || rate.RetryAfter != time.Minute {
		t.Errorf("a wait of a minute: %v", err)
	}
	equal(t, "tries", len(w.proxy.take(t)), 1)

	// Likewise everything else that the API does once for its key.
	w.proxy.arm(fault{Request: "POST /api/customers", Kind: lost, Times: 2})
	made, err := c.Customers.Create(ctx, dream.NewCustomer{Email: "once@example.com"})
	must(t, err)
	equal(t, "the customer whose answers were lost is a repetition", made.Replayed, true)
	w.proxy.arm(fault{Request: "POST /api/grants", Kind: cut})
	granted, err := c.Grant(ctx, dream.NewGrant{UserID: made.ID, Quantity: 5, Expires: dream.UntilUsed})
	must(t, err)
	equal(t, "units granted", granted.Usage.Extra, 5)
	w.proxy.arm(fault{Request: "POST /api/create-checkout", Kind: lost})
	_, err = c.Checkout(ctx, made.ID, "pro")
	must(t, err)
	w.proxy.arm(fault{Request: "GET /api/usage", Kind: lost})
	_, err = c.Usage(ctx, made.ID)
	must(t, err)
	w.proxy.take(t)
}

// What the API has no key for is not sent again once it may have arrived.
func repeatsNothingElse(t *testing.T, w *world) {
	ctx, c := t.Context(), w.client()
	eve := newCustomer(t, c, "free")
	patch, del := "PATCH /api/customers/"+eve.ID, "DELETE /api/customers/"+eve.ID
	name := "Eve"
	for _, f := range []fault{{Kind: lost}, {Kind: held}, {Kind: stall}, {Kind: drop}, {Kind: answer, Status: 503}} {
		w.proxy.take(t)
		f.Request = patch
		w.proxy.arm(f)
		_, err := w.patient(f.Kind).Customers.Update(ctx, eve.ID, dream.CustomerUpdate{FirstName: &name})
		var gone *dream.ConnectionError
		var failed *dream.ServerError
		if (f.Kind != answer && (!errors.As(err, &gone) || !gone.MayHaveHappened)) || (f.Kind == answer && !errors.As(err, &failed)) {
			t.Errorf("%+v: %v", f, err)
		}
		equal(t, f.Kind+": tries", len(w.proxy.take(t)), 1)
	}
	// A refusal because of the rate says that nothing was done.
	w.proxy.arm(fault{Request: patch, Kind: answer, Status: 429, RetryAfter: 1})
	_, err := c.Customers.Update(ctx, eve.ID, dream.CustomerUpdate{FirstName: &name})
	must(t, err)
	equal(t, "tries after 429", len(w.proxy.take(t)), 2)
	w.proxy.arm(fault{Request: del, Kind: lost})
	_, err = c.Customers.Delete(ctx, eve.ID)
	if gone := (*dream.ConnectionError)(nil); !errors.As(err, &gone) || !strings.Contains(err.Error(), "may have been carried out") {
		t.Errorf("a deletion whose answer was lost: %v", err)
	}
	equal(t, "deletions", len(w.proxy.take(t)), 1)
	var missing *dream.NotFoundError
	if _, err := c.Customers.Delete(ctx, eve.ID); !errors.As(err, &missing) {
		t.Errorf("the deletion again: %v", err)
	}
	// What never left may be sent again, whatever it is: nobody listens, and after that somebody does.
	closed := w.client(dream.BaseURL("http://127.0.0.1:1"), dream.Retries(1))
	_, err = closed.Customers.Delete(ctx, "x")
	var gone *dream.ConnectionError
	if !errors.As(err, &gone) || gone.MayHaveHappened {
		t.Errorf("where nobody listens: %v", err)
	}
}

func givesUpInTime(t *testing.T, w *world) {
	c := w.client(dream.Timeout(0), dream.LongestWait(time.Hour))
	eve := newCustomer(t, c, "pro")
	w.proxy.take(t)
	w.proxy.arm(fault{Request: "POST /api/data", Kind: held})
	held, cancel := w.until(t, func(s seen) bool { return s.Passed })
	defer cancel()
	if _, err := c.Track(held, eve.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("after the caller has left: %v", err)
	}
	equal(t, "tries", len(w.proxy.take(t)), 1)
	equal(t, "counted", w.counted(t, eve.ID), 1)

	// There is no waiting after the caller has left, or for what would come after the deadline.
	w.proxy.take(t)
	w.proxy.arm(fault{Request: "POST /api/data", Kind: answer, Status: 503, RetryAfter: 1800})
	waiting, cancel := w.until(t, func(seen) bool { return true })
	defer cancel()
	if _, err := c.Track(waiting, eve.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("after the caller has left while nothing was sent: %v", err)
	}
	w.proxy.take(t)
	w.proxy.arm(fault{Request: "POST /api/data", Kind: answer, Status: 503, RetryAfter: 1800})
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var failed *dream.ServerError
	if _, err := c.Track(soon, eve.ID); !errors.As(err, &failed) || soon.Err() != nil {
		t.Errorf("a wait beyond the deadline: %v", err)
	}
	w.proxy.take(t)
	w.proxy.arm(fault{Request: "POST /api/data", Kind: stall})
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Track(short, eve.ID); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beyond the deadline: %v", err)
	}
	w.proxy.forget()
	equal(t, "counted", w.counted(t, eve.ID), 1)
}

// until is a context that ends when such a request has been at the proxy.
func (w *world) until(t *testing.T, ok func(seen) bool) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for !slices.ContainsFunc(w.proxy.peek(), ok) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		cancel()
	}()
	return ctx, cancel
}

func (p *proxy) peek() []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}
