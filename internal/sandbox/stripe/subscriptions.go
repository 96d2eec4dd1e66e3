package stripe

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

const feedbackWords = `customer_service|low_quality|missing_features|other|switched_service|too_complex|too_expensive|unused`

const subscriptionItemParams = `metadata:metadata price price_data:{currency* product* recurring*:{interval*:day|month|week|year interval_count:int} tax_behavior:exclusive|inclusive|unspecified unit_amount:int} quantity:int`

const bothSubscriptionParams = ` cancel_at_period_end:bool collection_method:charge_automatically|send_invoice coupon? days_until_due:int default_payment_method?
	description? metadata:metadata off_session:bool payment_behavior:allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete
	promotion_code? proration_behavior:always_invoice|create_prorations|none trial_from_plan:bool
	trial_settings:{end_behavior*:{missing_payment_method*:cancel|create_invoice|pause}} `

const createSubscriptionParams = bothSubscriptionParams + `billing_cycle_anchor:time cancel_at:time customer* items:[{` + subscriptionItemParams + `}]
	trial_end:now|time trial_period_days:int`

// newSubscription is what the API, a checkout or a schedule asks for.
type newSubscription struct {
	customer      *customer
	items         []subscriptionItem
	trialEnd      int64 // 0 for none
	anchor        int64 // 0 is now, or the trial's end
	trialSettings trialSettings
	metadata      map[string]string
	description   *string
	discount      *discount
	method        *string
	collection    string
	daysUntilDue  *int64
	cancelAtEnd   bool
	cancelAt      *int64
	proration     string
	behavior      string // payment_behavior
	present       bool   // the customer is there to pass 3-D Secure
}

func createSubscription(t *tx, r *request) (any, error) {
	c, err := t.livingCustomer(r.str("customer"), "customer")
	if err != nil {
		return nil, err
	}
	t = t.at(c)
	n := newSubscription{customer: c, description: optional[string](r.values, "description"), collection: "charge_automatically",
		daysUntilDue: optional[int64](r.values, "days_until_due"), cancelAtEnd: r.yes("cancel_at_period_end"), cancelAt: optional[int64](r.values, "cancel_at"),
		proration: "create_prorations", behavior: "allow_incomplete", present: !r.yes("off_session"), anchor: r.num("billing_cycle_anchor")}
	setValue(r.values, "collection_method", &n.collection)
	setValue(r.values, "proration_behavior", &n.proration)
	setValue(r.values, "payment_behavior", &n.behavior)
	if n.items, err = t.newItems(r.hashes("items")); err != nil {
		return nil, err
	}
	if n.metadata, err = r.metadata(nil); err != nil {
		return nil, err
	}
	if n.discount, err = t.redeemed(r.values, c.ID); err != nil {
		return nil, err
	}
	if n.trialEnd, err = t.trialOf(r.values); err != nil {
		return nil, err
	}
	n.trialSettings = trialSettingsOf(r.values)
	if n.anchor != 0 && n.anchor <= t.now {
		return nil, invalid("", "billing_cycle_anchor", "billing_cycle_anchor must be in the future.")
	}
	if id := r.str("default_payment_method"); id != "" {
		pm, err := t.ownMethod(id, c)
		if err != nil {
			return nil, err
		}
		n.method = ptr(pm.ID)
	}
	return t.subscribe(n)
}

// ownMethod is a payment method that the customer has.
func (t *tx) ownMethod(id string, c *customer) (*paymentMethod, error) {
	pm, err := referred[*paymentMethod](t, id, "default_payment_method")
	if err == nil && val(pm.Customer) != c.ID {
		return nil, invalid("resource_missing", "default_payment_method",
			"The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", id)
	}
	return pm, err
}

// trialOf is when the trial asked for ends; 0 if there is none.
func (t *tx) trialOf(v values) (int64, error) {
	end := v.num("trial_end")
	if v.has("trial_period_days") {
		if v.has("trial_end") {
			return 0, invalid("", "trial_end", "You can only pass one of trial_end and trial_period_days.")
		}
		days := v.num("trial_period_days")
		if days < 0 || days > 730 {
			return 0, invalid("", "trial_period_days", "Invalid trial_period_days: must be between 0 and 730.")
		}
		end = t.now + days*day
		if days == 0 {
			return 0, nil
		}
	}
	if end != 0 && end <= t.now {
		return 0, invalid("", "trial_end", "Invalid timestamp: must be an integer Unix timestamp in the future.")
	}
	return end, nil
}

func trialSettingsOf(v values) trialSettings {
	var ts trialSettings
	ts.EndBehavior.MissingPaymentMethod = "create_invoice"
	setValue(v.hash("trial_settings").hash("end_behavior"), "missing_payment_method", &ts.EndBehavior.MissingPaymentMethod)
	return ts
}

// newItems are the items of a new subscription.
func (t *tx) newItems(given []values) ([]subscriptionItem, error) {
	if len(given) == 0 {
		return nil, paramMissing("items")
	}
	items := make([]subscriptionItem, 0, len(given))
	for i, v := range given {
		name := fmt.Sprintf("items[%d]", i)
		p, err := t.recurringPrice(v, name)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(items, func(x subscriptionItem) bool { return x.Price.ID == p.ID }) {
			return nil, invalid("", name, "Cannot add multiple subscription items with the same plan: %s", p.ID)
		}
		item := t.newItem(p, 1)
		setValue(v, "quantity", &item.Quantity)
		if item.Metadata, err = v.metadata(nil); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, sameInterval(items)
}

func (t *tx) newItem(p *price, quantity int64) subscriptionItem {
	item := subscriptionItem{ID: t.newID("si_"), Object: "subscription_item", Created: t.now, Metadata: map[string]string{}, Quantity: quantity, TaxRates: []string{}}
	item.setPrice(p)
	return item
}

func (i *subscriptionItem) setPrice(p *price) { i.Price, i.Plan = *p, p.plan() }

// recurringPrice is the price of an item, which may be made for it.
func (t *tx) recurringPrice(v values, name string) (*price, error) {
	if data := v.hash("price_data"); data != nil {
		owner, err := referred[*product](t, data.str("product"), inner(inner(name, "price_data"), "product"))
		if err != nil {
			return nil, err
		}
		return t.makePrice(data, owner)
	}
	if !v.has("price") {
		return nil, paramMissing(inner(name, "price"))
	}
	p, err := referred[*price](t, v.str("price"), inner(name, "price"))
	switch {
	case err != nil:
		return nil, err
	case p.Recurring == nil:
		return nil, invalid("", name, "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	case !p.Active:
		return nil, invalid("", name, "The price specified is inactive. This field only accepts active prices.")
	}
	return p, nil
}

func sameInterval(items []subscriptionItem) error {
	for _, item := range items {
		a, b := item.Price.Recurring, items[0].Price.Recurring
		if a.Interval != b.Interval || a.IntervalCount != b.IntervalCount {
			return invalid("", "items", "Currently, all plans in a subscription must have the same billing interval.")
		}
		if item.Price.Currency != items[0].Price.Currency {
			return invalid("", "items", "Currently, all plans in a subscription must have the same currency.")
		}
	}
	return nil
}

// subscribe makes a subscription with its first invoice.
func (t *tx) subscribe(n newSubscription) (*subscription, error) {
	recur, currency := *n.items[0].Price.Recurring, n.items[0].Price.Currency
	if n.customer.Currency != nil && *n.customer.Currency != currency {
		return nil, invalid("", "", "You cannot combine currencies on a single customer. This customer has had a subscription, coupon, or invoice item with currency %s.", *n.customer.Currency)
	}
	sub := &subscription{StartDate: t.now, CancelAt: n.cancelAt, CancelAtPeriodEnd: n.cancelAtEnd, CollectionMethod: n.collection, Currency: currency, Customer: n.customer.ID,
		DaysUntilDue: n.daysUntilDue, DefaultPaymentMethod: n.method, Description: n.description, Discount: n.discount, Metadata: map[string]string{},
		Status: "incomplete", TestClock: n.customer.TestClock, TrialSettings: n.trialSettings}
	maps.Copy(sub.Metadata, n.metadata)
	lines := t.firstPeriod(sub, n, recur)
	t.add(sub, "sub_")
	sub.Items = sub.itemList(n.items)
	if sub.Discount != nil {
		sub.Discount.Subscription = ptr(sub.ID)
	}
	if n.cancelAtEnd {
		sub.CancelAt, sub.CanceledAt, sub.CancellationDetails.Reason = ptr(sub.CurrentPeriodEnd), ptr(t.now), ptr("cancellation_requested")
	}
	if sub.TrialEnd != nil {
		sub.Status = "trialing"
	}
	t.describe(lines, sub)
	inv := t.newInvoice(n.customer, sub, "subscription_create", lines, period{t.now, t.now})
	return sub, t.start(sub, inv, n)
}

// firstPeriod sets when the subscription is first billed, and what for.
func (t *tx) firstPeriod(sub *subscription, n newSubscription, recur recurring) []invoiceLine {
	sub.CurrentPeriodStart = t.now
	switch {
	case n.trialEnd != 0:
		sub.TrialStart, sub.TrialEnd = ptr(t.now), ptr(n.trialEnd)
		sub.BillingCycleAnchor, sub.CurrentPeriodEnd = n.trialEnd, n.trialEnd
		return t.fullLines(n.items, period{t.now, n.trialEnd}, true)
	case n.anchor != 0 && n.anchor < periodAfter(t.now, recur, t.now):
		// Until the anchor there is a part of a period, billed by its share.
		sub.BillingCycleAnchor, sub.CurrentPeriodEnd = n.anchor, n.anchor
		lines := t.fullLines(n.items, period{t.now, n.anchor}, false)
		whole := n.anchor - addPeriods(n.anchor, recur, -1)
		for i := range lines {
			lines[i].Proration = true
			lines[i].Amount = share(lines[i].Amount, n.anchor-t.now, whole)
			if n.proration == "none" {
				lines[i].Amount = 0
			}
		}
		return lines
	}
	sub.BillingCycleAnchor, sub.CurrentPeriodEnd = t.now, periodAfter(t.now, recur, t.now)
	return t.fullLines(n.items, period{t.now, sub.CurrentPeriodEnd}, false)
}

// start has the first invoice paid, as payment_behavior wants it.
func (t *tx) start(sub *subscription, inv *invoice, n newSubscription) error {
	pm := t.payingMethod(sub)
	sends := sub.CollectionMethod == "send_invoice"
	if inv.AmountDue > 0 && pm == nil && !sends && n.behavior != "default_incomplete" {
		return noMethod()
	}
	if sub.Status == "incomplete" && (inv.AmountDue == 0 || sends) {
		sub.Status = "active"
	}
	t.emit("customer.subscription.created", sub)
	t.finalize(inv, sub)
	if inv.AmountDue > 0 && (sends || n.behavior == "default_incomplete") {
		return nil
	}
	err := t.collect(inv, pm, n.present)
	if errors.Is(err, errProcessing) {
		// Stripe takes a bank debit under way for paid, until it fails.
		t.update("customer.subscription.updated", sub, func() { sub.Status = "active" })
		return nil
	}
	if err != nil && n.behavior == "error_if_incomplete" {
		if errors.Is(err, errAuthenticationRequired) {
			return actionRequired("subscription_payment_intent_requires_action", t, inv, false)
		}
		return err
	}
	return nil
}

func (sub *subscription) itemList(items []subscriptionItem) list[subscriptionItem] {
	for i := range items {
		items[i].Subscription = sub.ID
	}
	return listOf(items, "/v1/subscription_items?subscription="+sub.ID)
}

// ended is whether nothing can happen to the subscription any more.
func (sub *subscription) ended() bool {
	return sub.Status == "canceled" || sub.Status == "incomplete_expired"
}

// subscriptionsOf are a customer's subscriptions, oldest first.
func (t *tx) subscriptionsOf(customerID string) []*subscription {
	return filter(all[*subscription](t), func(s *subscription) bool { return s.Customer == customerID })
}

func getSubscription(t *tx, r *request) (any, error) { return find[*subscription](t, r) }

func listSubscriptions(t *tx, r *request) (any, error) {
	if r.has("customer") {
		if _, err := referred[*customer](t, r.str("customer"), "customer"); err != nil {
			return nil, err
		}
	}
	return listed(r, filter(all[*subscription](t),
		func(s *subscription) bool {
			switch status := r.str("status"); status {
			case "":
				return s.Status != "canceled"
			case "all":
				return true
			case "ended":
				return s.ended()
			default:
				return s.Status == status
			}
		},
		func(s *subscription) bool {
			hasPrice := slices.ContainsFunc(s.Items.Data, func(i subscriptionItem) bool { return r.like("price", i.Price.ID) })
			return r.like("customer", s.Customer) && r.like("collection_method", s.CollectionMethod) && r.like("test_clock", val(s.TestClock)) && hasPrice
		},
		func(s *subscription) bool {
			return r.within("created", &s.Created) && r.within("current_period_start", &s.CurrentPeriodStart) && r.within("current_period_end", &s.CurrentPeriodEnd)
		}))
}
