package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/usage"
)

// watches has the worker do what it does twice a minute, after what was counted has been added up.
func (w *world) watches(t testing.TB, p *tenancy) {
	t.Helper()
	worker := w.db.Open(t, db.Worker)
	must(t, usage.AddUp(t.Context(), worker))
	must(t, usage.NewWatch(worker).Work(t.Context(), []id.Platform{p.platformID()}))
}

// near is who is near a limit: id meter count/limit.
func near(a answer) string {
	var list []string
	for i := range a.list("near.list") {
		at := fmt.Sprintf("near.list.%d.", i)
		list = append(list, fmt.Sprintf("%s %s %s/%s", a.text(at+"customerId"), a.text(at+"meter"), a.text(at+"count"), a.text(at+"limit")))
	}
	return strings.Join(list, ", ")
}

func TestWhoIsNearALimitAgreesWithWhatTheAPIDecides(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"basic","limit":10,"meters":{"tokens":{"limit":100},"nothing":{"limit":0}}}`)
	p.tier(t, `{"name":"day","meters":{"requests":{"limit":5,"period":"day","anchor":"customer"}}}`)
	p.tier(t, `{"name":"endless","limit":null}`)
	p.tier(t, `{"name":"life","meters":{"requests":{"limit":10,"period":"lifetime"}}}`)
	uses := func(user, meter string, n int) {
		t.Helper()
		p.track(t, user, fmt.Sprintf(`{"meter":%q,"quantity":%d}`, meter, n)).want(t, 200)
	}
	for user, plan := range map[string]string{"full": "basic", "eighty": "basic", "less": "basic", "both": "basic", "daily": "day", "endless": "endless", "lifer": "life", "moved": "basic"} {
		p.external(t, user, plan)
	}
	uses("full", "requests", 10)
	uses("eighty", "requests", 8)
	uses("less", "requests", 7)
	uses("both", "requests", 9)
	uses("both", "tokens", 95)
	uses("daily", "requests", 4)
	uses("endless", "requests", 1000)
	uses("lifer", "requests", 9)
	uses("moved", "requests", 10)
	p.api(t, "POST /api/data", `{"quantity":9}`, "X-User-Id: stranger", "X-User-Plan: basic").want(t, 200) // no customer of ours
	p.api(t, "PATCH /api/customers/moved", `{"plan":"endless"}`).want(t, 200)

	// Without a snapshot a page takes one, as the platform is small.
	const all = "full requests 10/10, both tokens 95/100, lifer requests 9/10, both requests 9/10, eighty requests 8/10, daily requests 4/5"
	a := p.dash(t, "GET /near", "").want(t, 200).expect(t, "near.customers", "5", "near.full", "1")
	equal(t, "near", near(a), all)
	var got struct {
		Near struct{ List []usage.NearLimit }
	}
	must(t, json.Unmarshal([]byte(a.body), &got))
	for _, n := range got.Near.List { // each as the API tells the customer
		at := "meters." + n.Meter + "."
		u := p.usage(t, n.CustomerID).expect(t, "plan", n.Plan, at+"count", strconv.FormatInt(n.Count, 10), at+"limit", strconv.FormatInt(n.Limit, 10), at+"period", n.Period)
		if ends := n.PeriodEnd; ends == nil && u.at(at+"periodEnd") != nil || ends != nil && u.text(at+"periodEnd") != ends.Format("2006-01-02T15:04:05.999999999Z") {
			t.Errorf("%s: the period ends %v, and by the API %s", n.CustomerID, ends, u.text(at+"periodEnd"))
		}
	}
	p.track(t, "full", "").want(t, 402)
	equal(t, "sorted by usage", strings.Join(p.everybody(t, "sort=usage"), " "), "full both lifer eighty daily")
	equal(t, "filtered", strings.Join(p.everybody(t, "near=true&sort=email&plan=basic"), " "), "both eighty full")
	equal(t, "searched", strings.Join(p.everybody(t, "near=true&q=IGHT"), " "), "eighty")
	listed := p.dash(t, "GET /customers?sort=usage", "").expect(t, "data.0.near.meter", "requests", "data.0.near.count", "10", "data.0.near.limit", "10")
	equal(t, "the end of the period", listed.text("data.0.near.periodEnd"), p.usage(t, "full").text("periodEnd"))
	// The export says what the page says: a line for each customer, with the limit that is nearest.
	b := p.w.browser(t).signIn(t, p.dev)
	b.open(t, p.w.url("dashboard")+"/platforms/"+p.id+"/export-customers?near=true&sort=usage")
	rows, err := csv.NewReader(strings.NewReader(b.page)).ReadAll()
	must(t, err)
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = row[0] + " " + strings.Join(row[8:11], " ")
	}
	equal(t, "exported", strings.Join(lines, ", "), "id nearMeter nearCount nearLimit, full requests 10 10, both tokens 95 100, lifer requests 9 10, eighty requests 8 10, daily requests 4 5")
	for _, row := range rows[1:] {
		want := ""
		if row[0] != "lifer" {
			ends, err := time.Parse(time.RFC3339, p.usage(t, row[0]).text("meters."+row[8]+".periodEnd"))
			must(t, err)
			want = ends.Format(time.RFC3339)
		}
		equal(t, "the end of the period of "+row[0], row[11], want)
	}
	b.open(t, p.w.url("dashboard")+"/platforms/"+p.id+"/export-customers?q=less").sees(t, ",none,0,,,,\n")

	// A grant and a reset show at once; a call shows with the next snapshot.
	p.dash(t, "POST /customers/full/grants", `{"quantity":10,"expires":"period"}`).want(t, 201)
	p.dash(t, "POST /customers/both/reset", `{"meter":"tokens"}`).want(t, 200)
	after := "lifer requests 9/10, both requests 9/10, eighty requests 8/10, daily requests 4/5"
	equal(t, "after a grant", near(p.dash(t, "GET /near", "")), after)
	uses("less", "requests", 1)
	p.w.turn(t, 61)
	equal(t, "a minute later", near(p.dash(t, "GET /near", "")), strings.Replace(after, "eighty", "less requests 8/10, eighty", 1))
	// Who is deleted is not near anything.
	p.api(t, "DELETE /api/customers/both", "").want(t, 200)
	equal(t, "after a deletion", near(p.dash(t, "GET /near", "")), "lifer requests 9/10, less requests 8/10, eighty requests 8/10, daily requests 4/5")
	// A period that is over is not shown, whatever the snapshot says; nor when it is taken anew.
	p.w.turn(t, day)
	p.w.db.Exec(t, "UPDATE tenant_usage.snapshots SET at = dreamapi.now(), took = '1 hour'") // is not taken anew
	equal(t, "the next day", near(p.dash(t, "GET /near", "")), "lifer requests 9/10, less requests 8/10, eighty requests 8/10")
	p.w.turn(t, 40*day)
	equal(t, "in the next month", near(p.dash(t, "GET /near", "")), "lifer requests 9/10")
}

func TestTheWorkerWatchesOnlyPlatformsThatWereActive(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	other := p.dev.platform(t, "quiet")
	p.external(t, "eve", "free")
	p.track(t, "eve", `{"quantity":90}`).want(t, 200)
	taken := func(of *tenancy) string {
		return p.w.query(t, "SELECT coalesce(max(at)::text, 'never') FROM tenant_usage.snapshots WHERE platform_id = $1", of.id)
	}
	p.w.watches(t, p)
	p.w.watches(t, other)
	equal(t, "of the quiet one", taken(other), "never")
	first := taken(p)
	equal(t, "near", p.w.query(t, "SELECT user_id || ' ' || count FROM tenant_usage.near WHERE platform_id = $1", p.id), "eve 90")
	p.w.turn(t, 300)
	p.w.watches(t, p)
	equal(t, "with nothing new", taken(p), first)
	p.track(t, "eve", "").want(t, 200)
	p.w.watches(t, p)
	if taken(p) == first {
		t.Error("a platform that was active was not watched")
	}
	// A large platform is the worker's alone: no page waits for it.
	p.w.db.Exec(t, "UPDATE tenant_usage.snapshots SET users = 1000000")
	p.track(t, "eve", `{"quantity":9}`).want(t, 200)
	p.w.turn(t, 3600)
	p.dash(t, "GET /near", "").want(t, 200).expect(t, "near.list.0.count", "91")
	p.w.watches(t, p)
	p.dash(t, "GET /near", "").want(t, 200).expect(t, "near.list.0.count", "100", "near.full", "1")
}

// Snapshots, grants, resets and deletions at once: each is done, and none waits for another in a ring.
func TestSnapshotsAndGrantsDoNotBlockEachOther(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"two","limit":10,"meters":{"tokens":{"limit":10},"images":{"limit":10}}}`)
	const users = 12
	for n := range users {
		user := fmt.Sprintf("u%d", n)
		p.external(t, user, "two")
		for _, meter := range []string{"requests", "tokens", "images"} {
			p.track(t, user, fmt.Sprintf(`{"meter":%q,"quantity":9}`, meter)).want(t, 200)
		}
	}
	watch := p.w.app.modules.Watch
	must(t, watch.Take(t.Context(), p.platformID()))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 15 {
				if err := watch.Take(t.Context(), p.platformID()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range users {
		all.Go(func() {
			user := fmt.Sprintf("u%d", n)
			for range 4 {
				p.dash(t, "POST /customers/"+user+"/grants", `{"quantity":1,"expires":"period"}`).want(t, 201)
			}
			if n%2 == 0 {
				p.dash(t, "DELETE /customers/"+user, "").want(t, 200)
			}
		})
	}
	all.Wait()
	must(t, watch.Take(t.Context(), p.platformID()))
	p.dash(t, "GET /near", "").want(t, 200).expect(t, "near.customers", strconv.Itoa(users/2)) // by tokens and images
}

// While a snapshot is kept, who would correct it waits for it to end, and calls wait for neither.
func TestACallWaitsForNoSnapshotAndForNoGrantThatDoes(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]string{"a grant": "POST /customers/eve/grants", "a reset": "POST /customers/eve/reset", "a deletion": "DELETE /customers/eve"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			p.external(t, "eve", "free")
			p.track(t, "eve", `{"quantity":90}`).want(t, 200)
			p.dash(t, "GET /near", "").want(t, 200).expect(t, "near.list.0.customerId", "eve")
			conn := p.w.db.Connect(t, p.w.db.Owner)
			keeping, err := conn.Begin(t.Context())
			must(t, err)
			_, err = keeping.Exec(t.Context(), "SELECT FROM tenant_usage.snapshots WHERE platform_id = $1 FOR UPDATE", p.id)
			must(t, err)
			var acting sync.WaitGroup
			acting.Go(func() {
				body := map[string]string{"a grant": `{"quantity":1,"expires":"period"}`, "a reset": "{}"}[name]
				if a := p.dash(t, act, body); a.status != 200 && a.status != 201 {
					t.Errorf("%s: %d %s", name, a.status, a.body)
				}
			})
			await(t, name+" waits", func() bool {
				return p.w.query(t, `SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == "1"
			})
			_, err = p.w.db.Connect(t, p.w.db.Owner).Exec(t.Context(), "SELECT FROM tenant_usage.users WHERE platform_id = $1 AND user_id = 'eve' FOR UPDATE NOWAIT", p.id)
			must(t, err) // its counters are free
			must(t, keeping.Commit(t.Context()))
			acting.Wait()
		})
	}
}

// What takes long of a snapshot is done before its row is held, and a grant meanwhile wins.
func TestAGrantWhileASnapshotIsWorkedOutWaitsForNothingAndWins(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "eve", "free")
	p.external(t, "kim", "free")
	p.track(t, "eve", `{"quantity":90}`).want(t, 200)
	p.track(t, "kim", `{"quantity":90}`).want(t, 200)
	// The first query of all that waits is the last before the row is held.
	p.w.db.Exec(t, `CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_catalog.pg_advisory_xact_lock(7); RETURN NEW; END$$`)
	p.w.db.Exec(t, `CREATE TRIGGER wait BEFORE INSERT ON tenant_usage.snapshots FOR EACH ROW WHEN (NEW.at IS NOT NULL) EXECUTE FUNCTION public.wait()`)
	holder := p.w.db.Connect(t, p.w.db.Owner)
	_, err := holder.Exec(t.Context(), "SELECT pg_advisory_lock(7)")
	must(t, err)
	var taking sync.WaitGroup
	taking.Go(func() {
		if err := p.w.app.modules.Watch.Take(t.Context(), p.platformID()); err != nil {
			t.Error(err)
		}
	})
	await(t, "it has been worked out", func() bool {
		return p.w.query(t, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'") == "1"
	})
	p.dash(t, "POST /customers/eve/grants", `{"quantity":1000,"expires":"period"}`).want(t, 201)
	_, err = holder.Exec(t.Context(), "SELECT pg_advisory_unlock(7)")
	must(t, err)
	taking.Wait()
	equal(t, "near", p.w.query(t, "SELECT string_agg(user_id || ' ' || max, ' ') FROM tenant_usage.near WHERE platform_id = $1", p.id), "kim 100")
}

// The first snapshot of a platform has no row to hold, and still a grant before it and one after it count.
func TestAGrantBesideTheFirstSnapshotCounts(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "eve", "free")
	p.track(t, "eve", `{"quantity":90}`).want(t, 200)
	// The grant has come as far as to write down what it granted, and has not ended.
	p.w.db.Exec(t, `CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_catalog.pg_advisory_xact_lock(7); RETURN NEW; END$$`)
	p.w.db.Exec(t, `CREATE TRIGGER wait BEFORE INSERT ON tenant_usage.adjustments FOR EACH ROW EXECUTE FUNCTION public.wait()`)
	holder := p.w.db.Connect(t, p.w.db.Owner)
	_, err := holder.Exec(t.Context(), "SELECT pg_advisory_lock(7)")
	must(t, err)
	var all sync.WaitGroup
	all.Go(func() { p.dash(t, "POST /customers/eve/grants", `{"quantity":1000,"expires":"period"}`).want(t, 201) })
	waiting := func(kind string) func() bool {
		return func() bool {
			return p.w.query(t, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND (wait_event = 'advisory') = $1", kind == "advisory") == "1"
		}
	}
	await(t, "the grant is nearly done", waiting("advisory"))
	taken := make(chan error, 1)
	go func() { taken <- p.w.app.modules.Watch.Take(t.Context(), p.platformID()) }()
	await(t, "the snapshot waits for it", func() bool { return waiting("row")() || len(taken) == 1 })
	_, err = holder.Exec(t.Context(), "SELECT pg_advisory_unlock(7)")
	must(t, err)
	all.Wait()
	must(t, <-taken)
	equal(t, "near", p.w.query(t, "SELECT count(*)::text FROM tenant_usage.near WHERE platform_id = $1", p.id), "0")
}

// One of a crowd takes the snapshot that all of them find old, and the others do not wait for it.
func TestACrowdTakesOneSnapshot(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "eve", "free")
	p.track(t, "eve", `{"quantity":90}`).want(t, 200)
	p.dash(t, "GET /near", "").want(t, 200)
	p.track(t, "eve", "").want(t, 200)
	p.w.db.Exec(t, "UPDATE tenant_usage.snapshots SET took = '1 hour'")
	p.w.turn(t, 365*day)
	p.track(t, "eve", `{"quantity":95}`).want(t, 200)
	p.w.db.Exec(t, `CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_catalog.pg_advisory_xact_lock(7); RETURN NEW; END$$`)
	p.w.db.Exec(t, `CREATE TRIGGER wait BEFORE UPDATE OF at ON tenant_usage.snapshots FOR EACH ROW EXECUTE FUNCTION public.wait()`)
	holder := p.w.db.Connect(t, p.w.db.Owner)
	_, err := holder.Exec(t.Context(), "SELECT pg_advisory_lock(7)")
	must(t, err)
	var first sync.WaitGroup
	first.Go(func() { equal(t, "the first", near(p.dash(t, "GET /near", "")), "eve requests 95/100") })
	waiting := func() string {
		return p.w.query(t, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
	}
	await(t, "the first takes it", func() bool { return waiting() == "1" })
	var crowd sync.WaitGroup
	for range 8 {
		crowd.Go(func() { p.dash(t, "GET /near", "").want(t, 200) })
	}
	done := make(chan bool)
	go func() { crowd.Wait(); close(done) }()
	await(t, "the others are done, or wait", func() bool {
		select {
		case <-done:
			return true
		default:
			return waiting() != "1"
		}
	})
	equal(t, "who waits", waiting(), "1")
	_, err = holder.Exec(t.Context(), "SELECT pg_advisory_unlock(7)")
	must(t, err)
	first.Wait()
	<-done
}

func TestTheUsageOfTheOverviewIsWhatWasCounted(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"anchored","limit":50,"meters":{"tokens":{"limit":100,"anchor":"customer"},"images":{"limit":9,"period":"day"}}}`)
	p.external(t, "eve", "free")
	p.external(t, "kim", "anchored")
	p.track(t, "eve", `{"quantity":7}`).want(t, 200)
	p.track(t, "kim", `{"quantity":5}`).want(t, 200)
	p.track(t, "kim", `{"meter":"tokens","quantity":60}`).want(t, 200)
	p.track(t, "kim", `{"meter":"images","quantity":2}`).want(t, 200)
	p.w.watches(t, p)
	p.dash(t, "GET /overview", "").want(t, 200).expect(t,
		"overview.usage.0.meter", "images", "overview.usage.0.period", "day", "overview.usage.0.count", "2", "overview.usage.0.users", "1",
		"overview.usage.1.meter", "requests", "overview.usage.1.period", "month", "overview.usage.1.count", "12", "overview.usage.1.users", "2",
		"overview.usage.2.meter", "tokens", "overview.usage.2.count", "60", "overview.usage.2.users", "1", "overview.live.platforms", "0")
}

// Of a large platform on which nobody calls any more no snapshot is taken: what the last one says is of another month by and by.
func TestTheUsageOfTheOverviewIsOfThePresentPeriod(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"life","limit":null,"meters":{"images":{"limit":9,"period":"lifetime"}}}`)
	p.external(t, "eve", "free")
	p.external(t, "kim", "life")
	p.track(t, "eve", `{"quantity":7}`).want(t, 200)
	p.track(t, "kim", `{"meter":"images","quantity":2}`).want(t, 200)
	p.w.watches(t, p)
	p.w.db.Exec(t, "UPDATE tenant_usage.snapshots SET users = 1000000")
	p.dash(t, "GET /overview", "").want(t, 200).expect(t, "overview.usage.0.count", "2", "overview.usage.1.count", "7")
	p.w.turn(t, 40*day)
	p.dash(t, "GET /overview", "").want(t, 200).expect(t, "overview.usage.0.meter", "images", "overview.usage.0.count", "2", "overview.usage.1", "<nil>")
}

// A platform whose snapshot fails is not tried again at once: others have their turn.
func TestASnapshotThatFailsWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "eve", "free")
	p.track(t, "eve", `{"quantity":90}`).want(t, 200)
	p.w.db.Exec(t, `CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$`)
	p.w.db.Exec(t, `CREATE TRIGGER fail BEFORE INSERT ON tenant_usage.near FOR EACH ROW EXECUTE FUNCTION public.fail()`)
	worker, here := p.w.db.Open(t, db.Worker), []id.Platform{p.platformID()}
	must(t, usage.AddUp(t.Context(), worker))
	watch := usage.NewWatch(worker)
	if err := watch.Work(t.Context(), here); err == nil {
		t.Fatal("it did not fail")
	}
	must(t, watch.Work(t.Context(), here))
	p.w.turn(t, 3600)
	if err := watch.Work(t.Context(), here); err == nil {
		t.Error("it was not tried again")
	}
}

func TestTheOverviewLeadsToWhomItTellsOf(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.api(t, "POST /api/customers", `{"id":"eve","email":"eve+x@mail.example","plan":"free"}`).want(t, 201)
	p.api(t, "POST /api/customers", `{"id":"mal","email":"\"a?bcc=x@evil.example,\"@mail.example","plan":"free"}`)
	p.track(t, "eve", `{"quantity":2}`).want(t, 200)
	p.track(t, "eve", "").want(t, 402)
	p.external(t, "late", "free")
	p.subscribe(t, "late", "pro", "past_due", "1 day")
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id
	b.open(t, at).saysWhen(t).sees(t, "Worth an upgrade mail").sees(t, `href="mailto:eve&#43;x@mail.example"`).sees(t, "2 of 2 requests on free").sees(t, "at the limit")
	b.sees(t, "Failed payments").sees(t, `/customers/late"`).sees(t, "?status=past_due").sees(t, "Reached the limit of 2 requests").sees(t, "Became a customer")
	if strings.Contains(b.page, "mailto:&#34;") || strings.Contains(b.page, "?bcc") {
		t.Error("an address with a meaning in it can be written to")
	}
	b.open(t, at+"/customers?near=true&sort=usage").saysWhen(t).sees(t, "eve&#43;x@mail.example").sees(t, "2 of 2").sees(t, "as of <time")
	b.open(t, at+"/customers/eve").sees(t, "Reached the limit")
	b.submit(t, at+"/customers/eve/reset", url.Values{"meter": {"requests"}, "back": {"/platforms/" + p.id + "/customers/eve"}}).sees(t, "requests are counted from 0 again")
	p.track(t, "eve", "").want(t, 200)
	b.open(t, at).sees(t, "Last events")
	if strings.Contains(b.page, "Worth an upgrade mail") {
		t.Error("who was reset is still near a limit")
	}
}

var (
	moments = regexp.MustCompile(`<time datetime="[^"]+">([^<]*)</time>`)
	plainly = regexp.MustCompile(`^\d{1,2} \p{L}+ \d{4}(, \d\d:\d\d UTC)?$`)
)

// saysWhen fails the test unless each moment on the page has a date, and a zone where it has an hour.
func (b *browser) saysWhen(t testing.TB) *browser {
	t.Helper()
	found := moments.FindAllStringSubmatch(b.page, -1)
	if len(found) == 0 {
		t.Fatalf("%s shows no moment", b.at)
	}
	for _, moment := range found {
		if !plainly.MatchString(moment[1]) {
			t.Errorf("%s says %q, and not of which day, or in which zone", b.at, moment[1])
		}
	}
	return b
}
