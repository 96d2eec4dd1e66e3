package usage

import (
	"slices"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
)

// placesRemembered are counters that do not stand first in their user's row.
const placesRemembered = 200_000

// places remembers where in a user's row a counter stands, so that PostgreSQL need not look for it a dozen times a call.
// Most stand first, and of those nothing is kept. What is remembered may be wrong: the fast lane counts where it finds the
// counter, and leaves the call to the careful lane where it does not, which says where it is.
type places struct {
	others *otter.Cache[counter, int32]
	any    atomic.Bool // so that usually nothing is looked up
}

// counter is a slot of a user.
type counter struct {
	account
	slot string
}

func newPlaces() places {
	return places{others: otter.Must(&otter.Options[counter, int32]{MaximumSize: placesRemembered})}
}

// of is the place of the item's counter, from 0.
func (p *places) of(it *item) int32 {
	if !p.any.Load() {
		return 0
	}
	at, _ := p.others.GetIfPresent(counter{it.account(), it.slot})
	return at
}

// learn remembers where a user's sheet, which may be nil, has the item's counter.
func (p *places) learn(it *item, s *sheet) {
	if s == nil {
		return
	}
	switch at := int32(slices.IndexFunc(s.slots, func(x slot) bool { return x.name == it.slot })); {
	case at > 0:
		p.others.Set(counter{it.account(), it.slot}, at)
		p.any.Store(true)
	case at == 0 && it.place != 0:
		p.others.Invalidate(counter{it.account(), it.slot})
	}
}
