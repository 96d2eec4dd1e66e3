package usage

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/dream-api/dream-api/internal/errs"
)

const (
	heldFor  = time.Second           // how long a row that somebody holds is gone around
	heldWait = 50 * time.Millisecond // until a call for one is tried again
	heldTry  = 20                    // times
)

// held are users, and platforms, whose row somebody held when it was needed: a process that has stopped in the middle of
// a change. Their calls wait by themselves, so that nobody else's wait along with them.
type held struct {
	mu    sync.Mutex
	until map[account]time.Time
	any   atomic.Bool // so that usually nobody waits for the lock
}

func (h *held) add(who account) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = map[account]time.Time{}
	}
	h.until[who] = time.Now().Add(heldFor)
	h.any.Store(true)
}

func (h *held) has(who account) bool {
	if !h.any.Load() {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for one, until := range h.until {
		if now.After(until) {
			delete(h.until, one)
		}
	}
	h.any.Store(len(h.until) > 0)
	_, ok := h.until[who]
	return ok
}

// later tries the calls again in a while, each of them so many times.
func (s *Service) later(items []*item) {
	var again []*item
	for _, it := range items {
		if it.tries++; it.tries < heldTry {
			again = append(again, it)
			continue
		}
		it.settle(Outcome{}, errs.New(errs.Unavailable, "What this call counts on is being changed right now. Nothing was "+
			"counted. Try again in a moment.").After(time.Second))
	}
	if len(again) > 0 {
		time.AfterFunc(heldWait, func() { passOn(s.careful, again) })
	}
}
