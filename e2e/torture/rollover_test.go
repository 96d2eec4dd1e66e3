package torture

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dream-api/dream-api/e2e/wait"
)

// periods are the meters of the test and the kinds of period that they are limited in, and when the one begins that holds
// a moment. A user uses one of them, so that the days which are stored show in which period each unit is.
var periods = []struct {
	meter, period string
	limit         int64
	starts        func(time.Time) time.Time
}{
	{"hourly", "hour", 100, func(at time.Time) time.Time { return at.Truncate(time.Hour) }},
	{"daily", "day", 40, dayOf},
	{"requests", "month", 60, func(d time.Time) time.Time { return time.Date(d.Year(), d.Month(), 1, 0, 0, 0, 0, time.UTC) }},
	{"yearly", "year", 150, func(d time.Time) time.Time { return time.Date(d.Year(), 1, 1, 0, 0, 0, 0, time.UTC) }},
}

func dayOf(at time.Time) time.Time { return at.Truncate(24 * time.Hour) }

// turns are where the clock is put, and what it then passes by itself while calls go on.
func turns() []time.Time {
	before := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 23, 59, 59, 700_000_000, time.UTC)
	}
	return []time.Time{
		before(2027, time.December, 31),                 // a year
		before(2028, time.February, 28),                 // into a leap day
		before(2028, time.February, 29).Add(-time.Hour), // an hour of it
		before(2028, time.February, 29),                 // out of it, and a month
		before(2028, time.February, 28),                 // backwards
		before(2028, time.March, 31),                    // a month
		before(2027, time.December, 30),                 // backwards over a year
		before(2028, time.April, 30),
		before(2028, time.December, 31),
	}
}

// place is where an admitted unit was, by the answer.
type place struct {
	user   string
	starts time.Time
}

// admitted is an admitted call.
type admitted struct{ quantity, count int64 }

func TestEachUnitIsInOnePeriodAndOnOneDayWhileTheClockTurns(t *testing.T) {
	seed := newSeed(t)
	w := newWorld(t)
	clock := turns()
	w.db.SetClock(t, clock[0].Add(-time.Hour))
	servers := w.serveSeveral(t, 2)
	meters := object{}
	for _, p := range periods {
		meters[p.meter] = object{"limit": p.limit, "period": p.period}
	}
	p := w.newPlatform(t, servers[0], w.newDeveloper(t), map[string]object{"free": {"meters": meters, "rateLimit": noRateLimit}})
	var users []string
	for i := range 4 * len(periods) {
		users = append(users, fmt.Sprint("user-", i))
	}

	var mu sync.Mutex
	var answers atomic.Int64
	var surprise []string
	found := map[place][]admitted{}
	var present atomic.Int64 // the second, while the clock is where none of the calls before has seen it; else 0
	sure := map[place]int64{}
	over := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 12 {
		wg.Go(func() {
			for dice := seed.dice(n); ; {
				select {
				case <-over:
					return
				default:
				}
				i, quantity := dice.IntN(len(users)), 1+dice.Int64N(3)
				began := present.Load()
				which := periods[i%len(periods)]
				a := pick(dice, servers).send(p.track(users[i], "free", which.meter, quantity, ""))
				now, isSure := time.Unix(began, 0).UTC(), began != 0 && began == present.Load()
				mu.Lock()
				if starts := a.Usage.PeriodStart; isSure && starts != nil && !starts.Equal(which.starts(now)) {
					surprise = append(surprise, fmt.Sprintf("at %v a call is judged by the %s from %v", now, which.period, starts))
				}
				switch a.status {
				case http.StatusOK:
					at := place{users[i], *a.Usage.PeriodStart}
					found[at] = append(found[at], admitted{quantity, a.Usage.Count})
					if isSure {
						sure[place{users[i], dayOf(now)}] += quantity
					}
				case http.StatusPaymentRequired:
				default:
					surprise = append(surprise, fmt.Sprintf("a call gets %d: %s", a.status, a.text))
				}
				mu.Unlock()
				answers.Add(1)
			}
		})
	}
	latest := clock[0]
	for round := range scale(1, 20) {
		for _, at := range clock {
			at = at.AddDate(4*round, 0, 0) // to the same days of the next leap year
			present.Store(0)
			w.db.SetClock(t, at)
			wait.For(t, "end of the hour", func() bool {
				return look[struct{ Past bool }](t, w, "SELECT dreamapi.now() > $1", at.Add(300*time.Millisecond))[0].Past
			})
			if now := at.Add(time.Second); now.After(latest) {
				latest = now
				present.Store(now.Unix())
			}
			already := int(answers.Load())
			awaitCount(t, "answers", scale(200, 1_000), func() int { return int(answers.Load()) - already })
		}
	}
	close(over)
	wg.Wait()
	for _, s := range surprise {
		t.Error(s)
	}

	total, inPeriods := map[account]int64{}, map[place]int64{}
	for _, at := range slices.SortedFunc(maps.Keys(found), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.user, b.user), a.starts.Compare(b.starts))
	}) {
		which := periods[slices.Index(users, at.user)%len(periods)]
		n := wantEndToEnd(t, at, found[at])
		if n > which.limit {
			t.Errorf("%v: %d were admitted of %d", at, n, which.limit)
		}
		if !at.starts.Equal(which.starts(at.starts)) {
			t.Errorf("%v is not the start of a %s", at, which.period)
		}
		inPeriods[place{at.user, dayOf(at.starts)}] += n
		total[account{p.id, at.user, which.meter}] += n
	}
	w.wantBalancedBooks(t, total)

	type day struct {
		User  string
		Day   time.Time
		Count int64
	}
	onDay, onDays := map[place]int64{}, map[place]int64{}
	for _, d := range look[day](t, w, `
		SELECT user_id, day, count FROM tenant_usage.days
		UNION ALL SELECT user_id, day, n FROM tenant_usage.users, unnest(today) AS n`) {
		onDay[place{d.User, d.Day.UTC()}] += d.Count
		onDays[place{d.User, periods[slices.Index(users, d.User)%len(periods)].starts(d.Day.UTC())}] += d.Count
	}
	for at, n := range onDays {
		if inPeriods[at] != n {
			t.Errorf("%v: the days of the period add up to %d, and %d were admitted in it", at, n, inPeriods[at])
		}
	}
	for at, n := range sure {
		if onDay[at] < n {
			t.Errorf("%v: %d are stored on a day on which %d were admitted", at, onDay[at], n)
		}
	}
	t.Logf("%d answers in %d periods", answers.Load(), len(found))
}

// wantEndToEnd checks that the calls that were admitted in a period lie end to end in the order of their counts, and
// returns their sum.
func wantEndToEnd(t *testing.T, at place, calls []admitted) (sum int64) {
	t.Helper()
	slices.SortFunc(calls, func(a, b admitted) int { return cmp.Compare(a.count, b.count) })
	for _, c := range calls {
		if sum += c.quantity; sum != c.count {
			t.Errorf("%v: after a call with quantity %d the count is %d, and those up to it add up to %d", at, c.quantity, c.count, sum)
			return sum
		}
	}
	return sum
}
