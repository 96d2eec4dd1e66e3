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
// is the number of a transaction, is one that the snapshot does not see. That is so on one server: on a cluster whose parts number
// transactions by themselves, all platforms would have to be looked up.

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
	beginning
	oldest int64 // every transaction with a smaller number had ended
	ends   time.Time
	epochs map[id.Platform]int64 // of platforms that were looked up, and had not changed since before the oldest
}

// beginning is what the batch that begins a term reads before it counts.
type beginning struct {
	Snapshot string    // as PostgreSQL writes it
	Server   time.Time // when that was started; another one, as after a failover, may give numbers anew that the snapshot has seen
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
	return q.term.Snapshot
}

// server is that of the term; nil: whichever it is.
func (q question) server() *time.Time {
	if q.begins {
		return nil
	}
	return &q.term.Server
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

// learn remembers the epochs of the groups that were counted by a batch which asked. A batch that begins a term has read its
// beginning. Where nothing was counted, it may be that the server is another.
func (f *fence) learn(q question, begun []beginning, groups []group, found []added) {
	if q.term != nil && !q.begins && len(found) == 0 {
		f.reset()
		return
	}
	if len(q.platforms) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.resets != q.resets {
		return
	}
	switch {
	case !q.begins && f.term != q.term:
		return
	case q.begins && len(begun) == 1:
		smallest, _, _ := strings.Cut(begun[0].Snapshot, ":")
		oldest, err := strconv.ParseInt(smallest, 10, 64)
		if err != nil {
			return
		}
		q.term.beginning, q.term.oldest = begun[0], oldest
		f.term = q.term
	}
	for _, counted := range found {
		if e := groups[counted.N-1].items[0].Entitlement; e.Epoch < q.term.oldest {
			q.term.epochs[e.Platform] = e.Epoch
		}
	}
}

// reset forgets what is known, as for each new connection: behind it may be a server that has crashed, and gives the numbers of
// transactions anew that it has not kept. One that waits for the disk before it answers a commit has kept all that a term has seen;
// so this is about others, and the start of the server says it where a pooler hides that the connection is another.
func (f *fence) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.term = nil
	f.resets++
}
