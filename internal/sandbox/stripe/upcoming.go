package stripe

import "slices"

const upcomingParams = `coupon customer schedule subscription subscription_billing_cycle_anchor:now|time|unchanged subscription_cancel_at?:time subscription_cancel_at_period_end:bool
	subscription_cancel_now:bool subscription_items:[{` + subscriptionItemParams + ` id deleted:bool}] subscription_proration_behavior:always_invoice|create_prorations|none
	subscription_proration_date:time subscription_trial_end:now|time`

// upcomingInvoice is the next invoice as it would be, or with subscription_items
// what it would be after that change. Nothing of it is kept.
func upcomingInvoice(t *tx, r *request) (any, error) {
	sub, err := t.upcomingSubscription(r)
	if err != nil {
		return nil, err
	}
	t = t.at(sub)
	v := values{}
	for _, name := range []string{"items", "billing_cycle_anchor", "proration_behavior", "proration_date", "trial_end"} {
		if value, ok := r.values["subscription_"+name]; ok {
			v[name] = value
		}
	}
	c, changes, err := t.changeOf(sub, v)
	if err != nil {
		return nil, err
	}
	var answer map[string]any
	err = t.rehearse(func(t *tx) error {
		var inv *invoice
		o := t.plan(sub, c)
		if changes && o.bills {
			inv = t.billPlan(sub, o)
		} else {
			if changes {
				t.apply(sub, o)
			}
			if inv, err = t.nextInvoice(sub); err != nil {
				return err
			}
		}
		answer = wireOf(inv)
		delete(answer, "id") // it has none yet
		answer["next_payment_attempt"] = inv.PeriodEnd
		return t.expand(answer, r.strs("expand"))
	})
	if err != nil {
		return nil, err
	}
	delete(r.values, "expand") // done, while there was something to expand
	return answer, nil
}

func (t *tx) upcomingSubscription(r *request) (*subscription, error) {
	if id := r.str("subscription"); id != "" {
		sub, err := referred[*subscription](t, id, "subscription")
		if err == nil && r.has("customer") && sub.Customer != r.str("customer") {
			return nil, noSuch("subscription", id, "subscription")
		}
		return sub, err
	}
	if !r.has("customer") {
		return nil, paramMissing("customer")
	}
	c, err := t.livingCustomer(r.str("customer"), "customer")
	if err != nil {
		return nil, err
	}
	subs := t.subscriptionsOf(c.ID)
	slices.SortFunc(subs, func(a, b *subscription) int { return int(a.CurrentPeriodEnd - b.CurrentPeriodEnd) })
	for _, sub := range subs {
		if !sub.ended() {
			return sub, nil
		}
	}
	return nil, noUpcoming(c.ID)
}

func noUpcoming(customerID string) error {
	e := invalid("invoice_upcoming_none", "", "No upcoming invoices for customer: %s", customerID)
	e.status = 404
	return e
}

// nextInvoice drafts the invoice of the next renewal.
func (t *tx) nextInvoice(sub *subscription) (*invoice, error) {
	if sub.ended() || sub.CancelAt != nil && *sub.CancelAt <= sub.CurrentPeriodEnd {
		return nil, noUpcoming(sub.Customer)
	}
	span := period{sub.CurrentPeriodEnd, periodAfter(sub.BillingCycleAnchor, *sub.Items.Data[0].Price.Recurring, sub.CurrentPeriodEnd)}
	lines := t.fullLines(sub.Items.Data, span, false)
	t.describe(lines, sub)
	return t.newInvoice(get[*customer](t, sub.Customer), sub, "upcoming", lines, period{sub.CurrentPeriodStart, sub.CurrentPeriodEnd}), nil
}
