package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dream-api/dream-api/internal/id"
)

// tidies has the worker do what it does each minute for the numbers of customers.
func (w *world) tidies(t testing.TB, p *tenancy) {
	t.Helper()
	must(t, w.background().Tidy(t.Context(), []id.Platform{p.platformID()}))
}

// numbersAreTrue holds the numbers of the overview, and the lists behind them, to a count of all rows.
func (p *tenancy) numbersAreTrue(t testing.TB, when string) {
	t.Helper()
	o := p.dash(t, "GET /overview", "").want(t, 200)
	want := p.w.query(t, `SELECT coalesce(string_agg(plan || '=' || n, ' ' ORDER BY plan), '') FROM (
		SELECT coalesce(plan, '') AS plan, count(*)::text AS n FROM tenant.current_plans WHERE platform_id = $1 GROUP BY 1) x`, p.id)
	var got []string
	byPlan, _ := o.at("overview.byPlan").(map[string]any)
	for _, plan := range slices.Sorted(maps.Keys(byPlan)) {
		got = append(got, fmt.Sprintf("%s=%v", plan, byPlan[plan]))
	}
	equal(t, when+": by plan", strings.Join(got, " "), want)
	equal(t, when+": customers", o.text("overview.customers"), p.w.query(t, "SELECT count(*)::text FROM tenant.customers WHERE platform_id = $1", p.id))
	for name, status := range map[string]string{"active": "active", "trialing": "trialing", "pastDue": "past_due", "cancelling": "cancelling"} {
		listed := p.everybody(t, "status="+status)
		equal(t, when+": "+name, o.text("overview.standings."+name), strconv.Itoa(len(listed)))
		truth := map[string]string{"past_due": "s.status IN ('past_due', 'unpaid')", "cancelling": "s.cancel_at IS NOT NULL AND s.status IN ('active', 'trialing', 'past_due', 'unpaid', 'paused')"}[status]
		if truth == "" {
			truth = "s.status = '" + status + "'"
		}
		equal(t, when+": listed as "+status, strings.Join(slices.Sorted(slices.Values(listed)), " "), p.w.query(t, `
			SELECT coalesce(string_agg(DISTINCT customer_id, ' ' ORDER BY customer_id), '') FROM billing.subscriptions s WHERE platform_id = $1 AND `+truth, p.id))
	}
	for plan := range byPlan {
		equal(t, when+": listed on "+plan, len(p.everybody(t, "plan="+plan)), must1(strconv.Atoi(o.text("overview.byPlan."+plan))))
	}
}

func must1(n int, _ error) int { return n }

// everybody lists the ids of all pages.
func (p *tenancy) everybody(t testing.TB, query string) []string {
	t.Helper()
	var all []string
	for cursor := ""; ; {
		a := p.dash(t, "GET /customers?limit=3&"+query+cursor, "").want(t, 200)
		all = append(all, ids(a)...)
		if a.at("nextCursor") == nil {
			return all
		}
		cursor = "&cursor=" + a.text("nextCursor")
	}
}

func TestTheNumbersOfCustomersAreTrueWhateverHappens(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.numbersAreTrue(t, "with nobody")
	var made sync.WaitGroup
	for n := range 20 { // at once: none waits for another, and each counts
		made.Go(func() { p.external(t, fmt.Sprintf("c%02d", n), []string{"free", "pro"}[n%2]) })
	}
	made.Wait()
	p.customer(t, "kim@mail.example") // on the default tier
	p.numbersAreTrue(t, "after creation")

	p.buys(t, "c00", "pro")
	p.buys(t, "c01", "max")
	p.numbersAreTrue(t, "with subscriptions")
	p.api(t, "PATCH /api/customers/c02", `{"plan":"pro"}`).want(t, 200)
	p.api(t, "PATCH /api/customers/c04", `{"firstName":"Lee"}`).want(t, 200)
	p.api(t, "DELETE /api/customers/c03", "").want(t, 200)
	p.api(t, "DELETE /api/customers/c01", "").want(t, 200) // who subscribed
	p.numbersAreTrue(t, "after changes")
	p.w.tidies(t, p)
	equal(t, "lines of the count", p.w.query(t, "SELECT (count(*) < 64)::text FROM tenant.customer_counts"), "true")
	p.numbersAreTrue(t, "after the worker")

	// A payment fails, and its grace passes with nobody doing anything.
	subscription := p.w.query(t, "SELECT id FROM billing.subscriptions WHERE customer_id = 'c00'")
	p.w.db.Exec(t, "UPDATE billing.subscriptions SET status = 'past_due', grace_until = dreamapi.now() + interval '1 day' WHERE id = $1", subscription)
	p.w.db.Exec(t, "SELECT tenant.recount($1)", p.id)
	p.numbersAreTrue(t, "in grace")
	equal(t, "in grace", p.api(t, "GET /api/customers/c00", "").text("customer.plan"), "pro")
	p.w.turn(t, 2*day)
	p.numbersAreTrue(t, "after the grace")
	equal(t, "after the grace", p.api(t, "GET /api/customers/c00", "").text("customer.plan"), "free")
	p.w.tidies(t, p)
	p.numbersAreTrue(t, "after the grace, and the worker")
	equal(t, "held for a subscriber", p.w.query(t, "SELECT count(*)::text FROM tenant.customers WHERE subscribed IS NOT NULL"), "0")
	p.dash(t, "GET /customers/c00/timeline", "").want(t, 200).expect(t, "data.0.kind", "plan_changed", "data.0.via", "grace_over",
		"data.0.detail.from", "pro", "data.0.detail.to", "free")

	// Another tier becomes the default one, and another line is counted by it.
	p.dash(t, "POST /tiers", `{"name":"zero","price":0,"limit":5,"position":1}`).want(t, 201)
	p.dash(t, "POST /tiers/order", `{"names":["zero","free","pro","max"]}`).want(t, 200)
	p.numbersAreTrue(t, "with another default")
	equal(t, "on the default", p.api(t, "GET /api/customers?email=kim@mail.example", "").text("data.0.plan"), "zero")

	// Many lines become few while more are added.
	for n := range 70 {
		p.api(t, "PATCH /api/customers/c05", fmt.Sprintf(`{"plan":%q}`, []string{"free", "max"}[n%2])).want(t, 200)
	}
	var busy sync.WaitGroup
	busy.Go(func() { p.w.tidies(t, p) })
	busy.Go(func() { p.w.tidies(t, p) })
	for n := range 10 {
		busy.Go(func() { p.external(t, fmt.Sprintf("later%d", n), "pro") })
	}
	busy.Wait()
	p.w.tidies(t, p)
	p.numbersAreTrue(t, "after all")
}

func TestACustomersListIsSortedFilteredAndPagedAsItSays(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	for n, email := range []string{"Zed@mail.example", "ada@mail.example", "", "Bob@mail.example", "ada@mail.example", ""} {
		p.api(t, "POST /api/customers", fmt.Sprintf(`{"id":"c%d","email":%q,"plan":%q}`, n, email, []string{"free", "pro"}[n%2])).want(t, 201)
	}
	p.subscribe(t, "c0", "pro", "active", "")
	p.subscribe(t, "c1", "pro", "trialing", "")
	p.subscribe(t, "c2", "pro", "past_due", "1 day")
	p.subscribe(t, "c3", "pro", "unpaid", "")
	p.w.db.Exec(t, "UPDATE billing.subscriptions SET cancel_at = dreamapi.now() + interval '1 day' WHERE customer_id = 'c0'")
	p.w.db.Exec(t, "SELECT tenant.recount($1)", p.id)
	for query, want := range map[string]string{
		"sort=email":                        "c2 c5 c1 c4 c3 c0", // who has none comes first
		"sort=created":                      "c5 c4 c3 c2 c1 c0",
		"status=active":                     "c0",
		"status=trialing":                   "c1",
		"status=past_due":                   "c3 c2",
		"status=cancelling":                 "c0",
		"status=none":                       "c5 c4",
		"status=none&plan=free":             "c4",
		"status=past_due&sort=email":        "c2 c3",
		"plan=pro&sort=email":               "c2 c5 c1 c3 c0",
		"q=mail&sort=email":                 "c1 c4 c3 c0",
		"q=mail&status=trialing":            "c1",
		"q=mail&status=cancelling":          "c0",
		"q=mail&plan=pro&sort=email":        "c1 c3 c0",
		"email=ADA%40mail.example":          "c4 c1",
		"email=ADA%40mail.example&plan=pro": "c1",
		"plan=-":                            "",
		"near=true":                         "",
		"near=false&status=none":            "c5 c4",
	} {
		got := p.everybody(t, query)
		equal(t, query, strings.Join(got, " "), want)
	}
	p.dash(t, "GET /customers?status=rich", "").wantParam(t, "status")
	p.dash(t, "GET /customers?sort=size", "").wantParam(t, "sort")
	p.dash(t, "GET /customers?near=perhaps", "").wantParam(t, "near")
	// The cursor of one order is none of another.
	cursor := p.dash(t, "GET /customers?limit=1&sort=email", "").text("nextCursor")
	p.dash(t, "GET /customers?cursor="+cursor, "").wantParam(t, "cursor")
	p.dash(t, "GET /customers?sort=usage&cursor="+cursor, "").wantParam(t, "cursor")
	// What a page shows, the export has, and the address says what is shown.
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id
	b.open(t, at+"/customers?status=past_due&sort=email&limit=1").sees(t, "status=past_due").sees(t, "Export as CSV").sees(t, "payment failed")
	b.open(t, at+"/export-customers?status=past_due&sort=email")
	equal(t, "lines of the export", strings.Count(b.page, "\n"), 3)
	if !strings.Contains(b.page, "\nc2,,") || strings.Index(b.page, "c2,") > strings.Index(b.page, "c3,") {
		t.Errorf("the export is %s", b.page)
	}
}

// What changed customers and not the numbers, as a process from before there were any does, is found, also while others count.
func TestNumbersThatDriftedAreMended(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	for n := range 6 {
		p.external(t, fmt.Sprintf("c%02d", n), []string{"free", "pro"}[n%2])
	}
	p.w.db.Exec(t, "DELETE FROM tenant.customers WHERE platform_id = $1 AND id = 'c00'", p.id)
	p.w.db.Exec(t, "UPDATE tenant.customers SET plan = 'max' WHERE platform_id = $1 AND id = 'c01'", p.id)
	p.w.db.Exec(t, "INSERT INTO tenant.customers (platform_id, id, kind, plan) VALUES ($1, 'hand', 'external', 'pro'), ($1, 'foot', 'external', 'pro')", p.id)
	var busy sync.WaitGroup
	var mended atomic.Int64
	for range 4 { // each by what it sees, and what they see is mended once
		busy.Go(func() {
			of, err := p.w.background().Recount(t.Context(), []id.Platform{p.platformID()})
			if err != nil {
				t.Error(err)
			}
			mended.Add(int64(len(of)))
		})
	}
	for n := range 8 {
		busy.Go(func() { p.external(t, fmt.Sprintf("later%d", n), "pro") })
	}
	busy.Go(func() { p.w.tidies(t, p) })
	busy.Wait()
	if mended.Load() > 1 {
		t.Error("mended more than once")
	}
	p.numbersAreTrue(t, "after the drift")
}

// Whoever is deleted while a page is read is not on it, and those behind are not lost.
func TestAPageWhoseCustomersAreDeletedMeanwhileGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for n := range 3 {
		p.external(t, fmt.Sprintf("c%d", n), "free")
	}
	// What the page is read with, and not what finds who is on it, waits.
	deleting, err := p.w.db.Connect(t, p.w.db.Owner).Begin(t.Context())
	must(t, err)
	_, err = deleting.Exec(t.Context(), "LOCK TABLE tenant_usage.near")
	must(t, err)
	var reading sync.WaitGroup
	var a answer
	reading.Go(func() { a = p.dash(t, "GET /customers?limit=1", "") })
	await(t, "those on the page are found", func() bool {
		return p.w.query(t, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == "1"
	})
	_, err = deleting.Exec(t.Context(), "DELETE FROM tenant.customers WHERE id = 'c2'")
	must(t, err)
	must(t, deleting.Commit(t.Context()))
	reading.Wait()
	a.want(t, 200).expect(t, "data.0.id", "c1")
	p.dash(t, "GET /customers?limit=1&cursor="+a.text("nextCursor"), "").want(t, 200).expect(t, "data.0.id", "c0", "nextCursor", "<nil>")
}

// A search finds what a look at each customer finds, also beyond those that are looked at one by one.
func TestASearchFindsWhatALookAtEverybodyFinds(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	other := p.dev.platform(t, "other")
	p.w.db.Exec(t, `INSERT INTO tenant.customers (platform_id, id, kind, email, first_name, last_name, plan, created_at)
		SELECT q.platform, 'c' || i, 'external', CASE WHEN i % 7 > 0 THEN 'U' || i * 37 % 1000 || '@m' || i % 11 || '.example' END,
			CASE i % 5 WHEN 0 THEN 'Ada' WHEN 1 THEN 'Öl%_' ELSE '' END, 'L' || i % 13, CASE WHEN i % 500 = 3 THEN 'pro' END, dreamapi.now() - i * interval '1 minute'
		FROM generate_series(1, 6000) i, (VALUES ($1), ($2)) q (platform) WHERE q.platform = $1 OR i % 500 <> 3`, p.id, other.id)
	p.w.db.Exec(t, "SELECT tenant.recount($1)", p.id)
	p.w.db.Exec(t, "ANALYZE tenant.customers")
	conn := p.w.db.Connect(t, p.w.db.Owner)
	look := func(q, plan, order string, most int) (found []string) {
		rows, err := conn.Query(t.Context(), `SELECT id FROM tenant.customers WHERE platform_id = $1 AND ($2 = '' OR coalesce(plan, 'free') = $2)
			AND strpos(lower(concat_ws(' ', id, coalesce(email, ''), first_name, last_name)), lower($3)) > 0 ORDER BY `+order+" LIMIT $4", p.id, plan, q, most)
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var id string
			must(t, rows.Scan(&id))
			found = append(found, id)
		}
		return found
	}
	words := []string{"u37@", "example", "m10.ex", "c5999", "c599", "Öl%", "%_ l7", "ada l1", "zzz", "c1", "é", "5@m3", `\`, "_", "c6000 ", "u999@m4"}
	for range 12 {
		words = append(words, fmt.Sprintf("u%d@m%d", rand.IntN(1000), rand.IntN(11)))
	}
	for _, word := range words {
		for _, sort := range [][2]string{{"created", "created_at DESC, id DESC"}, {"email", `coalesce(lower(email), '') COLLATE "C", id`}} {
			for _, plan := range []string{"", "pro"} {
				query := "sort=" + sort[0] + "&plan=" + plan + "&limit=30&q=" + strings.NewReplacer("%", "%25", " ", "%20", "@", "%40", "\\", "%5C", "Ö", "%C3%96", "é", "%C3%A9").Replace(word)
				a := p.dash(t, "GET /customers?"+query, "").want(t, 200)
				got := ids(a)
				if a.at("nextCursor") != nil { // the second page too
					got = append(got, ids(p.dash(t, "GET /customers?"+query+"&cursor="+a.text("nextCursor"), "").want(t, 200))...)
				}
				equal(t, query, strings.Join(got, " "), strings.Join(look(word, plan, sort[1], 60), " "))
			}
		}
	}
}
