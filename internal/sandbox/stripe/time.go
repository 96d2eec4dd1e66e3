package stripe

import "time"

// Spans in seconds: the sandbox counts time as Stripe's API does.
const (
	minute = int64(60)
	hour   = 60 * minute
	day    = 24 * hour
)

// addPeriods is the n-th period's beginning, counted from the anchor: months
// keep the anchor's day where they have it, and else end on their last.
func addPeriods(anchor int64, r recurring, n int64) int64 {
	at := time.Unix(anchor, 0).UTC()
	count := n * r.IntervalCount
	switch r.Interval {
	case "day":
		return at.AddDate(0, 0, int(count)).Unix()
	case "week":
		return at.AddDate(0, 0, int(7*count)).Unix()
	case "year":
		count *= 12
	}
	months := int64(at.Year())*12 + int64(at.Month()) - 1 + count
	year, month := int(months/12), time.Month(months%12+1)
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return time.Date(year, month, min(at.Day(), last), at.Hour(), at.Minute(), at.Second(), 0, time.UTC).Unix()
}

// periodAfter is the first beginning of a period after a moment.
func periodAfter(anchor int64, r recurring, after int64) int64 {
	longest := map[string]int64{"day": day, "week": 7 * day, "month": 31 * day, "year": 366 * day}[r.Interval] * r.IntervalCount
	n := max((after-anchor)/longest, 0)
	for addPeriods(anchor, r, n) <= after {
		n++
	}
	return addPeriods(anchor, r, n)
}

// monthsLater is a moment a number of months on.
func monthsLater(from, months int64) int64 {
	return addPeriods(from, recurring{Interval: "month", IntervalCount: 1}, months)
}

// share is amount × part ÷ whole, rounded half away from zero. whole is above zero.
func share(amount, part, whole int64) int64 {
	if amount < 0 {
		return -share(-amount, part, whole)
	}
	return (2*amount*part + whole) / (2 * whole)
}
