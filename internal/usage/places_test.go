package usage

import (
	"maps"
	"sync"
	"testing"
)

func TestACounterThatStandsElsewhereIsCountedOnceAndThenFast(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	first := b.newCall(t, "user", 1)
	e := *first.Entitlement
	grant := *e.Grant
	grant.Meters, grant.Limits = append(grant.Meters, "images"), maps.Clone(grant.Limits)
	grant.Limits["images"] = grant.Limits[first.Entitlement.Meters[0]]
	e.Grant = &grant
	first.Entitlement = &e
	second := first
	second.Meter = "images"
	for _, c := range []Call{first, second} {
		if _, err := b.Track(c); err != nil {
			t.Fatal(err)
		}
	}
	forgotten := newPlaces()
	b.places.others = forgotten.others
	for want := range int32(2) {
		it := &item{Call: second, limit: e.Limits["images"], slot: slotName("images", e.Limits["images"])}
		if it.place = b.places.of(it); it.place != want {
			t.Errorf("the place is %d, want %d", it.place, want)
		}
		it.done = new(sync.WaitGroup)
		it.done.Add(1)
		b.countFast(groupByUser([]*item{it}))
		counted := it.settled.Load()
		if !counted {
			passOn(b.careful, []*item{it})
		}
		it.done.Wait()
		if it.err != nil || counted != (want == 1) || it.outcome.Usage.Count != int64(want)+2 {
			t.Errorf("the fast lane counted it: %v, want %v; %+v, %v", counted, want == 1, it.outcome.Usage, it.err)
		}
	}
	if n := b.count(t, second); n != 4 { // on both meters
		t.Errorf("%d calls are counted, want 4", n)
	}
}
