package torture

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
)

// tally is what became of the calls for one account, in units.
type tally struct {
	acknowledged, unknown int64
	again                 []request // the calls with a key whose outcome is not known
}

// load is callers who count for a few users as fast as they are answered, and what became of it.
type load struct {
	at      platform
	users   []string
	servers func() []*server // that are there at the moment

	mu       sync.Mutex
	tallies  map[string]*tally
	surprise []string
	answers  map[int]int
}

func newLoad(at platform, users int, servers func() []*server) *load {
	l := &load{at: at, servers: servers, tallies: map[string]*tally{}, answers: map[int]int{}}
	for i := range users {
		l.users = append(l.users, fmt.Sprint("user-", i))
		l.tallies[l.users[i]] = &tally{}
	}
	return l
}

// introduce counts one for each user: from now on all have rows, and the fast lane takes their calls.
func (l *load) introduce(t *testing.T, s *server) {
	t.Helper()
	for _, user := range l.users {
		s.must(t, http.StatusOK, l.at.track(user, "free", "requests", 1, ""))
		l.tallies[user].acknowledged++
	}
}

// call makes a call for a user, every second one with a key.
func (l *load) call(dice *rand.Rand, key string) {
	user, quantity := pick(dice, l.users), 1+dice.Int64N(3)
	if dice.IntN(2) == 0 {
		key = ""
	}
	r := l.at.track(user, "free", "requests", quantity, key)
	l.note(user, quantity, r, pick(dice, l.servers()).send(r))
}

// note writes down what became of a call. An answer that says unavailable says that nothing was counted.
func (l *load) note(user string, quantity int64, r request, a reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[a.status]++
	of := l.tallies[user]
	switch {
	case a.status == http.StatusOK:
		of.acknowledged += quantity
	case a.isUnknown() && r.key != "":
		of.again = append(of.again, r)
	case a.isUnknown():
		of.unknown += quantity
	case a.status == http.StatusServiceUnavailable && a.Code == "unavailable" && a.retryAfter != "", a.status == notSent:
		return
	default:
		l.surprise = append(l.surprise, fmt.Sprintf("a call gets %d: %s", a.status, a.text))
	}
	if a.status == http.StatusInternalServerError && a.Code != internal {
		l.surprise = append(l.surprise, fmt.Sprintf("an outcome that is not known is told by %s", a.text))
	}
}

// acknowledged is how many calls were.
func (l *load) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers[http.StatusOK]
}

// run has workers call until they are stopped.
func (l *load) run(s seed, workers int) (stop func()) {
	var wg sync.WaitGroup
	over := make(chan struct{})
	for n := range workers {
		wg.Go(func() {
			dice := s.dice(n)
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
					l.call(dice, fmt.Sprintf("key-%d-%d", n, i))
				}
			}
		})
	}
	return func() {
		close(over)
		wg.Wait()
	}
}

// repeat sends the calls again that have a key and an unknown outcome, until it is known.
func (l *load) repeat(t *testing.T, s *server) {
	t.Helper()
	for user, of := range l.tallies {
		for _, r := range of.again {
			until(t, func(a reply) bool { return a.status == http.StatusOK }, s, r)
			of.acknowledged += r.body.(object)["quantity"].(int64)
		}
		l.tallies[user].again = nil
	}
}

// faults holds what is stored against what was answered: no unit that was acknowledged is missing, and there is none that
// nobody could have asked for.
func (l *load) faults(stored map[account]line) (faults []string) {
	for user, of := range l.tallies {
		most, n := of.acknowledged+of.unknown, stored[account{l.at.id, user, "requests"}]
		for _, r := range of.again {
			most += r.body.(object)["quantity"].(int64)
		}
		if n.Count < of.acknowledged {
			faults = append(faults, fmt.Sprintf("%s: %d units were acknowledged and %d are stored", user, of.acknowledged, n.Count))
		}
		if n.Count > most || n.Count != n.Days {
			faults = append(faults, fmt.Sprintf("%s: %d units are stored, on days %d, and no more than %d can have been counted",
				user, n.Count, n.Days, most))
		}
	}
	return append(faults, l.surprise...)
}

// wantNoFaults checks the load, first as it is and then with each unknown outcome made known where there is a key.
func (l *load) wantNoFaults(t *testing.T, w *world, s *server) {
	t.Helper()
	for _, f := range l.faults(w.stored(t)) {
		t.Error(f)
	}
	l.repeat(t, s)
	for _, f := range l.faults(w.stored(t)) {
		t.Errorf("after the repetitions: %s", f)
	}
	t.Logf("answers: %v (0: none, 1: nobody to ask)", l.answers)
}
