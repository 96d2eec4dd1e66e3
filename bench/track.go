package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
)

// track is POST /api/data: what the program's own handler does, but for the counting.
func (s *surface) track(c echo.Context) error {
	scheme, token, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ")
	key, ok := id.ParseKey(strings.TrimSpace(token))
	if !ok || !strings.EqualFold(scheme, "Bearer") || key.Kind != id.Secret {
		return echo.ErrUnauthorized
	}
	user := c.Request().Header.Get("X-User-Id")
	if !validUser(user) || c.Request().Header.Get("X-User-Plan") != plan {
		return echo.ErrBadRequest
	}
	meter, quantity, err := decode(c.Request().Body)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	result, err := s.count(c.Request().Context(), wanted{key, user, meter, quantity})
	switch {
	case errors.Is(err, errUnknownKey):
		return echo.ErrUnauthorized
	case err != nil:
		return err
	case result.calls > result.rate:
		return echo.ErrTooManyRequests
	case result.refused:
		return echo.ErrPaymentRequired
	}
	reset := 60 - result.at.Second()
	h := c.Response().Header()
	h.Set("RateLimit-Policy", fmt.Sprintf(`"user";q=%d;w=60`, result.rate))
	h.Set("RateLimit", fmt.Sprintf(`"user";r=%d;t=%d`, result.rate-result.calls, reset))
	return respond(c, meter, result)
}

func validUser(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@|-"
	return text != "" && len(text) <= 128 && strings.Trim(text, letters) == ""
}

// decode reads a body strictly: no field is unknown or given twice.
func decode(from io.Reader) (meter string, quantity int64, err error) {
	meter, quantity = "requests", 1
	text, err := io.ReadAll(from)
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return meter, quantity, err
	}
	if !json.Valid(text) {
		return "", 0, errors.New("the body is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return "", 0, errors.New("the body is not an object")
	}
	fields := map[string]any{"meter": &meter, "quantity": &quantity}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return "", 0, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return "", 0, err
		}
		field, ok := fields[name.(string)]
		if !ok {
			return "", 0, fmt.Errorf("%s is unknown or given twice", name)
		}
		delete(fields, name.(string))
		if err := json.Unmarshal(value, field); err != nil {
			return "", 0, err
		}
	}
	return meter, quantity, nil
}

// answer is the body of the program's answer.
type answer struct {
	Success bool `json:"success"`
	Usage   struct {
		Count       int64      `json:"count"`
		Limit       *int64     `json:"limit"`
		Remaining   *int64     `json:"remaining"`
		Plan        string     `json:"plan"`
		Meter       string     `json:"meter"`
		Period      string     `json:"period"`
		PeriodStart *time.Time `json:"periodStart"`
		PeriodEnd   *time.Time `json:"periodEnd"`
	} `json:"usage"`
}

func respond(c echo.Context, meter string, result counted) error {
	starts := monthOf(result.at)
	ends := starts.AddDate(0, 1, 0)
	a := answer{Success: true}
	a.Usage.Count, a.Usage.Plan, a.Usage.Meter, a.Usage.Period = result.count, plan, meter, "month"
	a.Usage.PeriodStart, a.Usage.PeriodEnd = &starts, &ends
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(a); err != nil {
		return err
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, text.Bytes())
}

// monthOf is the beginning of the month (UTC).
func monthOf(at time.Time) time.Time {
	year, month, _ := at.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}
