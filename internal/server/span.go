package server

import (
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
)

// span is from when to when a list shows; nil is from the beginning, or up to now. Until is after the last moment.
type span struct{ Since, Until *time.Time }

// spanOf reads the parameters from and to: days of UTC, of which the last is in it, or moments in the form of RFC 3339.
func spanOf(c echo.Context) (span, error) {
	var s span
	var faults []errs.Fault
	for _, one := range []struct {
		name string
		into **time.Time
		day  int
	}{{"from", &s.Since, 0}, {"to", &s.Until, 1}} {
		text := c.QueryParam(one.name)
		if text == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, text)
		if err == nil {
			at = at.AddDate(0, 0, one.day)
		} else if at, err = time.Parse(time.RFC3339, text); err != nil {
			faults = append(faults, errs.Fault{Param: one.name, Message: one.name + " is a day such as 2026-03-31, or a moment such as " +
				"2026-03-31T12:00:00Z."})
			continue
		}
		*one.into = &at
	}
	if s.Since != nil && s.Until != nil && !s.Since.Before(*s.Until) {
		faults = append(faults, errs.Fault{Param: "to", Message: "to is before from."})
	}
	return s, errs.Invalid(faults)
}

// filterFaults are what is wrong with the filter of a page, by the names of its fields, in the words of the page. ok is
// whether the error is of that kind.
func filterFaults(err error) (faults map[string]string, ok bool) {
	e := asError(err)
	if e.Code != errs.InvalidRequest || len(e.Faults) == 0 {
		return nil, false
	}
	faults = map[string]string{}
	for _, fault := range e.Faults {
		faults[fault.Param] = inWords(fault.Param, fault.Message)
		if fault.Param == "cursor" { // which nobody has typed
			faults[fault.Param] = "The address leads to no page of this list. Begin with the first one."
		}
	}
	return faults, true
}
