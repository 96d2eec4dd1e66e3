package dream

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	firstWait  = 250 * time.Millisecond
	steepest   = 6 // doublings
	mostJitter = 4 // a fourth is added at the most to what the API asked to wait
)

// waitAfter says whether a call is tried again after a failure, and when. What may have happened is repeated only where
// the API does it once, or where doing it again changes nothing.
func (c *Client) waitAfter(err error, try int, repeatable bool) (time.Duration, bool) {
	if try >= c.retries {
		return 0, false
	}
	backoff := firstWait << min(try, steepest)
	backoff = min(backoff/2+rand.N(backoff/2), c.longest) //nolint:gosec // it spreads load, and keeps no secret
	var lost *ConnectionError
	if errors.As(err, &lost) {
		return backoff, repeatable || !lost.sent
	}
	var refused *Error
	if !errors.As(err, &refused) || !refused.inPassing(repeatable) {
		return 0, false
	}
	if refused.RetryAfter == 0 {
		return backoff, true
	}
	if refused.RetryAfter > c.longest {
		return 0, false
	}
	return refused.RetryAfter + rand.N(refused.RetryAfter/mostJitter+1), true //nolint:gosec // likewise
}

// inPassing is whether the same call may be answered better in a while.
func (e *Error) inPassing(repeatable bool) bool {
	switch e.Status {
	case http.StatusTooManyRequests: // nothing was done
		return true
	case http.StatusConflict:
		return e.Code == IdempotencyBusy && repeatable
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return repeatable
	}
	return false
}

// retryAfter reads the header, which holds seconds or a date.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 && seconds < 1e9 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
