package torture

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/dream-api/dream-api/e2e/wait"
)

// memory is what a process has in memory, in megabytes.
func memory(t *testing.T, s *server) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(status, []byte("VmRSS:"))
	kB, err := strconv.Atoi(strings.Fields(string(after))[0])
	if err != nil {
		t.Fatal(err)
	}
	return kB / 1024
}

// flood is what became of the items of batches.
type flood struct {
	mu            sync.Mutex
	counted       int64 // items that were
	unknown       int64
	busy, batches int
	full          int // of the busy: there was no room to wait
	surprise      []string
}

// pour sends a batch of a thousand items, each of one unit.
func (f *flood) pour(s *server, p platform, name string) {
	items := make([]object, 1000)
	for i := range items {
		items[i] = object{"id": fmt.Sprint(name, "-", i), "userId": fmt.Sprint("user-", i), "plan": "free"}
	}
	a := s.send(request{method: "POST", path: "/api/data/batch", token: p.secret, body: object{"items": items}})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batches++
	switch a.status {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		f.busy += len(items)
		if bytes.Contains(a.text, []byte("There is more to count")) {
			f.full += len(items)
		}
		return
	default:
		f.unknown += int64(len(items))
		f.surprise = append(f.surprise, fmt.Sprintf("a batch gets %d: %.200s", a.status, a.text))
		return
	}
	for _, r := range a.Results {
		switch {
		case r.Status == http.StatusOK:
			f.counted++
		case r.Status == http.StatusServiceUnavailable && r.Code == "unavailable":
			f.busy++
			if strings.HasPrefix(r.Message, "There is more to count") {
				f.full++
			}
		case r.Status == http.StatusInternalServerError && r.Code == internal:
			f.unknown++
		default:
			f.surprise = append(f.surprise, fmt.Sprintf("an item gets %d %s", r.Status, r.Code))
		}
	}
}

func TestMoreCallsThanFitAreRefusedAndNothingAcknowledgedIsLost(t *testing.T) {
	pg := newPostgres(t, nil)
	w := newWorldOn(t, pg.database())
	w.db.SetClock(t, start2031)
	s := w.serve(t)
	p := w.newPlatform(t, s, w.newDeveloper(t), map[string]object{"free": monthly(limits{"requests": nil})})
	f := &flood{}
	f.pour(s, p, "first") // from now on everybody is known
	if f.counted != 1000 {
		t.Fatalf("%+v", f)
	}
	idle := memory(t, s)

	var wg sync.WaitGroup
	for n := range scale(60, 600) {
		wg.Go(func() { f.pour(s, p, fmt.Sprint("batch-", n)) })
	}
	wait.For(t, "answers", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.batches > 5
	})
	all := pg.processes(t)
	signal(t, all, syscall.SIGSTOP) // in the middle of it
	wait.For(t, "refusal", func() bool {
		a := s.send(p.track("user-0", "free", "requests", 1, ""))
		if a.status == http.StatusServiceUnavailable && a.retryAfter == "" {
			t.Fatalf("a call is refused without Retry-After: %s", a.text)
		}
		return a.status == http.StatusServiceUnavailable
	})
	wait.For(t, "answers to all that were refused", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.busy >= 1000
	})
	full := memory(t, s)
	signal(t, all, syscall.SIGCONT)
	wg.Wait()
	for _, what := range f.surprise {
		t.Error(what)
	}
	if f.full == 0 {
		t.Error("there was room for everybody to wait")
	}
	// What waits is bounded; the batches themselves hold something too while they do.
	if most := idle + 400; full > most {
		t.Errorf("the process takes %d MB, after %d", full, idle)
	}

	var after int64
	wait.For(t, "recovery", func() bool {
		a := s.send(p.track("user-0", "free", "requests", 1, ""))
		after += unit(a)
		return a.status == http.StatusOK
	})
	var stored int64
	for _, l := range w.stored(t) {
		stored += l.Count
	}
	acknowledged, possible := f.counted+1, f.counted+f.unknown+after
	if stored < acknowledged || stored > possible {
		t.Errorf("%d are stored; %d were acknowledged, and no more than %d can have been counted", stored, acknowledged, possible)
	}
	t.Logf("of %d items in %d batches %d were counted, %d refused, %d of them at once, and of %d nobody knows; %d MB, and %d when idle",
		1000*f.batches, f.batches, f.counted, f.busy, f.full, f.unknown, full, idle)

	pg.crash(t)
	for range 3 {
		if a := s.send(p.track("user-0", "free", "requests", 1, "")); a.status != http.StatusServiceUnavailable && !a.isUnknown() {
			t.Errorf("without a database a call gets %d: %s", a.status, a.text)
		}
	}
	last := s.must(t, http.StatusServiceUnavailable, p.track("user-0", "free", "requests", 1, ""))
	if last.retryAfter == "" {
		t.Errorf("without a database a call is refused without Retry-After: %s", last.text)
	}
	pg.revive(t)
	s.awaitReady(t)
	s.must(t, http.StatusOK, p.track("user-0", "free", "requests", 1, ""))
}

// unit is one if the call may have been counted.
func unit(a reply) int64 {
	if a.status == http.StatusOK || a.isUnknown() {
		return 1
	}
	return 0
}
