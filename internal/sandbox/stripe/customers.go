package stripe

import "strings"

const customerParams = `address?:` + addressParams + ` balance:int coupon? description? email? invoice_prefix
	invoice_settings:{default_payment_method? footer?} metadata:metadata name? phone? preferred_locales:[string] promotion_code? tax_exempt:exempt|none|reverse`

func createCustomer(t *tx, r *request) (any, error) {
	c := &customer{InvoicePrefix: strings.ToUpper(randomID("", 8)), NextInvoice: 1, Locales: []string{}, Metadata: map[string]string{}, TaxExempt: "none"}
	if id := r.str("test_clock"); id != "" {
		if _, err := referred[*testClock](t, id, "test_clock"); err != nil {
			return nil, err
		}
		c.TestClock = &id
		t = t.during(id)
	}
	t.add(c, "cus_")
	if id := r.str("payment_method"); id != "" {
		pm, err := t.resolvePaymentMethod(id, "payment_method")
		if err != nil {
			return nil, err
		}
		if err := t.attach(pm, c); err != nil {
			return nil, err
		}
	}
	if err := t.setCustomer(c, r.values); err != nil {
		return nil, err
	}
	t.emit("customer.created", c)
	return c, nil
}

func (t *tx) setCustomer(c *customer, v values) (err error) {
	if v.has("address") {
		c.Address = nil
		if !v.gone("address") {
			c.Address = addressOf(v.hash("address"))
		}
	}
	if email := v.str("email"); email != "" && (!strings.Contains(email, "@") || strings.ContainsAny(email, " \t\n")) {
		return invalid("email_invalid", "email", "Invalid email address: %s", email)
	}
	setValue(v, "balance", &c.Balance)
	setOptional(v, "description", &c.Description)
	setOptional(v, "email", &c.Email)
	setOptional(v, "name", &c.Name)
	setOptional(v, "phone", &c.Phone)
	setValue(v, "invoice_prefix", &c.InvoicePrefix)
	setValue(v, "tax_exempt", &c.TaxExempt)
	if v.has("preferred_locales") {
		c.Locales = v.strs("preferred_locales")
	}
	settings := v.hash("invoice_settings")
	if id := settings.str("default_payment_method"); id != "" {
		pm, err := t.resolvePaymentMethod(id, "invoice_settings[default_payment_method]")
		if err != nil {
			return err
		}
		if pm.Customer == nil && strings.HasPrefix(id, "pm_card_") {
			if err := t.attach(pm, c); err != nil {
				return err
			}
		}
		if val(pm.Customer) != c.ID {
			return invalid("resource_missing", "invoice_settings[default_payment_method]",
				"The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", id)
		}
		c.InvoiceSettings.DefaultPaymentMethod = &pm.ID
	} else if settings.gone("default_payment_method") {
		c.InvoiceSettings.DefaultPaymentMethod = nil
	}
	setOptional(settings, "footer", &c.InvoiceSettings.Footer)
	if v.has("coupon") || v.has("promotion_code") {
		if c.Discount, err = t.redeemed(v, c.ID); err != nil {
			return err
		}
	}
	c.Metadata, err = v.metadata(c.Metadata)
	return err
}

func listCustomers(t *tx, r *request) (any, error) {
	return listed(r, filter(all[*customer](t),
		func(c *customer) bool {
			return !c.Deleted && r.like("email", val(c.Email)) && r.like("test_clock", val(c.TestClock))
		},
		func(c *customer) bool { return r.within("created", &c.Created) }))
}

func getCustomer(t *tx, r *request) (any, error) { return find[*customer](t, r) }

// livingCustomer is the customer a parameter names, unless it has been deleted.
func (t *tx) livingCustomer(id, param string) (*customer, error) {
	c, err := referred[*customer](t, id, param)
	if err == nil && c.Deleted {
		return nil, noSuch("customer", id, param)
	}
	return c, err
}

// customerOf is a customer of the same account and mode as an object; nil if there is none.
func (t *tx) customerOf(id string, near object) *customer {
	return get[*customer](t.in(near.scope()), id)
}

func updateCustomer(t *tx, r *request) (any, error) {
	c, err := t.livingCustomer(r.id, "id")
	if err != nil {
		return nil, err
	}
	t.at(c).update("customer.updated", c, func() { err = t.at(c).setCustomer(c, r.values) })
	return c, err
}

func deleteCustomer(t *tx, r *request) (any, error) {
	c, err := t.livingCustomer(r.id, "id")
	if err != nil {
		return nil, err
	}
	t = t.at(c)
	for _, sub := range t.subscriptionsOf(c.ID) {
		if !sub.ended() {
			t.endSubscription(sub, "canceled", "cancellation_requested")
		}
	}
	t.emit("customer.deleted", c)
	for _, pm := range all[*paymentMethod](t) {
		if val(pm.Customer) == c.ID {
			t.edit(pm)
			pm.Customer = nil
		}
	}
	t.edit(c)
	c.Deleted = true
	return deletedAnswer(c), nil
}
