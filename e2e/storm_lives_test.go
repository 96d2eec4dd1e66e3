package e2e

import (
	"net/http"
	"testing"
)

// phases are the parts of a storm, and by how many days Stripe's clock is turned after each.
var phases = [...]int{subscribing: 0, changing: 0, regretting: 32, mending: 20, deciding: 0, wavering: 0, insisting: 0}

const (
	subscribing = iota
	changing
	regretting // after which everybody's subscription renews
	mending    // after which Stripe has given up on cards that fail
	deciding
	wavering  // so soon after, that one answer of Stripe's may overtake the other
	insisting // likewise
)

// life is what a customer does at Stripe in each phase.
type life struct {
	name  string
	steps [len(phases)]func(t *testing.T, s *storm, who *subject)
	ill   bool // also in the shop that wishes the others ill
}

var lives = []life{
	{name: "stays", ill: true, steps: steps{subscribing: pays}.array()},
	{name: "leaves", ill: true, steps: steps{subscribing: pays, changing: leaves}.array()},
	{name: "goes up", steps: steps{subscribing: pays, changing: to("max month")}.array()},
	{name: "goes up and down", steps: steps{subscribing: pays, changing: to("max month"), regretting: to("pro month")}.array()},
	{name: "pays by the year", steps: steps{subscribing: pays, changing: to("max year"), deciding: to("pro month")}.array()},
	{name: "ends with the period", steps: steps{subscribing: pays, changing: endsLater(true)}.array()},
	{name: "will end", steps: steps{subscribing: pays, deciding: endsLater(true), wavering: endsLater(false), insisting: endsLater(true)}.array()},
	{name: "goes on", steps: steps{subscribing: pays, deciding: endsLater(true), wavering: to("max month"), insisting: endsLater(false)}.array()},
	{name: "wavers", steps: steps{subscribing: pays, deciding: to("max month"), wavering: to("pro month"), insisting: to("max month")}.array()},
	{name: "resumes", steps: steps{subscribing: pays, changing: endsLater(true), regretting: endsLater(false)}.array()},
	{name: "lapses", ill: true, steps: steps{subscribing: pays, changing: card(laterCard)}.array()},
	{name: "lapses and returns", steps: steps{subscribing: pays, changing: card(laterCard), mending: recovers}.array()},
	{name: "is overdue", steps: steps{subscribing: pays, mending: card(laterCard), deciding: renews}.array()},
	{name: "tries", ill: true, steps: steps{subscribing: tries}.array()},
	{name: "tries and leaves", steps: steps{subscribing: tries, changing: endsLater(true)}.array()},
	{name: payingTwice, steps: steps{subscribing: paysTwice}.array()},
	{name: "pays nothing", steps: steps{subscribing: abandons}.array()},
}

const payingTwice = "pays twice"

type steps map[int]func(t *testing.T, s *storm, who *subject)

func (m steps) array() (all [len(phases)]func(t *testing.T, s *storm, who *subject)) {
	for phase, step := range m {
		all[phase] = step
	}
	return all
}

// checkout asks for a checkout of a tier, which leads back to a page of its own.
func (s *storm) checkout(t *testing.T, who *subject, tier, back string) (page string) {
	t.Helper()
	asked := post("/api/create-checkout", object{"tier": tier, "successUrl": "https://shop.example.com/" + back})
	return text(t, s.servers[0].must(t, http.StatusOK, asked.as(who.shop.secret).with("X-User-Id", who.id)), "url")
}

func (s *storm) create(t *testing.T, who *subject) {
	t.Helper()
	s.servers[0].must(t, http.StatusCreated, post("/api/customers", object{"email": "eve@example.com", "id": who.id}).as(who.shop.secret))
}

func abandons(t *testing.T, s *storm, who *subject) {
	s.create(t, who)
	s.checkout(t, who, "pro", "")
}

func pays(t *testing.T, s *storm, who *subject) {
	s.create(t, who)
	who.paid(t, s, s.checkout(t, who, "pro", ""))
}

func tries(t *testing.T, s *storm, who *subject) {
	s.create(t, who)
	who.paid(t, s, s.checkout(t, who, "try", ""))
}

func paysTwice(t *testing.T, s *storm, who *subject) {
	s.create(t, who)
	first, second := s.checkout(t, who, "pro", "1"), s.checkout(t, who, "pro", "2")
	who.paid(t, s, first)
	who.paid(t, s, second)
}

func (who *subject) paid(t *testing.T, s *storm, page string) {
	t.Helper()
	session := s.stripe.pay(t, who.shop.account, page)
	who.customer, who.subscription = text(t, session, "customer"), text(t, session, "subscription")
	if who.shop == s.shops[2] {
		s.mail.strangers(who.customer)
	}
}

func (who *subject) update(t *testing.T, s *storm, fields ...string) {
	t.Helper()
	s.stripe.call(t, who.shop.account, http.MethodPost, "/v1/subscriptions/"+who.subscription, fields...)
}

func leaves(t *testing.T, s *storm, who *subject) {
	s.stripe.call(t, who.shop.account, http.MethodDelete, "/v1/subscriptions/"+who.subscription)
}

// to changes the subscription to another price.
func to(price string) func(t *testing.T, s *storm, who *subject) {
	return func(t *testing.T, s *storm, who *subject) {
		now := s.stripe.call(t, who.shop.account, http.MethodGet, "/v1/subscriptions/"+who.subscription)
		item := at[[]any](t, now, "items.data")[0].(object)["id"].(string)
		who.update(t, s, "items[0][id]", item, "items[0][price]", who.shop.prices[price])
	}
}

func endsLater(yes bool) func(t *testing.T, s *storm, who *subject) {
	return func(t *testing.T, s *storm, who *subject) {
		who.update(t, s, "cancel_at_period_end", map[bool]string{true: "true", false: "false"}[yes])
	}
}

func card(number string) func(t *testing.T, s *storm, who *subject) {
	return func(t *testing.T, s *storm, who *subject) { s.stripe.setCard(t, who.customer, number) }
}

func recovers(t *testing.T, s *storm, who *subject) {
	s.stripe.setCard(t, who.customer, goodCard)
	for _, invoice := range s.stripe.list(t, who.shop.account, "/v1/invoices?status=open&subscription="+who.subscription) {
		s.stripe.call(t, who.shop.account, http.MethodPost, "/v1/invoices/"+invoice["id"].(string)+"/pay")
	}
}

// renews begins the next period now, which is billed at once.
func renews(t *testing.T, s *storm, who *subject) {
	who.update(t, s, "billing_cycle_anchor", "now", "proration_behavior", "none")
}
