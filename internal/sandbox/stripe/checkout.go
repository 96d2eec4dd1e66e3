package stripe

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

const sessionLife = 24 * hour

const sessionParams = `allow_promotion_codes:bool automatic_tax:{enabled*:bool} billing_address_collection:auto|required cancel_url client_reference_id currency customer
	customer_creation:always|if_required customer_email customer_update:{address:auto|never name:auto|never shipping:auto|never} discounts:[{coupon promotion_code}]
	expires_at:time line_items:[{price price_data:{currency* product product_data:{description images:[string] metadata:metadata name* tax_code}
	recurring:{interval*:day|month|week|year interval_count:int} tax_behavior:exclusive|inclusive|unspecified unit_amount:int} quantity:int}]
	locale:auto|bg|cs|da|de|el|en|en-GB|es|es-419|et|fi|fil|fr|fr-CA|hr|hu|id|it|ja|ko|lt|lv|ms|mt|nb|nl|pl|pt|pt-BR|ro|ru|sk|sl|sv|th|tr|vi|zh|zh-HK|zh-TW
	metadata:metadata mode:payment|setup|subscription payment_intent_data:{description metadata:metadata} payment_method_collection:always|if_required
	payment_method_types:[card|us_bank_account|link] phone_number_collection:{enabled*:bool}
	subscription_data:{description metadata:metadata trial_end:time trial_period_days:int trial_settings:{end_behavior*:{missing_payment_method*:cancel|create_invoice|pause}}
	billing_cycle_anchor:time proration_behavior:create_prorations|none}
	submit_type:auto|book|donate|pay success_url ui_mode:embedded|hosted`

func createSession(t *tx, r *request) (any, error) {
	if err := checkSession(r); err != nil {
		return nil, err
	}
	s := &checkoutSession{AllowPromotionCodes: optional[bool](r.values, "allow_promotion_codes"), BillingAddressCollection: optional[string](r.values, "billing_address_collection"),
		CancelURL: optional[string](r.values, "cancel_url"), ClientReferenceID: optional[string](r.values, "client_reference_id"), Customer: optional[string](r.values, "customer"),
		CustomerEmail: optional[string](r.values, "customer_email"), ExpiresAt: t.now + sessionLife, Locale: optional[string](r.values, "locale"), Mode: r.str("mode"),
		PaymentMethodCollection: optional[string](r.values, "payment_method_collection"), PaymentMethodTypes: []string{"card", "us_bank_account"},
		PaymentStatus: "unpaid", Status: "open", SuccessURL: optional[string](r.values, "success_url")}
	if r.has("payment_method_types") {
		s.PaymentMethodTypes = r.strs("payment_method_types")
	}
	if r.has("expires_at") {
		s.ExpiresAt = r.num("expires_at")
		if s.ExpiresAt < t.now+30*minute || s.ExpiresAt > t.now+sessionLife {
			return nil, invalid("", "expires_at", "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from Checkout Session creation.")
		}
	}
	if id := val(s.Customer); id != "" {
		c, err := t.livingCustomer(id, "customer")
		if err != nil {
			return nil, err
		}
		s.CustomerDetails = &customerDetails{Email: c.Email, Name: c.Name, TaxExempt: ptr("none"), TaxIDs: []string{}}
	} else if s.CustomerEmail != nil {
		s.CustomerDetails = &customerDetails{Email: s.CustomerEmail, TaxExempt: ptr("none"), TaxIDs: []string{}}
	}
	if s.Mode == "subscription" {
		s.CustomerCreation = ptr("always")
		s.PaymentMethodCollection = ptr(orElse(r.str("payment_method_collection"), "always"))
	} else if s.Customer == nil {
		s.CustomerCreation = ptr(orElse(r.str("customer_creation"), "if_required"))
	}
	if s.Customer != nil {
		s.CustomerCreation = nil
	}
	if err := t.fillSession(s, r); err != nil {
		return nil, err
	}
	t.add(s, "cs_")
	s.URL = ptr(t.s.URL() + "/c/pay/" + s.ID)
	return s, nil
}

func orElse(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}

// checkSession refuses what can't go together.
func checkSession(r *request) error {
	switch {
	case !r.has("mode"):
		return paramMissing("mode")
	case r.str("mode") == "setup" || r.str("ui_mode") == "embedded":
		return invalid("", "mode", "The sandbox knows hosted checkouts of mode payment and subscription only.")
	case !r.has("success_url"):
		return paramMissing("success_url")
	case r.has("customer") && r.has("customer_email"):
		return invalid("", "customer", "You may only specify one of these parameters: customer, customer_email.")
	case r.has("customer_email") && !strings.Contains(r.str("customer_email"), "@"):
		return invalid("email_invalid", "customer_email", "Invalid email address: %s", r.str("customer_email"))
	case r.has("allow_promotion_codes") && r.has("discounts"):
		return invalid("", "discounts", "You may only specify one of these parameters: allow_promotion_codes, discounts.")
	case len(r.hashes("line_items")) == 0:
		return paramMissing("line_items")
	case r.has("subscription_data") && r.str("mode") != "subscription":
		return invalid("", "subscription_data", "You can not pass `subscription_data` in `%s` mode.", r.str("mode"))
	case r.has("payment_intent_data") && r.str("mode") != "payment":
		return invalid("", "payment_intent_data", "You can not pass `payment_intent_data` in `%s` mode.", r.str("mode"))
	case r.has("payment_method_collection") && r.str("mode") != "subscription":
		return invalid("", "payment_method_collection", "You can not pass `payment_method_collection` in `%s` mode.", r.str("mode"))
	case r.hash("automatic_tax").yes("enabled"):
		return invalid("", "automatic_tax", "The sandbox knows nothing of taxes.")
	}
	for _, name := range []string{"success_url", "cancel_url"} {
		if text := r.str(name); text != "" {
			if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
				return invalid("url_invalid", name, "Not a valid URL")
			}
		}
	}
	return nil
}

// fillSession sets the lines and what follows from them.
func (t *tx) fillSession(s *checkoutSession, r *request) (err error) {
	if s.Metadata, err = r.metadata(nil); err != nil {
		return err
	}
	if s.PaymentIntentMetadata, err = r.hash("payment_intent_data").metadata(nil); err != nil {
		return err
	}
	recurs := false
	for i, v := range r.hashes("line_items") {
		line, err := t.sessionLine(v, fmt.Sprintf("line_items[%d]", i), s.Mode)
		if err != nil {
			return err
		}
		if i > 0 && line.Currency != s.Items[0].Currency {
			return invalid("", "line_items", "All prices of a checkout must have the same currency.")
		}
		recurs = recurs || line.Price.Recurring != nil
		s.Items = append(s.Items, line)
	}
	if s.Mode == "subscription" && !recurs {
		return invalid("", "mode", "You must provide at least one recurring price in `subscription` mode when using prices.")
	}
	s.Currency = s.Items[0].Currency
	if id := val(s.Customer); id != "" {
		if c := get[*customer](t, id); c.Currency != nil && *c.Currency != s.Currency && s.Mode == "subscription" {
			return invalid("", "", "You cannot combine currencies on a single customer. This customer has had a subscription, coupon, or invoice item with currency %s.", *c.Currency)
		}
	}
	data := r.hash("subscription_data")
	s.SubscriptionData = subscriptionDataHash{Description: optional[string](data, "description"), TrialEnd: optional[int64](data, "trial_end"),
		TrialDays: optional[int64](data, "trial_period_days"), TrialSettings: trialSettingsOf(data)}
	if s.SubscriptionData.Metadata, err = data.metadata(nil); err != nil {
		return err
	}
	if end := s.SubscriptionData.TrialEnd; end != nil && *end < t.now+48*hour {
		return invalid("", "subscription_data[trial_end]", "The `trial_end` date has to be at least 2 days in the future.")
	}
	if days := s.SubscriptionData.TrialDays; days != nil && (*days < 1 || *days > 730) {
		return invalid("", "subscription_data[trial_period_days]", "The minimum number of trial period days is 1, and the maximum 730.")
	}
	if given := r.hashes("discounts"); len(given) > 0 {
		if len(given) > 1 {
			return invalid("", "discounts", "Only one discount is allowed.")
		}
		if s.Discount, err = t.discountOf(given[0], val(s.Customer)); err != nil {
			return err
		}
	}
	t.totalSession(s)
	return nil
}

func (t *tx) sessionLine(v values, name, mode string) (sessionLine, error) {
	line := sessionLine{ID: t.newID("li_"), Object: "item", Quantity: 1}
	setValue(v, "quantity", &line.Quantity)
	var p *price
	var err error
	if data := v.hash("price_data"); data != nil {
		p, err = t.inlinePrice(data, name)
	} else if !v.has("price") {
		err = paramMissing(inner(name, "price"))
	} else {
		p, err = referred[*price](t, v.str("price"), inner(name, "price"))
	}
	switch {
	case err != nil:
		return line, err
	case !p.Active:
		return line, invalid("", name, "The price specified is inactive. This field only accepts active prices.")
	case mode == "payment" && p.Recurring != nil:
		return line, invalid("", name, "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
	case line.Quantity < 1:
		return line, invalid("parameter_invalid_integer", inner(name, "quantity"), "Invalid positive integer")
	}
	line.Price, line.Currency, line.Description = *p, p.Currency, t.productName(p)
	line.AmountSubtotal = p.UnitAmount * line.Quantity
	line.AmountTotal = line.AmountSubtotal
	return line, nil
}

func (t *tx) inlinePrice(data values, name string) (*price, error) {
	if data.has("product") {
		return t.recurringOrNot(data, name)
	}
	if !data.has("product_data") {
		return nil, paramMissing(inner(name, "price_data") + "[product_data]")
	}
	made, err := createProduct(t, &request{values: data.hash("product_data")})
	if err != nil {
		return nil, err
	}
	return t.makePrice(data, made.(*product))
}

func (t *tx) recurringOrNot(data values, name string) (*price, error) {
	owner, err := referred[*product](t, data.str("product"), inner(inner(name, "price_data"), "product"))
	if err != nil {
		return nil, err
	}
	return t.makePrice(data, owner)
}

// totalSession sets what is due today: nothing of what a trial puts off.
func (t *tx) totalSession(s *checkoutSession) {
	trial := s.SubscriptionData.TrialEnd != nil || s.SubscriptionData.TrialDays != nil
	var lines []invoiceLine
	for _, item := range s.Items {
		amount := item.AmountSubtotal
		if trial && item.Price.Recurring != nil {
			amount = 0
		}
		lines = append(lines, invoiceLine{Amount: amount, Discountable: true})
		s.AmountSubtotal += amount
	}
	s.AmountTotal = s.AmountSubtotal
	if s.Discount != nil {
		s.TotalDetails.AmountDiscount = discountLines(lines, s.Discount, s.Currency)
		s.AmountTotal -= s.TotalDetails.AmountDiscount
	}
	for i := range s.Items {
		off := int64(0)
		for _, d := range lines[i].DiscountAmounts {
			off += d.Amount
		}
		s.Items[i].AmountDiscount, s.Items[i].AmountSubtotal, s.Items[i].AmountTotal = off, lines[i].Amount, lines[i].Amount-off
	}
}

// checkoutTrialEnd is when the trial ends if it begins now; zero if there is none.
func (t *tx) checkoutTrialEnd(s *checkoutSession) time.Time {
	end := t.at(s).sessionTrial(s)
	if end == 0 {
		return time.Time{}
	}
	return time.Unix(end, 0).UTC()
}

func (t *tx) sessionTrial(s *checkoutSession) int64 {
	switch {
	case s.SubscriptionData.TrialEnd != nil:
		return *s.SubscriptionData.TrialEnd
	case s.SubscriptionData.TrialDays != nil:
		return t.now + *s.SubscriptionData.TrialDays*day
	}
	return 0
}

// sessionByURL is the checkout of a hosted page, in any scope; nil if there is none.
func (t *tx) sessionByURL(id string) *checkoutSession { return everywhere[*checkoutSession](t, id) }

func getSession(t *tx, r *request) (any, error) { return find[*checkoutSession](t, r) }

func listSessions(t *tx, r *request) (any, error) {
	email := r.hash("customer_details").str("email")
	return listed(r, filter(all[*checkoutSession](t),
		func(s *checkoutSession) bool {
			return r.like("customer", val(s.Customer)) && r.like("subscription", val(s.Subscription)) && r.like("payment_intent", val(s.PaymentIntent)) && r.like("status", s.Status)
		},
		func(s *checkoutSession) bool {
			return email == "" || s.CustomerDetails != nil && val(s.CustomerDetails.Email) == email
		}))
}

func listSessionLines(t *tx, r *request) (any, error) {
	s, err := find[*checkoutSession](t, r)
	if err != nil {
		return nil, err
	}
	return listedValues(r, slices.Clone(s.Items), func(l sessionLine) string { return l.ID }, "line item")
}

func expireSession(t *tx, r *request) (any, error) {
	s, err := find[*checkoutSession](t, r)
	if err != nil {
		return nil, err
	}
	if s.Status != "open" {
		return nil, invalid("", "", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of %s.", s.Status)
	}
	s.happen(t)
	return s, nil
}

func (s *checkoutSession) rank() int { return 4 }

func (s *checkoutSession) due(*Server) int64 {
	if s.Status != "open" {
		return 0
	}
	return s.ExpiresAt
}

// happen is the session's expiry.
func (s *checkoutSession) happen(t *tx) {
	t.edit(s)
	s.Status = "expired"
	t.emit("checkout.session.expired", s)
}
