package stripe

import (
	"fmt"
	"strings"
	"time"
)

// fullLines bill items for a whole period; a trial costs nothing.
func (t *tx) fullLines(items []subscriptionItem, span period, trial bool) []invoiceLine {
	var lines []invoiceLine
	for _, item := range items {
		line := t.newLine(item, item.Price.UnitAmount*item.Quantity, span)
		line.Description = ptr(fmt.Sprintf("%d × %s (at %s / %s)", item.Quantity, t.productName(&item.Price), t.money(item.Price.UnitAmount, item.Price.Currency), every(item.Price.Recurring)))
		if trial {
			line.Amount, line.Description = 0, ptr("Trial period for "+t.productName(&item.Price))
		}
		lines = append(lines, line)
	}
	return lines
}

// every is "month" or "3 months".
func every(r *recurring) string {
	if r.IntervalCount == 1 {
		return r.Interval
	}
	return fmt.Sprintf("%d %ss", r.IntervalCount, r.Interval)
}

func (t *tx) newLine(item subscriptionItem, amount int64, span period) invoiceLine {
	p := item.Price
	return invoiceLine{Object: "line_item", Amount: amount, Currency: p.Currency, DiscountAmounts: []discountAmount{}, Discountable: true, Metadata: map[string]string{},
		Period: span, Plan: p.plan(), Price: &p, Quantity: ptr(item.Quantity), SubscriptionItem: ptr(item.ID), Type: "subscription"}
}

// describe says whose lines they are.
func (t *tx) describe(lines []invoiceLine, sub *subscription) {
	for i := range lines {
		lines[i].Subscription = ptr(sub.ID)
	}
}

// prorations are the credit for what is left of the old items' period, and the
// charge for the new items in the same time. Unchanged items make no lines.
// Amounts are shares by the second, each rounded by itself.
func (t *tx) prorations(sub *subscription, after []subscriptionItem, at int64, charge bool) []invoiceLine {
	whole, left := sub.CurrentPeriodEnd-sub.CurrentPeriodStart, sub.CurrentPeriodEnd-at
	if sub.TrialEnd != nil && *sub.TrialEnd > at || left <= 0 || whole <= 0 {
		return nil // a trial has cost nothing
	}
	span := period{at, sub.CurrentPeriodEnd}
	when := strings.TrimSpace(time.Unix(at, 0).UTC().Format("02 Jan 2006"))
	var lines []invoiceLine
	for _, old := range sub.Items.Data {
		if charge && old.sameIn(after) {
			continue
		}
		line := t.newLine(old, -share(t.costOf(sub, old), left, whole), span)
		line.Description, line.Proration, line.Discountable = ptr(fmt.Sprintf("Unused time on %s after %s", t.productName(&old.Price), when)), true, false
		lines = append(lines, line)
	}
	for _, item := range after {
		if !charge || item.sameIn(sub.Items.Data) {
			continue
		}
		line := t.newLine(item, share(item.Price.UnitAmount*item.Quantity, left, whole), span)
		line.Description, line.Proration = ptr(fmt.Sprintf("Remaining time on %s after %s", t.productName(&item.Price), when)), true
		lines = append(lines, line)
	}
	return lines
}

// sameIn is whether the same item costs the same in a list.
func (i *subscriptionItem) sameIn(items []subscriptionItem) bool {
	for _, other := range items {
		if other.ID == i.ID && other.Price.ID == i.Price.ID && other.Quantity == i.Quantity {
			return true
		}
	}
	return false
}

// costOf is what an item costs for its present period: what it was billed,
// without its discount, or if it was never billed for the whole of it its price
// with the percentage that holds now.
func (t *tx) costOf(sub *subscription, item subscriptionItem) int64 {
	span := period{sub.CurrentPeriodStart, sub.CurrentPeriodEnd}
	for _, inv := range all[*invoice](t) {
		if val(inv.Subscription) != sub.ID || inv.Status == "void" {
			continue
		}
		for _, line := range inv.Lines.Data {
			if !line.Proration && line.Period == span && val(line.SubscriptionItem) == item.ID && line.Price.ID == item.Price.ID && val(line.Quantity) == item.Quantity {
				cost := line.Amount
				for _, off := range line.DiscountAmounts {
					cost -= off.Amount
				}
				return cost
			}
		}
	}
	full := item.Price.UnitAmount * item.Quantity
	if sub.Discount.applies(t.now) && sub.Discount.Coupon.PercentOff != nil {
		full -= offOf(full, *sub.Discount.Coupon.PercentOff)
	}
	return full
}

// putBy keeps prorations for the next invoice.
func (t *tx) putBy(sub *subscription, lines []invoiceLine) {
	for _, l := range lines {
		item := &invoiceItem{Amount: l.Amount, Currency: l.Currency, Customer: sub.Customer, Date: t.now, Description: l.Description, Discountable: l.Discountable,
			Metadata: map[string]string{}, Period: l.Period, Plan: l.Plan, Price: l.Price, Proration: l.Proration, Quantity: val(l.Quantity),
			Subscription: ptr(sub.ID), SubscriptionItem: l.SubscriptionItem, TestClock: sub.TestClock, UnitAmount: ptr(l.Amount)}
		t.add(item, "ii_")
		t.emit("invoiceitem.created", item)
	}
}
