package stripe

import (
	"errors"
	"fmt"
	"slices"
)

// change is what an update asks of a subscription's items and periods.
type change struct {
	items     []subscriptionItem // as they are to be
	proration string
	at        int64 // when prorations count from
	anchorNow bool
	trialEnd  *int64 // nil leaves it; a moment not in the future ends the trial
	present   bool
	behavior  string // payment_behavior
}

// outcome is what a change comes to, before anything has changed.
type outcome struct {
	change
	put    []invoiceLine // for the next invoice
	billed []invoiceLine // for an invoice now
	bills  bool
	span   period // the period that is current then
	anchor int64
	trial  *period // the trial then; nil if there is none
}

// plan works out what a change means: a new interval, the end of a trial, the
// step from free to paid, or anchorNow begin a new period today, which is
// billed at once.
func (t *tx) plan(sub *subscription, c change) outcome {
	o := outcome{change: c, span: period{sub.CurrentPeriodStart, sub.CurrentPeriodEnd}, anchor: sub.BillingCycleAnchor}
	if sub.TrialEnd != nil && sub.Status == "trialing" {
		o.trial = &period{val(sub.TrialStart), *sub.TrialEnd}
	}
	recur := *c.items[0].Price.Recurring
	old := sub.Items.Data[0].Price.Recurring
	restarts := c.anchorNow || o.trial == nil && (old.Interval != recur.Interval || old.IntervalCount != recur.IntervalCount || free(sub.Items.Data) && !free(c.items))
	if c.trialEnd != nil && *c.trialEnd <= t.now && o.trial != nil {
		o.trial, restarts = nil, true
	}
	switch {
	case c.trialEnd != nil && *c.trialEnd > t.now:
		if o.trial == nil {
			o.trial = &period{t.now, 0}
			if c.proration != "none" {
				o.put = t.prorations(sub, c.items, c.at, false)
			}
		}
		o.trial.End = *c.trialEnd
		o.span, o.anchor, o.bills = period{t.now, *c.trialEnd}, *c.trialEnd, true
		o.billed = t.fullLines(c.items, o.span, true)
	case restarts && o.trial == nil:
		if c.proration != "none" {
			o.billed = t.prorations(sub, c.items, c.at, false)
		}
		o.anchor, o.span, o.bills = t.now, period{t.now, periodAfter(t.now, recur, t.now)}, true
		o.billed = append(o.billed, t.fullLines(c.items, o.span, false)...)
	case c.proration == "always_invoice":
		o.billed = t.prorations(sub, c.items, c.at, true)
		o.bills = len(o.billed) > 0
	case c.proration == "create_prorations":
		o.put = t.prorations(sub, c.items, c.at, true)
	}
	t.describe(o.put, sub)
	t.describe(o.billed, sub)
	return o
}

func free(items []subscriptionItem) bool {
	return !slices.ContainsFunc(items, func(i subscriptionItem) bool { return i.Price.UnitAmount > 0 })
}

// apply makes a subscription what the plan says.
func (t *tx) apply(sub *subscription, o outcome) {
	t.edit(sub)
	sub.Items = sub.itemList(o.items)
	sub.BillingCycleAnchor, sub.CurrentPeriodStart, sub.CurrentPeriodEnd = o.anchor, o.span.Start, o.span.End
	switch {
	case o.trial != nil:
		sub.TrialWarned = sub.TrialWarned && val(sub.TrialEnd) == o.trial.End
		sub.TrialStart, sub.TrialEnd, sub.Status = ptr(o.trial.Start), ptr(o.trial.End), "trialing"
	case sub.Status == "trialing":
		sub.TrialEnd, sub.Status = ptr(t.now), "active"
	}
	if sub.CancelAtPeriodEnd {
		sub.CancelAt = ptr(sub.CurrentPeriodEnd)
	}
	t.putBy(sub, o.put)
}

// carryOut applies a plan, and bills what it says. before is the subscription as
// it was before the request touched it, for the event. The error is for
// error_if_incomplete alone: other failures are told by the status.
func (t *tx) carryOut(sub *subscription, o outcome, before map[string]any) error {
	holds := o.bills && o.behavior == "pending_if_incomplete"
	if !holds {
		t.apply(sub, o)
	}
	if !o.bills {
		t.emitUpdated("customer.subscription.updated", sub, before)
		return nil
	}
	inv := t.billPlan(sub, o)
	inv.Holds = holds
	if !holds {
		t.emitUpdated("customer.subscription.updated", sub, before)
	}
	t.finalize(inv, sub)
	var err error
	if inv.AmountDue == 0 || sub.CollectionMethod == "charge_automatically" && o.behavior != "default_incomplete" {
		err = t.collect(inv, t.payingMethod(sub), o.present)
	}
	open := err != nil && !errors.Is(err, errProcessing)
	if holds {
		if open {
			sub.PendingUpdate = &pendingUpdate{ExpiresAt: min(t.now+23*hour, sub.CurrentPeriodEnd), Items: o.items}
		} else {
			t.apply(sub, o)
		}
		t.emitUpdated("customer.subscription.updated", sub, before)
	}
	if open && o.behavior == "error_if_incomplete" {
		if errors.Is(err, errAuthenticationRequired) {
			return actionRequired("subscription_payment_intent_requires_action", t, inv, false)
		}
		return err
	}
	return nil
}

// billPlan drafts the invoice of a plan. Shares of a period are invoice items,
// as the API lists them.
func (t *tx) billPlan(sub *subscription, o outcome) *invoice {
	var whole, shares []invoiceLine
	for _, line := range o.billed {
		if line.Proration {
			shares = append(shares, line)
		} else {
			whole = append(whole, line)
		}
	}
	t.edit(sub)
	t.putBy(sub, shares)
	return t.newInvoice(get[*customer](t, sub.Customer), sub, "subscription_update", whole, period{t.now, t.now})
}

// preview is the invoice that a plan would make now; nil if it makes none.
func (t *tx) preview(sub *subscription, o outcome) *invoice {
	if !o.bills {
		return nil
	}
	var copied invoice
	_ = t.rehearse(func(t *tx) error {
		copied = *t.billPlan(sub, o)
		return nil
	})
	return &copied
}

// changedItems are a subscription's items after an update's parameters.
func (t *tx) changedItems(sub *subscription, given []values) ([]subscriptionItem, error) {
	items := slices.Clone(sub.Items.Data)
	for i, v := range given {
		name := fmt.Sprintf("items[%d]", i)
		at := -1
		if id := v.str("id"); id != "" {
			if at = slices.IndexFunc(items, func(x subscriptionItem) bool { return x.ID == id }); at < 0 {
				return nil, invalid("resource_missing", inner(name, "id"), "No such subscription item: '%s'", id)
			}
		}
		if v.yes("deleted") {
			if at < 0 {
				return nil, paramMissing(inner(name, "id"))
			}
			items = slices.Delete(items, at, at+1)
			continue
		}
		if at < 0 {
			p, err := t.recurringPrice(v, name)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(items, func(x subscriptionItem) bool { return x.Price.ID == p.ID }) {
				return nil, invalid("", name, "Cannot add multiple subscription items with the same plan: %s", p.ID)
			}
			items = append(items, t.newItem(p, 1))
			at = len(items) - 1
		} else if v.has("price") || v.has("price_data") {
			p, err := t.recurringPrice(v, name)
			if err != nil {
				return nil, err
			}
			items[at].setPrice(p)
		}
		setValue(v, "quantity", &items[at].Quantity)
		var err error
		if items[at].Metadata, err = v.metadata(items[at].Metadata); err != nil {
			return nil, err
		}
	}
	if len(items) == 0 {
		return nil, invalid("", "items", "A subscription must have at least one active plan. To delete the subscription, cancel it.")
	}
	return items, sameInterval(items)
}
