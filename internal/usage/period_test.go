package usage

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dream-api/dream-api/internal/tenant"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestAPeriodHoldsItsMomentWhereverItIsCountedFrom(t *testing.T) {
	t.Parallel()
	since := at(t, "2031-01-31T10:00:00Z")
	monthly := &tenant.Subscription{Starts: at(t, "2031-02-28T12:30:00Z"), Ends: at(t, "2031-03-31T12:30:00Z"), Interval: "month"}
	yearly := &tenant.Subscription{Starts: at(t, "2031-01-31T12:30:00Z"), Ends: at(t, "2032-01-31T12:30:00Z"), Interval: "year"}
	known := &tenant.Entitlement{Since: since}
	for _, c := range []struct {
		what, period, anchor  string
		e                     *tenant.Entitlement
		now, starts, lastsFor string
	}{
		{"a month", "month", tenant.FromCalendar, known, "2032-02-29T23:59:59Z", "2032-02-01T00:00:00Z", "2032-03-01T00:00:00Z"},
		{"a Sunday", "week", tenant.FromCalendar, known, "2032-01-04T23:00:00Z", "2031-12-29T00:00:00Z", "2032-01-05T00:00:00Z"},
		{"a Monday", "week", tenant.FromCalendar, known, "2032-01-05T00:00:00Z", "2032-01-05T00:00:00Z", "2032-01-12T00:00:00Z"},
		{"the last minute", "minute", tenant.FromCalendar, known, "2031-12-31T23:59:59Z", "2031-12-31T23:59:00Z", "2032-01-01T00:00:00Z"},
		{"the customer's first month", "month", tenant.FromCustomer, known, "2031-02-27T00:00:00Z", "2031-01-31T10:00:00Z", "2031-02-28T10:00:00Z"},
		{"a short month", "month", tenant.FromCustomer, known, "2031-02-28T10:00:00Z", "2031-02-28T10:00:00Z", "2031-03-31T10:00:00Z"},
		{"the month after it", "month", tenant.FromCustomer, known, "2031-04-01T00:00:00Z", "2031-03-31T10:00:00Z", "2031-04-30T10:00:00Z"},
		{"the customer's years", "year", tenant.FromCustomer, known, "2033-01-31T09:59:59Z", "2032-01-31T10:00:00Z", "2033-01-31T10:00:00Z"},
		{"the customer's days", "day", tenant.FromCustomer, known, "2031-02-02T09:00:00Z", "2031-02-01T10:00:00Z", "2031-02-02T10:00:00Z"},
		{"a user whom the developer keeps", "month", tenant.FromCustomer, &tenant.Entitlement{}, "2031-02-02T09:00:00Z", "2031-02-01T00:00:00Z", "2031-03-01T00:00:00Z"},
		{"nobody subscribed", "month", tenant.FromSubscription, known, "2031-02-27T00:00:00Z", "2031-01-31T10:00:00Z", "2031-02-28T10:00:00Z"},
		{"the subscription's own month", "month", tenant.FromSubscription, &tenant.Entitlement{Since: since, Subscription: monthly}, "2031-03-30T00:00:00Z", "2031-02-28T12:30:00Z", "2031-03-31T12:30:00Z"},
		{"weeks within it", "week", tenant.FromSubscription, &tenant.Entitlement{Since: since, Subscription: monthly}, "2031-03-29T00:00:00Z", "2031-03-28T12:30:00Z", "2031-03-31T12:30:00Z"},
		{"months of a year that is paid", "month", tenant.FromSubscription, &tenant.Entitlement{Since: since, Subscription: yearly}, "2031-03-01T00:00:00Z", "2031-02-28T12:30:00Z", "2031-03-31T12:30:00Z"},
		{"a renewal we have not heard of", "month", tenant.FromSubscription, &tenant.Entitlement{Since: since, Subscription: monthly}, "2031-04-01T00:00:00Z", "2031-03-31T12:30:00Z", "2031-04-30T12:30:00Z"},
		{"a lifetime", "lifetime", tenant.FromCustomer, known, "2031-04-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"},
	} {
		got := spanOf(tenant.Limit{Period: c.period, Anchor: c.anchor}, c.e, at(t, c.now))
		if want := (span{at(t, c.starts), at(t, c.lastsFor)}); got != want {
			t.Errorf("%s at %s: %v, want %v", c.what, c.now, got, want)
		}
	}
}

// Every moment is in one period, and the next period begins where one ends.
func TestPeriodsFollowEachOtherWithoutGapOrOverlap(t *testing.T) {
	t.Parallel()
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(1_700_000_000, 4_000_000_000).Draw(t, "second"), 0).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.SampledFrom([]string{"minute", "hour", "day", "week", "month", "year"}).Draw(t, "period")
		now, e := moment.Draw(t, "now"), &tenant.Entitlement{Since: moment.Draw(t, "since")}
		limit := tenant.Limit{Period: period, Anchor: rapid.SampledFrom([]string{tenant.FromCalendar, tenant.FromCustomer}).Draw(t, "anchor")}
		if limit.Anchor == tenant.FromCustomer && now.Before(e.Since) {
			now, e.Since = e.Since, now
		}
		here := spanOf(limit, e, now)
		if now.Before(here.starts) || !now.Before(here.ends) {
			t.Fatalf("%v does not hold %v", here, now)
		}
		if first, last := spanOf(limit, e, here.starts), spanOf(limit, e, here.ends.Add(-time.Second)); first != here || last != here {
			t.Fatalf("%v begins in %v and ends in %v", here, first, last)
		}
		if next := spanOf(limit, e, here.ends); next.starts != here.ends {
			t.Fatalf("behind %v comes %v", here, next)
		}
	})
}
