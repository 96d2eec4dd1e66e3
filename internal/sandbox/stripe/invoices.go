package stripe

import (
	"errors"
	"fmt"
	"maps"
)

// What becomes of a subscription whose invoice can't be collected.
const (
	failCancel  = "cancel"
	failUnpaid  = "unpaid"
	failPastDue = "past_due"
)

// retryAfter is how long after each failed attempt the next one follows; after
// the last there is none.
var retryAfter = []int64{3 * day, 5 * day, 7 * day}

// newInvoice drafts an invoice of the lines and of what was put by for the next
// one. sub may be nil.
func (t *tx) newInvoice(c *customer, sub *subscription, reason string, lines []invoiceLine, span period) *invoice {
	currency := val(c.Currency)
	inv := &invoice{BillingReason: reason, CollectionMethod: "charge_automatically", Customer: c.ID, CustomerEmail: c.Email, CustomerName: c.Name,
		Metadata: map[string]string{}, PeriodStart: span.Start, PeriodEnd: span.End, StartingBalance: c.Balance, Status: "draft", TestClock: c.TestClock,
		AutoAdvance: true, TotalDiscountAmounts: []discountAmount{}}
	if a := t.s.account(t.Account); a != nil {
		inv.AccountCountry, inv.AccountName = a.Country, a.BusinessProfile.Name
	}
	if sub != nil {
		currency = sub.Currency
		inv.CollectionMethod, inv.Subscription = sub.CollectionMethod, ptr(sub.ID)
		inv.SubscriptionDetails.Metadata = sub.Metadata
	}
	inv.Currency = currency
	t.add(inv, "in_")
	lines = append(t.takePending(c, sub, inv), lines...)
	inv.Discount = t.discountFor(c, sub)
	t.total(inv, lines)
	if c.Currency == nil {
		t.edit(c)
		c.Currency = &currency
	}
	if sub != nil {
		t.edit(sub)
		sub.LatestInvoice = ptr(inv.ID)
	}
	t.emit("invoice.created", inv)
	return inv
}

// takePending is what was put by for the next invoice: prorations and single items.
func (t *tx) takePending(c *customer, sub *subscription, inv *invoice) []invoiceLine {
	var lines []invoiceLine
	for _, item := range t.pendingItems(c.ID, sub, inv.Currency) {
		t.edit(item)
		item.Invoice = ptr(inv.ID)
		lines = append(lines, item.line())
	}
	return lines
}

func (t *tx) pendingItems(customerID string, sub *subscription, currency string) []*invoiceItem {
	return filter(all[*invoiceItem](t), func(i *invoiceItem) bool {
		mine := i.Subscription == nil || sub != nil && *i.Subscription == sub.ID
		return i.Invoice == nil && i.Customer == customerID && i.Currency == currency && mine
	})
}

// discountFor is the discount of a subscription, or else of its customer.
func (t *tx) discountFor(c *customer, sub *subscription) *discount {
	if sub != nil && sub.Discount.applies(t.now) {
		return sub.Discount
	}
	if c.Discount.applies(t.now) {
		return c.Discount
	}
	return nil
}

// total sums an invoice up and sets what is due of it.
func (t *tx) total(inv *invoice, lines []invoiceLine) {
	subtotal := int64(0)
	for i := range lines {
		lines[i].ID, lines[i].Livemode = t.newID("il_"), inv.Livemode
		lines[i].DiscountAmounts = []discountAmount{}
		subtotal += lines[i].Amount
	}
	inv.Subtotal, inv.Total = subtotal, subtotal
	if inv.Discount != nil {
		off := discountLines(lines, inv.Discount, inv.Currency)
		inv.Total -= off
		inv.TotalDiscountAmounts = []discountAmount{{off, inv.Discount.ID}}
	}
	inv.Lines = listOf(lines, "/v1/invoices/"+inv.ID+"/lines")
	inv.AmountDue = max(inv.Total+inv.StartingBalance, 0)
	inv.AmountRemaining = inv.AmountDue
}

// finalize makes a draft an invoice that is owed.
func (t *tx) finalize(inv *invoice, sub *subscription) {
	c := get[*customer](t, inv.Customer)
	t.edit(inv)
	t.edit(c)
	inv.Number = ptr(fmt.Sprintf("%s-%04d", c.InvoicePrefix, c.NextInvoice))
	c.NextInvoice++
	inv.Status, inv.StatusTransitions.FinalizedAt, inv.EffectiveAt = "open", ptr(t.now), ptr(t.now)
	inv.HostedInvoiceURL, inv.InvoicePDF = ptr(t.s.URL()+"/i/"+inv.ID), ptr(t.s.URL()+"/i/"+inv.ID)
	balance := inv.StartingBalance + inv.Total - inv.AmountDue
	inv.EndingBalance = &balance
	if balance != c.Balance {
		t.update("customer.updated", c, func() { c.Balance = balance })
	}
	t.dropSpentDiscount(inv, c, sub)
	if inv.CollectionMethod == "send_invoice" {
		days := int64(30)
		if sub != nil && sub.DaysUntilDue != nil {
			days = *sub.DaysUntilDue
		}
		inv.DueDate = ptr(t.now + days*day)
	}
	if inv.AmountDue > 0 {
		what := "Subscription update"
		if inv.BillingReason == "subscription_create" {
			what = "Subscription creation"
		}
		pi := t.addIntent(&paymentIntent{Amount: inv.AmountDue, Currency: inv.Currency, Customer: ptr(c.ID), Description: &what, Invoice: ptr(inv.ID)})
		inv.PaymentIntent = ptr(pi.ID)
	}
	t.emit("invoice.finalized", inv)
}

// dropSpentDiscount ends a discount that holds once, or no longer.
func (t *tx) dropSpentDiscount(inv *invoice, c *customer, sub *subscription) {
	over := func(d *discount) bool {
		return d != nil && (!d.applies(t.now) || d.Coupon.Duration == "once" && inv.Discount != nil && inv.Discount.ID == d.ID && inv.Total < inv.Subtotal)
	}
	if sub != nil && over(sub.Discount) {
		t.edit(sub)
		sub.Discount = nil
	}
	if over(c.Discount) {
		t.edit(c)
		c.Discount = nil
	}
}

// collect tries to have an open invoice paid. The error says why it is not:
// *apiError, errAuthenticationRequired or errProcessing.
func (t *tx) collect(inv *invoice, pm *paymentMethod, present bool) error {
	if inv.AmountDue == 0 {
		t.markPaid(inv)
		return nil
	}
	pi := get[*paymentIntent](t, val(inv.PaymentIntent))
	if pi.Status == "processing" {
		return errProcessing
	}
	t.edit(inv)
	inv.Attempted = true
	inv.AttemptCount++
	var err error
	if pm == nil {
		err = noMethod()
	} else {
		err = t.try(pi, pm, present)
		inv.Charge = pi.LatestCharge
	}
	var refused *apiError
	switch {
	case err == nil:
		t.markPaid(inv)
	case errors.Is(err, errAuthenticationRequired):
		t.emit("invoice.payment_action_required", inv)
		t.paymentFailed(inv)
	case errors.As(err, &refused):
		if refused.Code == "authentication_required" {
			t.emit("invoice.payment_action_required", inv)
		}
		t.paymentFailed(inv)
	}
	return err
}

func noMethod() *apiError {
	return invalid("resource_missing", "", "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting.")
}

// markPaid records that an invoice is paid, with what follows for its subscription.
func (t *tx) markPaid(inv *invoice) {
	t.edit(inv)
	inv.Status, inv.Paid, inv.AmountPaid, inv.AmountRemaining, inv.Attempted = "paid", true, inv.AmountDue, 0, true
	inv.NextPaymentAttempt, inv.StatusTransitions.PaidAt = nil, ptr(t.now)
	t.emit("invoice.paid", inv)
	t.emit("invoice.payment_succeeded", inv)
	c := get[*customer](t, inv.Customer)
	if c != nil && c.Delinquent && !t.owes(c.ID) {
		t.update("customer.updated", c, func() { c.Delinquent = false })
	}
	if sub := get[*subscription](t, val(inv.Subscription)); sub != nil && !sub.ended() {
		t.paid(sub, inv)
	}
}

// paid brings a subscription back to what it was before it was owed for.
func (t *tx) paid(sub *subscription, inv *invoice) {
	pending := sub.PendingUpdate
	isPending := pending != nil && val(sub.LatestInvoice) == inv.ID
	recovers := sub.Status == "incomplete" || (sub.Status == "past_due" || sub.Status == "unpaid") && !t.owesFor(sub.ID)
	if !isPending && !recovers {
		return
	}
	t.update("customer.subscription.updated", sub, func() {
		if recovers {
			sub.Status = "active"
		}
		if isPending {
			sub.PendingUpdate = nil
			t.apply(sub, t.plan(sub, change{items: pending.Items, proration: "none", at: t.now}))
		}
	})
}

func (t *tx) owes(customerID string) bool {
	for _, inv := range all[*invoice](t) {
		if inv.Customer == customerID && inv.Status == "open" && inv.Failures > 0 {
			return true
		}
	}
	return false
}

func (t *tx) owesFor(subscriptionID string) bool {
	for _, inv := range all[*invoice](t) {
		if val(inv.Subscription) == subscriptionID && inv.Status == "open" && inv.Failures > 0 {
			return true
		}
	}
	return false
}

// paymentFailed records a failed attempt, and plans the next. The first invoice
// of a subscription that has never been active is not tried again by itself.
func (t *tx) paymentFailed(inv *invoice) {
	sub := get[*subscription](t, val(inv.Subscription))
	t.edit(inv)
	inv.Failures++
	inv.NextPaymentAttempt = nil
	waiting := sub != nil && (sub.Status == "incomplete" || inv.Holds)
	if !waiting {
		if inv.Failures <= int64(len(retryAfter)) {
			inv.NextPaymentAttempt = ptr(t.now + retryAfter[inv.Failures-1])
		} else {
			inv.Final, inv.AutoAdvance = true, false
		}
	}
	t.emit("invoice.payment_failed", inv)
	if c := get[*customer](t, inv.Customer); c != nil && !c.Delinquent && !waiting {
		t.update("customer.updated", c, func() { c.Delinquent = true })
	}
	if sub == nil || sub.ended() || waiting {
		return
	}
	switch {
	case !inv.Final:
		if sub.Status == "active" || sub.Status == "trialing" {
			t.update("customer.subscription.updated", sub, func() { sub.Status = "past_due" })
		}
	case t.s.cfg.FailedPayment == failCancel:
		t.endSubscription(sub, "canceled", "payment_failed")
	case t.s.cfg.FailedPayment == failUnpaid:
		t.update("customer.subscription.updated", sub, func() { sub.Status = "unpaid" })
	}
}

func (inv *invoice) due(*Server) int64 {
	if inv.Status != "open" {
		return 0
	}
	return val(inv.NextPaymentAttempt)
}
func (inv *invoice) rank() int { return 2 }
func (inv *invoice) happen(t *tx) {
	t.edit(inv)
	inv.NextPaymentAttempt = nil
	sub := get[*subscription](t, val(inv.Subscription))
	if sub != nil && sub.ended() {
		inv.AutoAdvance = false
		return
	}
	pm := t.defaultMethod(inv.Customer)
	if sub != nil {
		pm = t.payingMethod(sub)
	}
	_ = t.collect(inv, pm, false) // what it means for the subscription is recorded
}

// line is an invoice item as a line of the invoice that takes it.
func (i *invoiceItem) line() invoiceLine {
	metadata := map[string]string{}
	maps.Copy(metadata, i.Metadata)
	return invoiceLine{Object: "line_item", Amount: i.Amount, Currency: i.Currency, Description: i.Description, Discountable: i.Discountable,
		InvoiceItem: ptr(i.ID), Metadata: metadata, Period: i.Period, Plan: i.Plan, Price: i.Price, Proration: i.Proration, Quantity: ptr(i.Quantity),
		Subscription: i.Subscription, SubscriptionItem: i.SubscriptionItem, Type: "invoiceitem"}
}
