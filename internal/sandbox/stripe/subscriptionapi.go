package stripe

import (
	"slices"
)

const updateSubscriptionParams = bothSubscriptionParams + `billing_cycle_anchor:now|unchanged cancel_at?:time cancellation_details:{comment? feedback?:` + feedbackWords + `}
	items:[{` + subscriptionItemParams + ` id deleted:bool clear_usage:bool}] pause_collection?:{behavior*:keep_as_draft|mark_uncollectible|void resumes_at:time}
	proration_date:time trial_end:now|time`

func updateSubscription(t *tx, r *request) (any, error) {
	sub, err := find[*subscription](t, r)
	if err != nil {
		return nil, err
	}
	t = t.at(sub)
	if sub.ended() && slices.ContainsFunc(keysOf(r.values), func(name string) bool {
		return name != "metadata" && name != "cancellation_details" && name != "expand"
	}) {
		return nil, invalid("", "", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	if sub.Schedule != nil && (r.has("cancel_at") || r.has("cancel_at_period_end")) {
		return nil, invalid("", "", "The subscription is managed by the subscription schedule `%s`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.", *sub.Schedule)
	}
	before := wireOf(sub)
	t.edit(sub)
	if err := t.setSubscription(sub, r.values); err != nil {
		return nil, err
	}
	c, changes, err := t.changeOf(sub, r.values)
	if err != nil {
		return nil, err
	}
	if !changes {
		t.emitUpdated("customer.subscription.updated", sub, before)
		return sub, nil
	}
	if sub.Status == "incomplete" {
		return nil, invalid("", "", "This subscription is incomplete: its first invoice must be paid before its items can change.")
	}
	return sub, t.carryOut(sub, t.plan(sub, c), before)
}

// setSubscription sets what costs nothing.
func (t *tx) setSubscription(sub *subscription, v values) (err error) {
	setOptional(v, "description", &sub.Description)
	setValue(v, "collection_method", &sub.CollectionMethod)
	setOptional(v, "days_until_due", &sub.DaysUntilDue)
	if v.has("trial_settings") {
		sub.TrialSettings = trialSettingsOf(v)
	}
	if v.has("default_payment_method") {
		sub.DefaultPaymentMethod = nil
		if id := v.str("default_payment_method"); id != "" {
			c := get[*customer](t, sub.Customer)
			pm, err := t.ownMethod(id, c)
			if err != nil {
				return err
			}
			sub.DefaultPaymentMethod = ptr(pm.ID)
		}
	}
	if v.has("coupon") || v.has("promotion_code") {
		if sub.Discount, err = t.redeemed(v, sub.Customer); err != nil {
			return err
		}
		if sub.Discount != nil {
			sub.Discount.Subscription = ptr(sub.ID)
		}
	}
	details := v.hash("cancellation_details")
	setOptional(details, "comment", &sub.CancellationDetails.Comment)
	setOptional(details, "feedback", &sub.CancellationDetails.Feedback)
	if v.has("pause_collection") {
		sub.PauseCollection = nil
		if p := v.hash("pause_collection"); p != nil {
			sub.PauseCollection = &pauseCollection{p.str("behavior"), optional[int64](p, "resumes_at")}
		}
	}
	if err := t.setCancellation(sub, v); err != nil {
		return err
	}
	sub.Metadata, err = v.metadata(sub.Metadata)
	return err
}

func (t *tx) setCancellation(sub *subscription, v values) error {
	if v.yes("cancel_at_period_end") && v.num("cancel_at") != 0 {
		return invalid("", "cancel_at", "You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
	}
	if v.has("cancel_at") {
		sub.CancelAt, sub.CancelAtPeriodEnd = optional[int64](v, "cancel_at"), false
		if sub.CancelAt != nil && *sub.CancelAt <= t.now {
			return invalid("", "cancel_at", "cancel_at must be in the future.")
		}
		t.noteCancellation(sub)
	}
	if v.has("cancel_at_period_end") {
		t.cancelLater(sub, v.yes("cancel_at_period_end"))
	}
	return nil
}

// cancelLater has a subscription end with its period, or not end after all.
func (t *tx) cancelLater(sub *subscription, yes bool) {
	if sub.CancelAtPeriodEnd == yes && sub.CancelAt == nil == !yes {
		return
	}
	sub.CancelAtPeriodEnd, sub.CancelAt = yes, nil
	if yes {
		sub.CancelAt = ptr(sub.CurrentPeriodEnd)
	}
	t.noteCancellation(sub)
}

func (t *tx) noteCancellation(sub *subscription) {
	sub.CanceledAt, sub.CancellationDetails.Reason = nil, nil
	if sub.CancelAt != nil {
		sub.CanceledAt, sub.CancellationDetails.Reason = ptr(t.now), ptr("cancellation_requested")
	}
}

// changeOf reads what an update asks of items and periods; changes is false if
// it asks nothing.
func (t *tx) changeOf(sub *subscription, v values) (c change, changes bool, err error) {
	c = change{items: sub.Items.Data, proration: "create_prorations", at: t.now, behavior: "allow_incomplete", present: !v.yes("off_session"),
		anchorNow: v.str("billing_cycle_anchor") == "now", trialEnd: optional[int64](v, "trial_end")}
	setValue(v, "proration_behavior", &c.proration)
	setValue(v, "payment_behavior", &c.behavior)
	if v.str("trial_end") == "now" {
		c.trialEnd = ptr(t.now)
	} else if c.trialEnd != nil && *c.trialEnd <= t.now {
		return c, false, invalid("", "trial_end", "Invalid timestamp: must be an integer Unix timestamp in the future.")
	}
	if v.has("proration_date") {
		c.at = v.num("proration_date")
		if c.at < sub.CurrentPeriodStart || c.at > sub.CurrentPeriodEnd {
			return c, false, invalid("", "proration_date", "Cannot specify a proration_date outside of the current period.")
		}
	}
	if v.has("items") {
		if c.items, err = t.changedItems(sub, v.hashes("items")); err != nil {
			return c, false, err
		}
	}
	return c, v.has("items") || c.anchorNow || c.trialEnd != nil, nil
}

func keysOf(v values) []string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	return names
}

func cancelSubscription(t *tx, r *request) (any, error) {
	sub, err := find[*subscription](t, r)
	if err != nil {
		return nil, err
	}
	if sub.ended() {
		return nil, noSuch("subscription", sub.ID, "id")
	}
	t = t.at(sub)
	t.edit(sub)
	details := r.hash("cancellation_details")
	setOptional(details, "comment", &sub.CancellationDetails.Comment)
	setOptional(details, "feedback", &sub.CancellationDetails.Feedback)
	t.cancelNow(sub, r.yes("prorate"), r.yes("invoice_now"))
	return sub, nil
}

// cancelNow ends a subscription today, with what is credited and billed for it.
func (t *tx) cancelNow(sub *subscription, prorate, invoiceNow bool) {
	if prorate {
		credit := t.prorations(sub, nil, t.now, true)
		t.describe(credit, sub)
		t.putBy(sub, credit)
	}
	c := get[*customer](t, sub.Customer)
	if invoiceNow && len(t.pendingItems(c.ID, sub, sub.Currency)) > 0 {
		inv := t.newInvoice(c, sub, "manual", nil, period{t.now, t.now})
		t.finalize(inv, sub)
		_ = t.collect(inv, t.payingMethod(sub), false) // what is recorded of it says enough
	}
	t.endSubscription(sub, "canceled", "cancellation_requested")
}

// endSubscription is the end of a subscription: canceled or incomplete_expired.
func (t *tx) endSubscription(sub *subscription, status, reason string) {
	t = t.at(sub)
	t.edit(sub)
	if sub.Schedule != nil {
		if s := get[*subscriptionSchedule](t, *sub.Schedule); s != nil && s.living() {
			t.endSchedule(s, "canceled")
		}
	}
	sub.Status, sub.EndedAt, sub.PauseCollection, sub.PendingUpdate = status, ptr(t.now), nil, nil
	if sub.CanceledAt == nil {
		sub.CanceledAt = ptr(t.now)
	}
	if status == "canceled" {
		sub.CancellationDetails.Reason = ptr(reason)
	}
	for _, inv := range all[*invoice](t) {
		if val(inv.Subscription) != sub.ID {
			continue
		}
		switch {
		case inv.Status == "open" && status == "incomplete_expired":
			t.void(inv)
		case inv.Status == "open" && (inv.AutoAdvance || inv.NextPaymentAttempt != nil):
			t.edit(inv)
			inv.AutoAdvance, inv.NextPaymentAttempt = false, nil
		}
	}
	if status == "incomplete_expired" {
		t.emitData("customer.subscription.updated", sub.ID, map[string]any{"object": wireOf(sub), "previous_attributes": map[string]any{"status": "incomplete", "ended_at": nil}})
		return
	}
	t.emit("customer.subscription.deleted", sub)
}

func resumeSubscription(t *tx, r *request) (any, error) {
	sub, err := find[*subscription](t, r)
	if err != nil {
		return nil, err
	}
	if sub.Status != "paused" {
		return nil, invalid("", "", "The subscription can't be resumed: only paused subscriptions can, and this one is %s.", sub.Status)
	}
	t = t.at(sub)
	before := wireOf(sub)
	t.edit(sub)
	sub.Status = "active"
	t.emit("customer.subscription.resumed", sub)
	c := change{items: sub.Items.Data, proration: "none", at: t.now, behavior: "allow_incomplete", anchorNow: r.str("billing_cycle_anchor") != "unchanged"}
	return sub, t.carryOut(sub, t.plan(sub, c), before)
}
