package stripe

import (
	"slices"
	"time"
)

// portalSubscription is one of the visitor's subscriptions, by its id.
func (t *tx) portalSubscription(p *portalSession, id string) (*subscription, error) {
	for _, sub := range t.portalSubscriptions(p) {
		if sub.ID == id {
			return sub, nil
		}
	}
	return nil, noSuch("subscription", id, "subscription")
}

// portalTarget is the subscription that a change is about: the flow's, or else
// the newest one that can change.
func (t *tx) portalTarget(p *portalSession) (*subscription, error) {
	if f := p.Flow; f != nil {
		switch {
		case f.SubscriptionUpdateConfirm != nil:
			return t.portalSubscription(p, f.SubscriptionUpdateConfirm.Subscription)
		case f.SubscriptionUpdate != nil:
			return t.portalSubscription(p, f.SubscriptionUpdate.Subscription)
		}
	}
	for _, sub := range t.portalSubscriptions(p) {
		if slices.Contains([]string{"active", "trialing", "past_due"}, sub.Status) {
			return sub, nil
		}
	}
	return nil, invalid("", "", "There is no subscription that can be changed.")
}

// portalChange changes a subscription to another price: now, with the
// configuration's proration, or at the period's end where its conditions say so.
// A preview changes nothing. c is a card to pay with instead of the one on
// file; one without a number says only that 3-D Secure was passed. A change that
// can't be paid doesn't happen: the error is the card's.
func (t *tx) portalChange(p *portalSession, priceID string, preview bool, c *cardEntry) (changeSummary, error) {
	sub, err := t.portalTarget(p)
	if err != nil {
		return changeSummary{}, err
	}
	t = t.at(sub)
	offered := t.portalPrices(p)
	at := slices.IndexFunc(offered, func(x *price) bool { return x.ID == priceID })
	quantity := sub.Items.Data[0].Quantity
	if f := p.Flow; f != nil && f.SubscriptionUpdateConfirm != nil && f.SubscriptionUpdateConfirm.Items[0].Price == priceID {
		quantity = f.SubscriptionUpdateConfirm.Items[0].Quantity
	}
	from := sub.Items.Data[0].Price
	switch {
	case at < 0:
		return changeSummary{}, invalid("", "price", "This plan can't be chosen here.")
	case len(sub.Items.Data) > 1:
		return changeSummary{}, invalid("", "price", "A subscription of several items can't be changed here.")
	case from.ID == priceID && sub.Items.Data[0].Quantity == quantity:
		return changeSummary{}, invalid("", "price", "This is the present plan.")
	}
	to := offered[at]
	sum := changeSummary{From: &from, To: to, When: time.Unix(t.now, 0).UTC()}
	update := t.portalConfig(p).Features.SubscriptionUpdate
	if update.waits(&from, to, sub.Items.Data[0].Quantity, quantity) && sub.Status != "trialing" {
		sum.Scheduled, sum.When = true, time.Unix(sub.CurrentPeriodEnd, 0).UTC()
		if !preview {
			t.scheduleChange(sub, to, quantity)
		}
		return sum, nil
	}
	changed := slices.Clone(sub.Items.Data)
	changed[0].setPrice(to)
	changed[0].Quantity = quantity
	if err := sameInterval(changed); err != nil {
		return changeSummary{}, err
	}
	o := t.plan(sub, change{items: changed, proration: update.ProrationBehavior, at: t.now, present: true, behavior: "error_if_incomplete"})
	sum.Lines = o.put
	if inv := t.preview(sub, o); inv != nil {
		sum.DueNow, sum.Lines = inv.AmountDue, slices.Clone(inv.Lines.Data)
	}
	if preview {
		return sum, nil
	}
	return sum, t.changeNow(p, sub, o, c)
}

// waits is whether a change is one that the conditions put off.
func (u portalSubscriptionUpdate) waits(from, to *price, had, wants int64) bool {
	for _, c := range u.ScheduleAtPeriodEnd.Conditions {
		switch c.Type {
		case "decreasing_item_amount":
			if to.UnitAmount*wants < from.UnitAmount*had && to.Recurring.Interval == from.Recurring.Interval && to.Recurring.IntervalCount == from.Recurring.IntervalCount {
				return true
			}
		case "shortening_interval":
			if addPeriods(0, *to.Recurring, 1) < addPeriods(0, *from.Recurring, 1) {
				return true
			}
		}
	}
	return false
}

// changeNow pays for the change, and drops what was planned for the
// subscription: somebody who takes a new plan doesn't want to leave.
func (t *tx) changeNow(p *portalSession, sub *subscription, o outcome, c *cardEntry) error {
	if c != nil {
		if c.Number == "" && !c.Bank {
			if pm := t.payingMethod(sub); pm != nil {
				t.edit(pm)
				pm.Authenticated = pm.Authenticated || c.Authenticated
			}
		} else if err := t.portalSetCard(p, *c); err != nil {
			return err
		}
	}
	t.dropSchedule(sub)
	before := wireOf(sub)
	t.edit(sub)
	t.cancelLater(sub, false)
	return authenticationOf(t.carryOut(sub, o, before))
}

func (t *tx) dropSchedule(sub *subscription) {
	if s := get[*subscriptionSchedule](t, val(sub.Schedule)); s != nil && s.living() {
		t.endSchedule(s, "released")
	}
}

// scheduleChange has the next period begin with another price.
func (t *tx) scheduleChange(sub *subscription, to *price, quantity int64) {
	t.dropSchedule(sub)
	if sub.CancelAt != nil {
		t.update("customer.subscription.updated", sub, func() { t.cancelLater(sub, false) })
	}
	s := t.scheduleOf(sub)
	next := schedulePhase{Currency: sub.Currency, StartDate: sub.CurrentPeriodEnd, EndDate: addPeriods(sub.CurrentPeriodEnd, *to.Recurring, 1),
		Items: []schedulePhaseItem{phaseItem(to.ID, quantity)}, Metadata: map[string]string{}, ProrationBehavior: "none"}
	t.update("subscription_schedule.updated", s, func() { s.Phases = append(s.Phases, next) })
}

// portalCancel ends a subscription, now or with its period as the configuration
// says. reason is one of the configuration's options, or "".
func (t *tx) portalCancel(p *portalSession, subscriptionID, reason string) error {
	sub, err := t.portalSubscription(p, subscriptionID)
	if err != nil {
		return err
	}
	t = t.at(sub)
	feature := t.portalConfig(p).Features.SubscriptionCancel
	switch {
	case !feature.Enabled:
		return invalid("", "", "Subscriptions can't be canceled here.")
	case reason != "" && !slices.Contains(feature.CancellationReason.Options, reason):
		return invalid("", "reason", "Choose one of the reasons.")
	}
	t.dropSchedule(sub)
	before := wireOf(sub)
	t.edit(sub)
	if reason != "" {
		sub.CancellationDetails.Feedback = ptr(reason)
	}
	if feature.Mode == "immediately" {
		t.cancelNow(sub, feature.ProrationBehavior != "none", feature.ProrationBehavior == "always_invoice")
		return nil
	}
	t.cancelLater(sub, true)
	t.emitUpdated("customer.subscription.updated", sub, before)
	return nil
}

// portalResume has a subscription go on as it is: it drops a cancellation at the
// period's end, and a scheduled change.
func (t *tx) portalResume(p *portalSession, subscriptionID string) error {
	sub, err := t.portalSubscription(p, subscriptionID)
	if err != nil {
		return err
	}
	t = t.at(sub)
	t.dropSchedule(sub)
	if sub.CancelAt != nil {
		t.update("customer.subscription.updated", sub, func() {
			t.cancelLater(sub, false)
			sub.CancellationDetails = cancellationDetails{}
		})
	}
	return nil
}

// portalSetCard saves a card and makes it the one that everything is charged to.
func (t *tx) portalSetCard(p *portalSession, entry cardEntry) error {
	c := get[*customer](t.at(p), p.Customer)
	if c == nil || c.Deleted {
		return noSuch("customer", p.Customer, "customer")
	}
	t = t.at(c)
	if err := entry.check(t.now); err != nil {
		return err
	}
	entry.Email = orElse(entry.Email, val(c.Email))
	pm, err := t.payingEntry(entry, c)
	if err != nil {
		return err
	}
	t.setDefaultMethod(c, pm)
	return nil
}
