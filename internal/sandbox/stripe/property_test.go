package stripe

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// interval draws how often a price recurs.
func interval(t *rapid.T) recurring {
	every := rapid.SampledFrom([]string{"day", "week", "month", "year"}).Draw(t, "interval")
	return recurring{Interval: every, IntervalCount: rapid.Int64Range(1, 3).Draw(t, "count")}
}

func TestPeriodsKeepTheAnchorsDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		anchor := rapid.Int64Range(946684800, 4102444800).Draw(t, "anchor")
		recur := interval(t)
		day := time.Unix(anchor, 0).UTC()
		before := anchor
		for range 40 {
			at := periodAfter(anchor, recur, before)
			if at <= before {
				t.Fatalf("%d does not follow %d", at, before)
			}
			if again := periodAfter(anchor, recur, at-1); again != at {
				t.Fatalf("the period that holds the second before %d ends at %d", at, again)
			}
			is := time.Unix(at, 0).UTC()
			if recur.Interval == "month" || recur.Interval == "year" {
				last := time.Date(is.Year(), is.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
				if is.Day() != min(day.Day(), last) || is.Format("15:04:05") != day.Format("15:04:05") {
					t.Fatalf("%v does not keep the anchor %v", is, day)
				}
			}
			before = at
		}
	})
}

func TestSharesAreNeverMoreThanACentOff(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, 99_999_999).Draw(t, "amount")
		whole := rapid.Int64Range(1, 4*366*day).Draw(t, "whole")
		part := rapid.Int64Range(0, whole).Draw(t, "part")
		used, left := share(amount, whole-part, whole), share(amount, part, whole)
		if sum := used + left; sum != amount && sum != amount+1 { // both halves of a cent round up
			t.Fatalf("%d and %d of %d", used, left, amount)
		}
		if share(-amount, part, whole) != -left {
			t.Fatal("a credit is not what the charge was")
		}
		if share(amount, whole, whole) != amount || share(amount, 0, whole) != 0 {
			t.Fatal("the whole is not the amount, or nothing not nothing")
		}
	})
}

// TestProrationsAreCreditAndCharge changes items at a moment of a period, and
// checks each line against the shares by hand.
func TestProrationsAreCreditAndCharge(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	rapid.Check(t, func(t *rapid.T) {
		err := s.view(func(tx *tx) error {
			recur := interval(t)
			newPrice := func(name string) *price {
				return &price{header: header{ID: name, Account: tx.Account, Livemode: true}, Currency: "usd", Recurring: &recur, UnitAmount: rapid.Int64Range(0, 1_000_000).Draw(t, name)}
			}
			start := rapid.Int64Range(946684800, 4102444800).Draw(t, "start")
			sub := &subscription{Currency: "usd", Status: "active", CurrentPeriodStart: start, CurrentPeriodEnd: periodAfter(start, recur, start)}
			old := tx.newItem(newPrice("old"), rapid.Int64Range(1, 20).Draw(t, "had"))
			sub.Items = sub.itemList([]subscriptionItem{old})
			changed := old
			changed.setPrice(newPrice("new"))
			changed.Quantity = rapid.Int64Range(1, 20).Draw(t, "wants")
			at := rapid.Int64Range(start, sub.CurrentPeriodEnd-1).Draw(t, "at")

			lines := tx.prorations(sub, []subscriptionItem{changed}, at, true)
			if len(lines) != 2 {
				t.Fatalf("%d lines", len(lines))
			}
			whole, left := sub.CurrentPeriodEnd-start, sub.CurrentPeriodEnd-at
			credit, charge := -share(old.Price.UnitAmount*old.Quantity, left, whole), share(changed.Price.UnitAmount*changed.Quantity, left, whole)
			if lines[0].Amount != credit || lines[1].Amount != charge {
				t.Fatalf("%d and %d, want %d and %d", lines[0].Amount, lines[1].Amount, credit, charge)
			}
			inv := &invoice{Currency: "usd"}
			tx.total(inv, lines)
			if inv.Total != credit+charge || inv.AmountDue != max(inv.Total, 0) {
				t.Fatalf("total %d, due %d", inv.Total, inv.AmountDue)
			}
			if same := tx.prorations(sub, sub.Items.Data, at, true); len(same) != 0 {
				t.Fatalf("no change, and %d lines", len(same))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func newTestServer(t *testing.T, changes ...func(*Config)) *Server {
	t.Helper()
	cfg := Config{LiveKey: "sk_live_property", TestKey: "sk_test_property", ClientID: "ca_property"}
	for _, change := range changes {
		change(&cfg)
	}
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
