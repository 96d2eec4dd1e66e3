package dream

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
)

// LimitOption is an option of [WithLimit]: [Quantity], [Meter], [Plan] or [OnRefusal].
type LimitOption interface{ limit(*limiter) }

type limiter struct {
	options []TrackOption
	refuse  OnRefusal
}

func (q Quantity) limit(l *limiter) { l.options = append(l.options, q) }
func (m Meter) limit(l *limiter)    { l.options = append(l.options, m) }
func (p Plan) limit(l *limiter)     { l.options = append(l.options, p) }

// OnRefusal answers a request that is not let through, in the place of the usual JSON. The error is a [TierLimitError], a
// [RateLimitError], [ErrNoUser], or says that it could not be counted.
type OnRefusal func(w http.ResponseWriter, r *http.Request, err error)

func (f OnRefusal) limit(l *limiter) { l.refuse = f }

// ErrNoUser says that a request is nobody's, so that it can not be counted.
var ErrNoUser = errors.New("dream: the request is no user's")

// WithLimit counts each request for the user whose it is, before the handler sees it, and lets it through while the user's
// plan grants it. Beyond it the answer is 402, or 429 with Retry-After; without a user (an empty id) 401. Where it can not
// be counted, the answer is 503, and slog says why: what is not counted is not let through.
//
//	mux.Handle("POST /generate", dream.WithLimit(client, userOf)(generate))
func WithLimit(client *Client, user func(*http.Request) string, options ...LimitOption) func(http.Handler) http.Handler {
	l := limiter{refuse: refuse}
	for _, o := range options {
		o.limit(&l)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := user(r)
			if id == "" {
				l.refuse(w, r, ErrNoUser)
				return
			}
			usage, err := client.Track(r.Context(), id, l.options...)
			if err != nil {
				l.refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), usageKey{}, usage)))
		})
	}
}

type usageKey struct{}

// UsageOf is the usage after a request was counted by [WithLimit]; nil elsewhere.
func UsageOf(ctx context.Context) *Usage {
	usage, _ := ctx.Value(usageKey{}).(*Usage)
	return usage
}

// refusal is the usual answer to a request that is not let through.
type refusal struct {
	Error     string `json:"error"`
	Message   string `json:"message"`
	Code      Code   `json:"code"`
	RequestID string `json:"requestId,omitempty"`
	Usage     *Usage `json:"usage,omitempty"`
}

// refuse answers an end user, whom our keys and addresses do not concern: what is not about the user is only "unavailable".
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, body := http.StatusServiceUnavailable, refusal{
		Error: "Temporarily unavailable", Message: "This does not work right now. Try again in a moment.", Code: Unavailable,
	}
	var refused *Error
	var tier *TierLimitError
	var rate *RateLimitError
	switch {
	case errors.As(err, &tier):
		status, body = tier.Status, refusal{tier.Title, tier.Message, tier.Code, tier.RequestID, &tier.Usage}
	case errors.As(err, &rate):
		status, body = rate.Status, refusal{rate.Title, rate.Message, rate.Code, rate.RequestID, nil}
	case errors.Is(err, ErrNoUser):
		status, body = http.StatusUnauthorized, refusal{Error: "Credentials missing", Message: "Sign in first.", Code: Unauthenticated}
	default:
		slog.WarnContext(r.Context(), "dream: a request could not be counted, and was refused", "error", err)
	}
	if errors.As(err, &refused) && refused.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(refused.RetryAfter.Seconds()))))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // if the client is gone, nobody waits for it
}
