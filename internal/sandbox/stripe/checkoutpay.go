package stripe

import (
	"errors"
	"maps"
	"strings"
)

// payCheckout completes a checkout with what a person typed in, and says where
// to send them. Nothing stays of an attempt that fails: Stripe too makes the
// customer and the subscription only when the payment goes through.
func (t *tx) payCheckout(s *checkoutSession, entry cardEntry) (redirectTo string, err error) {
	t = t.at(s)
	switch s.Status {
	case "complete":
		return "", invalid("", "", "This checkout has already been completed.")
	case "expired":
		return "", invalid("", "", "This checkout has expired. Start again where you came from.")
	}
	c, email, err := t.payer(s, entry)
	if err != nil {
		return "", err
	}
	entry.Email = email
	free := s.AmountTotal == 0 && val(s.PaymentMethodCollection) == "if_required" && entry.Number == "" && !entry.Bank
	if !free {
		if err := entry.check(t.now); err != nil {
			return "", err
		}
	}
	if c == nil && (s.Mode == "subscription" || val(s.CustomerCreation) == "always") {
		c = &customer{InvoicePrefix: strings.ToUpper(randomID("", 8)), NextInvoice: 1, Locales: []string{}, Metadata: map[string]string{}, TaxExempt: "none",
			Email: ptr(email), Name: textOrNil(entry.Name)}
		t.add(c, "cus_")
		t.emit("customer.created", c)
	}
	var pm *paymentMethod
	if !free {
		if pm, err = t.payingEntry(entry, c); err != nil {
			return "", err
		}
	}
	if s.Discount != nil {
		t.redeem(s.Discount)
	}
	t.edit(s)
	s.PaymentStatus = "paid"
	if s.AmountTotal == 0 {
		s.PaymentStatus = "no_payment_required"
	}
	if s.Mode == "subscription" {
		err = t.completeSubscription(s, c, pm)
	} else {
		err = t.completePayment(s, c, pm)
	}
	if err != nil {
		return "", err
	}
	s.Status = "complete"
	s.CustomerDetails = &customerDetails{Address: &address{Country: textOrNil(orElse(entry.Country, "US"))}, Email: ptr(email), Name: textOrNil(entry.Name), TaxExempt: ptr("none"), TaxIDs: []string{}}
	if c != nil {
		s.Customer = ptr(c.ID)
	}
	if pm != nil && pm.Behaviour == secureAlways {
		pm.Authenticated = false // a trial has charged nothing
	}
	t.emit("checkout.session.completed", s)
	return strings.ReplaceAll(val(s.SuccessURL), "{CHECKOUT_SESSION_ID}", s.ID), nil
}

func textOrNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// payer is the session's customer, if it has one already, and the email of who pays.
func (t *tx) payer(s *checkoutSession, entry cardEntry) (*customer, string, error) {
	var c *customer
	email := strings.TrimSpace(entry.Email)
	if s.CustomerEmail != nil {
		email = *s.CustomerEmail
	}
	if id := val(s.Customer); id != "" {
		var err error
		if c, err = t.livingCustomer(id, "customer"); err != nil {
			return nil, "", err
		}
		email = orElse(val(c.Email), email)
	}
	if at := strings.Index(email, "@"); at < 1 || at == len(email)-1 || strings.ContainsAny(email, " \t") {
		return nil, "", invalid("email_invalid", "email", "Enter a valid email address.")
	}
	return c, email, nil
}

// payingEntry makes what was typed in a payment method of the customer.
func (t *tx) payingEntry(entry cardEntry, c *customer) (*paymentMethod, error) {
	pm := t.newPaymentMethod(entry)
	if !entry.Bank {
		// A card to be saved is set up while its owner is there.
		if err := pm.refusal(true); err != nil && pm.Behaviour != attachesOnly {
			return nil, err
		}
	}
	if c != nil {
		if err := t.attach(pm, c); err != nil {
			return nil, err
		}
	}
	return pm, nil
}

func (t *tx) completeSubscription(s *checkoutSession, c *customer, pm *paymentMethod) error {
	t = t.at(c) // which may live by a test clock
	data := s.SubscriptionData
	n := newSubscription{customer: c, trialEnd: t.sessionTrial(s), trialSettings: data.TrialSettings, metadata: data.Metadata, description: data.Description,
		discount: s.Discount, collection: "charge_automatically", proration: "create_prorations", behavior: "error_if_incomplete", present: true}
	if pm != nil {
		n.method = ptr(pm.ID)
	}
	for _, line := range s.Items {
		if line.Price.Recurring != nil {
			n.items = append(n.items, t.newItem(&line.Price, line.Quantity))
			continue
		}
		price := line.Price
		item := &invoiceItem{Amount: price.UnitAmount * line.Quantity, Currency: price.Currency, Customer: c.ID, Date: t.now, Description: ptr(line.Description), Discountable: true,
			Metadata: map[string]string{}, Period: period{t.now, t.now}, Price: &price, Quantity: line.Quantity, TestClock: c.TestClock, UnitAmount: ptr(price.UnitAmount)}
		t.add(item, "ii_")
	}
	if err := sameInterval(n.items); err != nil {
		return err
	}
	sub, err := t.subscribe(n)
	if err != nil {
		return authenticationOf(err)
	}
	s.Subscription, s.Invoice = ptr(sub.ID), sub.LatestInvoice
	inv := get[*invoice](t, val(sub.LatestInvoice))
	if pi := get[*paymentIntent](t, val(inv.PaymentIntent)); pi != nil {
		t.edit(pi)
		pi.Session = ptr(s.ID)
		if pi.Status == "processing" {
			s.PaymentStatus = "unpaid"
		}
	}
	return nil
}

// authenticationOf takes the API's word for 3-D Secure back to the page's.
func authenticationOf(err error) error {
	var e *apiError
	if errors.As(err, &e) && e.Code == "subscription_payment_intent_requires_action" {
		return errAuthenticationRequired
	}
	return err
}

func (t *tx) completePayment(s *checkoutSession, c *customer, pm *paymentMethod) error {
	if s.AmountTotal == 0 {
		return nil
	}
	pi := &paymentIntent{Amount: s.AmountTotal, Currency: s.Currency, Metadata: map[string]string{}, Session: ptr(s.ID)}
	maps.Copy(pi.Metadata, s.PaymentIntentMetadata)
	if c != nil {
		pi.Customer = ptr(c.ID)
	}
	t.addIntent(pi)
	s.PaymentIntent = ptr(pi.ID)
	err := t.try(pi, pm, true)
	if errors.Is(err, errProcessing) {
		s.PaymentStatus = "unpaid"
		return nil
	}
	return err
}
