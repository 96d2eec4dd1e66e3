package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
)

const noRateLimit = 1_000_000

// volley makes n requests over so many connections to the servers in turn, and returns the answers.
func volley(t *testing.T, servers []*server, connections, n int, nth func(int) request) []answer {
	t.Helper()
	answers := make([]answer, n)
	todo := make(chan int, n)
	for i := range n {
		todo <- i
	}
	close(todo)
	var wg sync.WaitGroup
	for c := range connections {
		wg.Go(func() {
			for i := range todo {
				a, err := send(servers[c%len(servers)].http, nth(i))
				if err != nil {
					t.Error(err)
					return
				}
				answers[i] = a
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return answers
}

// statuses counts the answers of each status.
func statuses(answers []answer) map[int]int {
	n := map[int]int{}
	for _, a := range answers {
		n[a.status]++
	}
	return n
}

func TestExactlyTheLimitIsAdmittedByTwoProcesses(t *testing.T) {
	t.Parallel()
	const limit = 100
	w := newWorld(t)
	w.setClock(t)
	servers := []*server{w.serve(t), w.serve(t)}
	p := w.newPlatform(t, servers[0], tier{limit, noRateLimit})

	for _, connections := range []int{16, 64} {
		user := fmt.Sprintf("user-%d", connections)
		answers := volley(t, servers, connections, 10*limit, func(int) request { return track(p.secret, user) })
		if got, want := statuses(answers), map[int]int{200: limit, 402: 9 * limit}; !maps.Equal(got, want) {
			t.Errorf("%d connections: the answers are %v, want %v", connections, got, want)
		}
		// Each admitted call was told its own place: 1, 2, … to the limit.
		seen := map[int]bool{}
		for _, a := range answers {
			if a.status == http.StatusOK {
				seen[number(t, a, "usage.count")] = true
			}
		}
		for n := range limit {
			if !seen[n+1] {
				t.Errorf("%d connections: no call was the one with count %d", connections, n+1)
			}
		}
		for _, s := range servers {
			counted := s.must(t, http.StatusOK, usage(p.secret, user))
			if count := number(t, counted, "usageCount"); count != limit {
				t.Errorf("%d connections: %d are counted, %d were admitted", connections, count, limit)
			}
		}
	}
}

func TestQuantitiesNeverPassTheLimitAndFitWhenTheyCan(t *testing.T) {
	t.Parallel()
	const limit = 100
	w := newWorld(t)
	w.setClock(t)
	servers := []*server{w.serve(t), w.serve(t)}
	p := w.newPlatform(t, servers[0], tier{limit, noRateLimit})
	quantity := func(i int) int { return 1 + (i*7)%3 }

	answers := volley(t, servers, 64, 5*limit, func(i int) request {
		r := track(p.secret, "user")
		r.body = object{"quantity": quantity(i)}
		return r
	})

	type step struct{ quantity, count int }
	var admitted []step
	for i, a := range answers {
		count, q := number(t, a, "usage.count"), quantity(i)
		switch {
		case a.status == http.StatusOK:
			admitted = append(admitted, step{q, count})
		case a.status != http.StatusPaymentRequired:
			t.Errorf("an answer has status %d: %s", a.status, a.body)
		case count+q <= limit:
			t.Errorf("%d was refused at %d of %d, where it fits", q, count, limit)
		}
	}
	// In the order of their counts the admitted calls lie end to end: none was lost and none counted twice.
	slices.SortFunc(admitted, func(a, b step) int { return cmp.Compare(a.count, b.count) })
	total := 0
	for _, s := range admitted {
		if total += s.quantity; total != s.count {
			t.Fatalf("after a call with quantity %d the count is %d, and the calls up to it add up to %d", s.quantity, s.count, total)
		}
	}
	counted := servers[1].must(t, http.StatusOK, usage(p.secret, "user"))
	if count := number(t, counted, "usageCount"); count != total || total != limit {
		t.Errorf("%d are counted, %d were admitted, and calls with quantity 1 could have filled all %d", count, total, limit)
	}
}

func TestRepeatsOfOneIdempotencyKeyCountOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setClock(t)
	servers := []*server{w.serve(t), w.serve(t)}
	p := w.newPlatform(t, servers[0], tier{100, noRateLimit})

	answers := volley(t, servers, 64, 64, func(int) request {
		r := track(p.secret, "user").with("Idempotency-Key", "order-1")
		r.body = object{"quantity": 7}
		return r
	})

	replayed := 0
	for _, a := range answers {
		if a.status != http.StatusOK || !bytes.Equal(a.body, answers[0].body) {
			t.Errorf("one answer is %d %s and another %d %s", a.status, a.body, answers[0].status, answers[0].body)
		}
		if a.header.Get("Idempotent-Replayed") == "true" {
			replayed++
		}
	}
	if replayed != 63 {
		t.Errorf("%d of 64 answers are marked as replayed, want 63", replayed)
	}
	counted := servers[0].must(t, http.StatusOK, usage(p.secret, "user"))
	if count := number(t, counted, "usageCount"); count != 7 {
		t.Errorf("%d are counted, want 7 once", count)
	}
}

func TestTheRateLimitIsExactOverTwoProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	servers := []*server{w.serve(t), w.serve(t)}
	// Fewer fit below the limit than below the rate: a call that is refused for the former counts against the latter.
	p := w.newPlatform(t, servers[0], tier{limit: 40, rateLimit: 100})
	w.setClock(t) // to the first second of a minute

	answers := volley(t, servers, 64, 300, func(int) request { return track(p.secret, "user") })

	if got, want := statuses(answers), map[int]int{200: 40, 402: 60, 429: 200}; !maps.Equal(got, want) {
		t.Errorf("the answers are %v, want %v", got, want)
	}
	for _, a := range answers {
		if a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "" {
			t.Errorf("a 429 has no Retry-After: %s", a.body)
		}
	}
	if other := servers[0].do(t, track(p.secret, "another")); other.status != http.StatusOK {
		t.Errorf("another user of the platform gets %d", other.status)
	}
}
