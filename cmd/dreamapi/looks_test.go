package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// slowStripe lies between us and Stripe. It lets everything through, and holds back one answer on demand.
type slowStripe struct {
	url     string
	next    chan string   // whose next answer is held: "GET /v1/…", or the beginning of that
	held    chan struct{} // it is
	release chan struct{}
}

func newSlowStripe(t *testing.T, target func() string) *slowStripe {
	t.Helper()
	s := &slowStripe{next: make(chan string, 1), held: make(chan struct{}), release: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), r.Method, target()+r.URL.RequestURI(), r.Body)
		if err != nil {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		req.Header = r.Header.Clone()
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		body, _ := io.ReadAll(answer.Body) // what Stripe says now
		select {
		case path := <-s.next:
			if asked := r.Method + " " + r.URL.Path; strings.HasPrefix(asked, path) {
				close(s.held)
				<-s.release
			} else {
				s.next <- path
			}
		default:
		}
		for name, values := range answer.Header {
			rw.Header()[name] = values
		}
		rw.WriteHeader(answer.StatusCode)
		_, _ = rw.Write(body)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func TestALookThatWasOvertakenIsNotKept(t *testing.T) {
	t.Parallel()
	var stripe string
	slow := newSlowStripe(t, func() string { return stripe })
	p := newShop(t, withConfig(func(c *config) { stripe, c.StripeAPIURL = c.StripeAPIURL, slow.url }))
	user := p.customer(t, "eve@mail.example")
	p.buys(t, user, "pro")
	session := p.w.query(t, "SELECT session_id FROM billing.checkouts")
	subscription := p.w.atStripeList(t, "", "/v1/subscriptions", "id")[0]
	look := func() error {
		_, err := p.w.app.modules.Cashier.Return(t.Context(), session)
		return err
	}
	slow.next <- "GET /v1/subscriptions/"
	first := make(chan error, 1)
	go func() { first <- look() }()
	<-slow.held // the first has seen an active subscription, and the answer is on its way
	p.w.atStripe(t, "", "DELETE /v1/subscriptions/"+subscription, nil).want(t, 200)
	must(t, look())
	p.usage(t, user).expect(t, "plan", "free")
	close(slow.release)
	must(t, <-first)
	p.usage(t, user).expect(t, "plan", "free")
}

func TestWhatIsKnownOfASubscriptionIsWhatStripeSaysToTheCent(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for n := range 8 {
		amount := []int64{1, 99, random.Int64N(100_000), random.Int64N(99_999_999) + 1}[random.IntN(4)] + 1
		interval := []string{"month", "year"}[random.IntN(2)]
		name := fmt.Sprintf("tier%d", n)
		p.tier(t, fmt.Sprintf(`{"name":%q,"limit":1,"price":%d,"interval":%q}`, name, min(amount, 99_999_999), interval))
		user := fmt.Sprintf("user%d", n)
		p.external(t, user, "free")
		p.buys(t, user, name)
		id := p.w.query(t, "SELECT id FROM billing.subscriptions WHERE customer_id = $1", user)
		form := url.Values{"duration": {"forever"}}
		if random.IntN(2) == 0 {
			form.Set("percent_off", []string{"10", "33.33", "0.5", "100"}[random.IntN(4)])
		} else {
			form.Set("amount_off", strconv.FormatInt(random.Int64N(500)+1, 10))
			form.Set("currency", "usd")
		}
		coupon := p.w.atStripe(t, "", "POST /v1/coupons", form).want(t, 200).text("id")
		p.w.atStripe(t, "", "POST /v1/subscriptions/"+id, url.Values{
			"coupon": {coupon}, "items[0][id]": {p.w.atStripe(t, "", "GET /v1/subscriptions/"+id, nil).text("items.data.0.id")},
			"items[0][quantity]": {strconv.Itoa(random.IntN(5) + 1)}, "proration_behavior": {"none"},
		}).want(t, 200)
		p.w.db.Exec(t, "UPDATE billing.subscriptions SET fetched_at = dreamapi.now() - interval '1 day' WHERE id = $1", id)
		must(t, p.w.app.modules.Billing.Reconcile(t.Context()))
		said := p.w.atStripe(t, "", "GET /v1/subscriptions/"+id, nil).want(t, 200)
		known := p.w.query(t, `SELECT concat_ws(' ', amount, quantity, currency, interval, coalesce(trim_scale(percent_off)::text, '<nil>'),
			coalesce(amount_off::text, '<nil>')) FROM billing.subscriptions WHERE id = $1`, id)
		item := "items.data.0."
		equal(t, "of "+id, known, strings.Join([]string{said.text(item + "price.unit_amount"), said.text(item + "quantity"),
			said.text("currency"), said.text(item + "price.recurring.interval"), said.text("discount.coupon.percent_off"),
			said.text("discount.coupon.amount_off")}, " "))
	}
}
