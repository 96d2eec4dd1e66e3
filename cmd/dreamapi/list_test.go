package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ids are those of the customers on a page.
func ids(a answer) []string {
	var found []string
	for i := range a.list("data") {
		found = append(found, a.text(fmt.Sprintf("data.%d.id", i)))
	}
	return found
}

func TestAListIsPagedAndItsCursorIsStableUnderInserts(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	var want []string
	for i := range 7 {
		id := fmt.Sprintf("c%d", i)
		p.external(t, id, "free")
		want = append(want, id)
	}
	slices.Reverse(want) // newest first
	var got []string
	path := "GET /api/customers?limit=3"
	for page := range 3 {
		a := p.api(t, path, "").want(t, 200)
		got = append(got, ids(a)...)
		last := page == 2
		equal(t, "hasMore", a.at("hasMore") == true, !last)
		equal(t, "nextCursor is there", a.at("nextCursor") != nil, !last)
		path = "GET /api/customers?limit=3&cursor=" + a.text("nextCursor")
		p.external(t, fmt.Sprintf("later%d", page), "free") // a newer one shifts no page
		if !last {
			p.api(t, "DELETE /api/customers/"+got[len(got)-1], "").want(t, 200) // nor does the end of the one at the cursor
		}
	}
	equal(t, "all pages", strings.Join(got, " "), strings.Join(want, " "))
}

func TestCustomersOfOneMomentArePagedToo(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	for i := range 5 {
		p.external(t, fmt.Sprintf("c%d", i), "free")
	}
	p.w.db.Exec(t, "UPDATE tenant.customers SET created_at = '2030-01-01T00:00:00.000001Z'")
	var got []string
	for path := "GET /api/customers?limit=2"; path != ""; {
		a := p.api(t, path, "").want(t, 200)
		got = append(got, ids(a)...)
		path = ""
		if a.at("nextCursor") != nil {
			path = "GET /api/customers?limit=2&cursor=" + a.text("nextCursor")
		}
	}
	equal(t, "all pages", strings.Join(got, " "), "c4 c3 c2 c1 c0")
}

func TestTheBoundsOfAList(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	empty := p.api(t, "GET /api/customers", "").want(t, 200)
	equal(t, "an empty list", strings.TrimSpace(empty.body), `{"data":[],"hasMore":false,"nextCursor":null}`)
	for i := range 21 {
		p.external(t, fmt.Sprintf("c%02d", i), "free")
	}
	equal(t, "without a limit", len(ids(p.api(t, "GET /api/customers", ""))), 20)
	equal(t, "exactly all", p.api(t, "GET /api/customers?limit=21", "").text("hasMore"), "false")
	equal(t, "the most", len(ids(p.api(t, "GET /api/customers?limit=100", "").want(t, 200))), 21)
	for _, limit := range []string{"0", "-1", "101", "x", "1.5", "1e1", "99999999999999999999", "%201"} {
		p.api(t, "GET /api/customers?limit="+limit, "").wantParam(t, "limit")
	}
	for _, cursor := range []string{"x", "%00", "MjAyNi0wMS0wMVQwMDowMDowMFo", "MjAyNi0wMS0wMVQwMDowMDowMFogAA", "eCB5", "MjAyNi0wMS0wMVQwMDowMDowMFog"} {
		got := p.api(t, "GET /api/customers?cursor="+cursor, "")
		if got.status != 400 {
			t.Errorf("cursor %s: %d %s", cursor, got.status, got.body)
		}
	}
}

func TestTheFiltersOfAList(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.tier(t, `{"name":"pro","limit":1000,"price":900}`)
	for _, body := range []string{
		`{"id":"percent","email":"100%@mail.example","firstName":"Ada"}`,
		`{"id":"under_score","email":"under_score@mail.example","lastName":"Lovelace","plan":"pro"}`,
		`{"id":"underXscore","email":"Under@Mail.example","firstName":"back\\slash"}`,
		`{"id":"subscriber","plan":"free"}`, `{"id":"none"}`,
	} {
		p.api(t, "POST /api/customers", body).want(t, 201)
	}
	p.subscribe(t, "subscriber", "pro", "active", "")
	p.api(t, "GET /api/customers?limit=5&colour=red", "").wantParam(t, "colour")
	for query, want := range map[string]string{
		"q=%25":                             "percent",
		"q=0%25%40":                         "percent",
		"q=_":                               "under_score",
		"q=r_s":                             "under_score",
		`q=k%5Cs`:                           "underXscore",
		`q=%5C`:                             "underXscore",
		"q=ADA":                             "percent",
		"q=lovelace":                        "under_score",
		"q=nobody":                          "",
		"q=":                                "none subscriber underXscore under_score percent",
		"q=mail.example":                    "underXscore under_score percent",
		"email=under%40mail.example":        "underXscore",
		"email=%25":                         "",
		"email=under_score%40mail.example":  "under_score",
		"plan=pro":                          "subscriber under_score",
		"plan=free":                         "none underXscore percent",
		"plan=gold":                         "",
		"plan=pro&q=sub":                    "subscriber",
		"plan=pro&limit=1":                  "subscriber",
		"plan=free&email=nobody@no.example": "",
		"q=%27%3B%20DROP%20TABLE%20x%3B--":  "",
	} {
		equal(t, query, strings.Join(ids(p.api(t, "GET /api/customers?"+query, "").want(t, 200)), " "), want)
	}
}

// What is wrong in the address of the page stands on the page, which keeps the rest; programs get it as JSON.
func TestTheCustomersPageSaysWhatIsWrongInItsAddress(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.external(t, "eve", "free")
	b := p.w.browser(t).signIn(t, p.dev)
	at := p.w.url("dashboard") + "/platforms/" + p.id + "/customers"
	kept := "q=ev&amp;sort=email"
	for query, want := range map[string][]string{
		"status=nonsense": {`id="status-fault">The subscription is none of those that there are. Choose another.`, `aria-describedby="status-fault"`},
		"near=perhaps":    {`id="near-fault">Near a limit is true or false.`},
		"cursor=x":        {"The address leads to no page of this list. Begin with the first one."},
		"limit=0":         {"limit is a whole number from 1 to 100."},
		"colour=red":      {"colour is not a parameter here, where there is email, plan, q, status, near, sort, cursor, limit."},
		"q=ev&q=ada":      {"q is given twice."},
	} {
		b.open(t, at+"?sort=email&q=ev&"+query)
		equal(t, query+": status", b.last.StatusCode, 400)
		for _, part := range append(want, "<h1>Customers</h1>", `role="alert"`, `value="ev"`, `<option value="email" selected>`) {
			b.sees(t, part)
		}
		if strings.Contains(query, "q=") {
			kept = "sort=email"
		}
		b.sees(t, `href="/platforms/`+p.id+"/customers?"+kept+`">Leave it out</a>`)
		kept = "q=ev&amp;sort=email"
		if strings.Contains(b.page, "customers/eve") || strings.Contains(b.page, "No customers yet") || strings.Contains(b.page, "Export as CSV") {
			t.Errorf("%s lists customers", query)
		}
		p.dash(t, "GET /customers?"+query, "").want(t, 400, "invalid_request")
	}
	b.open(t, at+"?sort=size&status=none").sees(t, `id="sort-fault">The order is none of those that there are.`).sees(t, `<option value="none" selected>`)
	b.open(t, at+"?sort=email&q=ev").sees(t, "/customers/eve")
	equal(t, "status", b.last.StatusCode, 200)
	for _, one := range []struct{ page, rest string }{
		{"/activity?from=yesterday", `id="from-fault"`},
		{"/platforms/" + p.id + "/customers/eve?cursor=x", "The address leads to no page of this list."},
		{"/platforms/" + p.id + "/customers/eve?cursor=x", `href="/platforms/` + p.id + `/customers/eve#timeline">Latest</a>`},
		{"/plan?cursor=x", "The address leads to no page of this list."},
		{"/plan?cursor=x", `href="/plan">Latest</a>`},
	} {
		b.open(t, p.w.url("dashboard")+one.page).sees(t, one.rest)
		equal(t, one.page, b.last.StatusCode, 400)
	}
}
