package stripe

import (
	"strconv"
	"strings"
)

// amountText is an amount with its decimals and with commas between thousands.
func amountText(amount int64, digits int) string {
	text := strconv.FormatInt(amount, 10)
	for len(text) <= digits {
		text = "0" + text
	}
	whole, fraction := text[:len(text)-digits], text[len(text)-digits:]
	var grouped strings.Builder
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			grouped.WriteByte(',')
		}
		grouped.WriteRune(d)
	}
	if digits == 0 {
		return grouped.String()
	}
	return grouped.String() + "." + fraction
}

func createRefund(t *tx, r *request) (any, error) {
	ch, err := t.chargeToRefund(r)
	if err != nil {
		return nil, err
	}
	left := ch.Amount - ch.AmountRefunded
	amount := left
	setValue(r.values, "amount", &amount)
	switch {
	case ch.Status != "succeeded":
		return nil, invalid("charge_not_refundable", "charge", "Charge %s can't be refunded: it has not succeeded.", ch.ID)
	case left == 0:
		return nil, invalid("charge_already_refunded", "", "Charge %s has already been refunded.", ch.ID)
	case amount < 1:
		return nil, invalid("parameter_invalid_integer", "amount", "Invalid positive integer")
	case amount > left:
		return nil, invalid("", "amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s)", t.money(amount, ch.Currency), t.money(left, ch.Currency))
	}
	rf := &refund{Amount: amount, Charge: ch.ID, Currency: ch.Currency, PaymentIntent: ch.PaymentIntent, Reason: optional[string](r.values, "reason"), Status: "succeeded"}
	if rf.Metadata, err = r.metadata(nil); err != nil {
		return nil, err
	}
	t.add(rf, "re_")
	t.update("charge.refunded", ch, func() {
		ch.AmountRefunded += amount
		ch.Refunded = ch.AmountRefunded == ch.Amount
	})
	return rf, nil
}

func (t *tx) chargeToRefund(r *request) (*charge, error) {
	if id := r.str("charge"); id != "" {
		return referred[*charge](t, id, "charge")
	}
	if !r.has("payment_intent") {
		return nil, invalid("parameter_missing", "", "One of the following params should be provided for this request: payment_intent or charge.")
	}
	pi, err := referred[*paymentIntent](t, r.str("payment_intent"), "payment_intent")
	if err != nil {
		return nil, err
	}
	ch := get[*charge](t, val(pi.LatestCharge))
	if ch == nil {
		return nil, invalid("", "payment_intent", "This PaymentIntent (%s) does not have a successful charge to refund.", pi.ID)
	}
	return ch, nil
}

func listRefunds(t *tx, r *request) (any, error) {
	return listed(r, filter(all[*refund](t), func(rf *refund) bool {
		return r.like("charge", rf.Charge) && r.like("payment_intent", val(rf.PaymentIntent)) && r.within("created", &rf.Created)
	}))
}

func getRefund(t *tx, r *request) (any, error) { return find[*refund](t, r) }
