package stripe

// The objects of catalogue, customers and accounts. A field which never changes
// in the sandbox is not here but in shapes.go.

type account struct {
	header
	Email           *string           `json:"email"`
	BusinessProfile businessProfile   `json:"business_profile"`
	Country         string            `json:"country"`
	DefaultCurrency string            `json:"default_currency"`
	ChargesEnabled  bool              `json:"charges_enabled"`
	PayoutsEnabled  bool              `json:"payouts_enabled"`
	Metadata        map[string]string `json:"metadata"`

	Ours      bool `json:"_ours"`      // the platform's own account
	Connected bool `json:"_connected"` // our application has access
}

func (*account) kind() string { return "account" }

type businessProfile struct {
	Name *string `json:"name"`
	URL  *string `json:"url"`
}

type product struct {
	header
	Active              bool              `json:"active"`
	DefaultPrice        *string           `json:"default_price"`
	Description         *string           `json:"description"`
	Images              []string          `json:"images"`
	Metadata            map[string]string `json:"metadata"`
	Name                string            `json:"name"`
	StatementDescriptor *string           `json:"statement_descriptor"`
	TaxCode             *string           `json:"tax_code"`
	UnitLabel           *string           `json:"unit_label"`
	Updated             int64             `json:"updated"`
	URL                 *string           `json:"url"`
}

func (*product) kind() string { return "product" }

type price struct {
	header
	Active      bool              `json:"active"`
	Currency    string            `json:"currency"`
	LookupKey   *string           `json:"lookup_key"`
	Metadata    map[string]string `json:"metadata"`
	Nickname    *string           `json:"nickname"`
	Product     string            `json:"product"`
	Recurring   *recurring        `json:"recurring"`
	TaxBehavior string            `json:"tax_behavior"`
	Type        string            `json:"type"` // one_time or recurring
	UnitAmount  int64             `json:"unit_amount"`
}

func (*price) kind() string { return "price" }

type recurring struct {
	AggregateUsage  *string `json:"aggregate_usage"`
	Interval        string  `json:"interval"` // day, week, month or year
	IntervalCount   int64   `json:"interval_count"`
	TrialPeriodDays *int64  `json:"trial_period_days"`
	UsageType       string  `json:"usage_type"`
}

type address struct {
	City       *string `json:"city"`
	Country    *string `json:"country"`
	Line1      *string `json:"line1"`
	Line2      *string `json:"line2"`
	PostalCode *string `json:"postal_code"`
	State      *string `json:"state"`
}

type customer struct {
	header
	Address         *address          `json:"address"`
	Balance         int64             `json:"balance"` // below zero is credit
	Currency        *string           `json:"currency"`
	Delinquent      bool              `json:"delinquent"`
	Deleted         bool              `json:"_deleted"`
	Description     *string           `json:"description"`
	Discount        *discount         `json:"discount"`
	Email           *string           `json:"email"`
	InvoicePrefix   string            `json:"invoice_prefix"`
	InvoiceSettings invoiceSettings   `json:"invoice_settings"`
	Metadata        map[string]string `json:"metadata"`
	Name            *string           `json:"name"`
	NextInvoice     int64             `json:"next_invoice_sequence"`
	Phone           *string           `json:"phone"`
	Locales         []string          `json:"preferred_locales"`
	TaxExempt       string            `json:"tax_exempt"`
	TestClock       *string           `json:"test_clock"`
}

func (*customer) kind() string { return "customer" }

type invoiceSettings struct {
	DefaultPaymentMethod *string `json:"default_payment_method"`
	Footer               *string `json:"footer"`
}

type paymentMethod struct {
	header
	BillingDetails billingDetails    `json:"billing_details"`
	Card           *card             `json:"card,omitempty"`
	BankAccount    *bankAccount      `json:"us_bank_account,omitempty"`
	Customer       *string           `json:"customer"`
	Metadata       map[string]string `json:"metadata"`
	Type           string            `json:"type"` // card or us_bank_account

	Behaviour     string `json:"_behaviour"`     // what charging it does: see cards.go
	Authenticated bool   `json:"_authenticated"` // it has passed 3-D Secure
}

func (*paymentMethod) kind() string { return "payment_method" }

type billingDetails struct {
	Address address `json:"address"`
	Email   *string `json:"email"`
	Name    *string `json:"name"`
	Phone   *string `json:"phone"`
}

type card struct {
	Brand       string         `json:"brand"`
	Checks      map[string]any `json:"checks"`
	Country     string         `json:"country"`
	ExpMonth    int64          `json:"exp_month"`
	ExpYear     int64          `json:"exp_year"`
	Fingerprint string         `json:"fingerprint"`
	Funding     string         `json:"funding"`
	Last4       string         `json:"last4"`
}

type bankAccount struct {
	AccountHolderType string `json:"account_holder_type"`
	AccountType       string `json:"account_type"`
	BankName          string `json:"bank_name"`
	Fingerprint       string `json:"fingerprint"`
	Last4             string `json:"last4"`
	RoutingNumber     string `json:"routing_number"`
}

type coupon struct {
	header
	AmountOff        *int64            `json:"amount_off"`
	Currency         *string           `json:"currency"`
	Duration         string            `json:"duration"` // once, repeating or forever
	DurationInMonths *int64            `json:"duration_in_months"`
	MaxRedemptions   *int64            `json:"max_redemptions"`
	Metadata         map[string]string `json:"metadata"`
	Name             *string           `json:"name"`
	PercentOff       *float64          `json:"percent_off"`
	RedeemBy         *int64            `json:"redeem_by"`
	TimesRedeemed    int64             `json:"times_redeemed"`
	Valid            bool              `json:"valid"`
}

func (*coupon) kind() string { return "coupon" }

type promotionCode struct {
	header
	Active         bool              `json:"active"`
	Code           string            `json:"code"`
	Coupon         coupon            `json:"coupon"`
	Customer       *string           `json:"customer"`
	ExpiresAt      *int64            `json:"expires_at"`
	MaxRedemptions *int64            `json:"max_redemptions"`
	Metadata       map[string]string `json:"metadata"`
	TimesRedeemed  int64             `json:"times_redeemed"`
}

func (*promotionCode) kind() string { return "promotion_code" }

// discount is a coupon at work. It lives inside a customer or a subscription.
type discount struct {
	ID              string  `json:"id"`
	Object          string  `json:"object"`
	CheckoutSession *string `json:"checkout_session"`
	Coupon          coupon  `json:"coupon"`
	Customer        *string `json:"customer"`
	End             *int64  `json:"end"`
	Invoice         *string `json:"invoice"`
	InvoiceItem     *string `json:"invoice_item"`
	PromotionCode   *string `json:"promotion_code"`
	Start           int64   `json:"start"`
	Subscription    *string `json:"subscription"`
}

type testClock struct {
	header
	DeletesAfter int64   `json:"deletes_after"`
	FrozenTime   int64   `json:"frozen_time"`
	Name         *string `json:"name"`
	Status       string  `json:"status"` // ready or advancing

	Target int64 `json:"_target"` // where it is advancing to
	Since  int64 `json:"_since"`  // and since when, by the sandbox's clock
}

func (*testClock) kind() string { return "test_helpers.test_clock" }
