package usage

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage/groupcommit"
)

// A call goes into a lane, where it becomes part of the next batch. The fast lane commits in one round trip what is
// plain: calls of users who are known, in a period and on a day that have begun, which fit below the limit and the rate.
// What it leaves goes to the careful lane, which locks what it needs, has the policy decide call by call, and is right
// for everything.

// ErrStale says that something was changed since the entitlement of a call was found out: a key, a tier, the user's
// plan. Nothing was counted. The call is to be made again with a new entitlement.
var ErrStale = errors.New("the entitlement is out of date")

const (
	connections   = 6 // two for each lane's flushes, and two for the other halves of the fast one's
	waitingAtMost = 50_000
	fastBatch     = 1000
	carefulBatch  = 500
	slowFlush     = 25 * time.Millisecond
	patience      = 2 * time.Second // of a call that waits behind a commit which does not end
	longestCommit = 5 * time.Second
)

type lane = *groupcommit.Lane[*item]

// item is a call on its way.
type item struct {
	Call
	limit   tenant.Limit
	slot    string
	place   int32 // where the slot is thought to stand in the user's row, from 0
	tries   int   // for which a row was held by somebody
	fault   error // an error that is known beforehand: the call counts against the rate all the same
	settled atomic.Bool
	outcome Outcome
	err     error
	done    *sync.WaitGroup
}

// settle lets the caller know, once.
func (it *item) settle(o Outcome, err error) {
	if it.settled.CompareAndSwap(false, true) {
		it.outcome, it.err = o, err
		it.done.Done()
	}
}

func (it *item) account() account { return account{it.Entitlement.Platform, it.Entitlement.UserID} }

func (it *item) owner() string { return string(it.Entitlement.Platform) }

// plain is whether the fast lane may take the item.
func (it *item) plain() bool {
	return it.fault == nil && it.Quantity > 0 && !it.crowded()
}

// crowded is whether the platform's users have a limit together.
func (it *item) crowded() bool {
	return it.Entitlement.PlatformRateLimit != nil || it.Entitlement.MonthlyCalls != nil
}

// New makes a Service that works under the customer surface's role, on connections of its own. Close ends it.
func New(ctx context.Context, customer *db.DB) (*Service, error) {
	s := &Service{db: customer, places: newPlaces(), limits: newLimitsReached()}
	var err error
	if s.lanes, err = customer.Reserve(ctx, connections, s.fence.reset); err != nil {
		return nil, err
	}
	refuse := func(it *item, err error) { it.settle(Outcome{}, busy(err)) }
	s.careful = groupcommit.New(groupcommit.Config[*item]{
		Flush: guard(s.flushCarefully), Owner: (*item).owner, Refuse: refuse,
		Most: carefulBatch, Bound: waitingAtMost, Slow: slowFlush, Patience: patience,
	})
	s.fast = groupcommit.New(groupcommit.Config[*item]{
		Flush: guard(s.flushFast), Owner: (*item).owner, Refuse: refuse,
		Most: fastBatch, Bound: waitingAtMost, Slow: slowFlush, Patience: patience,
	})
	return s, nil
}

// guard has nobody wait for the end of a flush that panicked.
func guard(flush func([]*item)) func([]*item) {
	return func(batch []*item) {
		defer func() {
			recovered := recover()
			if recovered == nil {
				return
			}
			cause := fmt.Errorf("panic: %v\n%s", recovered, debug.Stack())
			for _, it := range batch {
				it.settle(Outcome{}, db.UnknownOutcome(cause))
			}
		}()
		flush(batch)
	}
}

// Close counts what waits and ends the lanes.
func (s *Service) Close() {
	s.fast.Close()
	s.careful.Close()
	s.lanes.Close()
}

// Track counts a call: all of its quantity or, where that does not fit below the limit, nothing. The rate window, the
// count and the record of the idempotency key are committed together before Track returns. It goes on whether or not
// the client still listens. Over the rate it is errs.RateLimited, and that call still counts against the rate; ErrStale
// asks for a new entitlement.
func (s *Service) Track(call Call) (Outcome, error) {
	outcomes, failed := s.TrackAll([]Call{call})
	return outcomes[0], failed[0]
}

// TrackAll is Track for calls of one platform.
func (s *Service) TrackAll(calls []Call) ([]Outcome, []error) {
	items := make([]item, len(calls))
	var done sync.WaitGroup
	done.Add(len(calls))
	sound := make([]*item, 0, len(calls))
	var special map[string]bool // users of whom a call is not plain: all of theirs keep their order in the careful lane
	for i, call := range calls {
		it := &items[i]
		it.Call, it.done = call, &done
		if it.Meter == "" {
			it.Meter = tenant.DefaultMeter
		}
		if err := it.check(); err != nil {
			it.settle(Outcome{}, err)
			continue
		}
		if it.limit, it.slot, it.fault = it.Call.limit(); it.fault == nil {
			it.place = s.places.of(it)
		}
		if !it.plain() || s.held.has(it.account()) {
			if special == nil {
				special = map[string]bool{}
			}
			special[it.Entitlement.UserID] = true
		}
		sound = append(sound, it)
	}
	plain, others := sound, []*item(nil)
	if special != nil {
		plain = nil
		for _, it := range sound {
			if special[it.Entitlement.UserID] {
				others = append(others, it)
			} else {
				plain = append(plain, it)
			}
		}
	}
	submit(s.careful, others)
	run(s.fast, plain)
	done.Wait()
	outcomes, failed := make([]Outcome, len(calls)), make([]error, len(calls))
	for i := range items {
		outcomes[i], failed[i] = items[i].outcome, items[i].err
	}
	return outcomes, failed
}

// passOn puts items of several platforms into another lane.
func passOn(to lane, items []*item) {
	for i := range items {
		submit(to, items[i:i+1])
	}
}

// submit puts items of one platform into a lane, or tells them that it is full.
func submit(to lane, items []*item) { put(to.Submit, items) }

// run is submit by the goroutine that waits for the items.
func run(in lane, items []*item) { put(in.Run, items) }

func put(where func(...*item) error, items []*item) {
	if len(items) == 0 {
		return
	}
	if err := where(items...); err != nil {
		for _, it := range items {
			it.settle(Outcome{}, busy(err))
		}
	}
}

func busy(cause error) error {
	if errors.Is(cause, groupcommit.ErrStuck) {
		return errs.New(errs.Unavailable, "The database can not be reached right now. Try again in a moment.").Because(cause).
			After(time.Second)
	}
	return errs.New(errs.Unavailable, "There is more to count right now than can be. Nothing was counted. Try again in a moment.").
		Because(cause).After(time.Second)
}

func commitContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), longestCommit)
}

// platformsOf are the platforms of the items.
func platformsOf(items []*item) []id.Platform {
	var list []id.Platform
	seen := map[id.Platform]bool{}
	for _, it := range items {
		if p := it.Entitlement.Platform; !seen[p] {
			seen[p] = true
			list = append(list, p)
		}
	}
	return list
}
