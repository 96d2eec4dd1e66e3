package usage

import (
	"errors"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/tenant"
)

// changeEpoch is what every change of a platform does.
const changeEpoch = "UPDATE tenant.settings SET epoch = tenant.next_epoch() WHERE platform_id = $1 RETURNING epoch"

// two are calls of two users of one platform.
func (b books) two(t *testing.T) []Call {
	t.Helper()
	first := b.newCall(t, "a", 1)
	second := first
	e := *first.Entitlement
	e.UserID = "b"
	second.Entitlement = &e
	if _, failed := b.TrackAll([]Call{first, second}); errors.Join(failed...) != nil { // both have rows from now on
		t.Fatal(failed)
	}
	return []Call{first, second}
}

// know has the fence know the platform of the calls, so that its epoch is not looked up any more; how often they were counted. What
// others do in the same PostgreSQL can be older than the platform for a while.
func (b books) know(t *testing.T, calls []Call) (times int64) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		b.fence.reset()
		times++
		if _, failed := b.TrackAll(calls); errors.Join(failed...) != nil {
			t.Fatal(failed)
		}
		if q := b.fence.ask(groupByUser(itemsFor(t, calls))); !q.begins && len(q.platforms) == 0 {
			return times
		}
	}
	t.Fatal("the platform was looked up again and again")
	return 0
}

func itemsFor(t *testing.T, calls []Call) []*item {
	t.Helper()
	items, _ := waiting(t, calls...)
	return items
}

func allStale(t *testing.T, failed []error) {
	t.Helper()
	for i, err := range failed {
		if !errors.Is(err, ErrStale) {
			t.Errorf("call %d, which was judged by what has changed: %v", i, err)
		}
	}
}

func TestAPlatformThatIsKnownIsAskedAboutByWhatHasChangedSince(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	calls, other := b.two(t), b.two(t)
	times := b.know(t, append(calls, other...))
	b.changePlatform(t, calls[0])
	_, failed := b.TrackAll(calls)
	allStale(t, failed)
	if _, failed := b.TrackAll(other); errors.Join(failed...) != nil {
		t.Errorf("another platform's calls: %v", failed)
	}
	if n := b.count(t, calls[0]); n != 1+times {
		t.Errorf("%d calls are counted, want %d", n, 1+times)
	}
}

// changePlatform changes the platform of a call, and answers its new epoch.
func (b books) changePlatform(t *testing.T, c Call) (epoch int64) {
	t.Helper()
	return readOne[int64](t, b, changeEpoch, string(c.Entitlement.Platform))
}

// A snapshot does not see a change that has begun before it and ends after it.
func TestAChangeThatWasUnderWayAsATermBeganIsSeen(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	calls, other := b.two(t), b.two(t)
	change, err := b.Connect(t, b.Superuser).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := change.Exec(t.Context(), changeEpoch, string(calls[0].Entitlement.Platform)); err != nil {
		t.Fatal(err)
	}
	b.changePlatform(t, other[0]) // a later transaction, which the snapshot sees
	b.know(t, calls)
	if err := change.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, failed := b.TrackAll(calls)
	allStale(t, failed)
}

// Where calls of one platform were judged before and after a change, those of after it do not vouch for the others.
func TestACallThatIsUpToDateVouchesForNoOther(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	calls := b.two(t)
	times := b.know(t, calls)
	e := *calls[1].Entitlement
	e.Epoch = b.changePlatform(t, calls[0])
	calls[1].Entitlement = &e
	for range 2 {
		_, failed := b.TrackAll(calls)
		allStale(t, failed[:1])
		if failed[1] != nil {
			t.Errorf("a call that was judged by what holds: %v", failed[1])
		}
	}
	if a, z := b.count(t, calls[0]), b.count(t, calls[1]); a != 1+times || z != 3+times {
		t.Errorf("%d and %d calls are counted, want %d and %d", a, z, 1+times, 3+times)
	}
}

// A server that has crashed may give numbers anew that an older snapshot has seen.
func TestNothingIsKnownAnyMoreOnAnotherConnection(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	calls := b.two(t)
	b.know(t, calls)
	before := b.fence.term
	if _, err := b.Connect(t, b.Superuser).Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'dreamapi_customer'`); err != nil {
		t.Fatal(err)
	}
	if _, failed := b.TrackAll(calls); errors.Join(failed...) != nil {
		t.Fatal(failed)
	}
	if b.fence.term == before {
		t.Error("the term goes on")
	}
}

// Where a pooler hides it, the connection does not tell.
func TestNothingIsKnownAnyMoreOfAnotherServer(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	calls := b.two(t)
	times := b.know(t, calls)
	before := b.fence.term
	b.fence.mu.Lock()
	b.fence.term.Server = before.Server.Add(-time.Second)
	b.fence.mu.Unlock()
	batch, done := waiting(t, calls...)
	b.flushFast(batch)
	done.Wait()
	if b.fence.term == before || b.count(t, calls[0]) != 2+times {
		t.Errorf("%d calls are counted, want %d; the same term goes on: %v", b.count(t, calls[0]), 2+times, b.fence.term == before)
	}
}

func began(snapshot string) []beginning { return []beginning{{Snapshot: snapshot}} }

// What a flight has found is not kept where the fence was reset meanwhile, or another term has begun.
func TestAnAnswerToAnOlderQuestionIsNotKept(t *testing.T) {
	t.Parallel()
	groups := []group{{items: []*item{{Call: Call{Entitlement: &tenant.Entitlement{Platform: "plt_1", UserID: "a", Epoch: 5}}}}}}
	var f fence
	early := f.ask(groups)
	f.reset()
	f.learn(early, began("10:10:"), groups, []added{{N: 1}})
	if f.term != nil {
		t.Error("a term of before the reset has begun")
	}
	one, other := f.ask(groups), f.ask(groups)
	f.learn(one, began("10:10:"), groups, nil)
	late := f.ask(groups)
	f.learn(other, began("20:20:"), groups, nil)
	f.learn(late, nil, groups, []added{{N: 1}})
	if q := f.ask(groups); q.since() != 20 || len(q.platforms) != 1 {
		t.Errorf("after another term has begun: since %d, to be looked up: %v", q.since(), q.platforms)
	}
	f.learn(f.ask(groups), nil, groups, []added{{N: 1}})
	if q := f.ask(groups); len(q.platforms) != 0 {
		t.Errorf("to be looked up: %v", q.platforms)
	}
	groups[0].items[0].Entitlement.Epoch = 20 // perhaps of a transaction that has not been seen
	f.learn(f.ask(groups), nil, groups, []added{{N: 1}})
	if q := f.ask(groups); len(q.platforms) != 1 {
		t.Error("a platform is known that may have changed within the term")
	}
}
