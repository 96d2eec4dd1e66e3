package usage

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

// What a call means for what is counted of its user. Nothing here knows of a database: the careful lane reads a sheet,
// has the calls decided one after the other, and writes it back.

// sheet is what is counted of one user: a row of tenant_usage.users.
type sheet struct {
	epoch   int64 // of the last change of what decides the user's plan
	settled int64 // the epoch for which the periods were worked out
	minute  time.Time
	calls   int // in that minute
	day     time.Time
	slots   []slot
	ended   []dayCount // days that have ended since the sheet was read
}

// slot is one counter of a sheet.
type slot struct {
	name  string // see tenant.Limit.Slot
	span  span
	count int64
	extra int64 // granted beyond the limit, for this period; and what was used in it of what lasts
	kept  int64 // granted beyond the limit, and not used yet
	today int64 // counted on the sheet's day
}

// dayCount is what a user used of a meter on a day.
type dayCount struct {
	meter string
	day   time.Time
	count int64
}

// parts are the meter and the period of a slot's name, which tenant.Limit.Slot has put together.
func parts(name string) (meter, period string) {
	meter, rest, _ := strings.Cut(name, " ")
	period, _, _ = strings.Cut(rest, " ")
	return meter, period
}

// turn brings the sheet to the present minute and day. Time that goes back is not followed: each call counts in one
// minute, and each unit on one day.
func (s *sheet) turn(now time.Time) {
	if minute := now.UTC().Truncate(time.Minute); minute.After(s.minute) {
		s.minute, s.calls = minute, 0
	}
	today := calendar("day", now.UTC()).starts
	if !today.After(s.day) {
		return
	}
	for i := range s.slots {
		if slot := &s.slots[i]; slot.today != 0 {
			meter, _ := parts(slot.name)
			s.ended = append(s.ended, dayCount{meter, s.day, slot.today})
			slot.today = 0
		}
	}
	s.day = today
}

// slot is the counter that a limit is about, in the period that holds the moment.
func (s *sheet) slot(meter string, limit tenant.Limit, e *tenant.Entitlement, now time.Time) *slot {
	name, present := limit.Slot(meter), spanOf(limit, e, now)
	i := slices.IndexFunc(s.slots, func(x slot) bool { return x.name == name })
	if i < 0 {
		i = len(s.slots)
		s.slots = append(s.slots, slot{name: name, span: present})
	}
	x := &s.slots[i]
	switch {
	case present.starts.After(x.span.starts):
		x.span, x.count, x.extra = present, 0, 0
	case present.starts.Equal(x.span.starts):
		x.span = present
	case !now.Before(x.span.ends): // which was cut off where a subscription ended, within the present one
		x.span, x.count, x.extra = span{x.span.ends, present.ends}, 0, 0
	}
	for j := range s.slots { // what lasts is the meter's, whatever its kind of period was when it was granted
		if other, _ := parts(s.slots[j].name); j != i && other == meter {
			x.kept += s.slots[j].kept
			s.slots[j].kept = 0
		}
	}
	return x
}

// has is whether anything was counted on the meter, or granted.
func (s *sheet) has(meter string) bool {
	return slices.ContainsFunc(s.slots, func(x slot) bool {
		name, _ := parts(x.name)
		return name == meter
	})
}

// settle works the periods out again after what decides the user's plan has changed: a subscription's own have perhaps
// begun anew.
func (s *sheet) settle(e *tenant.Entitlement, now time.Time) {
	if s.settled == s.epoch {
		return
	}
	for _, l := range e.Limits {
		if slices.ContainsFunc(s.slots, func(x slot) bool { return x.name == l.Slot }) {
			s.slot(l.Meter, l.Limit, e, now)
		}
	}
	s.settled = s.epoch
}

// most is how many units the limit and the grants allow.
func (x *slot) most(limit tenant.Limit) int64 {
	if limit.Max == nil {
		return unlimited
	}
	return *limit.Max + x.extra + x.kept
}

// usage is the counter as the user is told of it.
func (x *slot) usage(plan string, limit tenant.Limit) Usage {
	u := Usage{Count: x.count, Plan: plan, Extra: x.extra + x.kept}
	u.Meter, u.Period = parts(x.name)
	if limit.Max != nil {
		u.Limit = new(x.most(limit))
		u.Remaining = new(max(0, *u.Limit-x.count))
	}
	u.in(x.span)
	return u
}

// add counts a quantity if all of it fits; a negative one gives units back, as many as there are. No quantity asks
// whether one unit more would fit. It returns what was counted.
func (x *slot) add(quantity int64, limit tenant.Limit) (counted int64, fits bool) {
	switch left := x.most(limit) - x.count; {
	case quantity < 0: // also where the count is above the limit, which has been lowered
		quantity = -min(-quantity, x.count)
	case quantity == 0:
		return 0, left > 0
	case quantity > left:
		return 0, false
	}
	x.count += quantity
	x.today += quantity
	if limit.Max != nil && quantity > 0 {
		used := min(x.kept, max(0, x.count-*limit.Max-x.extra)) // of what lasts: it is this period's from now on
		x.kept -= used
		x.extra += used
	}
	return quantity, true
}

// hit counts a call against the rate, and is an error if it is one too many.
func (s *sheet) hit(limit int, now time.Time) (Rate, error) {
	s.calls++
	rate := s.rate(limit, now)
	if s.calls <= limit {
		return rate, nil
	}
	return rate, tooMany("for this user", rate)
}

// rate is the window of the sheet's minute.
func (s *sheet) rate(limit int, now time.Time) Rate { return rateOf(limit, s.calls, s.minute, now) }

// rateOf is the window of a minute.
func rateOf(limit, calls int, minute, now time.Time) Rate {
	reset := math.Ceil(minute.Add(time.Minute).Sub(now).Seconds())
	return Rate{limit, max(0, limit-calls), int(min(max(reset, 1), 60))}
}

func tooMany(whom string, r Rate) error {
	return errs.New(errs.RateLimited, "More than %d calls in this minute %s. Try again in %d seconds.", r.Limit, whom, r.Reset).
		After(time.Duration(r.Reset) * time.Second)
}

// crowd is all calls of a platform together: a row of tenant_usage.platforms.
type crowd struct {
	minute  time.Time
	calls   int // in that minute
	month   time.Time
	tracked int64 // in that month
}

// hit counts a call of the platform, and is an error if it is one too many.
func (c *crowd) hit(e *tenant.Entitlement, now time.Time) (*Rate, error) {
	c.turn(now)
	c.calls++
	if e.MonthlyCalls != nil {
		if c.tracked >= *e.MonthlyCalls {
			return nil, errs.New(errs.TestCallsUsedUp, "A test platform takes %d tracked calls a month, and they are used up until "+
				"the month (UTC) ends. The live platform takes as many as you like.", *e.MonthlyCalls)
		}
		c.tracked++
	}
	rate := c.rate(e.PlatformRateLimit, now)
	if rate != nil && c.calls > rate.Limit {
		return rate, tooMany("for this platform", *rate)
	}
	return rate, nil
}

// turn brings the crowd to the present minute and month; as with a sheet, time that goes back is not followed.
func (c *crowd) turn(now time.Time) {
	if minute := now.UTC().Truncate(time.Minute); minute.After(c.minute) {
		c.minute, c.calls = minute, 0
	}
	if month := calendar("month", now.UTC()).starts; month.After(c.month) {
		c.month, c.tracked = month, 0
	}
}

// rate is the present window of all users; nil where they have no limit together.
func (c *crowd) rate(limit *int, now time.Time) *Rate {
	c.turn(now)
	if limit == nil {
		return nil
	}
	return new(rateOf(*limit, c.calls, c.minute, now))
}
