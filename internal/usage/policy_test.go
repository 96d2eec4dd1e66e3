package usage

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

func most(n int64) tenant.Limit {
	return tenant.Limit{Max: &n, Period: "month", Anchor: tenant.FromCalendar}
}

func TestAQuantityIsCountedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	x := slot{count: 5, extra: 1, kept: 1}
	for _, c := range []struct {
		quantity, counted int64
		fits              bool
		after             int64
	}{
		{6, 0, false, 5}, {3, 3, true, 8}, {1, 1, true, 9}, {1, 1, true, 10}, {0, 0, false, 10}, {1, 0, false, 10}, // 8 and 2 extra
		{-3, -3, true, 7}, {0, 0, true, 7}, {4, 0, false, 7}, {3, 3, true, 10}, {-99, -10, true, 0}, {-1, 0, true, 0},
	} {
		counted, fits := x.add(c.quantity, most(8))
		if counted != c.counted || fits != c.fits || x.count != c.after {
			t.Errorf("%d: counted %d, fits %v, and then there are %d; want %+v", c.quantity, counted, fits, x.count, c)
		}
	}
}

// Units that were granted for the period go with it. Those that last are used after all others, and what is left of them
// stays whatever the plan becomes.
func TestWhatWasGrantedIsUsedOnceAndInItsTurn(t *testing.T) {
	t.Parallel()
	e := &tenant.Entitlement{Grant: &tenant.Grant{Plan: "p"}}
	for _, c := range []struct{ count, extra, kept, left int64 }{
		{10, 5, 7, 7}, {15, 5, 7, 7}, {16, 5, 7, 6}, {22, 5, 7, 0}, {0, 0, 3, 3},
	} {
		for _, next := range []tenant.Limit{most(10), most(0), most(100), {Period: "month", Anchor: tenant.FromCalendar}, {Max: new(int64(5)), Period: "day", Anchor: tenant.FromCalendar}} {
			s := &sheet{}
			s.turn(at(t, "2031-05-31T23:59:59Z"))
			x := s.slot("requests", most(10), e, at(t, "2031-05-31T23:59:59Z"))
			x.extra, x.kept = c.extra, c.kept
			if n, _ := x.add(c.count, most(10)); n != c.count {
				t.Fatalf("%+v: %d are counted", c, n)
			}
			s.turn(at(t, "2031-06-01T00:00:00Z"))
			x = s.slot("requests", next, e, at(t, "2031-06-01T00:00:00Z"))
			if x.count != 0 || x.extra != 0 || x.kept != c.left {
				t.Errorf("%+v becomes %+v under %+v", c, x, next)
			}
			if c.left > 0 && next.Max != nil { // and it can be used
				if n, _ := x.add(*next.Max+c.left, next); n != *next.Max+c.left || x.kept != 0 {
					t.Errorf("%d of %d are counted: %+v", n, *next.Max+c.left, x)
				}
			}
		}
	}
}

func TestALargerPlanDoesNotGiveUsedUnitsBack(t *testing.T) {
	t.Parallel()
	x := slot{kept: 50}
	x.add(60, most(10))
	if n, fits := x.add(91, most(100)); n != 0 || fits || x.kept != 0 {
		t.Errorf("91 more than 60 of 100 and 50 used ones: %+v", x)
	}
	if n, _ := x.add(90, most(100)); n != 90 {
		t.Errorf("90 more are not counted: %+v", x)
	}
}

func TestAPeriodCutOffBySubscriptionIsFollowedByTheCustomersOwn(t *testing.T) {
	t.Parallel()
	limit := tenant.Limit{Max: new(int64(10)), Period: "week", Anchor: tenant.FromSubscription}
	e := &tenant.Entitlement{Grant: &tenant.Grant{Plan: "p"}, Since: at(t, "2031-05-06T00:00:00Z")}
	s := &sheet{slots: []slot{{name: limit.Slot("requests"), span: span{at(t, "2031-05-28T00:00:00Z"), at(t, "2031-05-30T00:00:00Z")}, count: 10}}}
	now := at(t, "2031-05-31T00:00:00Z") // in the customer's week from the 27th to the 3rd
	x := s.slot("requests", limit, e, now)
	if want := (span{at(t, "2031-05-30T00:00:00Z"), at(t, "2031-06-03T00:00:00Z")}); x.span != want || x.count != 0 {
		t.Errorf("it becomes %+v, want %v", x, want)
	}
}

func TestTimeThatGoesBackIsNotFollowed(t *testing.T) {
	t.Parallel()
	e := &tenant.Entitlement{Grant: &tenant.Grant{Plan: "p"}}
	s, limit := &sheet{}, most(10)
	count := func(now string) slot {
		s.turn(at(t, now))
		x := s.slot("requests", limit, e, at(t, now))
		x.add(1, limit)
		return *x
	}
	count("2031-05-31T23:59:59Z")
	count("2031-06-01T00:00:00Z")
	x := count("2031-05-31T23:59:58Z")
	if x.count != 2 || x.span.starts != at(t, "2031-06-01T00:00:00Z") || x.today != 2 || s.day != at(t, "2031-06-01T00:00:00Z") {
		t.Errorf("back in May there is %+v on %v", x, s.day)
	}
	if len(s.ended) != 1 || s.ended[0].count != 1 {
		t.Errorf("the days that have ended are %+v", s.ended)
	}
}

func TestTheRateCountsRefusedCallsAndBeginsAnewEachMinute(t *testing.T) {
	t.Parallel()
	s := &sheet{}
	now := at(t, "2031-05-05T05:05:10Z")
	for i := range 5 {
		s.turn(now)
		rate, err := s.hit(3, now)
		if over := i >= 3; errs.Is(err, errs.RateLimited) != over || rate.Remaining != max(0, 2-i) || rate.Reset != 50 {
			t.Errorf("call %d: %+v, %v", i, rate, err)
		}
	}
	s.turn(now.Add(50 * time.Second))
	if rate, err := s.hit(3, now.Add(50*time.Second)); err != nil || rate.Remaining != 2 || rate.Reset != 60 {
		t.Errorf("in the next minute: %+v, %v", rate, err)
	}
}

func TestOtherKindsOfPeriodHaveOtherCounters(t *testing.T) {
	t.Parallel()
	e := &tenant.Entitlement{Grant: &tenant.Grant{Plan: "p"}, Since: at(t, "2031-05-05T05:00:00Z")}
	now, s := at(t, "2031-05-05T05:05:10Z"), &sheet{}
	for _, limit := range []tenant.Limit{
		{Period: "month", Anchor: tenant.FromCalendar}, {Period: "month", Anchor: tenant.FromCustomer}, {Period: "day", Anchor: tenant.FromCalendar},
		{Period: "lifetime", Anchor: tenant.FromCustomer}, {Period: "lifetime", Anchor: tenant.FromCalendar},
	} {
		s.slot("requests", limit, e, now).count++
	}
	if len(s.slots) != 4 || s.slots[3].count != 2 { // a lifetime is one, wherever it is counted from
		t.Errorf("there are %+v", s.slots)
	}
}

// Whatever is done to a counter: what is counted never passes what is allowed, and the days add up to it.
func TestACounterNeverPassesItsLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := &tenant.Entitlement{Grant: &tenant.Grant{Plan: "p"}}
		limit, s := most(rapid.Int64Range(0, 20).Draw(t, "limit")), &sheet{}
		now := time.Date(2031, 5, 30, 12, 0, 0, 0, time.UTC)
		var counted int64
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(-3600, 40_000).Draw(t, "seconds")) * time.Second)
			s.turn(now)
			x := s.slot("requests", limit, e, now)
			before := *x
			n, fits := x.add(rapid.Int64Range(-5, 5).Draw(t, "quantity"), limit)
			counted += n
			if x.count < 0 || x.count > x.most(limit) || !fits && *x != before {
				t.Fatalf("%+v becomes %+v", before, *x)
			}
		}
		var days int64
		for _, day := range s.ended {
			days += day.count
		}
		if days+s.slots[0].today != counted {
			t.Fatalf("%d were counted, and the days hold %d and %d", counted, days, s.slots[0].today)
		}
	})
}

func TestUnitsAreGivenBackAlsoAboveTheLimit(t *testing.T) {
	t.Parallel()
	x := slot{count: 19}
	for _, c := range []struct{ quantity, counted, count int64 }{
		{-3, -3, 16}, // 19 of 10, as after a change to a smaller plan
		{-4, -4, 12},
		{-20, -12, 0}, // no more than there are
		{-1, 0, 0},
	} {
		counted, fits := x.add(c.quantity, tenant.Limit{Max: new(int64(10))})
		if counted != c.counted || !fits || x.count != c.count {
			t.Errorf("%d: counted %d, fits %v, and the count is %d; want %d and %d", c.quantity, counted, fits, x.count, c.counted, c.count)
		}
	}
}
