package dream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is an answer that refuses. Programs go by its Code, which never changes its meaning.
type Error struct {
	Code       Code // empty where the answer is not the API's own, but that of something between
	Title      string
	Message    string // what happened and what to do, for people
	Param      string // the parameter at fault, if it is one
	DocURL     string // where the code is explained
	RequestID  string
	Status     int     // of HTTP
	Faults     []Fault // everything that is wrong with an invalid request
	RetryAfter time.Duration
	// IdempotencyKey is that of the call, if it had one: with it the same call can be made again and is done once.
	IdempotencyKey IdempotencyKey
	// Details are the answer's further fields, such as customerId, as JSON.
	Details map[string]json.RawMessage
}

// APIError is the name by which an Error stands in the errors that are kinds of it.
type APIError = Error

// Fault is one thing that is wrong with a request; Param is a path such as items[3].userId.
type Fault struct {
	Param   string `json:"param"`
	Message string `json:"message"`
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("dream: ")
	if e.Code != "" {
		b.WriteString(string(e.Code) + ": ")
	}
	fmt.Fprintf(&b, "%s (%d", e.Message, e.Status)
	if e.RequestID != "" {
		b.WriteString(", request " + e.RequestID)
	}
	b.WriteString(")")
	return b.String()
}

// TierLimitError says that the quantity does not fit into what the plan grants in this period. Nothing was counted.
type TierLimitError struct {
	*APIError
	Usage Usage // what is used and what is left

	checkout func(ctx context.Context, tier string, options []CheckoutOption) (*Checkout, error)
}

// Unwrap gives errors.As the Error.
func (e *TierLimitError) Unwrap() error { return e.APIError }

// Upgrade makes a checkout of the tier for the user who has met the limit.
func (e *TierLimitError) Upgrade(ctx context.Context, tier string, options ...CheckoutOption) (*Checkout, error) {
	if e.checkout == nil {
		return nil, errors.New("dream: this error is not that of a call, so there is nobody to upgrade")
	}
	return e.checkout(ctx, tier, options)
}

// RateLimitError says that the user, or the platform, makes more calls in a minute than it may; RetryAfter says when it
// may again. Nothing was counted.
type RateLimitError struct{ *APIError }

// Unwrap gives errors.As the Error.
func (e *RateLimitError) Unwrap() error { return e.APIError }

// InvalidRequestError says that something is wrong with the request; Faults say what.
type InvalidRequestError struct{ *APIError }

// Unwrap gives errors.As the Error.
func (e *InvalidRequestError) Unwrap() error { return e.APIError }

// AuthenticationError says that the key or token is wrong, has expired or was revoked.
type AuthenticationError struct{ *APIError }

// Unwrap gives errors.As the Error.
func (e *AuthenticationError) Unwrap() error { return e.APIError }

// PermissionError says that the credentials are good, and do not give the right.
type PermissionError struct{ *APIError }

// Unwrap gives errors.As the Error.
func (e *PermissionError) Unwrap() error { return e.APIError }

// NotFoundError says that there is nothing by this id that the key may see.
type NotFoundError struct{ *APIError }

// Unwrap gives errors.As the Error.
func (e *NotFoundError) Unwrap() error { return e.APIError }

// ConflictError says that the present state stands against the request.
type ConflictError struct {
	*APIError
	CustomerID string // with [CustomerExists]: who it is
}

// Unwrap gives errors.As the Error.
func (e *ConflictError) Unwrap() error { return e.APIError }

// ServerError says that the API, or something that it depends on, failed; RetryAfter may say when to try again. It was
// tried again already.
type ServerError struct{ *APIError }

// Unwrap gives errors.As the Error.
func (e *ServerError) Unwrap() error { return e.APIError }

// ConnectionError says that no answer came: the API was not reached, or its answer was lost. errors.Is finds the cause,
// such as context.DeadlineExceeded.
type ConnectionError struct {
	Err error
	// MayHaveHappened is whether the request may have been carried out all the same.
	MayHaveHappened bool
	// IdempotencyKey is that of the call, if it had one: with it the same call can be made again and is done once.
	IdempotencyKey IdempotencyKey

	sent  bool
	doing string
}

// Error implements error.
func (e *ConnectionError) Error() string {
	text := fmt.Sprintf("dream: %s: no answer: %v", e.doing, e.Err)
	if e.MayHaveHappened {
		text += " (it may have been carried out)"
	}
	return text
}

// Unwrap gives errors.Is the cause.
func (e *ConnectionError) Unwrap() error { return e.Err }

// answerWithError is the form of an error in an answer.
type answerWithError struct {
	Error     string  `json:"error"`
	Message   string  `json:"message"`
	Code      Code    `json:"code"`
	Param     *string `json:"param"`
	RequestID string  `json:"requestId"`
	DocURL    string  `json:"docUrl"`
	Errors    []Fault `json:"errors"`
}

// errorOf is the error of an answer that refuses.
func errorOf(answer *http.Response, text []byte, r request) error {
	e := parseError(text, answer.StatusCode)
	if e.RequestID == "" {
		e.RequestID = answer.Header.Get("X-Request-Id")
	}
	e.RetryAfter, e.IdempotencyKey = retryAfter(answer.Header), r.key
	return typed(e)
}

// parseError reads the body of an answer that refuses.
func parseError(text []byte, status int) *Error {
	var in answerWithError
	e := &Error{Status: status}
	if json.Unmarshal(text, &in) != nil || in.Code == "" {
		e.Title, e.Message = http.StatusText(status), "The answer is not dream-api's: something between may have made it. Is the address right?"
		return e
	}
	e.Code, e.Title, e.Message, e.DocURL, e.RequestID, e.Faults = in.Code, in.Error, in.Message, in.DocURL, in.RequestID, in.Errors
	if in.Param != nil {
		e.Param = *in.Param
	}
	_ = json.Unmarshal(text, &e.Details) // it is an object, as was seen
	for _, known := range []string{"error", "message", "code", "param", "requestId", "docUrl", "errors"} {
		delete(e.Details, known)
	}
	return e
}

// typed is the error as the type of its kind.
func typed(e *Error) error {
	switch {
	case e.Code == TierLimitReached:
		limit := &TierLimitError{APIError: e}
		_ = json.Unmarshal(e.Details["usage"], &limit.Usage) // zero where it is missing
		limit.Usage.RequestID = e.RequestID
		return limit
	case e.Status == http.StatusTooManyRequests:
		return &RateLimitError{e}
	case e.Status == http.StatusUnauthorized:
		return &AuthenticationError{e}
	case e.Status == http.StatusForbidden:
		return &PermissionError{e}
	case e.Status == http.StatusNotFound:
		return &NotFoundError{e}
	case e.Status == http.StatusConflict:
		conflict := &ConflictError{APIError: e}
		_ = json.Unmarshal(e.Details["customerId"], &conflict.CustomerID) // empty where it is missing
		return conflict
	case e.Status == http.StatusBadRequest, e.Status == http.StatusUnprocessableEntity, e.Status == http.StatusRequestEntityTooLarge:
		return &InvalidRequestError{e}
	case e.Status >= http.StatusInternalServerError:
		return &ServerError{e}
	}
	return e
}
