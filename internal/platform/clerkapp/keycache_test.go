package clerkapp

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clerk/clerk-sdk-go/v2"

	"github.com/dream-api/dream-api/internal/errs"
)

// jwksOf is a JWKS whose keys change, and how often it was fetched.
type jwksOf struct {
	cache   keyCache
	kids    []string
	failing error
	fetches atomic.Int32
}

func newJWKS(kids ...string) *jwksOf {
	j := &jwksOf{kids: kids}
	j.cache.fetch = func(context.Context) (*clerk.JSONWebKeySet, error) {
		j.fetches.Add(1)
		if j.failing != nil {
			return nil, j.failing
		}
		set := &clerk.JSONWebKeySet{}
		for _, kid := range j.kids {
			set.Keys = append(set.Keys, &clerk.JSONWebKey{KeyID: kid})
		}
		return set, nil
	}
	return j
}

// age has the time pass since the last fetch.
func (j *jwksOf) age(by time.Duration) {
	j.cache.got, j.cache.tried = j.cache.got.Add(-by), j.cache.tried.Add(-by)
}

func (j *jwksOf) has(t *testing.T, kid string, want bool) {
	t.Helper()
	key, err := j.cache.get(t.Context(), kid)
	if err != nil {
		t.Fatal(err)
	}
	if (key != nil) != want {
		t.Errorf("the key %s: %v, want %v", kid, key != nil, want)
	}
}

func (j *jwksOf) fetched(t *testing.T, want int32) {
	t.Helper()
	if n := j.fetches.Load(); n != want {
		t.Errorf("fetched %d times, want %d", n, want)
	}
}

func TestAnUnknownKeyFetchesOnceAMinuteAtTheMost(t *testing.T) {
	t.Parallel()
	j := newJWKS("a")
	j.has(t, "a", true)
	for range 100 {
		j.has(t, "unknown", false)
	}
	j.fetched(t, 1)
	j.age(fetchesApart - time.Second)
	j.has(t, "unknown", false)
	j.fetched(t, 1)
	j.age(2 * time.Second)
	j.has(t, "unknown", false)
	j.has(t, "another", false)
	j.fetched(t, 2)
}

func TestARotatedKeyIsFoundAndAWithdrawnOneForgotten(t *testing.T) {
	t.Parallel()
	j := newJWKS("a")
	j.has(t, "a", true)
	j.kids = []string{"a", "b"}
	j.age(fetchesApart)
	j.has(t, "b", true)
	j.kids = []string{"b"}
	j.has(t, "a", true) // as yet
	j.fetched(t, 2)
	j.age(keysLast)
	j.has(t, "a", false)
	j.has(t, "b", true)
	j.fetched(t, 3)
}

func TestAColdCacheIsFilledOnce(t *testing.T) {
	t.Parallel()
	j := newJWKS("a")
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			if key, err := j.cache.get(t.Context(), "a"); err != nil || key == nil {
				t.Error(key, err)
			}
		})
	}
	group.Wait()
	j.fetched(t, 1)
}

func TestKeysThatCanNotBeFetchedMakeNoTokenInvalid(t *testing.T) {
	t.Parallel()
	j := newJWKS("a")
	j.failing = errors.New("clerk is down")
	if _, err := j.cache.get(t.Context(), "a"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a cold cache: %v", err)
	}
	j.failing = nil
	if _, err := j.cache.get(t.Context(), "a"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("at once again: %v", err)
	}
	j.fetched(t, 1) // forged tokens must not hammer a service that is down
	j.age(failuresApart)
	j.has(t, "a", true)
	j.failing = errors.New("clerk is down")
	j.age(fetchesApart)
	if _, err := j.cache.get(t.Context(), "b"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("an unknown key: %v", err)
	}
	j.has(t, "a", true) // what is known works on
}

func TestACallerWhoLeavesDoesNotSpoilTheFetch(t *testing.T) {
	t.Parallel()
	j := newJWKS("a")
	fetch := j.cache.fetch
	j.cache.fetch = func(ctx context.Context) (*clerk.JSONWebKeySet, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return fetch(ctx)
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := j.cache.get(ctx, "a"); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	j.has(t, "a", true)
	j.fetched(t, 1)
}

func TestAValidTokenDoesNotWaitForForgedOnes(t *testing.T) {
	t.Parallel()
	j := newJWKS("a")
	j.has(t, "a", true)
	j.age(fetchesApart)
	hold, held := make(chan struct{}), make(chan struct{})
	fetch := j.cache.fetch
	j.cache.fetch = func(ctx context.Context) (*clerk.JSONWebKeySet, error) {
		close(held)
		<-hold
		return fetch(ctx)
	}
	var group sync.WaitGroup
	group.Go(func() { _, _ = j.cache.get(t.Context(), "forged") })
	<-held
	j.has(t, "a", true) // would hang if it waited
	close(hold)
	group.Wait()
}
