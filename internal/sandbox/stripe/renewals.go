package stripe

import "errors"

// trialWarning is how long before its end a trial's end is announced.
const trialWarning = 3 * day

// firstPaymentWithin is how long an incomplete subscription waits.
const firstPaymentWithin = 23 * hour

func (sub *subscription) rank() int { return 1 }

// due is when time next does something to a subscription.
func (sub *subscription) due(*Server) int64 {
	next := int64(0)
	sooner := func(at int64) {
		if at != 0 && (next == 0 || at < next) {
			next = at
		}
	}
	switch sub.Status {
	case "incomplete":
		sooner(sub.Created + firstPaymentWithin)
	case "trialing":
		if !sub.TrialWarned {
			sooner(max(*sub.TrialEnd-trialWarning, sub.Created))
		}
		sooner(sub.CurrentPeriodEnd)
		sooner(val(sub.CancelAt))
	case "active", "past_due", "unpaid":
		sooner(sub.CurrentPeriodEnd)
		sooner(val(sub.CancelAt))
		if sub.PauseCollection != nil {
			sooner(val(sub.PauseCollection.ResumesAt))
		}
		if sub.PendingUpdate != nil {
			sooner(sub.PendingUpdate.ExpiresAt)
		}
	case "paused":
		sooner(val(sub.CancelAt))
	}
	return next
}

func (sub *subscription) happen(t *tx) {
	switch {
	case sub.Status == "incomplete":
		t.endSubscription(sub, "incomplete_expired", "")
	case sub.CancelAt != nil && *sub.CancelAt <= t.now:
		t.endSubscription(sub, "canceled", "cancellation_requested")
	case sub.Status == "trialing" && !sub.TrialWarned && t.now < sub.CurrentPeriodEnd:
		t.edit(sub)
		sub.TrialWarned = true
		t.emit("customer.subscription.trial_will_end", sub)
	case sub.PendingUpdate != nil && sub.PendingUpdate.ExpiresAt <= t.now:
		t.dropPendingUpdate(sub)
	case sub.PauseCollection != nil && val(sub.PauseCollection.ResumesAt) != 0 && *sub.PauseCollection.ResumesAt <= t.now:
		t.update("customer.subscription.updated", sub, func() { sub.PauseCollection = nil })
	case sub.Status == "trialing":
		t.endTrial(sub)
	default:
		t.renew(sub)
	}
}

func (t *tx) dropPendingUpdate(sub *subscription) {
	t.edit(sub)
	if inv := get[*invoice](t, val(sub.LatestInvoice)); inv != nil && inv.Status == "open" && inv.Holds {
		t.void(inv)
	}
	sub.PendingUpdate = nil
	t.emit("customer.subscription.pending_update_expired", sub)
}

// endTrial bills the first period after a trial, or without anything to charge
// it to does what the trial's settings say.
func (t *tx) endTrial(sub *subscription) {
	if t.payingMethod(sub) == nil && sub.CollectionMethod == "charge_automatically" {
		switch sub.TrialSettings.EndBehavior.MissingPaymentMethod {
		case "cancel":
			t.endSubscription(sub, "canceled", "cancellation_requested")
			return
		case "pause":
			before := wireOf(sub)
			t.edit(sub)
			sub.Status = "paused"
			t.emitUpdated("customer.subscription.updated", sub, before)
			t.emit("customer.subscription.paused", sub)
			return
		}
	}
	t.renew(sub)
}

// renew begins the next period and bills it.
func (t *tx) renew(sub *subscription) {
	before := wireOf(sub)
	t.edit(sub)
	past := period{sub.CurrentPeriodStart, sub.CurrentPeriodEnd}
	recur := *sub.Items.Data[0].Price.Recurring
	sub.CurrentPeriodStart = past.End
	sub.CurrentPeriodEnd = periodAfter(sub.BillingCycleAnchor, recur, past.End)
	if sub.Status == "trialing" {
		sub.Status = "active"
	}
	if sub.CancelAtPeriodEnd {
		sub.CancelAt = ptr(sub.CurrentPeriodEnd)
	}
	lines := t.fullLines(sub.Items.Data, period{sub.CurrentPeriodStart, sub.CurrentPeriodEnd}, false)
	t.describe(lines, sub)
	inv := t.newInvoice(get[*customer](t, sub.Customer), sub, "subscription_cycle", lines, past)
	t.emitUpdated("customer.subscription.updated", sub, before)
	if sub.Status == "unpaid" {
		inv.AutoAdvance = false // it stays a draft: nothing more is asked of the customer
		return
	}
	if sub.PauseCollection != nil && sub.PauseCollection.Behavior == "keep_as_draft" {
		inv.AutoAdvance = false
		return
	}
	t.finalize(inv, sub)
	switch {
	case sub.PauseCollection != nil && sub.PauseCollection.Behavior == "void":
		t.void(inv)
	case sub.PauseCollection != nil:
		inv.Status, inv.StatusTransitions.MarkedUncollectibleAt, inv.AutoAdvance = "uncollectible", ptr(t.now), false
		t.emit("invoice.marked_uncollectible", inv)
	case inv.AmountDue == 0 || sub.CollectionMethod == "charge_automatically":
		if err := t.collect(inv, t.payingMethod(sub), false); err != nil && !errors.Is(err, errProcessing) {
			t.s.cfg.Log.Debug("stripe sandbox: renewal not paid", "subscription", sub.ID, "invoice", inv.ID, "reason", err)
		}
	}
}
