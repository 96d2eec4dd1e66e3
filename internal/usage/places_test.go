package usage

import (
	"sync"
	"testing"

	"github.com/dream-api/dream-api/internal/tenant"
)

func TestACounterThatStandsElsewhereIsCountedOnceAndThenFast(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	first := b.newCall(t, "user", 1)
	e := *first.Entitlement
	grant := *e.Grant
	images := tenant.MeterLimit{Limit: grant.Limits[0].Limit, Meter: "images", Slot: grant.Limits[0].Limit.Slot("images")}
	grant.Meters, grant.Limits = append(grant.Meters, "images"), append(grant.Limits, images)
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
		it := &item{Call: second, limit: images.Limit, slot: images.Slot}
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
