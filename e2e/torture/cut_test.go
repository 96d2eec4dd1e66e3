package torture

import (
	"net/http"
	"sync"
	"testing"

	"github.com/dream-api/dream-api/e2e/wait"
)

// wired has the servers that are started from now on reach the database by a wire.
func (w *world) wired(t *testing.T) (wire *wire, behind string) {
	t.Helper()
	behind = w.db.Owner.Reveal()
	wire = newWire(t, behind)
	w.vars["DATABASE_URL"] = wire.url(owner, look[struct{ Name string }](t, w, "SELECT current_database()")[0].Name)
	return wire, behind
}

func TestNothingIsAcknowledgedWhileItsCommitIsOnItsWay(t *testing.T) {
	w := newWorld(t)
	w.db.SetClock(t, start2031)
	wire, behind := w.wired(t)
	f := &fleet{list: w.serveSeveral(t, 1)}
	l := w.unlimitedLoad(t, f)
	l.introduce(t, f.list[0])
	goOn := make(chan struct{})
	wire.set(behind, func() cut { <-goOn; return before })
	stop := l.run(1, 8)
	wait.For(t, "calls that wait no longer behind a commit", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.answers[http.StatusServiceUnavailable] > 0
	})
	f.list[0].Kill()
	close(goOn)
	stop()
	wire.set(behind, nil)
	for _, fault := range l.faults(w.stored(t)) {
		t.Error(fault)
	}
	if n := l.acknowledged(); n > 0 {
		t.Errorf("%d calls were acknowledged", n)
	}
}

func TestAConnectionThatIsCutAtTheCommitIsNeitherSuccessNorCountedTwice(t *testing.T) {
	seed := newSeed(t)
	w := newWorld(t)
	w.db.SetClock(t, start2031)
	wire, behind := w.wired(t)
	servers := w.serveSeveral(t, 2)
	l := w.unlimitedLoad(t, &fleet{list: servers})
	l.introduce(t, servers[0])

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
