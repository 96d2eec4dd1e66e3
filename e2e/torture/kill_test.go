package torture

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"syscall"
	"testing"
)

// fleet is servers, of which one dies now and then.
type fleet struct {
	mu   sync.Mutex
	list []*server
}

func (f *fleet) servers() []*server {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*server(nil), f.list...)
}

func (f *fleet) replace(i int, by *server) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list[i] = by
}

// unlimitedLoad makes a platform without a limit, and callers.
func (w *world) unlimitedLoad(t *testing.T, f *fleet) *load {
	t.Helper()
	p := w.newPlatform(t, f.list[0], w.newDeveloper(t), map[string]object{"free": monthly(limits{"requests": nil})})
	return newLoad(p, 8, f.servers)
}

// awaitMore returns when so many more calls have been acknowledged.
func (l *load) awaitMore(t *testing.T, n int) {
	t.Helper()
	already := l.acknowledged()
	awaitCount(t, "acknowledged calls", n, func() int { return l.acknowledged() - already })
}

func TestNoAcknowledgedUnitIsLostWhenAServerIsKilled(t *testing.T) {
	seed := newSeed(t)
	w := newWorld(t)
	w.db.SetClock(t, start2031)
	f := &fleet{list: w.serveSeveral(t, 2)}
	l := w.unlimitedLoad(t, f)

	stop := l.run(seed, 8)
	dice := seed.dice(-1)
	for range scale(3, 100) {
		l.awaitMore(t, 100+dice.IntN(400))
		i := dice.IntN(len(f.list))
		f.list[i].Kill()
		f.replace(i, w.serve(t))
	}
	l.awaitMore(t, 100)
	stop()
	l.wantNoFaults(t, w, f.list[0])
}

func TestNoAcknowledgedUnitIsLostWhenPostgreSQLIsKilled(t *testing.T) {
	seed := newSeed(t)
	pg := newPostgres(t, nil)
	w := newWorldOn(t, pg.database())
	w.db.SetClock(t, start2031)
	f := &fleet{list: w.serveSeveral(t, 2)}
	l := w.unlimitedLoad(t, f)

	stop := l.run(seed, 8)
	dice := seed.dice(-1)
	for range scale(2, 50) {
		l.awaitMore(t, 100+dice.IntN(400))
		pg.crash(t)
		pg.revive(t)
		for _, s := range f.list {
			s.awaitReady(t)
		}
	}
	l.awaitMore(t, 100)
	stop()
	l.wantNoFaults(t, w, f.list[0])
}

// What the test before is worth: where the database acknowledges what it has not written, the same check finds the loss.
func TestALossIsSeenWhereTheDatabaseDoesNotWriteBeforeItAnswers(t *testing.T) {
	pg := newPostgres(t, nil)
	pg.exec(t, "postgres", "ALTER DATABASE "+ownDatabase+" SET synchronous_commit = off")
	w := newWorldOn(t, pg.database())
	w.db.SetClock(t, start2031)
	f := &fleet{list: w.serveSeveral(t, 1)}
	l := w.unlimitedLoad(t, f)
	l.call(rand.New(rand.NewPCG(1, 1)), "first")
	pg.exec(t, ownDatabase, "SET synchronous_commit = on; CREATE TABLE public.written ()") // and all that came before it

	var writer []int
	for _, one := range look[struct{ PID int }](t, w, "SELECT pid FROM pg_stat_activity WHERE backend_type IN ('walwriter', 'checkpointer', 'background writer')") {
		writer = append(writer, one.PID)
	}
	signal(t, writer, syscall.SIGSTOP) // nobody writes in the background what is acknowledged from now on
	for i := range 20 {
		l.call(rand.New(rand.NewPCG(2, uint64(i))), fmt.Sprint("later-", i))
	}
	if l.acknowledged() < 2 {
		t.Fatalf("the answers are %v", l.answers)
	}
	pg.crash(t)
	pg.revive(t)
	faults := l.faults(w.stored(t))
	if len(faults) == 0 {
		t.Error("units were acknowledged and lost, and nobody noticed")
	}
	for _, fault := range faults {
		t.Log("as it should be:", fault)
	}
	f.list[0].awaitReady(t)
	f.list[0].must(t, http.StatusOK, l.at.track("user-0", "free", "requests", 1, ""))
}
