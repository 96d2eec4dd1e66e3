package stripe

// The objects of subscriptions, invoices and payments.

// list is a list inside an object.
type list[T any] struct {
	Object     string `json:"object"`
	Data       []T    `json:"data"`
	HasMore    bool   `json:"has_more"`
	TotalCount int    `json:"total_count"`
	URL        string `json:"url"`
}

func listOf[T any](data []T, url string) list[T] {
	return list[T]{Object: "list", Data: data, TotalCount: len(data), URL: url}
}

type subscription struct {
	header
	BillingCycleAnchor   int64                  `json:"billing_cycle_anchor"`
	CancelAt             *int64                 `json:"cancel_at"`
	CancelAtPeriodEnd    bool                   `json:"cancel_at_period_end"`
	CanceledAt           *int64                 `json:"canceled_at"`
	CancellationDetails  cancellationDetails    `json:"cancellation_details"`
	CollectionMethod     string                 `json:"collection_method"`
	Currency             string                 `json:"currency"`
	CurrentPeriodEnd     int64                  `json:"current_period_end"`
	CurrentPeriodStart   int64                  `json:"current_period_start"`
	Customer             string                 `json:"customer"`
	DaysUntilDue         *int64                 `json:"days_until_due"`
	DefaultPaymentMethod *string                `json:"default_payment_method"`
	Description          *string                `json:"description"`
	Discount             *discount              `json:"discount"`
	EndedAt              *int64                 `json:"ended_at"`
	Items                list[subscriptionItem] `json:"items"`
	LatestInvoice        *string                `json:"latest_invoice"`
	Metadata             map[string]string      `json:"metadata"`
	PauseCollection      *pauseCollection       `json:"pause_collection"`
	PendingUpdate        *pendingUpdate         `json:"pending_update"`
	Schedule             *string                `json:"schedule"`
	StartDate            int64                  `json:"start_date"`
	Status               string                 `json:"status"`
	TestClock            *string                `json:"test_clock"`
	TrialEnd             *int64                 `json:"trial_end"`
	TrialSettings        trialSettings          `json:"trial_settings"`
	TrialStart           *int64                 `json:"trial_start"`

	TrialWarned bool `json:"_trial_warned"` // trial_will_end has been sent
}

func (*subscription) kind() string { return "subscription" }

type subscriptionItem struct {
	ID           string            `json:"id"`
	Object       string            `json:"object"`
	Created      int64             `json:"created"`
	Metadata     map[string]string `json:"metadata"`
	Plan         map[string]any    `json:"plan"`
	Price        price             `json:"price"`
	Quantity     int64             `json:"quantity"`
	Subscription string            `json:"subscription"`
	TaxRates     []string          `json:"tax_rates"`
}

type cancellationDetails struct {
	Comment  *string `json:"comment"`
	Feedback *string `json:"feedback"`
	Reason   *string `json:"reason"`
}

type pauseCollection struct {
	Behavior  string `json:"behavior"`
	ResumesAt *int64 `json:"resumes_at"`
}

type trialSettings struct {
	EndBehavior struct {
		MissingPaymentMethod string `json:"missing_payment_method"` // cancel, create_invoice or pause
	} `json:"end_behavior"`
}

type pendingUpdate struct {
	BillingCycleAnchor *int64             `json:"billing_cycle_anchor"`
	ExpiresAt          int64              `json:"expires_at"`
	Items              []subscriptionItem `json:"subscription_items"`
	TrialEnd           *int64             `json:"trial_end"`
	TrialFromPlan      *bool              `json:"trial_from_plan"`
}

type period struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
}

type invoiceLine struct {
	ID                 string            `json:"id"`
	Object             string            `json:"object"`
	Amount             int64             `json:"amount"`
	Currency           string            `json:"currency"`
	Description        *string           `json:"description"`
	DiscountAmounts    []discountAmount  `json:"discount_amounts"`
	Discountable       bool              `json:"discountable"`
	InvoiceItem        *string           `json:"invoice_item"`
	Livemode           bool              `json:"livemode"`
	Metadata           map[string]string `json:"metadata"`
	Period             period            `json:"period"`
	Plan               map[string]any    `json:"plan"`
	Price              *price            `json:"price"`
	Proration          bool              `json:"proration"`
	Quantity           *int64            `json:"quantity"`
	Subscription       *string           `json:"subscription"`
	SubscriptionItem   *string           `json:"subscription_item,omitempty"`
	Type               string            `json:"type"` // subscription or invoiceitem
	UnitAmountExcluded *string           `json:"unit_amount_excluding_tax"`
}

type discountAmount struct {
	Amount   int64  `json:"amount"`
	Discount string `json:"discount"`
}

type statusTransitions struct {
	FinalizedAt           *int64 `json:"finalized_at"`
	MarkedUncollectibleAt *int64 `json:"marked_uncollectible_at"`
	PaidAt                *int64 `json:"paid_at"`
	VoidedAt              *int64 `json:"voided_at"`
}

type invoice struct {
	header
	AccountCountry       string              `json:"account_country"`
	AccountName          *string             `json:"account_name"`
	AmountDue            int64               `json:"amount_due"`
	AmountPaid           int64               `json:"amount_paid"`
	AmountRemaining      int64               `json:"amount_remaining"`
	AttemptCount         int64               `json:"attempt_count"`
	Attempted            bool                `json:"attempted"`
	AutoAdvance          bool                `json:"auto_advance"`
	BillingReason        string              `json:"billing_reason"`
	Charge               *string             `json:"charge"`
	CollectionMethod     string              `json:"collection_method"`
	Currency             string              `json:"currency"`
	Customer             string              `json:"customer"`
	CustomerEmail        *string             `json:"customer_email"`
	CustomerName         *string             `json:"customer_name"`
	DefaultPaymentMethod *string             `json:"default_payment_method"`
	Description          *string             `json:"description"`
	Discount             *discount           `json:"discount"`
	DueDate              *int64              `json:"due_date"`
	EffectiveAt          *int64              `json:"effective_at"`
	EndingBalance        *int64              `json:"ending_balance"`
	HostedInvoiceURL     *string             `json:"hosted_invoice_url"`
	InvoicePDF           *string             `json:"invoice_pdf"`
	Lines                list[invoiceLine]   `json:"lines"`
	Metadata             map[string]string   `json:"metadata"`
	NextPaymentAttempt   *int64              `json:"next_payment_attempt"`
	Number               *string             `json:"number"`
	Paid                 bool                `json:"paid"`
	PaymentIntent        *string             `json:"payment_intent"`
	PeriodEnd            int64               `json:"period_end"`
	PeriodStart          int64               `json:"period_start"`
	StartingBalance      int64               `json:"starting_balance"`
	Status               string              `json:"status"` // draft, open, paid, void or uncollectible
	StatusTransitions    statusTransitions   `json:"status_transitions"`
	Subscription         *string             `json:"subscription"`
	SubscriptionDetails  subscriptionDetails `json:"subscription_details"`
	Subtotal             int64               `json:"subtotal"`
	TestClock            *string             `json:"test_clock"`
	Total                int64               `json:"total"`
	TotalDiscountAmounts []discountAmount    `json:"total_discount_amounts"`

	Failures int64 `json:"_failures"` // failed attempts, which decide the next retry
	Final    bool  `json:"_final"`    // nothing more is tried
	Holds    bool  `json:"_holds"`    // it is for a change that waits until it is paid
}

func (*invoice) kind() string { return "invoice" }

type subscriptionDetails struct {
	Metadata map[string]string `json:"metadata"`
}

type invoiceItem struct {
	header
	Amount           int64             `json:"amount"`
	Currency         string            `json:"currency"`
	Customer         string            `json:"customer"`
	Date             int64             `json:"date"`
	Description      *string           `json:"description"`
	Discountable     bool              `json:"discountable"`
	Invoice          *string           `json:"invoice"`
	Metadata         map[string]string `json:"metadata"`
	Period           period            `json:"period"`
	Plan             map[string]any    `json:"plan"`
	Price            *price            `json:"price"`
	Proration        bool              `json:"proration"`
	Quantity         int64             `json:"quantity"`
	Subscription     *string           `json:"subscription"`
	SubscriptionItem *string           `json:"subscription_item,omitempty"`
	TestClock        *string           `json:"test_clock"`
	UnitAmount       *int64            `json:"unit_amount"`
}

func (*invoiceItem) kind() string { return "invoiceitem" }

type paymentIntent struct {
	header
	Amount             int64             `json:"amount"`
	AmountReceived     int64             `json:"amount_received"`
	CanceledAt         *int64            `json:"canceled_at"`
	ClientSecret       string            `json:"client_secret"`
	Currency           string            `json:"currency"`
	Customer           *string           `json:"customer"`
	Description        *string           `json:"description"`
	Invoice            *string           `json:"invoice"`
	LastPaymentError   *apiError         `json:"last_payment_error"`
	LatestCharge       *string           `json:"latest_charge"`
	Metadata           map[string]string `json:"metadata"`
	NextAction         map[string]any    `json:"next_action"`
	PaymentMethod      *string           `json:"payment_method"`
	PaymentMethodTypes []string          `json:"payment_method_types"`
	SetupFutureUsage   *string           `json:"setup_future_usage"`
	Status             string            `json:"status"`

	Session  *string `json:"_session"`   // the checkout it pays
	SettleAt int64   `json:"_settle_at"` // when a bank debit under way succeeds by itself
}

func (*paymentIntent) kind() string { return "payment_intent" }

type charge struct {
	header
	Amount               int64             `json:"amount"`
	AmountCaptured       int64             `json:"amount_captured"`
	AmountRefunded       int64             `json:"amount_refunded"`
	BillingDetails       billingDetails    `json:"billing_details"`
	Captured             bool              `json:"captured"`
	Currency             string            `json:"currency"`
	Customer             *string           `json:"customer"`
	Description          *string           `json:"description"`
	FailureCode          *string           `json:"failure_code"`
	FailureMessage       *string           `json:"failure_message"`
	Invoice              *string           `json:"invoice"`
	Metadata             map[string]string `json:"metadata"`
	Outcome              map[string]any    `json:"outcome"`
	Paid                 bool              `json:"paid"`
	PaymentIntent        *string           `json:"payment_intent"`
	PaymentMethod        *string           `json:"payment_method"`
	PaymentMethodDetails map[string]any    `json:"payment_method_details"`
	ReceiptEmail         *string           `json:"receipt_email"`
	Refunded             bool              `json:"refunded"`
	Status               string            `json:"status"` // succeeded, pending or failed
}

func (*charge) kind() string { return "charge" }

type refund struct {
	header
	Amount        int64             `json:"amount"`
	Charge        string            `json:"charge"`
	Currency      string            `json:"currency"`
	Metadata      map[string]string `json:"metadata"`
	PaymentIntent *string           `json:"payment_intent"`
	Reason        *string           `json:"reason"`
	Status        string            `json:"status"`
}

func (*refund) kind() string { return "refund" }

type subscriptionSchedule struct {
	header
	CanceledAt           *int64            `json:"canceled_at"`
	CompletedAt          *int64            `json:"completed_at"`
	CurrentPhase         *currentPhase     `json:"current_phase"`
	Customer             string            `json:"customer"`
	EndBehavior          string            `json:"end_behavior"` // release or cancel
	Metadata             map[string]string `json:"metadata"`
	Phases               []schedulePhase   `json:"phases"`
	ReleasedAt           *int64            `json:"released_at"`
	ReleasedSubscription *string           `json:"released_subscription"`
	Status               string            `json:"status"`
	Subscription         *string           `json:"subscription"`
	TestClock            *string           `json:"test_clock"`
}

func (*subscriptionSchedule) kind() string { return "subscription_schedule" }

type currentPhase struct {
	StartDate int64 `json:"start_date"`
	EndDate   int64 `json:"end_date"`
}

type schedulePhase struct {
	Currency          string              `json:"currency"`
	StartDate         int64               `json:"start_date"`
	EndDate           int64               `json:"end_date"`
	Items             []schedulePhaseItem `json:"items"`
	Metadata          map[string]string   `json:"metadata"`
	ProrationBehavior string              `json:"proration_behavior"`
	TrialEnd          *int64              `json:"trial_end"`
}

type schedulePhaseItem struct {
	Metadata map[string]string `json:"metadata"`
	Plan     string            `json:"plan"`
	Price    string            `json:"price"`
	Quantity int64             `json:"quantity"`
	TaxRates []string          `json:"tax_rates"`
}
