package stripe

import (
	"fmt"
	"slices"
)

const portalConfigurationParams = `default_return_url? login_page:{enabled*:bool} metadata:metadata `

const portalProfileParams = `headline? privacy_policy_url terms_of_service_url`

const portalFeatureParams = `customer_update:{allowed_updates?:[address|email|name|phone|shipping|tax_id] enabled:bool} invoice_history:{enabled*:bool} payment_method_update:{enabled*:bool}
	subscription_cancel:{cancellation_reason:{enabled*:bool options?:[` + feedbackWords + `]} enabled:bool mode:at_period_end|immediately
	proration_behavior:always_invoice|create_prorations|none} subscription_pause:{enabled:bool}
	subscription_update:{default_allowed_updates?:[price|promotion_code|quantity] enabled:bool products?:[{prices*:[string] product*}]
	proration_behavior:always_invoice|create_prorations|none schedule_at_period_end:{conditions?:[{type*:decreasing_item_amount|shortening_interval}]}}`

func createPortalConfiguration(t *tx, r *request) (any, error) {
	c := &portalConfiguration{Active: true, Updated: t.now}
	f := &c.Features
	f.CustomerUpdate.AllowedUpdates = []string{}
	f.SubscriptionCancel.Mode, f.SubscriptionCancel.ProrationBehavior, f.SubscriptionCancel.CancellationReason.Options = "at_period_end", "none", []string{}
	f.SubscriptionUpdate = portalSubscriptionUpdate{DefaultAllowedUpdates: []string{}, Products: []portalProduct{}, ProrationBehavior: "none"}
	f.SubscriptionUpdate.ScheduleAtPeriodEnd.Conditions = []portalCondition{}
	if err := t.setPortalConfiguration(c, r.values); err != nil {
		return nil, err
	}
	t.add(c, "bpc_1")
	t.emit("billing_portal.configuration.created", c)
	return c, nil
}

func (t *tx) setPortalConfiguration(c *portalConfiguration, v values) (err error) {
	setValue(v, "active", &c.Active)
	setOptional(v, "default_return_url", &c.DefaultReturnURL)
	profile := v.hash("business_profile")
	setOptional(profile, "headline", &c.BusinessProfile.Headline)
	setOptional(profile, "privacy_policy_url", &c.BusinessProfile.PrivacyPolicyURL)
	setOptional(profile, "terms_of_service_url", &c.BusinessProfile.TermsOfServiceURL)
	setValue(v.hash("login_page"), "enabled", &c.LoginPage.Enabled)
	features := v.hash("features")
	f := &c.Features
	customer := features.hash("customer_update")
	setValue(customer, "enabled", &f.CustomerUpdate.Enabled)
	if customer.has("allowed_updates") {
		f.CustomerUpdate.AllowedUpdates = customer.strs("allowed_updates")
	}
	setValue(features.hash("invoice_history"), "enabled", &f.InvoiceHistory.Enabled)
	setValue(features.hash("payment_method_update"), "enabled", &f.PaymentMethodUpdate.Enabled)
	cancel := features.hash("subscription_cancel")
	setValue(cancel, "enabled", &f.SubscriptionCancel.Enabled)
	setValue(cancel, "mode", &f.SubscriptionCancel.Mode)
	setValue(cancel, "proration_behavior", &f.SubscriptionCancel.ProrationBehavior)
	reason := cancel.hash("cancellation_reason")
	setValue(reason, "enabled", &f.SubscriptionCancel.CancellationReason.Enabled)
	if reason.has("options") {
		f.SubscriptionCancel.CancellationReason.Options = reason.strs("options")
	}
	setValue(features.hash("subscription_pause"), "enabled", &f.SubscriptionPause.Enabled)
	if err := t.setPortalUpdate(&f.SubscriptionUpdate, features.hash("subscription_update")); err != nil {
		return err
	}
	c.Metadata, err = v.metadata(c.Metadata)
	return err
}

func (t *tx) setPortalUpdate(u *portalSubscriptionUpdate, v values) error {
	setValue(v, "enabled", &u.Enabled)
	setValue(v, "proration_behavior", &u.ProrationBehavior)
	if v.has("default_allowed_updates") {
		u.DefaultAllowedUpdates = v.strs("default_allowed_updates")
	}
	if s := v.hash("schedule_at_period_end"); s.has("conditions") {
		u.ScheduleAtPeriodEnd.Conditions = []portalCondition{}
		for _, c := range s.hashes("conditions") {
			u.ScheduleAtPeriodEnd.Conditions = append(u.ScheduleAtPeriodEnd.Conditions, portalCondition{c.str("type")})
		}
	}
	if v.has("products") {
		u.Products = []portalProduct{}
		for i, p := range v.hashes("products") {
			name := fmt.Sprintf("features[subscription_update][products][%d]", i)
			owner, err := referred[*product](t, p.str("product"), name+"[product]")
			if err != nil {
				return err
			}
			prices := p.strs("prices")
			for j, id := range prices {
				x, err := referred[*price](t, id, fmt.Sprintf("%s[prices][%d]", name, j))
				switch {
				case err != nil:
					return err
				case x.Product != owner.ID:
					return invalid("", name, "The price %s does not belong to the product %s.", id, owner.ID)
				case x.Recurring == nil:
					return invalid("", name, "The price %s is not recurring: a subscription can't change to it.", id)
				}
			}
			u.Products = append(u.Products, portalProduct{owner.ID, prices})
		}
	}
	if u.Enabled && (len(u.DefaultAllowedUpdates) == 0 || len(u.Products) == 0) {
		return invalid("", "features[subscription_update]", "default_allowed_updates and products are needed if subscription_update is enabled.")
	}
	return nil
}

// prices are the ids that the configuration lets a subscription change to.
func (c *portalConfiguration) prices() []string {
	var ids []string
	for _, p := range c.Features.SubscriptionUpdate.Products {
		ids = append(ids, p.Prices...)
	}
	return ids
}

func listPortalConfigurations(t *tx, r *request) (any, error) {
	return listed(r, filter(all[*portalConfiguration](t), func(c *portalConfiguration) bool {
		return (!r.has("active") || c.Active == r.yes("active")) && (!r.has("is_default") || c.IsDefault == r.yes("is_default"))
	}))
}

func getPortalConfiguration(t *tx, r *request) (any, error) {
	return find[*portalConfiguration](t, r)
}

func updatePortalConfiguration(t *tx, r *request) (any, error) {
	c, err := find[*portalConfiguration](t, r)
	if err != nil {
		return nil, err
	}
	t.update("billing_portal.configuration.updated", c, func() {
		err = t.setPortalConfiguration(c, r.values)
		c.Updated = t.now
	})
	return c, err
}

// portalConfig is the configuration of a portal session.
func (t *tx) portalConfig(p *portalSession) *portalConfiguration {
	return get[*portalConfiguration](t.at(p), p.Configuration)
}

// portalPrices are what a portal's visitor can change to, in the configuration's order.
func (t *tx) portalPrices(p *portalSession) []*price {
	var list []*price
	c := t.portalConfig(p)
	if !c.Features.SubscriptionUpdate.Enabled || !slices.Contains(c.Features.SubscriptionUpdate.DefaultAllowedUpdates, "price") {
		return nil
	}
	for _, id := range c.prices() {
		if x := get[*price](t.at(p), id); x != nil && x.Active {
			list = append(list, x)
		}
	}
	return list
}
