package main

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// revenue reads what the platform earns.
func (p *tenancy) revenue(t testing.TB) answer {
	t.Helper()
	return p.dash(t, "GET /revenue", "").want(t, 200)
}

// rowsAddUp checks that the customers of a list are so many and add so much to the revenue, in the export as in the list.
func (p *tenancy) rowsAddUp(t testing.TB, query string, sum, customers int) {
	t.Helper()
	a := p.dash(t, "GET /customers?limit=100&"+query, "").want(t, 200)
	got := 0
	for i := range a.list("data") {
		monthly, err := strconv.Atoi(a.text(fmt.Sprintf("data.%d.monthly", i)))
		must(t, err)
		got += monthly
	}
	equal(t, query+": customers", len(a.list("data")), customers)
	equal(t, query+": what they pay a month", got, sum)
	b := p.w.browser(t).signIn(t, p.dev)
	b.open(t, p.w.url("dashboard")+"/platforms/"+p.id+"/export-customers?"+query)
	rows, err := csv.NewReader(strings.NewReader(b.page)).ReadAll()
	must(t, err)
	for _, row := range rows[1:] {
		monthly, err := strconv.Atoi(row[slices.Index(rows[0], "monthly")])
		must(t, err)
		got -= monthly
	}
	equal(t, query+": lines of the export", len(rows)-1, customers)
	equal(t, query+": what is left of it without those of the export", got, 0)
}

// The figure leads to the rows of which it is the sum: who is overdue is among them, who owes for good and who pays nothing is not.
func TestTheRowsBehindTheRevenueAddUpToIt(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.tier(t, `{"name":"tried","limit":9,"price":500,"trialDays":90}`)
	for _, user := range []string{"eve@mail.example", "late@mail.example", "gift@mail.example"} {
		p.buys(t, p.customer(t, user), "pro")
	}
	for _, order := range []string{`{"tier":"max","interval":"year"}`, `{"tier":"tried"}`} {
		user := p.customer(t, strconv.Itoa(len(order))+"@mail.example")
		p.w.browser(t).paid(t, p.checkout(t, user, order).want(t, 200).text("url"), goodCard)
	}
	p.external(t, "owes", "free")
	p.external(t, "never", "free")
	p.subscribe(t, "owes", "pro", "unpaid", "")
	p.w.db.Exec(t, "SELECT tenant.recount($1)", p.id)
	of := func(email, column string) string {
		return p.w.query(t, `SELECT max(CASE $2 WHEN 'sub' THEN s.id WHEN 'status' THEN s.status ELSE k.stripe_customer_id END) FROM tenant.customers c
			JOIN billing.subscriptions s ON s.platform_id = c.platform_id AND s.customer_id = c.id
			JOIN billing.customers k ON k.platform_id = c.platform_id AND k.customer_id = c.id WHERE c.email = $1`, email, column)
	}
	coupon := p.w.atStripe(t, "", "POST /v1/coupons", url.Values{"duration": {"forever"}, "percent_off": {"100"}}).want(t, 200).text("id")
	p.w.atStripe(t, "", "POST /v1/subscriptions/"+of("gift@mail.example", "sub"), url.Values{"coupon": {coupon}}).want(t, 200)
	p.w.control(t, "POST /customers/"+of("late@mail.example", "")+"/card", `{"card":"4000000000000341"}`)
	p.w.turn(t, 32*day)
	p.w.db.Exec(t, "UPDATE billing.subscriptions SET fetched_at = dreamapi.now() - interval '1 day' WHERE customer_id <> 'owes'")
	must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	equal(t, "who is late", of("late@mail.example", "status"), "past_due")
	p.revenue(t).expect(t, "revenue.mrr", "4500", "revenue.subscribers", "3", "revenue.late", "2", "revenue.trials", "1")
	p.rowsAddUp(t, "status=paying", 1000+1000+2500, 3)
	p.rowsAddUp(t, "status=paying&sort=email", 4500, 3)
	p.rowsAddUp(t, "status=paying&q=mail.ex", 4500, 3)
	p.rowsAddUp(t, "status=paying&q=late", 1000, 1)
	p.rowsAddUp(t, "status=paying&plan=pro", 2000, 2)
	p.rowsAddUp(t, "status=paying&near=true", 0, 0)
	equal(t, "page by page", len(p.everybody(t, "status=paying&sort=email")), 3)
	b := p.w.browser(t).signIn(t, p.dev)
	at := "/platforms/" + p.id
	b.open(t, p.w.url("dashboard")+at).sees(t, `<a href="`+at+`/customers?status=paying">$45.00</a>`)
	b.open(t, p.w.url("dashboard")+at+"/customers?status=paying").sees(t, "$25.00 a month").sees(t, "late@mail.example").sees(t, "payment failed")
}

func TestTheRevenueIsWhatCustomersPayAMonthAndItsPastDoesNotChange(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.tier(t, `{"name":"tried","limit":9,"price":500,"trialDays":14}`)
	sync := func() {
		t.Helper()
		p.w.db.Exec(t, "UPDATE billing.subscriptions SET fetched_at = dreamapi.now() - interval '1 day'")
		must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
	}
	want := func(mrr, subscribers int, kinds ...any) {
		t.Helper()
		r := p.revenue(t).expect(t, "revenue.mrr", strconv.Itoa(mrr), "revenue.subscribers", strconv.Itoa(subscribers), "revenue.currency", "usd")
		last := fmt.Sprintf("revenue.months.%d.", len(r.list("revenue.months"))-1)
		r.expect(t, last+"mrr", strconv.Itoa(mrr))
		for i := 0; i < len(kinds); i += 2 {
			equal(t, fmt.Sprint(kinds[i]), r.text(last+fmt.Sprint(kinds[i])), fmt.Sprint(kinds[i+1]))
		}
		p.rowsAddUp(t, "status=paying", mrr, subscribers)
	}
	want(0, 0)
	for _, user := range []string{"eve", "kim", "lee", "tri"} {
		p.external(t, user, "free")
	}
	p.buys(t, "eve", "pro")
	want(1000, 1, "new", 1000)
	address := p.checkout(t, "kim", `{"tier":"max","interval":"year"}`).want(t, 200).text("url")
	p.w.browser(t).paid(t, address, goodCard)
	want(1000+2500, 2, "new", 3500) // a yearly price counts a twelfth
	address = p.checkout(t, "tri", `{"tier":"tried"}`).want(t, 200).text("url")
	p.w.browser(t).paid(t, address, goodCard)
	want(3500, 2) // a trial counts nothing
	p.revenue(t).expect(t, "revenue.trials", "1")

	// An upgrade; a discount; a price that changes for others later.
	p.w.browser(t).open(t, p.checkout(t, "eve", `{"tier":"max"}`).want(t, 200).text("url")).confirms(t)
	sync()
	want(5500, 2, "expansion", 2000)
	subscription := p.w.query(t, "SELECT id FROM billing.subscriptions WHERE customer_id = 'eve'")
	coupon := p.w.atStripe(t, "", "POST /v1/coupons", url.Values{"duration": {"forever"}, "percent_off": {"33.33"}}).want(t, 200).text("id")
	p.w.atStripe(t, "", "POST /v1/subscriptions/"+subscription, url.Values{"coupon": {coupon}}).want(t, 200)
	sync()
	want(2500+2000, 2, "contraction", 1000) // 3000 less 999.9, rounded to the cent
	p.dash(t, "PATCH /tiers/max", `{"price":9000}`).want(t, 200)
	sync()
	want(4500, 2)

	// Somebody leaves and comes back; somebody is deleted.
	p.w.atStripe(t, "", "DELETE /v1/subscriptions/"+subscription, nil).want(t, 200)
	sync()
	want(2500, 1, "churn", 2000)
	p.buys(t, "eve", "pro")
	want(3500, 2, "reactivation", 1000, "new", 3500)
	p.buys(t, "lee", "pro")
	p.api(t, "DELETE /api/customers/lee", "").want(t, 200)
	want(3500, 2, "churn", 3000, "new", 4500)
	equal(t, "movements that name who is deleted", p.w.query(t, "SELECT count(*)::text FROM billing.mrr_movements WHERE customer_id = 'lee'"), "0")

	// A month later: what was, was.
	before := p.revenue(t)
	n := len(before.list("revenue.months")) - 1
	p.w.db.TurnClock(t, p.w.stripe.Ahead()+32*24*time.Hour)
	after := p.revenue(t)
	for _, field := range []string{"month", "mrr", "new", "churn"} {
		equal(t, field+" of the month before", after.text(fmt.Sprintf("revenue.months.%d.%s", n-1, field)), before.text(fmt.Sprintf("revenue.months.%d.%s", n, field)))
	}
	after.expect(t, fmt.Sprintf("revenue.months.%d.mrr", n), "3500", fmt.Sprintf("revenue.months.%d.new", n), "0")
	// The sum of all movements is what all pay now.
	equal(t, "the sums", p.w.query(t, "SELECT sum(after - before)::text FROM billing.mrr_movements"), p.w.query(t, "SELECT sum(monthly)::text FROM billing.subscriptions"))
}
