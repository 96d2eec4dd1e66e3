package stripe

import (
	"slices"
	"strings"
)

// portalLife is how long the address of a portal session can be used.
const portalLife = hour

const portalSessionParams = `configuration customer* locale:auto|bg|cs|da|de|el|en|en-AU|en-CA|en-GB|en-IE|en-IN|en-NZ|en-SG|es|es-419|et|fi|fil|fr|fr-CA|hr|hu|id|it|ja|ko|lt|lv|ms|mt|nb|nl|pl|pt|pt-BR|ro|ru|sk|sl|sv|th|tr|vi|zh|zh-HK|zh-TW
	return_url flow_data:{after_completion:{hosted_confirmation:{custom_message} redirect:{return_url*} type*:hosted_confirmation|portal_homepage|redirect}
	subscription_cancel:{subscription*} subscription_update:{subscription*}
	subscription_update_confirm:{discounts:[{coupon promotion_code}] items*:[{id* price quantity:int}] subscription*}
	type*:payment_method_update|subscription_cancel|subscription_update|subscription_update_confirm}`

func createPortalSession(t *tx, r *request) (any, error) {
	c, err := t.livingCustomer(r.str("customer"), "customer")
	if err != nil {
		return nil, err
	}
	if !r.has("configuration") {
		return nil, invalid("", "", "No configuration provided and your default configuration has not been created. Provide a configuration: the sandbox has no dashboard in which to save a default one.")
	}
	cfg, err := referred[*portalConfiguration](t, r.str("configuration"), "configuration")
	switch {
	case err != nil:
		return nil, err
	case !cfg.Active:
		return nil, invalid("", "configuration", "The configuration %s is inactive: it can't be used for new sessions.", cfg.ID)
	}
	p := &portalSession{Configuration: cfg.ID, Customer: c.ID, Locale: optional[string](r.values, "locale"), ReturnURL: optional[string](r.values, "return_url")}
	if p.ReturnURL == nil {
		p.ReturnURL = cfg.DefaultReturnURL
	}
	if u := val(p.ReturnURL); u != "" && !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
		return nil, invalid("url_invalid", "return_url", "Not a valid URL")
	}
	if flow := r.hash("flow_data"); flow != nil {
		if p.Flow, err = t.flowOf(flow, cfg, c); err != nil {
			return nil, err
		}
	}
	t.add(p, "bps_1")
	p.URL = t.s.URL() + "/p/session/" + p.ID
	t.emit("billing_portal.session.created", p)
	return p, nil
}

func (t *tx) flowOf(v values, cfg *portalConfiguration, c *customer) (*portalFlow, error) {
	f := &portalFlow{Type: v.str("type")}
	f.AfterCompletion.Type = "portal_homepage"
	if after := v.hash("after_completion"); after != nil {
		f.AfterCompletion.Type = after.str("type")
		switch f.AfterCompletion.Type {
		case "redirect":
			if !after.has("redirect") {
				return nil, paramMissing("flow_data[after_completion][redirect]")
			}
			f.AfterCompletion.Redirect = &portalRedirect{after.hash("redirect").str("return_url")}
		case "hosted_confirmation":
			f.AfterCompletion.HostedConfirmation = &portalHosted{optional[string](after.hash("hosted_confirmation"), "custom_message")}
		}
	}
	if f.Type == "payment_method_update" {
		if !cfg.Features.PaymentMethodUpdate.Enabled {
			return nil, featureOff("payment method update", "payment_method_update")
		}
		return f, nil
	}
	hash := v.hash(f.Type)
	if hash == nil {
		return nil, paramMissing("flow_data[" + f.Type + "]")
	}
	where := "flow_data[" + f.Type + "]"
	sub, err := referred[*subscription](t, hash.str("subscription"), where+"[subscription]")
	if err != nil {
		return nil, err
	}
	if sub.Customer != c.ID {
		return nil, noSuch("subscription", sub.ID, where+"[subscription]")
	}
	if f.Type == "subscription_cancel" {
		if !cfg.Features.SubscriptionCancel.Enabled {
			return nil, featureOff("subscription cancel", f.Type)
		}
		if sub.ended() || sub.CancelAt != nil {
			return nil, invalid("", where+"[subscription]", "The subscription %s can't be canceled: it has ended, or will by itself.", sub.ID)
		}
		f.SubscriptionCancel = &flowSubscription{Subscription: sub.ID}
		return f, nil
	}
	if !cfg.Features.SubscriptionUpdate.Enabled {
		return nil, featureOff("subscription update", "subscription_update")
	}
	if !slices.Contains([]string{"active", "trialing", "past_due"}, sub.Status) {
		return nil, invalid("", where+"[subscription]", "The subscription %s can't be updated: it is %s, and must be active, trialing or past_due.", sub.ID, sub.Status)
	}
	if f.Type == "subscription_update" {
		f.SubscriptionUpdate = &flowSubscription{Subscription: sub.ID}
		return f, nil
	}
	f.SubscriptionUpdateConfirm, err = t.confirmOf(hash, where, cfg, sub)
	return f, err
}

func featureOff(what, feature string) error {
	return invalid("", "flow_data[type]", "You can't use the %s flow: the feature %s is disabled in the portal configuration.", what, feature)
}

// confirmOf checks a change that is only to be confirmed.
func (t *tx) confirmOf(v values, where string, cfg *portalConfiguration, sub *subscription) (*flowSubscriptionConfirmed, error) {
	items := v.hashes("items")
	if len(items) != 1 {
		return nil, invalid("", where+"[items]", "Exactly one item must be given.")
	}
	where += "[items][0]"
	if items[0].str("id") != sub.Items.Data[0].ID {
		return nil, invalid("resource_missing", where+"[id]", "No such subscription item: '%s'", items[0].str("id"))
	}
	present := sub.Items.Data[0]
	item := flowItem{ID: present.ID, Price: orElse(items[0].str("price"), present.Price.ID), Quantity: present.Quantity}
	setValue(items[0], "quantity", &item.Quantity)
	if _, err := referred[*price](t, item.Price, where+"[price]"); err != nil {
		return nil, err
	}
	switch {
	case item.Price == present.Price.ID && item.Quantity == present.Quantity:
		return nil, invalid("", where+"[price]", "The item has this price and quantity already: there is nothing to confirm.")
	case item.Price != present.Price.ID && !slices.Contains(cfg.prices(), item.Price):
		return nil, invalid("", where+"[price]", "The price %s is not among the products of the portal configuration.", item.Price)
	}
	if v.has("discounts") {
		return nil, invalid("", "flow_data[subscription_update_confirm][discounts]", "The sandbox knows no discounts in this flow.")
	}
	confirm := &flowSubscriptionConfirmed{Discounts: []flowDiscount{}, Items: []flowItem{item}, Subscription: sub.ID}
	return confirm, nil
}

// portalByURL is the session of a portal page, in any scope; nil if there is
// none or it has grown too old.
func (t *tx) portalByURL(id string) *portalSession {
	p := everywhere[*portalSession](t, id)
	if p == nil || t.at(p).now > p.Created+portalLife {
		return nil
	}
	return p
}

// portalSubscriptions are those of the portal's customer which have not ended,
// newest first.
func (t *tx) portalSubscriptions(p *portalSession) []*subscription {
	list := filter(t.at(p).subscriptionsOf(p.Customer), func(s *subscription) bool { return !s.ended() })
	slices.Reverse(list)
	return list
}
