package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage"
)

const mostItems = 1000

func (s *Server) track(c echo.Context) error {
	var in struct {
		Meter    meterName `json:"meter"`
		Quantity *int64    `json:"quantity"`
	}
	raw, err := decode(c, &in, true)
	if err != nil {
		return err
	}
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	caller, stated := callerOf(c), statedPlan(c)
	call := usage.Call{
		Meter: string(in.Meter), Quantity: orDefault(in.Quantity, 1), GivesBack: caller.Backend,
		Receipt: usage.ReceiptOf(s.keeper, idempotency.Request{
			Route: "POST /api/data", User: caller.UserID, Key: key, Body: raw,
		}),
	}
	var outcomes [1]usage.Outcome
	var failed [1]error
	s.count(c, []usage.Call{call}, []subject{{caller.UserID, stated}}, outcomes[:], failed[:])
	outcome, err := outcomes[0], failed[0]
	rateHeaders(c, outcome)
	if err != nil {
		return ofHeader(err)
	}
	markReplayed(c, outcome.Replayed)
	if outcome.Refused {
		return tierLimitReached(outcome.Usage)
	}
	body := append(make([]byte, 0, 256), `{"success":true,"usage":`...)
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, append(appendUsage(body, outcome.Usage), "}\n"...))
}

// appendUsage is the JSON form of a usage. It is written out because every tracked call answers with one; a test holds it
// to what encoding/json makes.
func appendUsage(b []byte, u usage.Usage) []byte {
	count := func(name string, n *int64) {
		b = append(append(b, name...), "null"...)
		if n != nil {
			b = strconv.AppendInt(b[:len(b)-len("null")], *n, 10)
		}
	}
	moment := func(name string, t *time.Time) {
		b = append(append(b, name...), "null"...)
		if t != nil {
			b = append(t.AppendFormat(append(b[:len(b)-len("null")], '"'), time.RFC3339Nano), '"')
		}
	}
	count(`{"count":`, &u.Count)
	count(`,"limit":`, u.Limit)
	count(`,"remaining":`, u.Remaining)
	// The names of tiers and meters need no quoting; see tenant's form for names.
	b = append(append(append(b, `,"plan":"`...), u.Plan...), `","meter":"`...)
	b = append(append(append(b, u.Meter...), `","period":"`...), u.Period...)
	moment(`","periodStart":`, u.PeriodStart)
	moment(`,"periodEnd":`, u.PeriodEnd)
	if u.Extra != 0 {
		count(`,"extra":`, &u.Extra)
	}
	return append(b, '}')
}

// subject is whose usage a call is, and what plan the developer says of one who is no customer of ours.
type subject struct{ userID, plan string }

// resolveAtOnce is how many entitlements of one request are read at once.
const resolveAtOnce = 8

// count counts calls of the caller's platform. What turns out to have been judged by something that has changed since is
// judged again, as often as it takes within the time of the request.
func (s *Server) count(c echo.Context, calls []usage.Call, subjects []subject, outcomes []usage.Outcome, failed []error) {
	caller := callerOf(c)
	left := make([]int, len(calls))
	for i := range calls {
		left[i] = i
	}
	for again := false; ; again = true {
		s.entitle(c.Request().Context(), caller, again, left, calls, subjects, failed)
		batch, places, stale := make([]usage.Call, 0, len(left)), make([]int, 0, len(left)), []int(nil)
		for _, i := range left {
			switch {
			case failed[i] != nil:
			case caller.IsOlderThan(calls[i].Entitlement):
				failed[i], stale = usage.ErrStale, append(stale, i)
			default:
				calls[i].Until = caller.Until
				batch, places = append(batch, calls[i]), append(places, i)
			}
		}
		done, errs := s.usage.TrackAll(batch)
		for n, i := range places {
			outcomes[i], failed[i] = done[n], errs[n]
			if errors.Is(failed[i], usage.ErrStale) {
				stale = append(stale, i)
			}
		}
		if left = stale; len(left) == 0 {
			return
		}
		var err error
		if caller, err = s.reconsider(c, caller); err != nil {
			for _, i := range left {
				failed[i] = err
			}
			return
		}
	}
}

// entitle finds the entitlements of some of the calls: in memory, unless that was out of date.
func (s *Server) entitle(
	ctx context.Context, caller tenant.Caller, again bool, some []int, calls []usage.Call, subjects []subject, failed []error,
) {
	var unknown []int
	for _, i := range some {
		known := false
		if !again {
			calls[i].Entitlement, known = s.gate.Recall(caller, subjects[i].userID, subjects[i].plan)
		}
		if !known {
			unknown = append(unknown, i)
		}
	}
	if len(unknown) > 0 {
		s.resolve(ctx, caller, unknown, calls, subjects, failed)
	}
}

// resolve finds out the entitlements of some of the calls. In entitle itself its goroutines would have each caller escape to the heap.
func (s *Server) resolve(
	ctx context.Context, caller tenant.Caller, unknown []int, calls []usage.Call, subjects []subject, failed []error,
) {
	var reading errgroup.Group
	reading.SetLimit(resolveAtOnce)
	for _, i := range unknown {
		reading.Go(func() error {
			calls[i].Entitlement, failed[i] = s.gate.Resolve(ctx, caller, subjects[i].userID, subjects[i].plan)
			return nil
		})
	}
	_ = reading.Wait()
}

// reconsider lets the caller in again, by what holds now.
func (s *Server) reconsider(c echo.Context, caller tenant.Caller) (tenant.Caller, error) {
	if err := c.Request().Context().Err(); err != nil {
		return caller, err
	}
	fresh, err := s.gate.Reconsider(c.Request().Context(), caller)
	if err != nil {
		return caller, err
	}
	return fresh, s.admit(c, fresh)
}

// trackBatch answers each item as a call of its own would be. An item's id is its idempotency key, so a batch can be
// sent again as it is.
func (s *Server) trackBatch(c echo.Context) error {
	type item struct {
		ID       string    `json:"id"`
		UserID   string    `json:"userId"`
		Plan     string    `json:"plan"`
		Meter    meterName `json:"meter"`
		Quantity *int64    `json:"quantity"`
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

	calls, subjects := make([]usage.Call, len(in.Items)), make([]subject, len(in.Items))
	for i, it := range in.Items {
		body, err := json.Marshal(it)
		if err != nil {
			return err
		}
		calls[i] = usage.Call{
			Meter: string(it.Meter), Quantity: orDefault(it.Quantity, 1), GivesBack: true,
			Receipt: usage.ReceiptOf(s.keeper, idempotency.Request{
				Route: "POST /api/data/batch", User: it.UserID, Key: it.ID, Body: body,
			}),
		}
		subjects[i] = subject{it.UserID, it.Plan}
	}
	outcomes, failed := make([]usage.Outcome, len(calls)), make([]error, len(calls))
	s.count(c, calls, subjects, outcomes, failed)
	body := []byte(`{"results":[`)
	var tightest *usage.Outcome
	for i, it := range in.Items {
		outcome, err := outcomes[i], failed[i]
		if outcome.Rate.Limit > 0 && (tightest == nil || outcome.Rate.Remaining < tightest.Rate.Remaining) {
			tightest = &outcomes[i]
		}
		if err == nil && outcome.Refused {
			err = tierLimitReached(outcome.Usage)
		}
		if i > 0 {
			body = append(body, ',')
		}
		if body, err = s.appendResult(body, c, it.ID, outcome, err); err != nil {
			return err
		}
	}
	if tightest != nil {
		rateHeaders(c, *tightest)
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, append(body, "]}\n"...))
}

// appendResult appends the body that the item would have got as a call of its own, behind its id and status.
func (s *Server) appendResult(b []byte, c echo.Context, itemID string, outcome usage.Outcome, failed error) ([]byte, error) {
	quoted, err := json.Marshal(itemID)
	if err != nil {
		return nil, err
	}
	if failed == nil {
		b = append(append(append(b, `{"id":`...), quoted...), `,"status":200,"success":true,"replayed":`...)
		b = append(strconv.AppendBool(b, outcome.Replayed), `,"usage":`...)
		return append(appendUsage(b, outcome.Usage), '}'), nil
	}
	e := asError(failed)
	if statuses[e.Code] >= 500 {
		s.log.WarnContext(c.Request().Context(), "an item of a batch failed", "requestId", requestID(c), "error", failed)
	}
	head := object{{"id", itemID}, {"status", statuses[e.Code]}, {"success", false}, {"replayed", outcome.Replayed}}
	var out bytes.Buffer
	if err := encodePlain(&out, append(head, s.errorBody(e, requestID(c))...)); err != nil {
		return nil, err
	}
	return append(b, bytes.TrimSpace(out.Bytes())...), nil
}

func (s *Server) getUsage(c echo.Context) error {
	caller := callerOf(c)
	report, err := s.usageReader.Of(c.Request().Context(), caller.Platform, caller.UserID, statedPlan(c))
	if err != nil {
		return ofHeader(err)
	}
	rateHeaders(c, usage.Outcome{Rate: report.Rate, PlatformRate: report.PlatformRate})
	main := report.Meters[tenant.DefaultMeter]
	return c.JSON(http.StatusOK, object{
		{"userId", caller.UserID}, {"plan", report.Plan}, {"usageCount", main.Count}, {"limit", main.Limit},
		{"remaining", main.Remaining}, {"periodStart", main.PeriodStart}, {"periodEnd", main.PeriodEnd},
		{"meters", report.Meters},
	})
}

// statedPlan is the X-User-Plan. A user's own token never states a plan.
func statedPlan(c echo.Context) string {
	if !callerOf(c).Backend {
		return ""
	}
	return c.Request().Header.Get("X-User-Plan")
}

// ofHeader makes the error of a plan that came as a header one of that header.
func ofHeader(err error) error {
	var e *errs.Error
	if errors.As(err, &e) && e.Code == errs.UnknownPlan && e.Param != "" {
		e.Param = "X-User-Plan"
	}
	return err
}

// meterName is the name of a meter in a body: left away or null it is that of requests, but an empty text is a mistake.
type meterName string

// UnmarshalJSON implements json.Unmarshaler.
func (m *meterName) UnmarshalJSON(raw []byte) error {
	switch {
	case string(raw) == "null":
		return nil
	case raw[0] != '"':
		return errors.New("is a text")
	}
	if *m = meterName(unquote(raw)); *m == "" {
		return errors.New("is empty; leave it away to count requests")
	}
	return nil
}

func tierLimitReached(u usage.Usage) error {
	return errs.New(errs.TierLimitReached, "Please upgrade to unlock more %s", u.Meter).With("usage", u)
}

// rateHeaders tells the client how many calls are left, in the form of the IETF's draft on RateLimit header fields.
func rateHeaders(c echo.Context, o usage.Outcome) {
	if o.Rate.Limit == 0 { // the call failed before its rate was known
		return
	}
	var rooms [2][128]byte
	policy, left := appendRate(rooms[0][:0], rooms[1][:0], `"user"`, o.Rate)
	if all := o.PlatformRate; all != nil {
		policy, left = appendRate(append(policy, ", "...), append(left, ", "...), `"platform"`, *all)
	}
	values := []string{string(policy), string(left)}
	h := c.Response().Header()
	h["Ratelimit-Policy"], h["Ratelimit"] = values[:1:1], values[1:]
}

// appendRate is written out because each tracked call has one.
func appendRate(policy, left []byte, whose string, r usage.Rate) (_, _ []byte) {
	policy = strconv.AppendInt(append(append(policy, whose...), ";q="...), int64(r.Limit), 10)
	left = strconv.AppendInt(append(append(left, whose...), ";r="...), int64(r.Remaining), 10)
	left = strconv.AppendInt(append(left, ";t="...), int64(r.Reset), 10)
	return append(policy, ";w=60"...), left
}

func orDefault[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}
