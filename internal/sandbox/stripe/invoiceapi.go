package stripe

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

func listInvoices(t *tx, r *request) (any, error) {
	if r.has("customer") {
		if _, err := t.livingCustomer(r.str("customer"), "customer"); err != nil {
			return nil, err
		}
	}
	return listed(r, filter(all[*invoice](t),
		func(i *invoice) bool {
			return r.like("customer", i.Customer) && r.like("subscription", val(i.Subscription)) && r.like("status", i.Status)
		},
		func(i *invoice) bool {
			return r.like("collection_method", i.CollectionMethod) && r.within("created", &i.Created) && r.within("due_date", i.DueDate)
		}))
}

func getInvoice(t *tx, r *request) (any, error) { return find[*invoice](t, r) }

func listInvoiceLines(t *tx, r *request) (any, error) {
	inv, err := find[*invoice](t, r)
	if err != nil {
		return nil, err
	}
	return listedValues(r, inv.Lines.Data, func(l invoiceLine) string { return l.ID }, "invoice line item")
}

// invoiceByURL is the invoice of a hosted page, in any scope; nil if there is none.
func (t *tx) invoiceByURL(id string) *invoice { return everywhere[*invoice](t, id) }

func payInvoice(t *tx, r *request) (any, error) {
	inv, err := find[*invoice](t, r)
	if err != nil {
		return nil, err
	}
	t = t.at(inv)
	sub := get[*subscription](t, val(inv.Subscription))
	switch inv.Status {
	case "draft":
		t.finalize(inv, sub)
	case "paid":
		return nil, invalid("invoice_already_paid", "", "Invoice is already paid")
	case "void":
		return nil, invalid("invoice_not_editable", "", "Invoices with status void can't be paid.")
	}
	if r.yes("paid_out_of_band") {
		t.markPaid(inv)
		return inv, nil
	}
	pm := t.defaultMethod(inv.Customer)
	if sub != nil {
		pm = t.payingMethod(sub)
	}
	if id := r.str("payment_method"); id != "" {
		if pm, err = t.resolvePaymentMethod(id, "payment_method"); err != nil {
			return nil, err
		}
		if strings.HasPrefix(id, "pm_card_") {
			t.edit(pm)
			pm.Customer = ptr(inv.Customer)
		}
	}
	if pm == nil {
		return nil, noMethod()
	}
	return t.answerPayment(inv, t.collect(inv, pm, !r.yes("off_session")))
}

// answerPayment is what the API says of an attempt. What the attempt recorded stays.
func (t *tx) answerPayment(inv *invoice, err error) (any, error) {
	var refused *apiError
	switch {
	case err == nil || errors.Is(err, errProcessing):
		return inv, nil
	case errors.As(err, &refused):
		refused.keep = true
		return nil, refused
	default:
		return nil, actionRequired("invoice_payment_intent_requires_action", t, inv, true)
	}
}

// actionRequired is the error of a payment that wants 3-D Secure.
func actionRequired(code string, t *tx, inv *invoice, keep bool) *apiError {
	e := &apiError{status: http.StatusPaymentRequired, Type: typeCard, Code: code, keep: keep,
		Message: "Payment for this invoice requires additional user action before it can be completed successfully."}
	if pi := get[*paymentIntent](t, val(inv.PaymentIntent)); pi != nil {
		e.PaymentIntent = wireOf(pi)
	}
	return e
}

func voidInvoice(t *tx, r *request) (any, error) {
	inv, err := find[*invoice](t, r)
	if err != nil {
		return nil, err
	}
	if inv.Status != "open" && inv.Status != "uncollectible" {
		return nil, invalid("invoice_not_editable", "", "You can only pass in open or uncollectible invoices. This invoice isn't open: it is %s.", inv.Status)
	}
	t.at(inv).void(inv)
	return inv, nil
}

func (t *tx) void(inv *invoice) {
	t.edit(inv)
	inv.Status, inv.StatusTransitions.VoidedAt, inv.NextPaymentAttempt, inv.AutoAdvance = "void", ptr(t.now), nil, false
	if pi := get[*paymentIntent](t, val(inv.PaymentIntent)); pi != nil && pi.Status != "succeeded" {
		t.edit(pi)
		pi.Status, pi.CanceledAt = "canceled", ptr(t.now)
		t.emit("payment_intent.canceled", pi)
	}
	t.emit("invoice.voided", inv)
}

func markUncollectible(t *tx, r *request) (any, error) {
	inv, err := find[*invoice](t, r)
	if err != nil {
		return nil, err
	}
	if inv.Status != "open" {
		return nil, invalid("invoice_not_editable", "", "You can only mark open invoices as uncollectible. This invoice is %s.", inv.Status)
	}
	t = t.at(inv)
	t.edit(inv)
	inv.Status, inv.StatusTransitions.MarkedUncollectibleAt, inv.NextPaymentAttempt, inv.AutoAdvance = "uncollectible", ptr(t.now), nil, false
	t.emit("invoice.marked_uncollectible", inv)
	return inv, nil
}

func createInvoiceItem(t *tx, r *request) (any, error) {
	c, err := t.livingCustomer(r.str("customer"), "customer")
	if err != nil {
		return nil, err
	}
	t = t.at(c)
	item := &invoiceItem{Currency: strings.ToLower(r.str("currency")), Customer: c.ID, Date: t.now, Description: optional[string](r.values, "description"),
		Discountable: true, Period: period{t.now, t.now}, Quantity: 1, Subscription: optional[string](r.values, "subscription"), TestClock: c.TestClock}
	if id := val(item.Subscription); id != "" {
		if _, err := referred[*subscription](t, id, "subscription"); err != nil {
			return nil, err
		}
	}
	if r.has("invoice") {
		return nil, invalid("", "invoice", "The sandbox puts invoice items on the customer's next invoice only.")
	}
	setValue(r.values, "discountable", &item.Discountable)
	setValue(r.values, "quantity", &item.Quantity)
	if span := r.hash("period"); span != nil {
		item.Period = period{span.num("start"), span.num("end")}
	}
	if item.Metadata, err = r.metadata(nil); err != nil {
		return nil, err
	}
	switch {
	case r.has("price"):
		if item.Price, err = referred[*price](t, r.str("price"), "price"); err != nil {
			return nil, err
		}
		if item.Price.Recurring != nil {
			return nil, invalid("", "price", "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.")
		}
		item.Currency, item.UnitAmount = item.Price.Currency, ptr(item.Price.UnitAmount)
		item.Amount = item.Price.UnitAmount * item.Quantity
	case r.has("amount") || r.has("unit_amount"):
		item.UnitAmount = ptr(r.num("unit_amount"))
		item.Amount = r.num("unit_amount") * item.Quantity
		if r.has("amount") {
			item.Amount, item.UnitAmount = r.num("amount"), ptr(r.num("amount"))
		}
		if len(item.Currency) != 3 {
			return nil, paramMissing("currency")
		}
	default:
		return nil, paramMissing("amount")
	}
	t.add(item, "ii_")
	t.emit("invoiceitem.created", item)
	return item, nil
}

// invoicesOf are a portal's customer's invoices, newest first, without drafts.
func (t *tx) invoicesOf(p *portalSession) []*invoice {
	rows := filter(all[*invoice](t.at(p)), func(i *invoice) bool { return i.Customer == p.Customer && i.Status != "draft" })
	slices.Reverse(rows)
	return rows
}
