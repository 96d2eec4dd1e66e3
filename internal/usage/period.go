package usage

import (
	"time"

	"github.com/dream-api/dream-api/internal/tenant"
)

// span is a period: from its first moment until before its last.
type span struct{ starts, ends time.Time }

// always is the span of a lifetime.
var always = span{
	time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
}

func (s span) isAlways() bool { return s.ends.Equal(always.ends) }

// spanOf is the period of a limit that holds the moment: of the UTC calendar, or counted from the customer's start or
// from the beginning of the subscription's own period. Where there is no subscription the customer's start serves, and
// where there is no customer the calendar.
func spanOf(limit tenant.Limit, e *tenant.Entitlement, now time.Time) span {
	now = now.UTC()
	if limit.Period == "lifetime" {
		return always
	}
	switch sub := e.Subscription; {
	case limit.Anchor == tenant.FromSubscription && sub != nil && !now.Before(sub.Starts):
		if now.Before(sub.Ends) {
			if limit.Period == sub.Interval {
				return span{sub.Starts.UTC(), sub.Ends.UTC()} // Stripe's own months, which know the day they began on
			}
			within := anchored(limit.Period, sub.Starts, now)
			if within.ends.After(sub.Ends) {
				within.ends = sub.Ends.UTC()
			}
			return within
		}
		return anchored(limit.Period, sub.Ends, now) // its renewal has begun, though we have not heard of it yet
	case limit.Anchor != tenant.FromCalendar && !e.Since.IsZero() && !now.Before(e.Since):
		return anchored(limit.Period, e.Since, now)
	default:
		return calendar(limit.Period, now)
	}
}

// calendar is the period of the UTC calendar. Weeks begin on Monday.
func calendar(period string, now time.Time) span {
	y, m, d := now.Date()
	at := func(y int, m time.Month, d, h, minute int) time.Time {
		return time.Date(y, m, d, h, minute, 0, 0, time.UTC)
	}
	switch period {
	case "minute":
		start := at(y, m, d, now.Hour(), now.Minute())
		return span{start, start.Add(time.Minute)}
	case "hour":
		start := at(y, m, d, now.Hour(), 0)
		return span{start, start.Add(time.Hour)}
	case "day":
		return span{at(y, m, d, 0, 0), at(y, m, d+1, 0, 0)}
	case "week":
		monday := d - int(now.Weekday()+6)%7
		return span{at(y, m, monday, 0, 0), at(y, m, monday+7, 0, 0)}
	case "year":
		return span{at(y, 1, 1, 0, 0), at(y+1, 1, 1, 0, 0)}
	default:
		return span{at(y, m, 1, 0, 0), at(y, m+1, 1, 0, 0)}
	}
}

// anchored is the period that holds now among those that follow each other from the anchor, which is not later. A month
// that lacks the anchor's day ends on its last one, and the next has the anchor's day again.
func anchored(period string, anchor, now time.Time) span {
	anchor = anchor.UTC()
	var n int // of the period, close below
	switch period {
	case "month":
		n = (now.Year()-anchor.Year())*12 + int(now.Month()-anchor.Month()) - 1
	case "year":
		n = now.Year() - anchor.Year() - 1
	default:
		n = int(now.Sub(anchor) / lengths[period])
	}
	for n = max(n, 0); !now.Before(after(period, anchor, n+1)); n++ {
	}
	return span{after(period, anchor, n), after(period, anchor, n+1)}
}

var lengths = map[string]time.Duration{
	"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

// after is the anchor and n periods.
func after(period string, anchor time.Time, n int) time.Time {
	months := n
	switch period {
	case "year":
		months = 12 * n
	case "month":
	default:
		return anchor.Add(time.Duration(n) * lengths[period])
	}
	y, m, d := anchor.Date()
	last := time.Date(y, m+time.Month(months)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	h, minute, s := anchor.Clock()
	return time.Date(y, m+time.Month(months), min(d, last), h, minute, s, anchor.Nanosecond(), time.UTC)
}
