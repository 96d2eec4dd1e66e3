package stripe

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// live runs a life of everything that changes: subscriptions which renew, fail,
// change and end. Its values are drawn from a step's number.
func live(t *testing.T, s *Server, step int) {
	t.Helper()
	err := s.change(func(t *tx) error {
		p, err := t.priceOf(step)
		if err != nil {
			return err
		}
		made, err := createCustomer(t, &request{values: values{"email": fmt.Sprintf("%d@example.com", step)}})
		if err != nil {
			return err
		}
		c := made.(*customer)
		pm, err := t.resolvePaymentMethod([]string{"pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"}[step%3], "")
		if err != nil {
			return err
		}
		if err := t.attach(pm, c); err != nil {
			return err
		}
		t.setDefaultMethod(c, pm)
		n := newSubscription{customer: c, items: []subscriptionItem{t.newItem(p, 1)}, collection: "charge_automatically", behavior: "allow_incomplete", proration: "none",
			trialSettings: trialSettingsOf(nil), cancelAtEnd: step%5 == 0}
		if step%4 == 0 {
			n.trialEnd = t.now + 10*day
		}
		sub, err := t.subscribe(n)
		if err != nil {
			return err
		}
		if step%7 == 0 && sub.Status == "active" {
			t.scheduleOf(sub)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(9 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
}

// visit is what people do at the pages: a checkout, then the portal.
func visit(t *testing.T, s *Server, step int) {
	t.Helper()
	entry := cardEntry{Number: "4242424242424242", Expiry: "12/44", CVC: "123", Email: "ada@example.com", Bank: step%2 == 0}
	var session, portal string
	var prices []*price
	do := func(what string, f func(*tx) error) {
		t.Helper()
		if err := s.change(f); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	do("checkout", func(t *tx) error {
		for i := range 3 {
			p, err := t.priceOf(100 * i)
			if err != nil {
				return err
			}
			prices = append(prices, p)
		}
		made, err := createSession(t, &request{values: values{"mode": "subscription", "success_url": "http://shop.localhost", "line_items": []any{values{"price": prices[1].ID}}}})
		if err != nil {
			return err
		}
		session = made.(*checkoutSession).ID
		_, err = t.payCheckout(made.(*checkoutSession), entry)
		return err
	})
	if entry.Bank {
		do("settle", func(t *tx) error { return t.settle(session, "succeeded") })
	}
	do("portal", func(t *tx) error {
		offered := []any{}
		for _, p := range prices {
			offered = append(offered, values{"product": p.Product, "prices": []any{p.ID}})
		}
		cfg, err := createPortalConfiguration(t, &request{values: values{"features": values{"payment_method_update": values{"enabled": true}, "subscription_cancel": values{"enabled": true},
			"subscription_update": values{"enabled": true, "default_allowed_updates": []any{"price"}, "proration_behavior": "always_invoice", "products": offered,
				"schedule_at_period_end": values{"conditions": []any{values{"type": "decreasing_item_amount"}}}}}}})
		if err != nil {
			return err
		}
		made, err := createPortalSession(t, &request{values: values{"customer": val(t.sessionByURL(session).Customer), "configuration": cfg.(*portalConfiguration).ID}})
		if err == nil {
			portal = made.(*portalSession).ID
		}
		return err
	})
	for what, f := range map[string]func(t *tx, p *portalSession, sub *subscription) error{
		"a card": func(t *tx, p *portalSession, _ *subscription) error { return t.portalSetCard(p, entry) },
		"a downgrade": func(t *tx, p *portalSession, _ *subscription) error {
			_, err := t.portalChange(p, prices[0].ID, false, nil)
			return err
		},
		"the end": func(t *tx, p *portalSession, sub *subscription) error { return t.portalCancel(p, sub.ID, "") },
		"no end":  func(t *tx, p *portalSession, sub *subscription) error { return t.portalResume(p, sub.ID) },
	} {
		do(what, func(t *tx) error {
			p := t.portalByURL(portal)
			return f(t, p, t.portalSubscriptions(p)[0])
		})
	}
	do("an upgrade", func(t *tx) error {
		_, err := t.portalChange(t.portalByURL(portal), prices[2].ID, false, &entry)
		return err
	})
	do("a refund", func(t *tx) error {
		for _, ch := range all[*charge](t) {
			if ch.Status == "succeeded" && !ch.Refunded {
				_, err := createRefund(t, &request{values: values{"charge": ch.ID}})
				return err
			}
		}
		return nil
	})
}

func (t *tx) priceOf(step int) (*price, error) {
	owner, err := createProduct(t, &request{values: values{"name": "Product"}})
	if err != nil {
		return nil, err
	}
	return t.makePrice(values{"currency": "usd", "unit_amount": int64(1000 + step), "recurring": values{"interval": "month"}}, owner.(*product))
}

// dump is everything a store holds, in an order of its own.
func dump(s *store) []byte {
	var lines [][]byte
	for _, o := range s.everything() {
		lines = append(lines, append([]byte(o.kind()+" "), encode(o)...))
	}
	slices.SortFunc(lines, bytes.Compare)
	return bytes.Join(lines, []byte("\n"))
}

// An object that is changed without edit would be right until the next start.
func TestTheJournalHoldsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newTestServer(t, func(cfg *Config) { cfg.Dir = dir })
	for step := range 24 {
		live(t, s, step)
		if step%6 == 0 {
			visit(t, s, step/6)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	again := newStore()
	j, err := openJournal(dir, again)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	want, got := bytes.Split(dump(s.store), []byte("\n")), bytes.Split(dump(again), []byte("\n"))
	if len(want) != len(got) {
		t.Fatalf("%d objects, and the files have %d", len(want), len(got))
	}
	for i := range want {
		if !bytes.Equal(want[i], got[i]) {
			t.Fatalf("an object:\n%s\nand in the files:\n%s", want[i], got[i])
		}
	}
}

func TestAnOperationThatFailsLeavesNoTrace(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for step := range 8 {
		live(t, s, step)
	}
	s.mu.Lock()
	before := dump(s.store)
	s.mu.Unlock()
	broken := errors.New("broken off")
	err := s.change(func(t *tx) error {
		for _, sub := range all[*subscription](t) {
			t.renew(sub)
			t.endSubscription(sub, "canceled", "cancellation_requested")
		}
		for _, c := range all[*customer](t) {
			if _, err := deleteCustomer(t, &request{id: c.ID}); err != nil {
				return err
			}
			t.remove(c)
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !bytes.Equal(before, dump(s.store)) {
		t.Error("something is left of it")
	}
}

func TestALongJournalBecomesASnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newTestServer(t, func(cfg *Config) { cfg.Dir = dir })
	s.mu.Lock()
	s.journal.size = compactAt + 1
	s.mu.Unlock()
	live(t, s, 1)
	info, err := os.Stat(filepath.Join(dir, "stripe.journal"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > compactAt {
		t.Errorf("the journal has %d bytes", info.Size())
	}
}

// BenchmarkAChange is one small change in a store of many objects, saved.
func BenchmarkAChange(b *testing.B) {
	s, err := Start(b.Context(), Config{LiveKey: "sk_live_bench", TestKey: "sk_test_bench", Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var c *customer
	for range 10_000 {
		err := s.change(func(t *tx) error {
			made, err := createCustomer(t, &request{values: values{"email": "ada@example.com"}})
			if err == nil {
				c = made.(*customer)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		err := s.change(func(t *tx) error {
			t.update("customer.updated", c, func() { c.Name = ptr(randomID("", 8)) })
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAYear turns the clock by a year, for a hundred subscriptions.
func BenchmarkAYear(b *testing.B) {
	s, err := Start(b.Context(), Config{LiveKey: "sk_live_bench", TestKey: "sk_test_bench", Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for range 100 {
		err := s.change(func(t *tx) error {
			p, err := t.priceOf(1)
			if err != nil {
				return err
			}
			made, err := createCustomer(t, &request{values: values{"email": "ada@example.com", "payment_method": "pm_card_visa"}})
			if err != nil {
				return err
			}
			c := made.(*customer)
			t.setDefaultMethod(c, all[*paymentMethod](t)[len(all[*paymentMethod](t))-1])
			_, err = t.subscribe(newSubscription{customer: c, items: []subscriptionItem{t.newItem(p, 1)}, collection: "charge_automatically", behavior: "allow_incomplete"})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := s.Advance(365 * 24 * time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}
