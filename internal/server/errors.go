package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
)

// statuses is what HTTP makes of each code.
var statuses = map[errs.Code]int{
	errs.InvalidJSON:         http.StatusBadRequest,
	errs.InvalidRequest:      http.StatusBadRequest,
	errs.UnknownPlan:         http.StatusBadRequest,
	errs.UnknownMeter:        http.StatusBadRequest,
	errs.PasswordRefused:     http.StatusBadRequest,
	errs.Unauthenticated:     http.StatusUnauthorized,
	errs.InvalidCredentials:  http.StatusUnauthorized,
	errs.InvalidSignature:    http.StatusUnauthorized,
	errs.TierLimitReached:    http.StatusPaymentRequired,
	errs.Forbidden:           http.StatusForbidden,
	errs.OriginNotAllowed:    http.StatusForbidden,
	errs.NotFound:            http.StatusNotFound,
	errs.MethodNotAllowed:    http.StatusMethodNotAllowed,
	errs.Conflict:            http.StatusConflict,
	errs.CustomerExists:      http.StatusConflict,
	errs.SubscriptionLives:   http.StatusConflict,
	errs.IdempotencyBusy:     http.StatusConflict,
	errs.PlatformSuspended:   http.StatusForbidden,
	errs.NoAccount:           http.StatusForbidden,
	errs.SignUpClosed:        http.StatusForbidden,
	errs.InvitationRefused:   http.StatusForbidden,
	errs.EmailNotAllowed:     http.StatusForbidden,
	errs.EmailNotVerified:    http.StatusForbidden,
	errs.RedirectRefused:     http.StatusBadRequest,
	errs.PlanRequired:        http.StatusPaymentRequired,
	errs.NotConnected:        http.StatusConflict,
	errs.CallsUsedUp:         http.StatusPaymentRequired,
	errs.TooLarge:            http.StatusRequestEntityTooLarge,
	errs.MisdirectedRequest:  http.StatusMisdirectedRequest,
	errs.IdempotencyMismatch: http.StatusUnprocessableEntity,
	errs.RateLimited:         http.StatusTooManyRequests,
	errs.TestCallsUsedUp:     http.StatusForbidden,
	errs.Internal:            http.StatusInternalServerError,
	errs.UpstreamFailed:      http.StatusBadGateway,
	errs.Unavailable:         http.StatusServiceUnavailable,
}

// asError makes an *errs.Error of whatever a handler returned. What it does not know is internal: the user gets a
// request id and nothing else.
func asError(err error) *errs.Error {
	var ours *errs.Error
	var fromEcho *echo.HTTPError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &tooLarge):
		return errs.New(errs.TooLarge, "The body is larger than %d bytes.", tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF):
		return errs.New(errs.InvalidJSON, "The body did not arrive whole.").Because(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return errs.New(errs.Unavailable, "The request took too long and was given up. Try again in a moment.").
			Because(err).After(time.Second)
	case errors.As(err, &fromEcho) && fromEcho.Code == http.StatusNotFound:
		return errs.New(errs.NotFound, "There is nothing at this address.")
	case errors.As(err, &fromEcho) && fromEcho.Code == http.StatusMethodNotAllowed:
		return errs.New(errs.MethodNotAllowed, "The address exists and does not take this method; the Allow header lists "+
			"those it takes.")
	default:
		return errs.New(errs.Internal, "Something is broken on our side. It is in our log under the requestId.").Because(err)
	}
}

// errorBody is the one shape of an error: the two fields that the first clients know come first.
func (s *Server) errorBody(e *errs.Error, requestID string) object {
	var param *string
	if e.Param != "" {
		param = &e.Param
	}
	body := object{
		{"error", e.Code.Title()},
		{"message", e.Message},
		{"code", e.Code},
		{"param", param},
		{"requestId", requestID},
		{"docUrl", s.cfg.CustomerURL.String() + "/docs/errors/" + string(e.Code)},
	}
	if len(e.Faults) > 0 {
		body = append(body, member{"errors", e.Faults})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Details)) {
		body = append(body, member{name, e.Details[name]})
	}
	return body
}

// retryAfter tells a program when trying again may help.
func retryAfter(c echo.Context, e *errs.Error) {
	if e.RetryAfter > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds())))))
	}
}

// respondError is the one place that writes an error.
func (s *Server) respondError(err error, c echo.Context) {
	e := asError(err)
	status := statuses[e.Code]
	if status >= 500 {
		level := slog.LevelError
		if status == http.StatusServiceUnavailable {
			level = slog.LevelWarn
		}
		s.log.Log(c.Request().Context(), level, "a request failed", "requestId", requestID(c), "error", err)
	}
	if c.Response().Committed {
		return
	}
	header := c.Response().Header()
	retryAfter(c, e)
	if status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="dream-api"`)
	}
	if wantsHTML(c) {
		err = s.page(c, status, "error.html", map[string]any{
			"Title": e.Code.Title(), "Message": e.Message, "RequestID": requestID(c),
		})
	} else {
		err = c.JSON(status, s.errorBody(e, requestID(c)))
	}
	if err != nil {
		s.log.WarnContext(c.Request().Context(), "an error could not be written", "requestId", requestID(c), "error", err)
	}
}
