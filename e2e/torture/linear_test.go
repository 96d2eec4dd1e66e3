package torture

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// start2031 is a moment after which no period ends while a test runs.
var start2031 = time.Date(2031, time.May, 15, 12, 0, 1, 0, time.UTC)

// record is an operation on an account, from when it was begun until it was answered.
type record struct {
	account
	step
	came
	key      string
	replayed bool
	from, to int64
}

// reign is a limit of a tier, from when its change was begun until that was answered.
type reign struct{ limit, from, to int64 }

// tierAt is a tier of a platform. The tests' tiers have one limit for all meters.
type tierAt struct{ platform, name string }

// over are the limits by which a call could be judged: what was answered before it began holds, and what was changed
// meanwhile may.
func over(reigns []reign, r record) (list []int64) {
	surely := int64(math.MinInt64) // the last change that was answered before the call began was begun then
	for _, next := range reigns {
		if next.to < r.from {
			surely = max(surely, next.from)
		}
	}
	for _, mine := range reigns {
		if mine.from <= r.to && mine.to >= surely {
			list = append(list, mine.limit)
		}
	}
	return list
}

// crowd is those who call: they know the accounts, and keep a record of what they did and were told.
type crowd struct {
	servers  []*server
	homes    []home
	meters   []string
	began    time.Time
	mu       sync.Mutex
	records  []record
	tiers    map[tierAt][]reign
	busy     atomic.Int64 // answers that were 503
	surprise []string     // answers that should not be
}

// home is a platform, with customers and users whose plan is stated.
type home struct {
	platform
	customers, others []string
}

func (h home) users() []string { return slices.Concat(h.customers, h.others) }

// asked is a call that had a key.
type asked struct {
	at home
	account
	step
	key string
}

func (a asked) request() request { return a.at.track(a.user, a.plan, a.meter, a.quantity, a.key) }

func TestEveryHistoryOfSeveralProcessesCouldHaveHappenedInOne(t *testing.T) {
	seed := newSeed(t)
	w := newWorld(t)
	w.db.SetClock(t, start2031)
	c := &crowd{servers: w.serveSeveral(t, scale(2, 3)), meters: []string{"requests", "tokens"}, began: time.Now()}
	begin := map[account]state{}
	c.tiers = map[tierAt][]reign{}
	token := w.newDeveloper(t)
	for range scale(2, 20) {
		tier := func(limit int64) object { return monthly(limits{"requests": limit, "tokens": limit}) }
		h := home{platform: w.newPlatform(t, c.servers[0], token, map[string]object{"free": tier(10), "pro": tier(20)})}
		c.tiers[tierAt{h.id, "free"}], c.tiers[tierAt{h.id, "pro"}] = []reign{{limit: 10}}, []reign{{limit: 20}}
		for i := range 2 {
			h.customers, h.others = append(h.customers, fmt.Sprint("customer-", i)), append(h.others, fmt.Sprint("other-", i))
			c.servers[0].must(t, http.StatusCreated, h.newCustomer(h.customers[i], "free"))
		}
		for _, user := range h.users() {
			for _, meter := range c.meters {
				s := state{}
				if slices.Contains(h.customers, user) {
					s.plan = "free"
				}
				begin[account{h.id, user, meter}] = s
			}
		}
		c.homes = append(c.homes, h)
	}

	const workers = 16
	operations := scale(4_000, 1_000_000)
	var wg sync.WaitGroup
	for n := range workers {
		wg.Go(func() { c.work(n, seed.dice(n), operations/workers) })
	}
	wg.Wait()
	for _, what := range c.surprise {
		t.Error(what)
	}
	once := c.wantKeysUsedOnce(t)

	histories, added, calls, refused := map[account][]porcupine.Operation{}, map[account]int64{}, 0, 0
	for _, r := range once {
		r.allowed = map[string][]int64{}
		for _, tier := range []string{"free", "pro"} {
			r.allowed[tier] = over(c.tiers[tierAt{r.platform, tier}], r)
		}
		histories[r.account] = append(histories[r.account], porcupine.Operation{Input: r.step, Output: r.came, Call: r.from, Return: r.to})
		if r.kind == tracked {
			calls++
			if r.refused {
				refused++
			} else if r.quantity > 0 {
				added[r.account] += r.quantity
			}
		}
	}
	stored := w.stored(t)
	for a, s := range begin {
		last := int64(time.Since(c.began))
		histories[a] = append(histories[a], porcupine.Operation{
			Input: step{kind: readAnswer}, Output: came{count: stored[a].Count}, Call: last, Return: last,
		})
		wantLinearizable(t, a, s, histories[a])
	}
	for _, r := range look[returned](t, w, "SELECT platform_id, user_id, meter, quantity FROM tenant_usage.adjustments WHERE kind = 'return'") {
		added[account{r.Platform, r.User, r.Meter}] -= r.Quantity
	}
	w.wantBalancedBooks(t, added)
	t.Logf("%d calls in %d histories, %d refused, %d busy", calls, len(begin), refused, c.busy.Load())
	if refused*10 < calls {
		t.Errorf("only %d of %d calls were at the limit: this tested little", refused, calls)
	}
}

// returned is units that were given back.
type returned struct {
	Platform, User, Meter string
	Quantity              int64
}

// work is what one of the crowd does.
func (c *crowd) work(n int, dice *rand.Rand, operations int) {
	var earlier []asked
	for i := range operations {
		h := c.homes[dice.IntN(len(c.homes))]
		call := asked{at: h, account: account{h.id, pick(dice, h.users()), pick(dice, c.meters)}, step: step{kind: tracked}}
		if slices.Contains(h.others, call.user) {
			call.plan = pick(dice, []string{"free", "pro"})
		}
		switch roll := dice.IntN(100); {
		case roll < 2:
			c.read(c.any(dice), call)
		case roll < 5:
			c.grant(c.any(dice), call, 1+dice.Int64N(3), pick(dice, []string{"period", "used"}))
		case roll < 9:
			c.changePlan(c.any(dice), h, pick(dice, h.customers), pick(dice, []string{"free", "pro"}))
		case roll < 10:
			c.changeTier(c.any(dice), h, pick(dice, []string{"free", "pro"}), 5+dice.Int64N(20))
		case roll < 13:
			c.batch(dice, h, fmt.Sprintf("batch-%d-%d", n, i))
		case roll < 20 && len(earlier) > 0:
			c.track(c.any(dice), pick(dice, earlier))
		default:
			call.quantity = drawQuantity(dice)
			if dice.IntN(5) > 0 {
				c.track(c.any(dice), call)
				continue
			}
			call.key = fmt.Sprintf("key-%d-%d", n, i)
			earlier = append(earlier, call)
			earlier = earlier[max(0, len(earlier)-10):]
			var wg sync.WaitGroup
			for _, s := range c.servers[:1+dice.IntN(len(c.servers))] {
				wg.Go(func() { c.track(s, call) })
			}
			wg.Wait()
		}
	}
}

// drawQuantity is mostly a few units, and sometimes none or some to give back.
func drawQuantity(dice *rand.Rand) int64 {
	switch roll := dice.IntN(20); {
	case roll < 1:
		return 0
	case roll < 5:
		return -1 - dice.Int64N(6)
	}
	return 1 + dice.Int64N(5)
}

func pick[T any](dice *rand.Rand, from []T) T { return from[dice.IntN(len(from))] }

func (c *crowd) any(dice *rand.Rand) *server { return pick(dice, c.servers) }

// now is a moment of the history.
func (c *crowd) now() int64 { return int64(time.Since(c.began)) }

// note keeps the records of operations that were begun at a moment and have just been answered.
func (c *crowd) note(from int64, records ...record) {
	to := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range records {
		r.from, r.to = from, to
		c.records = append(c.records, r)
	}
}

// did makes a request, and is whether it was done. Where the answer is 503 nothing was; nothing else is to happen here.
func (c *crowd) did(s *server, r request) (from int64, a reply, ok bool) {
	from = c.now()
	a = s.send(r)
	switch a.status {
	case http.StatusOK, http.StatusCreated:
		return from, a, true
	case http.StatusPaymentRequired:
		return from, a, a.Code == "tier_limit_reached"
	case http.StatusServiceUnavailable:
		c.busy.Add(1)
	default:
		c.mu.Lock()
		c.surprise = append(c.surprise, fmt.Sprintf("%s %s %v gets %d: %s", r.method, r.path, r.body, a.status, a.text))
		c.mu.Unlock()
	}
	return from, a, false
}

func (c *crowd) track(s *server, call asked) {
	if from, a, ok := c.did(s, call.request()); ok {
		c.note(from, record{
			account: call.account, step: call.step, came: cameOf(a.status == http.StatusPaymentRequired, a.Usage),
			key: call.key, replayed: a.replayed,
		})
	}
}

func (c *crowd) read(s *server, call asked) {
	if from, a, ok := c.did(s, call.at.usage(call.user, call.plan)); ok {
		c.note(from, record{account: call.account, step: step{kind: readAnswer}, came: cameOf(false, a.Meters[call.meter])})
	}
}

func (c *crowd) grant(s *server, call asked, quantity int64, expires string) {
	call.kind, call.quantity = granted, quantity
	if from, a, ok := c.did(s, call.at.grant(call.user, call.plan, call.meter, quantity, expires)); ok {
		c.note(from, record{account: call.account, step: call.step, came: cameOf(false, a.Usage)})
	}
}

func (c *crowd) changePlan(s *server, h home, customer, plan string) {
	if from, _, ok := c.did(s, h.changePlan(customer, plan)); ok {
		var all []record
		for _, meter := range c.meters {
			all = append(all, record{account: account{h.id, customer, meter}, step: step{kind: planned, plan: plan}})
		}
		c.note(from, all...)
	}
}

func (c *crowd) changeTier(s *server, h home, tier string, limit int64) {
	body := object{"meters": object{"requests": object{"limit": limit}, "tokens": object{"limit": limit}}}
	if from, _, ok := c.did(s, h.changeTier(tier, body)); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		at := tierAt{h.id, tier}
		c.tiers[at] = append(c.tiers[at], reign{limit, from, c.now()})
	}
}

// batch makes a batch of calls for any users of the platform.
func (c *crowd) batch(dice *rand.Rand, h home, name string) {
	items, records := make([]object, 2+dice.IntN(6)), []record{}
	for i := range items {
		r := record{account: account{h.id, pick(dice, h.users()), pick(dice, c.meters)}, key: fmt.Sprint(name, "-", i)}
		r.step = step{kind: tracked, quantity: drawQuantity(dice)}
		if slices.Contains(h.others, r.user) {
			r.step.plan = pick(dice, []string{"free", "pro"})
		}
		items[i] = object{"id": r.key, "userId": r.user, "plan": r.step.plan, "meter": r.meter, "quantity": r.quantity}
		records = append(records, r)
	}
	from, a, ok := c.did(c.any(dice), request{method: "POST", path: "/api/data/batch", token: h.secret, body: object{"items": items}})
	if !ok {
		return
	}
	done := records[:0]
	for i, result := range a.Results {
		switch result.Status {
		case http.StatusOK, http.StatusPaymentRequired:
			records[i].came = cameOf(result.Status == http.StatusPaymentRequired, result.Usage)
			records[i].replayed = result.Replayed
			done = append(done, records[i])
		case http.StatusServiceUnavailable:
			c.busy.Add(1)
		default:
			c.mu.Lock()
			c.surprise = append(c.surprise, fmt.Sprintf("an item %v gets %d: %s", items[i], result.Status, result.Code))
			c.mu.Unlock()
		}
	}
	c.note(from, done...)
}

// wantKeysUsedOnce checks that of the calls with one key one was done, and all others were told what it was, and returns
// the records without those.
func (c *crowd) wantKeysUsedOnce(t *testing.T) []record {
	t.Helper()
	byKey, once := map[string][]record{}, []record{}
	for _, r := range c.records {
		if r.key == "" {
			once = append(once, r)
		} else {
			byKey[r.key] = append(byKey[r.key], r)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		calls := byKey[key]
		slices.SortFunc(calls, func(a, b record) int { // the one that was done first
			return cmp.Or(cmp.Compare(number(a.replayed), number(b.replayed)), cmp.Compare(a.from, b.from))
		})
		first := calls[0]
		if first.replayed {
			t.Errorf("%s: no call was the first: %+v", key, calls)
		}
		for _, again := range calls[1:] {
			if !again.replayed || again.came != first.came || again.to < first.from {
				t.Errorf("%s: the first call is %+v, and another %+v", key, first, again)
			}
		}
		once = append(once, first)
	}
	return once
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
