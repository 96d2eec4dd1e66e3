package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dream-api/dream-api/e2e/wait"
)

// Events come as they may at the worst: each several times, in any order, to two processes of which one is killed again
// and again, among forged ones. What we know in the end is what Stripe says, and how it came to be leaves no trace.
func TestEventsInAnyOrderLeadToWhatStripeSaysWhoeverIsKilledMeanwhile(t *testing.T) {
	t.Parallel()
	var first string
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			s := newStorm(t, seed)
			s.rage(t)
			s.settle(t)
			s.wantWhatStripeSays(t)
			s.wantNothingForged(t)
			s.wantNothingToRepair(t)
			outcome := s.outcome(t)
			if first == "" {
				first = outcome
			}
			if outcome != first {
				t.Errorf("the outcome is\n%s\nand that of the first seed was\n%s", outcome, first)
			}
			t.Logf("%d events happened; %d deliveries, of which %d repeated and %d were forged; %d processes were killed",
				s.mail.genuine, s.mail.delivered, s.mail.repeated, s.mail.forged, s.killed)
		})
	}
}

// storm is a world in which a test stands between Stripe and two servers.
type storm struct {
	*world
	seed    uint64
	stripe  stripeSandbox
	slow    *gate // between the servers and Stripe
	mail    *mailbag
	servers [2]*server
	killed  int

	shops    []*shop // the preview, the live one, and that of a developer who wishes the others ill
	subjects []*subject
}

// shop is a platform with tiers that cost something.
type shop struct {
	platform
	name    string
	account account
	prices  map[string]string // by tier and interval, as in "max year"

	customers int // who live each life; 0: one, and those for the ill alone
}

// lived is how many customers of the shop live the life.
func (sh *shop) lived(l life) int {
	if sh.customers == 0 && l.ill {
		return 1
	}
	return sh.customers
}

// subject is a customer whose life a test follows.
type subject struct {
	shop *shop
	life life
	id   string // with us

	customer, subscription string // at Stripe
}

func newStorm(t *testing.T, seed uint64) *storm {
	t.Helper()
	s := &storm{seed: seed, mail: newMailbag(t, seed)}
	s.world = newWorldHeard(t, s.mail.url)
	s.stripe = s.clerk.stripe()
	// Answers overtake each other on their way back.
	s.slow = newGate(t, s.stripe.url)
	s.slow.lag = func(r *http.Request) time.Duration {
		if !strings.HasPrefix(r.URL.Path, "/v1/subscriptions/") || rand.IntN(3) > 0 {
			return 0
		}
		return time.Duration(rand.IntN(1000)) * time.Millisecond
	}
	s.vars["STRIPE_API_URL"] = s.slow.url
	for i := range s.servers {
		s.servers[i] = s.serve(t)
	}
	s.mail.secrets = s.clerk.variables
	s.mail.to(s.servers[:]...)

	test, testShop := s.newDeveloper(t, "ada")
	testShop.customers = 2
	s.shops = append(s.shops, testShop, s.newLive(t, test, testShop, "Ada"))
	s.shops[1].customers = 1
	other, otherTest := s.newDeveloper(t, "mallory")
	s.shops = append(s.shops, s.newLive(t, other, otherTest, "Mallory"))
	s.mail.stranger = s.shops[2].account
	for _, sh := range s.shops {
		sh.prices = map[string]string{}
		for _, price := range s.stripe.list(t, sh.account, "/v1/prices?active=true") {
			metadata := price["metadata"].(object)
			if metadata["dreamapi_platform"] == sh.id {
				sh.prices[fmt.Sprint(metadata["dreamapi_tier"], " ", price["recurring"].(object)["interval"])] = price["id"].(string)
			}
		}
		for _, l := range lives {
			for n := range sh.lived(l) {
				s.subjects = append(s.subjects, &subject{shop: sh, life: l, id: fmt.Sprintf("%s-%d", strings.ReplaceAll(l.name, " ", "-"), n)})
			}
		}
	}
	return s
}

// newDeveloper signs somebody up who has a test platform with a price list.
func (s *storm) newDeveloper(t *testing.T, name string) (session string, test *shop) {
	t.Helper()
	session = s.clerk.developerSession(t, name+"@example.com", s.vars["DEVELOPER_URL"])
	test = &shop{platform: s.newPlatformOf(t, s.servers[0], session, tier{5, 100}), name: name + "'s preview"}
	for _, body := range []object{
		{"name": "pro", "price": 1000, "limit": 100},
		{"name": "max", "price": 3000, "limit": 1000, "prices": object{"year": 30_000}},
		{"name": "try", "price": 500, "limit": 50, "trialDays": 14},
	} {
		s.servers[0].must(t, http.StatusCreated, test.own(post("/tiers", body)))
	}
	return session, test
}

// newLive opens the live platform beside a test platform: paid for, connected, with the same price list and a key.
func (s *storm) newLive(t *testing.T, session string, test *shop, owner string) *shop {
	t.Helper()
	server := s.servers[0]
	plan := func(r request) request { return r.on(dashboardHost).as(test.token) }
	page := text(t, server.must(t, http.StatusOK, plan(post("/api/plan/checkout", nil))), "url")
	s.stripe.pay(t, own, page)
	wait.For(t, owner+"'s plan", func() bool {
		return at[bool](t, server.must(t, http.StatusOK, plan(get("/api/plan"))), "plan.paid")
	})
	live := &shop{platform: test.platform, name: owner + "'s shop", account: s.stripe.newAccount(t, owner)}
	live.id = text(t, server.must(t, http.StatusCreated,
		plan(post("/api/projects/"+test.project+"/platforms", object{"mode": "live", "name": "Live"}))), "platform.id")
	live.path = "/api/platforms/" + live.id
	s.connect(t, session, live.id, live.account)
	server.must(t, http.StatusOK, live.own(post("/tiers/copy", object{"from": test.id})))
	key := server.must(t, http.StatusCreated, live.own(post("/keys", object{"kind": "secret", "name": "backend"})))
	live.secret = text(t, key, "secret")
	return live
}

// rage has everybody live their life at Stripe while the events of it are delivered and servers are killed.
func (s *storm) rage(t *testing.T) {
	t.Helper()
	s.mail.rage()
	const killEvery = 25
	steps := 0
	for phase := range phases {
		for _, sub := range s.subjects {
			step := sub.life.steps[phase]
			if step == nil {
				continue
			}
			step(t, s, sub)
			if steps++; phase > subscribing && steps%killEvery == 0 {
				s.replace(t, steps/killEvery)
			}
		}
		if days := phases[phase]; days > 0 {
			s.stripe.advance(t, days)
			s.replace(t, phase)
		}
	}
	wait.For(t, "calm", func() bool { return s.calm(t) }) // whatever was overtaken has had its say
	s.mail.release()
	for i := range 2 {
		s.replace(t, i)
	}
}

// jobs counts those of billing in states.
func (s *storm) jobs(t *testing.T, states ...string) int {
	t.Helper()
	return query[int](t, s.world, `SELECT count(*) FROM river.river_job
		WHERE state::text = ANY($1) AND kind LIKE 'billing.%' AND kind <> 'billing.reconcile'`, states)
}

// calm is whether what was delivered has been worked, but for what the dead were at.
func (s *storm) calm(t *testing.T) bool {
	t.Helper()
	return s.stripe.silent(t) && s.mail.empty() && s.jobs(t, "available", "pending") == 0 && s.slow.busy.Load() == 0
}

// replace kills a server and starts another in its place.
func (s *storm) replace(t *testing.T, which int) {
	t.Helper()
	i := which % len(s.servers)
	s.mail.to(s.servers[1-i])
	s.servers[i].Kill()
	s.killed++
	s.servers[i] = s.serve(t)
	s.mail.to(s.servers[:]...)
}

// settle kills both servers, and returns when another has nothing left to do.
func (s *storm) settle(t *testing.T) {
	t.Helper()
	s.mail.to()
	for _, server := range s.servers {
		server.Kill()
		s.killed++
	}
	// What the dead were at is taken up after five minutes by the machine's clock, which no test turns.
	s.db.Exec(t, "UPDATE river.river_job SET attempted_at = attempted_at - interval '10 minutes' WHERE state = 'running'")
	s.servers[0] = s.succeed(t)
	s.mail.to(s.servers[0])
	wait.For(t, "silence", func() bool {
		return s.stripe.silent(t) && s.mail.idle() && s.jobs(t, "available", "pending", "running", "retryable", "scheduled") == 0 && s.stripe.silent(t) && s.mail.idle()
	})
	if n := query[int](t, s.world, "SELECT count(*) FROM billing.events WHERE processed_at IS NULL"); n > 0 {
		t.Errorf("%d events have not been worked, and no job is left to work them", n)
	}
	for _, wrong := range s.mail.wrong {
		t.Error(wrong)
	}
}
