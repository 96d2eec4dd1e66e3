package stripe

// The objects of the hosted pages: checkout and the billing portal.

type checkoutSession struct {
	header
	AllowPromotionCodes      *bool                `json:"allow_promotion_codes"`
	AmountSubtotal           int64                `json:"amount_subtotal"`
	AmountTotal              int64                `json:"amount_total"` // what is due today
	BillingAddressCollection *string              `json:"billing_address_collection"`
	CancelURL                *string              `json:"cancel_url"`
	ClientReferenceID        *string              `json:"client_reference_id"`
	Currency                 string               `json:"currency"`
	Customer                 *string              `json:"customer"`
	CustomerCreation         *string              `json:"customer_creation"`
	CustomerDetails          *customerDetails     `json:"customer_details"`
	CustomerEmail            *string              `json:"customer_email"`
	ExpiresAt                int64                `json:"expires_at"`
	Invoice                  *string              `json:"invoice"`
	Locale                   *string              `json:"locale"`
	Metadata                 map[string]string    `json:"metadata"`
	Mode                     string               `json:"mode"` // subscription or payment
	PaymentIntent            *string              `json:"payment_intent"`
	PaymentMethodCollection  *string              `json:"payment_method_collection"`
	PaymentMethodTypes       []string             `json:"payment_method_types"`
	PaymentStatus            string               `json:"payment_status"` // paid, unpaid or no_payment_required
	Status                   string               `json:"status"`         // open, complete or expired
	Subscription             *string              `json:"subscription"`
	SuccessURL               *string              `json:"success_url"`
	URL                      *string              `json:"url"`
	TotalDetails             sessionTotalDetails  `json:"total_details"`
	Items                    []sessionLine        `json:"_items"`
	SubscriptionData         subscriptionDataHash `json:"_subscription_data"`
	PaymentIntentMetadata    map[string]string    `json:"_payment_intent_metadata"`
	Discount                 *discount            `json:"_discount"`
}

func (*checkoutSession) kind() string { return "checkout.session" }

// sessionLine is a line item: what the checkout page lists.
type sessionLine struct {
	ID             string `json:"id"`
	Object         string `json:"object"`
	AmountDiscount int64  `json:"amount_discount"`
	AmountSubtotal int64  `json:"amount_subtotal"`
	AmountTax      int64  `json:"amount_tax"`
	AmountTotal    int64  `json:"amount_total"`
	Currency       string `json:"currency"`
	Description    string `json:"description"`
	Price          price  `json:"price"`
	Quantity       int64  `json:"quantity"`
}

// subscriptionDataHash is what the session says of the subscription it will make.
type subscriptionDataHash struct {
	Description   *string           `json:"description"`
	Metadata      map[string]string `json:"metadata"`
	TrialEnd      *int64            `json:"trial_end"`  // Unix seconds, if it was given so
	TrialDays     *int64            `json:"trial_days"` // counted from the completion
	TrialSettings trialSettings     `json:"trial_settings"`
}

type sessionTotalDetails struct {
	AmountDiscount int64 `json:"amount_discount"`
	AmountShipping int64 `json:"amount_shipping"`
	AmountTax      int64 `json:"amount_tax"`
}

type customerDetails struct {
	Address   *address `json:"address"`
	Email     *string  `json:"email"`
	Name      *string  `json:"name"`
	Phone     *string  `json:"phone"`
	TaxExempt *string  `json:"tax_exempt"`
	TaxIDs    []string `json:"tax_ids"`
}

type portalConfiguration struct {
	header
	Active           bool                  `json:"active"`
	BusinessProfile  portalBusinessProfile `json:"business_profile"`
	DefaultReturnURL *string               `json:"default_return_url"`
	Features         portalFeatures        `json:"features"`
	IsDefault        bool                  `json:"is_default"`
	LoginPage        portalLoginPage       `json:"login_page"`
	Metadata         map[string]string     `json:"metadata"`
	Updated          int64                 `json:"updated"`
}

func (*portalConfiguration) kind() string { return "billing_portal.configuration" }

type portalBusinessProfile struct {
	Headline          *string `json:"headline"`
	PrivacyPolicyURL  *string `json:"privacy_policy_url"`
	TermsOfServiceURL *string `json:"terms_of_service_url"`
}

type portalLoginPage struct {
	Enabled bool    `json:"enabled"`
	URL     *string `json:"url"`
}

type portalFeatures struct {
	CustomerUpdate struct {
		AllowedUpdates []string `json:"allowed_updates"`
		Enabled        bool     `json:"enabled"`
	} `json:"customer_update"`
	InvoiceHistory      portalSwitch             `json:"invoice_history"`
	PaymentMethodUpdate portalSwitch             `json:"payment_method_update"`
	SubscriptionCancel  portalSubscriptionCancel `json:"subscription_cancel"`
	SubscriptionPause   portalSwitch             `json:"subscription_pause"`
	SubscriptionUpdate  portalSubscriptionUpdate `json:"subscription_update"`
}

type portalSwitch struct {
	Enabled bool `json:"enabled"`
}

type portalSubscriptionCancel struct {
	CancellationReason struct {
		Enabled bool     `json:"enabled"`
		Options []string `json:"options"`
	} `json:"cancellation_reason"`
	Enabled           bool   `json:"enabled"`
	Mode              string `json:"mode"` // at_period_end or immediately
	ProrationBehavior string `json:"proration_behavior"`
}

type portalSubscriptionUpdate struct {
	DefaultAllowedUpdates []string        `json:"default_allowed_updates"`
	Enabled               bool            `json:"enabled"`
	Products              []portalProduct `json:"products"`
	ProrationBehavior     string          `json:"proration_behavior"`
	ScheduleAtPeriodEnd   struct {
		Conditions []portalCondition `json:"conditions"`
	} `json:"schedule_at_period_end"`
}

type portalProduct struct {
	Product string   `json:"product"`
	Prices  []string `json:"prices"`
}

// portalCondition says which changes wait for the period's end:
// decreasing_item_amount or shortening_interval.
type portalCondition struct {
	Type string `json:"type"`
}

type portalSession struct {
	header
	Configuration string      `json:"configuration"`
	Customer      string      `json:"customer"`
	Flow          *portalFlow `json:"flow"`
	Locale        *string     `json:"locale"`
	ReturnURL     *string     `json:"return_url"`
	URL           string      `json:"url"`
}

func (*portalSession) kind() string { return "billing_portal.session" }

// portalFlow is the page which the session opens at, and where it leads after.
type portalFlow struct {
	AfterCompletion           portalAfter                `json:"after_completion"`
	SubscriptionCancel        *flowSubscription          `json:"subscription_cancel"`
	SubscriptionUpdate        *flowSubscription          `json:"subscription_update"`
	SubscriptionUpdateConfirm *flowSubscriptionConfirmed `json:"subscription_update_confirm"`
	Type                      string                     `json:"type"`
}

type portalAfter struct {
	HostedConfirmation *portalHosted   `json:"hosted_confirmation"`
	Redirect           *portalRedirect `json:"redirect"`
	Type               string          `json:"type"` // redirect, portal_homepage or hosted_confirmation
}

type portalHosted struct {
	CustomMessage *string `json:"custom_message"`
}

type portalRedirect struct {
	ReturnURL string `json:"return_url"`
}

type flowSubscription struct {
	Retention    any    `json:"retention"`
	Subscription string `json:"subscription"`
}

type flowSubscriptionConfirmed struct {
	Discounts    []flowDiscount `json:"discounts"`
	Items        []flowItem     `json:"items"`
	Subscription string         `json:"subscription"`
}

type flowDiscount struct {
	Coupon        *string `json:"coupon"`
	PromotionCode *string `json:"promotion_code"`
}

type flowItem struct {
	ID       string `json:"id"`
	Price    string `json:"price"`
	Quantity int64  `json:"quantity"`
}
