package e2e

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// wantKey checks in every process whether a key opens the platform; each has answered with it before, so that what it
// could remember it does.
func wantKey(t *testing.T, servers []*server, r request, status int) {
	t.Helper()
	for i, s := range servers {
		if a := s.do(t, r); a.status != status {
			t.Errorf("process %d answers %d, want %d: %s", i+1, a.status, status, a.body)
		}
	}
}

func TestARevokedSecretKeyStopsAtOnceInEveryProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	servers := []*server{w.serve(t), w.serve(t)}
	p := w.newPlatform(t, servers[0], tier{20, 100})
	other := servers[1].must(t, http.StatusCreated, p.own(post("/keys", object{"kind": "secret", "name": "other"})))
	wantKey(t, servers, track(p.secret, "user"), http.StatusOK)

	servers[0].must(t, http.StatusOK, p.own(post("/keys/"+p.secretID+"/revoke", nil)))

	wantKey(t, servers, track(p.secret, "user"), http.StatusUnauthorized)
	wantKey(t, servers, get("/api/tiers").as(p.secret), http.StatusUnauthorized)
	wantKey(t, servers, track(text(t, other, "secret"), "user"), http.StatusOK)
	if n := query[int](t, w, "SELECT sum(n)::int FROM tenant_usage.users, unnest(counts) n"); n != 4 {
		t.Errorf("%d calls are counted, 4 were admitted", n)
	}
}

func TestARotatedKeyWithoutOverlapStopsAtOnceInEveryProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	servers := []*server{w.serve(t), w.serve(t)}
	p := w.newPlatform(t, servers[0], tier{20, 100})
	customer := text(t, servers[0].must(t, http.StatusCreated, newCustomer(p)), "customer.id")
	wantKey(t, servers, track(p.secret, customer), http.StatusOK)

	rotated := servers[1].must(t, http.StatusCreated, p.own(post("/keys/"+p.secretID+"/rotate", object{"overlapSeconds": 0})))
	successor := text(t, rotated, "secret")

	wantKey(t, servers, track(p.secret, customer), http.StatusUnauthorized)
	wantKey(t, servers, get("/api/customers/"+customer).as(successor), http.StatusOK)
	counted := servers[0].must(t, http.StatusOK, usage(successor, customer))
	if n := number(t, counted, "usageCount"); n != 2 {
		t.Errorf("after the rotation %d are counted, 2 were admitted", n)
	}
}

func TestARotatedKeyWorksForItsOverlapAndNoLonger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setClock(t)
	servers := []*server{w.serve(t), w.serve(t)}
	p := w.newPlatform(t, servers[0], tier{20, 100})

	rotated := servers[0].must(t, http.StatusCreated, p.own(post("/keys/"+p.secretID+"/rotate", object{"overlapSeconds": 3600})))
	successor := text(t, rotated, "secret")
	wantKey(t, servers, track(p.secret, "user"), http.StatusOK)
	wantKey(t, servers, track(successor, "user"), http.StatusOK)

	w.db.SetClock(t, start2031.Add(time.Hour+time.Minute))
	wantKey(t, servers, track(p.secret, "user"), http.StatusUnauthorized)
	wantKey(t, servers, track(successor, "user"), http.StatusOK)
}

func TestAPublishableKeyResolvesAfterItsRotationUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	servers := []*server{w.serve(t), w.serve(t)}
	p := w.newPlatform(t, servers[0], tier{20, 100})
	tiers := func(key string) request { return get("/api/tiers").with("X-Publishable-Key", key) }
	wantKey(t, servers, tiers(p.publishable), http.StatusOK)

	rotated := servers[0].must(t, http.StatusCreated, p.own(post("/keys/"+p.publicID+"/rotate", object{"overlapSeconds": 0})))
	successor := text(t, rotated, "key.value")
	w.db.TurnClock(t, 365*24*time.Hour) // it stands in the tokens of end users, for as long as they like
	wantKey(t, servers, tiers(p.publishable), http.StatusOK)
	wantKey(t, servers, tiers(successor), http.StatusOK)

	servers[1].must(t, http.StatusOK, p.own(post("/keys/"+p.publicID+"/revoke", nil)))
	wantKey(t, servers, tiers(p.publishable), http.StatusUnauthorized)
	wantKey(t, servers, tiers(successor), http.StatusOK)
}

func TestARevokedDeveloperTokenStopsAtOnceInEveryProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	servers := []*server{w.serve(t), w.serve(t)}
	p := w.newPlatform(t, servers[0], tier{20, 100})
	me := get("/api/me").on(dashboardHost).as(p.token)
	wantKey(t, servers, me, http.StatusOK)
	list := servers[0].must(t, http.StatusOK, get("/api/tokens").on(dashboardHost).as(p.token))
	token := at[[]any](t, list, "data")[0].(object)["id"].(string)

	servers[0].must(t, http.StatusOK, post("/api/tokens/"+token+"/revoke", nil).on(dashboardHost).as(p.token))

	wantKey(t, servers, me, http.StatusUnauthorized)
	wantKey(t, servers, p.own(get("/keys")), http.StatusUnauthorized)
}

// What a process knows of a platform without looking it up is of another kind for calls of many users at once.
func TestAChangeHoldsForTheNextBatchInEveryProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.vars["TEST_PLATFORM_CALLS"] = "0" // else all calls of a test platform are judged one by one
	servers := []*server{w.serve(t), w.serve(t)}
	p := w.newPlatform(t, servers[0], tier{100, 100})
	sent := 0
	batch := func(s *server) answer {
		t.Helper()
		var items []object
		for _, user := range []string{"ada", "bob", "eve"} {
			sent++
			items = append(items, object{"id": strconv.Itoa(sent), "userId": user, "plan": "free"})
		}
		return s.do(t, post("/api/data/batch", object{"items": items}).as(p.secret))
	}
	everywhere := func(what string, times, status int) {
		t.Helper()
		for range times {
			for i, s := range servers {
				for n, item := range at[[]any](t, batch(s), "results") {
					if got := int(item.(object)["status"].(float64)); got != status {
						t.Errorf("%s: process %d answers item %d with %d, want %d", what, i+1, n, got, status)
					}
				}
			}
		}
	}
	everywhere("at first", 3, http.StatusOK)
	for i := range 3 {
		servers[i%2].must(t, http.StatusOK, p.own(patch("/tiers/free", object{"limit": 1})))
		everywhere("with a lower limit", 1, http.StatusPaymentRequired)
		servers[i%2].must(t, http.StatusOK, p.own(patch("/tiers/free", object{"limit": 100})))
		everywhere("with a higher limit", 2, http.StatusOK)
	}
	servers[0].must(t, http.StatusOK, p.own(post("/keys/"+p.secretID+"/revoke", nil)))
	everywhere("with a revoked key", 1, http.StatusUnauthorized)
	if n := query[int](t, w, "SELECT sum(n)::int FROM tenant_usage.users, unnest(counts) n"); n != 3*(3*2+3*2*2) {
		t.Errorf("%d calls are counted, %d were admitted", n, 3*(3*2+3*2*2))
	}
}
