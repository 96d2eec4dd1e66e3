package stripe

import (
	"fmt"
	"testing"
	"time"
)

func TestZZYear(t *testing.T) {
	s := newTestServer(t, func(cfg *Config) { cfg.Dir = t.TempDir() })
	a := time.Now()
	for i := range 500 {
		if err := s.change(func(t *tx) error {
			p, _ := t.priceOf(1)
			made, _ := createCustomer(t, &request{values: values{"email": "a@example.com"}})
			c := made.(*customer)
			pm, _ := t.resolvePaymentMethod("pm_card_visa", "")
			if err := t.attach(pm, c); err != nil {
				return err
			}
			t.setDefaultMethod(c, pm)
			_, err := t.subscribe(newSubscription{customer: c, items: []subscriptionItem{t.newItem(p, 1)}, collection: "charge_automatically", behavior: "allow_incomplete"})
			return err
		}); err != nil {
			t.Fatal(i, err)
		}
	}
	b := time.Now()
	if err := s.Advance(366 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	fmt.Println("create", b.Sub(a), "year", time.Since(b))
}
