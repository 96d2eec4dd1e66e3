package stripe

func listPaymentMethods(t *tx, r *request) (any, error) {
	if r.has("customer") {
		if _, err := t.livingCustomer(r.str("customer"), "customer"); err != nil {
			return nil, err
		}
	}
	return listed(r, filter(all[*paymentMethod](t),
		func(pm *paymentMethod) bool {
			return pm.Customer != nil && r.like("customer", *pm.Customer) && r.like("type", pm.Type)
		}))
}

func listCustomerPaymentMethods(t *tx, r *request) (any, error) {
	if _, err := t.livingCustomer(r.id, "id"); err != nil {
		return nil, err
	}
	return listed(r, filter(all[*paymentMethod](t),
		func(pm *paymentMethod) bool { return val(pm.Customer) == r.id && r.like("type", pm.Type) }))
}

func getPaymentMethod(t *tx, r *request) (any, error) {
	return referred[*paymentMethod](t, r.id, "id")
}

func attachPaymentMethod(t *tx, r *request) (any, error) {
	pm, err := t.resolvePaymentMethod(r.id, "id")
	if err != nil {
		return nil, err
	}
	c, err := t.livingCustomer(r.str("customer"), "customer")
	if err != nil {
		return nil, err
	}
	if pm.Customer != nil && *pm.Customer != c.ID {
		return nil, invalid("", "", "The payment method you provided has already been attached to a customer.")
	}
	return pm, t.attach(pm, c)
}

// attach saves a payment method for a customer. Stripe tries the card first: one
// that is declined at once can't be saved.
func (t *tx) attach(pm *paymentMethod, c *customer) error {
	if val(pm.Customer) == c.ID {
		return nil
	}
	switch pm.Behaviour {
	case worksWell, attachesOnly, secureOnce, secureAlways, bankDebit, bankDebitFails:
	default:
		return decline(pm.Behaviour)
	}
	t.edit(pm)
	pm.Customer = ptr(c.ID)
	t.emit("payment_method.attached", pm)
	return nil
}

func detachPaymentMethod(t *tx, r *request) (any, error) {
	pm, err := referred[*paymentMethod](t, r.id, "id")
	if err != nil {
		return nil, err
	}
	if pm.Customer == nil {
		return nil, invalid("", "", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	c := get[*customer](t, *pm.Customer)
	if c != nil && val(c.InvoiceSettings.DefaultPaymentMethod) == pm.ID {
		t.update("customer.updated", c, func() { c.InvoiceSettings.DefaultPaymentMethod = nil })
	}
	for _, sub := range t.subscriptionsOf(*pm.Customer) {
		if val(sub.DefaultPaymentMethod) == pm.ID {
			t.update("customer.subscription.updated", sub, func() { sub.DefaultPaymentMethod = nil })
		}
	}
	t.update("payment_method.detached", pm, func() { pm.Customer = nil })
	return pm, nil
}

// payingMethod is what a subscription's invoices are charged to; nil if there is nothing.
func (t *tx) payingMethod(sub *subscription) *paymentMethod {
	if id := val(sub.DefaultPaymentMethod); id != "" {
		if pm := get[*paymentMethod](t, id); pm != nil && pm.Customer != nil {
			return pm
		}
	}
	return t.defaultMethod(sub.Customer)
}

func (t *tx) defaultMethod(customerID string) *paymentMethod {
	c := get[*customer](t, customerID)
	if c == nil || c.InvoiceSettings.DefaultPaymentMethod == nil {
		return nil
	}
	return get[*paymentMethod](t, *c.InvoiceSettings.DefaultPaymentMethod)
}

// cardOf is what a subscription's renewals charge; nil if there is nothing.
func (t *tx) cardOf(sub *subscription) *paymentMethod { return t.in(sub.scope()).payingMethod(sub) }

// setDefaultMethod makes a payment method the one for everything: the customer's
// default, and that of each subscription.
func (t *tx) setDefaultMethod(c *customer, pm *paymentMethod) {
	t.update("customer.updated", c, func() { c.InvoiceSettings.DefaultPaymentMethod = ptr(pm.ID) })
	for _, sub := range t.subscriptionsOf(c.ID) {
		if !sub.ended() && sub.DefaultPaymentMethod != nil {
			t.update("customer.subscription.updated", sub, func() { sub.DefaultPaymentMethod = ptr(pm.ID) })
		}
	}
}

// swapCard gives a customer another card, by a test id or by its number, to
// make renewals fail or recover. It need not be one that can be saved.
func (t *tx) swapCard(customerID, name string) error {
	c := everywhere[*customer](t, customerID)
	if c == nil || c.Deleted {
		return noSuch("customer", customerID, "id")
	}
	t = t.at(c)
	pm, err := t.resolvePaymentMethod(name, "card")
	if known, ok := testNumberOf(name); ok {
		pm = &paymentMethod{Metadata: map[string]string{}, Type: "card", Behaviour: known.behaviour, Card: newCard(known, known.number, 12, 2034)}
		t.add(pm, "pm_")
	} else if err != nil {
		return err
	}
	t.edit(pm)
	pm.Customer, pm.Authenticated = ptr(c.ID), true
	t.emit("payment_method.attached", pm)
	t.setDefaultMethod(c, pm)
	return nil
}
