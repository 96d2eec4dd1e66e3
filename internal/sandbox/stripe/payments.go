package stripe

import (
	"errors"
	"maps"
	"net/http"
	"strings"
)

// bankSettles is how long a bank debit takes if nobody settles it earlier.
const bankSettles = 2 * day

// addIntent keeps the payment of an amount. It is not tried yet.
func (t *tx) addIntent(pi *paymentIntent) *paymentIntent {
	pi.Status, pi.PaymentMethodTypes = "requires_payment_method", []string{"card"}
	if pi.Metadata == nil {
		pi.Metadata = map[string]string{}
	}
	t.add(pi, "pi_")
	pi.ClientSecret = pi.ID + "_secret_" + randomID("", 25)
	t.emit("payment_intent.created", pi)
	return pi
}

// errProcessing says that a bank debit is on its way.
var errProcessing = errors.New("the payment is processing")

// try charges a payment method. A decline is an *apiError; what was recorded of
// the attempt stays only if the caller's error keeps it. present says whether
// the customer is there to pass 3-D Secure.
func (t *tx) try(pi *paymentIntent, pm *paymentMethod, present bool) error {
	t.edit(pi)
	pi.PaymentMethod, pi.PaymentMethodTypes = ptr(pm.ID), []string{pm.Type}
	err := pm.refusal(present)
	if code := t.s.faults.ForCharge(t.Account); code != "" {
		err = decline(code)
	}
	if errors.Is(err, errAuthenticationRequired) {
		pi.Status = "requires_action"
		pi.NextAction = map[string]any{"type": "use_stripe_sdk", "use_stripe_sdk": map[string]any{"type": "three_d_secure_redirect", "stripe_js": t.s.URL()}}
		t.emit("payment_intent.requires_action", pi)
		return err
	}
	pi.NextAction = nil
	ch := t.newCharge(pi, pm)
	pi.LatestCharge = ptr(ch.ID)
	var refused *apiError
	switch {
	case errors.As(err, &refused):
		t.fail(pi, ch, pm, refused)
		return refused
	case pm.Type == "us_bank_account":
		ch.Status, ch.Paid = "pending", false
		pi.Status, pi.SettleAt, pi.LastPaymentError = "processing", t.now+bankSettles, nil
		t.emit("charge.pending", ch)
		t.emit("payment_intent.processing", pi)
		return errProcessing
	}
	t.succeed(pi, ch)
	t.edit(pm)
	pm.Authenticated = pm.Authenticated && pm.Behaviour != secureAlways
	return nil
}

func (t *tx) succeed(pi *paymentIntent, ch *charge) {
	t.edit(pi)
	t.edit(ch)
	ch.Status, ch.Paid, ch.Captured, ch.AmountCaptured = "succeeded", true, true, ch.Amount
	pi.Status, pi.AmountReceived, pi.LastPaymentError, pi.SettleAt = "succeeded", pi.Amount, nil, 0
	t.emit("charge.succeeded", ch)
	t.emit("payment_intent.succeeded", pi)
}

func (t *tx) fail(pi *paymentIntent, ch *charge, pm *paymentMethod, why *apiError) {
	t.edit(pi)
	t.edit(ch)
	ch.Status, ch.Paid, ch.FailureCode, ch.FailureMessage = "failed", false, ptr(why.Code), ptr(why.Message)
	ch.Outcome = map[string]any{"network_status": "declined_by_network", "reason": why.DeclineCode, "risk_level": "normal",
		"seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined"}
	recorded := *why
	recorded.Charge, recorded.PaymentMethod = ch.ID, wireOf(pm)
	pi.Status, pi.LastPaymentError, pi.PaymentMethod, pi.SettleAt = "requires_payment_method", &recorded, nil, 0
	why.Charge = ch.ID
	t.emit("charge.failed", ch)
	t.emit("payment_intent.payment_failed", pi)
	why.PaymentIntent = wireOf(pi)
}

func (t *tx) newCharge(pi *paymentIntent, pm *paymentMethod) *charge {
	ch := &charge{Amount: pi.Amount, BillingDetails: pm.BillingDetails, Currency: pi.Currency, Customer: pi.Customer, Description: pi.Description, Invoice: pi.Invoice,
		Metadata: map[string]string{}, PaymentIntent: ptr(pi.ID), PaymentMethod: ptr(pm.ID), Status: "pending",
		Outcome: map[string]any{"network_status": "approved_by_network", "reason": nil, "risk_level": "normal", "risk_score": 20,
			"seller_message": "Payment complete.", "type": "authorized"}}
	maps.Copy(ch.Metadata, pi.Metadata)
	wire := wireOf(pm)
	ch.PaymentMethodDetails = map[string]any{"type": pm.Type, pm.Type: wire[pm.Type]}
	t.add(ch, "ch_")
	return ch
}

func (pi *paymentIntent) due(*Server) int64 {
	if pi.Status != "processing" {
		return 0
	}
	return pi.SettleAt
}
func (pi *paymentIntent) rank() int { return 3 }
func (pi *paymentIntent) happen(t *tx) {
	pm := get[*paymentMethod](t, val(pi.PaymentMethod))
	t.settleIntent(pi, pm == nil || pm.Behaviour != bankDebitFails)
}

// settleIntent ends a bank debit that is under way.
func (t *tx) settleIntent(pi *paymentIntent, ok bool) {
	ch := get[*charge](t, val(pi.LatestCharge))
	pm := get[*paymentMethod](t, val(pi.PaymentMethod))
	outcome := "checkout.session.async_payment_succeeded"
	if ok {
		t.succeed(pi, ch)
		if inv := get[*invoice](t, val(pi.Invoice)); inv != nil {
			t.at(inv).markPaid(inv)
		}
	} else {
		outcome = "checkout.session.async_payment_failed"
		t.fail(pi, ch, pm, &apiError{status: http.StatusPaymentRequired, Type: typeCard, Code: "payment_method_bank_account_blocked",
			Message: "The bank debit failed: the account has insufficient funds or is blocked."})
		if inv := get[*invoice](t, val(pi.Invoice)); inv != nil {
			t.at(inv).paymentFailed(inv)
		}
	}
	if s := get[*checkoutSession](t, val(pi.Session)); s != nil {
		t.edit(s)
		if ok {
			s.PaymentStatus = "paid"
		}
		t.emit(outcome, s)
	}
}

// settle ends the bank debit of a checkout: "succeeded" or "failed".
func (t *tx) settle(sessionID, outcome string) error {
	if outcome != "succeeded" && outcome != "failed" {
		return errors.New("outcome must be succeeded or failed")
	}
	s := t.sessionByURL(sessionID)
	if s == nil {
		return errors.New("there is no such checkout session")
	}
	t = t.at(s)
	pi := t.intentOf(s)
	if pi == nil || pi.Status != "processing" {
		return errors.New("the session has no payment under way")
	}
	t.settleIntent(pi, outcome == "succeeded")
	return nil
}

// intentOf is the payment of a checkout; nil if there is none.
func (t *tx) intentOf(s *checkoutSession) *paymentIntent {
	if inv := get[*invoice](t, val(s.Invoice)); inv != nil {
		return get[*paymentIntent](t, val(inv.PaymentIntent))
	}
	return get[*paymentIntent](t, val(s.PaymentIntent))
}

// waitingPayments are the checkouts whose bank debits are under way.
func (t *tx) waitingPayments() []*checkoutSession {
	var list []*checkoutSession
	for sc, tb := range t.s.store.kinds["payment_intent"] {
		for _, o := range tb.list {
			if pi := o.(*paymentIntent); pi.Status == "processing" {
				if s := get[*checkoutSession](t.in(sc), val(pi.Session)); s != nil {
					list = append(list, s)
				}
			}
		}
	}
	return list
}

func listPaymentIntents(t *tx, r *request) (any, error) {
	return listed(r, filter(all[*paymentIntent](t),
		func(pi *paymentIntent) bool {
			return r.like("customer", val(pi.Customer)) && r.within("created", &pi.Created)
		}))
}

func getPaymentIntent(t *tx, r *request) (any, error) { return find[*paymentIntent](t, r) }

func listCharges(t *tx, r *request) (any, error) {
	return listed(r, filter(all[*charge](t), func(ch *charge) bool {
		return r.like("customer", val(ch.Customer)) && r.like("payment_intent", val(ch.PaymentIntent)) && r.within("created", &ch.Created)
	}))
}

func getCharge(t *tx, r *request) (any, error) { return find[*charge](t, r) }

// money shows an amount of minor units: "$15.00", "¥1,500".
func (t *tx) money(amount int64, currency string) string {
	sign := ""
	if amount < 0 {
		sign, amount = "-", -amount
	}
	digits := 2
	switch currency {
	case "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf":
		digits = 0
	case "bhd", "jod", "kwd", "omr", "tnd":
		digits = 3
	}
	text := amountText(amount, digits)
	symbols := map[string]string{"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "aud": "A$", "cad": "CA$", "nzd": "NZ$", "inr": "₹", "krw": "₩", "brl": "R$"}
	if symbol, ok := symbols[currency]; ok {
		return sign + symbol + text
	}
	return sign + strings.ToUpper(currency) + " " + text
}
