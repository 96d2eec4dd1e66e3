package usage

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dream-api/dream-api/internal/id"
)

// An entitlement is out of date once the epoch of its platform is another. To look up that of each platform was a twelfth of
// what a batch cost, so it is done once a term. A term begins with a snapshot of PostgreSQL's. A platform that was looked up
// since then is only asked about by whether it has changed since the snapshot; and those that have are the ones whose epoch, which
// is the number of a transaction, is one that the snapshot does not see.

// A term is short, as what has changed within it is gone through by each batch.
const termLasts = 10 * time.Second

// fence remembers the epochs that were looked up.
type fence struct {
	mu     sync.Mutex
	term   *term // nil: the next batch begins one
	resets int
}

// term is what is known since a snapshot.
type term struct {
	snapshot string // as PostgreSQL writes it
	oldest   int64  // every transaction with a smaller number had ended
	ends     time.Time
	epochs   map[id.Platform]int64 // of platforms that were looked up, and had not changed since before the oldest
}

// question is what a batch asks about its platforms.
type question struct {
	platforms []string // to be looked up
	epochs    []int64  // which those are thought to have
	term      *term    // since when the others must not have changed
	begins    bool     // with this batch; all are looked up
	resets    int      // of the fence by then
}

// since is the smallest epoch that can be of a change within the term.
func (q question) since() int64 {
	if q.begins {
		return math.MaxInt64
	}
	return q.term.oldest
}

// snapshot is that of the term.
func (q question) snapshot() string {
	if q.begins {
		return "1:1:" // which is not looked at
	}
	return q.term.snapshot
}

// ask says what to ask about the platforms of the groups, which stand together.
func (f *fence) ask(groups []group) question {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := question{term: f.term, resets: f.resets}
	if now := time.Now(); f.term == nil || !now.Before(f.term.ends) {
		q.begins, q.term = true, &term{ends: now.Add(termLasts), epochs: map[id.Platform]int64{}}
	}
	for rest := groups; len(rest) > 0; {
		n, known := 0, true
		at := rest[0].items[0].Entitlement.Platform
		epoch, looked := q.term.epochs[at]
		for n < len(rest) && rest[n].items[0].Entitlement.Platform == at {
			known = known && looked && rest[n].items[0].Entitlement.Epoch == epoch
			n++
		}
		// Where one entitlement is of another epoch, all of the platform's are looked at: those that are looked up are not
		// asked about otherwise.
		if !known {
			q.lookUp(rest[:n])
		}
		rest = rest[n:]
	}
	return q
}

// lookUp has the epochs of groups of one platform looked up.
func (q *question) lookUp(groups []group) {
	at := string(groups[0].items[0].Entitlement.Platform)
	for i, g := range groups {
		if epoch := g.items[0].Entitlement.Epoch; i == 0 || epoch != q.epochs[len(q.epochs)-1] {
			q.platforms, q.epochs = append(q.platforms, at), append(q.epochs, epoch)
		}
	}
}

// learn remembers the epochs of the groups that were counted by a batch which asked. A batch that begins a term has taken a
// snapshot before.
func (f *fence) learn(q question, snapshot string, groups []group, found []added) {
	if len(q.platforms) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.resets != q.resets {
		return
	}
	if q.begins {
		smallest, _, _ := strings.Cut(snapshot, ":")
		oldest, err := strconv.ParseInt(smallest, 10, 64)
		if err != nil {
			return
		}
		q.term.snapshot, q.term.oldest = snapshot, oldest
		f.term = q.term
	} else if f.term != q.term {
		return
	}
	for _, counted := range found {
		if e := groups[counted.N-1].items[0].Entitlement; e.Epoch < q.term.oldest {
			q.term.epochs[e.Platform] = e.Epoch
		}
	}
}

// reset forgets what is known: where a server has crashed, it may give the numbers of transactions that were not kept anew.
func (f *fence) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.term = nil
	f.resets++
}
