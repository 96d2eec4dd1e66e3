package server

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

const mostItems = 1000

func (s *Server) track(c echo.Context) error {
	var in struct {
		Meter    string `json:"meter"`
		Quantity *int64 `json:"quantity"`
	}
	body, err := decode(c, &in, true)
	if err != nil {
		return err
	}
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	user := userOf(c)
	outcome, err := s.usage.Track(c.Request().Context(), usage.Call{
		User: user, Meter: in.Meter, Quantity: orDefault(in.Quantity, 1),
	}, idempotency.Request{Route: "POST /api/data", User: user.ID, Key: key, Body: append(body, user.Plan...)})
	rateHeaders(c, outcome.Rate)
	if err != nil {
		return err
	}
	markReplayed(c, outcome.Replayed)
	if outcome.Refused {
		return tierLimitReached(outcome.Usage)
	}
	return c.JSON(http.StatusOK, object{{"success", true}, {"usage", outcome.Usage}})
}

// trackBatch answers each item as a call of its own would be. An item's id is its idempotency key, so a batch can be
// sent again as it is.
func (s *Server) trackBatch(c echo.Context) error {
	type item struct {
		ID       string `json:"id"`
		UserID   string `json:"userId"`
		Plan     string `json:"plan"`
		Meter    string `json:"meter"`
		Quantity *int64 `json:"quantity"`
	}
	var in struct {
		Items []item `json:"items"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	if err := noIdempotencyKey(c, "the id of each item is its key"); err != nil {
		return err
	}
	var faults []errs.Fault
	if len(in.Items) == 0 || len(in.Items) > mostItems {
		faults = append(faults, errs.Fault{Param: "items", Message: fmt.Sprintf("items holds 1 to %d items.", mostItems)})
	}
	for i, it := range in.Items {
		if it.ID == "" || len(it.ID) > idempotency.Longest {
			faults = append(faults, errs.Fault{Param: fmt.Sprintf("items[%d].id", i), Message: fmt.Sprintf(
				"items[%d].id has 1 to %d bytes; it keeps the item from counting twice.", i, idempotency.Longest)})
		}
		if !tenant.ValidUserID(it.UserID) {
			faults = append(faults, errs.Fault{Param: fmt.Sprintf("items[%d].userId", i), Message: fmt.Sprintf(
				"items[%d].userId has 1 to 128 letters, digits and _ . : @ | -", i)})
		}
	}
	if err := errs.Invalid(faults); err != nil {
		return err
	}

	results := make([]object, len(in.Items))
	var tightest *usage.Rate
	for i, it := range in.Items {
		body, err := json.Marshal(it)
		if err != nil {
			return err
		}
		outcome, err := s.usage.Track(c.Request().Context(), usage.Call{
			User:  usage.User{Platform: callerOf(c).Platform, ID: it.UserID, Plan: it.Plan},
			Meter: it.Meter, Quantity: orDefault(it.Quantity, 1),
		}, idempotency.Request{Route: "POST /api/data/batch", User: it.UserID, Key: it.ID, Body: body})
		if outcome.Rate.Limit > 0 && (tightest == nil || outcome.Rate.Remaining < tightest.Remaining) {
			tightest = &outcome.Rate
		}
		if err == nil && outcome.Refused {
			err = tierLimitReached(outcome.Usage)
		}
		results[i] = s.itemResult(c, it.ID, outcome, err)
	}
	if tightest != nil {
		rateHeaders(c, *tightest)
	}
	return c.JSON(http.StatusOK, object{{"results", results}})
}

// itemResult is the body that the item would have got as a call of its own, behind its id and status.
func (s *Server) itemResult(c echo.Context, itemID string, outcome usage.Outcome, err error) object {
	status := http.StatusOK
	rest := object{{"usage", outcome.Usage}}
	if err != nil {
		e := asError(err)
		status, rest = statuses[e.Code], s.errorBody(e, requestID(c))
		if status >= 500 {
			s.log.WarnContext(c.Request().Context(), "an item of a batch failed", "requestId", requestID(c), "error", err)
		}
	}
	head := object{{"id", itemID}, {"status", status}, {"success", err == nil}, {"replayed", outcome.Replayed}}
	return append(head, rest...)
}

func (s *Server) getUsage(c echo.Context) error {
	user := userOf(c)
	report, err := s.usage.Of(c.Request().Context(), user)
	if err != nil {
		return err
	}
	rateHeaders(c, report.Rate)
	main := report.Meters[tenant.DefaultMeter]
	return c.JSON(http.StatusOK, object{
		{"userId", user.ID}, {"plan", report.Plan}, {"usageCount", main.Count}, {"limit", main.Limit},
		{"remaining", main.Remaining}, {"periodStart", main.PeriodStart}, {"periodEnd", main.PeriodEnd},
		{"meters", report.Meters},
	})
}

// userOf is whom the call is for. A user's own token never states a plan.
func userOf(c echo.Context) usage.User {
	caller := callerOf(c)
	user := usage.User{Platform: caller.Platform, ID: caller.UserID}
	if caller.Backend {
		user.Plan = c.Request().Header.Get("X-User-Plan")
	}
	return user
}

func tierLimitReached(u usage.Usage) error {
	return errs.New(errs.TierLimitReached, "Please upgrade to unlock more %s", u.Meter).With("usage", u)
}

// rateHeaders tells the client how many calls are left, in the form of the IETF's draft on RateLimit header fields.
func rateHeaders(c echo.Context, r usage.Rate) {
	if r.Limit == 0 { // the call failed before its rate was known
		return
	}
	h := c.Response().Header()
	h.Set("RateLimit-Policy", fmt.Sprintf(`"user";q=%d;w=60`, r.Limit))
	h.Set("RateLimit", fmt.Sprintf(`"user";r=%d;t=%d`, r.Remaining, r.Reset))
}

func orDefault[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}
