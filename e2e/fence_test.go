package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dream-api/dream-api/e2e/wait"
)

// toggled is a platform whose limit is taken away and given back, and what its calls were answered.
type toggled struct {
	platform
	mu    sync.Mutex
	calls []timed
	rules []rule
}

// timed is a call.
type timed struct {
	began, ended time.Time
	status       int
}

// rule is how calls are to be answered that begin after a change was answered and end before the next one begins.
type rule struct {
	status         int
	answered, over time.Time
}

func (r rule) judges(c timed) bool {
	return c.began.After(r.answered) && (r.over.IsZero() || c.ended.Before(r.over))
}

func (p *toggled) call(s *server) {
	c := timed{began: time.Now()}
	a, err := send(s.http, track(p.secret, fmt.Sprint("user", rand.N(30))))
	if err != nil {
		return
	}
	c.ended, c.status = time.Now(), a.status
	p.mu.Lock()
	p.calls = append(p.calls, c)
	p.mu.Unlock()
}

// change gives the platform's users another limit, and waits until so many calls were judged by it.
func (p *toggled) change(t *testing.T, s *server, limit, status, calls int) {
	t.Helper()
	if n := len(p.rules); n > 0 {
		p.rules[n-1].over = time.Now()
	}
	s.must(t, http.StatusOK, p.own(patch("/tiers/free", object{"limit": limit})))
	r := rule{status: status, answered: time.Now()}
	p.rules = append(p.rules, r)
	wait.For(t, "calls after a change", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		n := 0
		for _, c := range p.calls {
			if r.judges(c) {
				n++
			}
		}
		return n >= calls
	})
}

// Many users of several platforms are counted by two processes, while limits change.
func TestNoCallIsJudgedByWhatWasChangedBeforeItBegan(t *testing.T) {
	t.Parallel()
	const changes, callsEach = 6, 100
	w := newWorld(t)
	w.vars["TEST_PLATFORM_CALLS"] = "0" // else all calls of a test platform are judged one by one
	servers := []*server{w.serve(t), w.serve(t)}
	session := w.clerk.developerSession(t, "dev@example.com", w.vars["DEVELOPER_URL"])
	platforms := make([]*toggled, 3)
	for i := range platforms {
		platforms[i] = &toggled{platform: w.newPlatformOf(t, servers[0], session, tier{1_000_000, 1_000_000})}
	}

	var calling sync.WaitGroup
	var stop atomic.Bool
	for range 24 {
		calling.Go(func() {
			for !stop.Load() {
				platforms[rand.N(len(platforms))].call(servers[rand.N(len(servers))])
			}
		})
	}
	for n := range changes {
		for _, p := range platforms {
			p.change(t, servers[n%2], 0, http.StatusPaymentRequired, callsEach)
			p.change(t, servers[n%2], 1_000_000, http.StatusOK, callsEach)
		}
	}
	stop.Store(true)
	calling.Wait()

	for i, p := range platforms {
		wrong, judged := 0, 0
		for _, c := range p.calls {
			for _, r := range p.rules {
				if !r.judges(c) {
					continue
				}
				judged++
				if c.status != r.status {
					wrong++
					t.Logf("platform %d: %d, and not %d, %v after the change was answered", i, c.status, r.status, c.began.Sub(r.answered))
				}
			}
		}
		if wrong > 0 {
			t.Errorf("platform %d: %d of %d calls were judged by what had been changed", i, wrong, judged)
		}
	}
}
