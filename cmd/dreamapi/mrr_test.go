package main

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// revenue reads what the platform earns.
func (p *tenancy) revenue(t testing.TB) answer {
	t.Helper()
	return p.dash(t, "GET /revenue", "").want(t, 200)
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
