package main

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/dream-api/dream-api/internal/id"
)

// Limits that nobody reaches, which are compared with all the same.
const (
	rateLimit = 1_000_000_000
	most      = int64(1) << 62
)

// null counts in memory: the same POST without a database, by a server as one writes it with Echo.
type null struct {
	keys   map[string]string // platforms by the hash of their key
	seed   maphash.Seed
	shards [256]shard
}

type shard struct {
	mu    sync.Mutex
	users map[who]*state
}

type who struct{ platform, user, meter string }

type state struct {
	minute, month time.Time
	calls, count  int64
}

func newNull(t told) counting {
	n := &null{keys: keysOf(t.Platforms), seed: maphash.MakeSeed()}
	for i := range n.shards {
		n.shards[i].users = map[who]*state{}
	}
	return n.count
}

// keysOf are the platforms by the hash of their key.
func keysOf(platforms []platform) map[string]string {
	keys := make(map[string]string, len(platforms))
	for _, p := range platforms {
		if key, ok := id.ParseKey(p.Key); ok {
			keys[string(key.Hash())] = p.ID
		}
	}
	return keys
}

func (n *null) count(_ context.Context, w wanted) (counted, error) {
	platform, ok := n.keys[string(w.key.Hash())]
	if !ok {
		return counted{}, errUnknownKey
	}
	at := who{platform, w.user, w.meter}
	s := &n.shards[maphash.Comparable(n.seed, at)%uint64(len(n.shards))]
	now := time.Now()
	minute, month := now.Truncate(time.Minute), monthOf(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[at]
	if u == nil {
		u = &state{}
		s.users[at] = u
	}
	if minute.After(u.minute) {
		u.minute, u.calls = minute, 0
	}
	if month.After(u.month) {
		u.month, u.count = month, 0
	}
	u.calls++
	refused := u.calls > rateLimit || u.count+w.quantity > most
	if !refused {
		u.count += w.quantity
	}
	return counted{u.count, u.calls, rateLimit, refused, now}, nil
}
