package dream

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Meta is what is known of the answer in which a result came.
type Meta struct {
	RequestID string // by which we find the request in our log
	// Replayed is whether the API had done this before, for the same idempotency key, and gave its first answer again.
	Replayed bool
}

// IdempotencyKey has a call done once: whoever makes the same call with the same key within a day gets the first answer.
// Each call has a random one anyway, which its own tries share; give one to repeat a call later, or from another process.
// It has 1 to 255 visible ASCII characters.
type IdempotencyKey string

// request is a call in the making.
type request struct {
	method, path string
	query        url.Values
	body         any    // sent as JSON; nil: none
	user, plan   string // the headers X-User-Id and X-User-Plan
	token        string // of a user, in the place of the client's own key
	key          IdempotencyKey
	once         bool // the API takes an idempotency key, and so the call may be repeated
	repeatable   bool // it may be repeated without one
	problem      error
}

// post is a request that the API does once for its key.
func post(path string, body any) request {
	return request{method: http.MethodPost, path: path, body: body, once: true}
}

// path joins the parts of an address. An id is neither empty nor a dot: it would name something else, and deleting that
// would be another deed.
func path(parts ...string) (string, error) {
	var b strings.Builder
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "", fmt.Errorf("dream: %q is no id", part)
		}
		b.WriteString("/" + url.PathEscape(part))
	}
	return b.String(), nil
}

// do makes a call, again where it failed in passing, and decodes the answer.
func (c *Client) do(ctx context.Context, r request, out any) (Meta, error) {
	if err := errors.Join(c.broken, r.problem); err != nil {
		return Meta{}, err
	}
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return Meta{}, fmt.Errorf("dream: %w", err)
		}
	}
	if r.once && r.key == "" {
		r.key = IdempotencyKey(rand.Text())
	}
	repeatable := r.repeatable || r.once || r.method == http.MethodGet
	for try := 0; ; try++ {
		meta, err := c.try(ctx, r, body, out)
		if err == nil {
			return meta, nil
		}
		wait, again := c.waitAfter(err, try, repeatable)
		if end, ok := ctx.Deadline(); ok && time.Until(end) < wait {
			again = false // there is no time for it
		}
		if !again {
			return meta, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			if !errors.Is(err, ctx.Err()) { // the caller left after the answer
				err = errors.Join(ctx.Err(), err)
			}
			return meta, err
		}
	}
}

const longestAnswer = 64 << 20

// try sends the request once.
func (c *Client) try(ctx context.Context, r request, body []byte, out any) (Meta, error) {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	req, err := c.request(ctx, r, body)
	if err != nil {
		return Meta{}, err
	}
	lost := func(err error) error {
		return &ConnectionError{
			Err: err, MayHaveHappened: sent.Load() && r.method != http.MethodGet, IdempotencyKey: r.key, sent: sent.Load(),
			doing: r.method + " " + r.path,
		}
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return Meta{}, lost(plainly(err))
	}
	defer func() { _ = answer.Body.Close() }()
	meta := Meta{RequestID: answer.Header.Get("X-Request-Id"), Replayed: answer.Header.Get("Idempotent-Replayed") == "true"}
	text, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
	if answer.StatusCode >= 300 {
		return meta, errorOf(answer, text, r)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil { // it was done, and what came of it is not known
		return meta, lost(fmt.Errorf("the answer did not arrive whole: %w", err))
	}
	return meta, nil
}

func (c *Client) request(ctx context.Context, r request, body []byte) (*http.Request, error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("dream: %w", err)
	}
	h := req.Header
	h.Set("User-Agent", c.agent)
	h.Set("Accept", "application/json")
	if body != nil {
		h.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		h.Set("Authorization", "Bearer "+r.token)
	} else {
		c.authorize(h)
	}
	for name, value := range map[string]string{"X-User-Id": r.user, "X-User-Plan": r.plan, "Idempotency-Key": string(r.key)} {
		if value != "" {
			h.Set(name, value)
		}
	}
	return req, nil
}

// plainly is the error without the address: the caller knows it, and it is only noise in a log.
func plainly(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
