package dream

import (
	"context"
	"errors"
	"net/http"
)

var errNobody = errors.New("dream: the id, or the token, of the user is empty")

// Checkout is a page at Stripe.
type Checkout struct {
	Meta `json:"-"`
	URL  string `json:"url"` // where to send the browser
}

// CheckoutOption is an option of [Client.Checkout]: [Interval], [SuccessURL], [CancelURL], [Plan] or [IdempotencyKey].
type CheckoutOption interface{ checkout(*order) }

type order struct {
	request    *request
	Tier       string     `json:"tier"`
	Interval   Interval   `json:"interval,omitempty"`
	SuccessURL SuccessURL `json:"successUrl,omitempty"`
	CancelURL  CancelURL  `json:"cancelUrl,omitempty"`
}

// Interval is how often is paid.
type Interval string

// The intervals.
const (
	Monthly Interval = "month"
	Yearly  Interval = "year"
)

// SuccessURL is where the browser goes after the payment. The plan is right when it arrives.
type SuccessURL string

// CancelURL is where the browser goes without it.
type CancelURL string

func (i Interval) checkout(o *order)       { o.Interval = i }
func (u SuccessURL) checkout(o *order)     { o.SuccessURL = u }
func (u CancelURL) checkout(o *order)      { o.CancelURL = u }
func (p Plan) checkout(o *order)           { o.request.plan = string(p) }
func (k IdempotencyKey) checkout(o *order) { o.request.key = k }

// Checkout makes a page at Stripe, on which the user subscribes to the tier or confirms the change of a subscription.
func (c *Client) Checkout(ctx context.Context, userID, tier string, options ...CheckoutOption) (*Checkout, error) {
	return c.checkout(ctx, subject{user: userID}, tier, options)
}

func (c *Client) checkout(ctx context.Context, who subject, tier string, options []CheckoutOption) (*Checkout, error) {
	r := who.of(post("/api/create-checkout", nil))
	in := order{request: &r, Tier: tier}
	for _, o := range options {
		o.checkout(&in)
	}
	r.body = in
	return c.address(ctx, r)
}

// Portal makes a page at Stripe, on which the customer changes or cancels the subscription, changes the card and finds
// invoices. returnURL is where its way back leads; empty: to a page of ours.
func (c *Client) Portal(ctx context.Context, userID, returnURL string) (*Checkout, error) {
	return c.portal(ctx, subject{user: userID}, returnURL)
}

func (c *Client) portal(ctx context.Context, who subject, returnURL string) (*Checkout, error) {
	r := who.of(request{method: http.MethodPost, path: "/api/customer-portal", repeatable: true})
	if returnURL != "" {
		r.body = map[string]string{"returnUrl": returnURL}
	}
	return c.address(ctx, r)
}

func (c *Client) address(ctx context.Context, r request) (*Checkout, error) {
	var page Checkout
	meta, err := c.do(ctx, r, &page)
	if err != nil {
		return nil, err
	}
	page.Meta = meta
	return &page, nil
}

// upgradable has a TierLimitError know whose it is.
func (c *Client) upgradable(err error, who subject, plan string) error {
	var limit *TierLimitError
	if errors.As(err, &limit) {
		limit.checkout = func(ctx context.Context, tier string, options []CheckoutOption) (*Checkout, error) {
			if plan != "" {
				options = append([]CheckoutOption{Plan(plan)}, options...)
			}
			return c.checkout(ctx, who, tier, options)
		}
	}
	return err
}

// Tier is an entry of the price list.
type Tier struct {
	Meta        `json:"-"`
	Name        string               `json:"name"`
	DisplayName string               `json:"displayName"`
	Price       int64                `json:"price"` // in the currency's minor unit; this, PriceID and Interval are those of the first of Prices
	Currency    string               `json:"currency"`
	Interval    Interval             `json:"interval"`
	Limit       *int64               `json:"limit"` // of requests; nil: unlimited
	Meters      map[string]TierLimit `json:"meters"`
	Features    []string             `json:"features"`
	PriceID     *string              `json:"priceId"` // at Stripe
	Prices      []Price              `json:"prices"`
	TrialDays   int                  `json:"trialDays"`
}

// TierLimit is what a tier grants of a meter.
type TierLimit struct {
	Limit  *int64 `json:"limit"` // nil: unlimited
	Period string `json:"period"`
	Anchor string `json:"anchor"` // from where periods are counted: calendar, customer or subscription
}

// Price is what a tier costs for an interval.
type Price struct {
	Interval Interval `json:"interval"`
	Price    int64    `json:"price"` // in the currency's minor unit
	PriceID  *string  `json:"priceId"`
}

// Tiers is the price list, in its order.
func (c *Client) Tiers(ctx context.Context) ([]Tier, error) {
	var answer struct{ Tiers []Tier }
	meta, err := c.do(ctx, request{method: http.MethodGet, path: "/api/tiers"}, &answer)
	for i := range answer.Tiers {
		answer.Tiers[i].Meta = meta
	}
	return answer.Tiers, err
}

// User acts for a user by their own token, which is good for this user alone.
type User struct {
	client *Client
	who    func() subject // so that nothing which prints a User shows the token
}

// As makes a User of a session token.
func (c *Client) As(token string) *User {
	return &User{c, func() subject { return subject{token: token} }}
}

// Track is as [Client.Track]. A user's own token gives no units back, and states no plan.
func (u *User) Track(ctx context.Context, options ...TrackOption) (*Usage, error) {
	return u.client.track(ctx, u.who(), options)
}

// Usage is as [Client.Usage].
func (u *User) Usage(ctx context.Context) (*UsageReport, error) {
	return u.client.usage(ctx, u.who(), nil)
}

// Checkout is as [Client.Checkout]; the addresses must be at allowed origins of the platform.
func (u *User) Checkout(ctx context.Context, tier string, options ...CheckoutOption) (*Checkout, error) {
	return u.client.checkout(ctx, u.who(), tier, options)
}

// Portal is as [Client.Portal]; the address must be at an allowed origin of the platform.
func (u *User) Portal(ctx context.Context, returnURL string) (*Checkout, error) {
	return u.client.portal(ctx, u.who(), returnURL)
}
