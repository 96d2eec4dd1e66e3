package torture

import (
	"net/http"
	"sync"
	"testing"
)

func TestAConnectionThatIsCutAtTheCommitIsNeitherSuccessNorCountedTwice(t *testing.T) {
	seed := newSeed(t)
	w := newWorld(t)
	w.db.SetClock(t, start2031)
	behind := w.db.Owner.Reveal()
	wire := newWire(t, behind)
	database := look[struct{ Name string }](t, w, "SELECT current_database()")[0].Name
	w.vars["DATABASE_URL"] = wire.url("dreamapi_owner", database)
	servers := w.serveSeveral(t, 2)
	p := w.newPlatform(t, servers[0], w.newDeveloper(t), map[string]object{"free": monthly(limits{"requests": nil})})
	l := newLoad(p, 8, func() []*server { return servers })
	for _, user := range l.users { // who all have rows, so that the fast lane takes them
		servers[0].must(t, http.StatusOK, p.track(user, "free", "requests", 1, ""))
		l.tallies[user].acknowledged = 1
	}

	var mu sync.Mutex
	dice, cuts := seed.dice(-1), map[cut]int{}
	wire.set(behind, func() cut {
		mu.Lock()
		defer mu.Unlock()
		what := leave
		if dice.IntN(10) == 0 {
			what = pick(dice, []cut{before, after, amid})
		}
		cuts[what]++
		return what
	})
	stop := l.run(seed, 16)
	awaitCount(t, "cuts of each kind", scale(25, 5_000), func() int {
		mu.Lock()
		defer mu.Unlock()
		return min(cuts[before], cuts[after], cuts[amid])
	})
	stop()
	wire.set(behind, nil)

	l.wantNoFaults(t, w, servers[0])
	if l.answers[http.StatusInternalServerError] == 0 {
		t.Error("no outcome was unknown: this tested nothing")
	}
	t.Logf("commits left alone: %d; cut before: %d, after: %d, amid: %d", cuts[leave], cuts[before], cuts[after], cuts[amid])
}
