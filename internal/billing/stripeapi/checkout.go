package stripeapi

import (
	"context"
	"maps"

	"github.com/stripe/stripe-go/v76"
)

// Session is a checkout at Stripe.
type Session struct {
	ID           string
	URL          string // where the customer pays; empty once that is over
	Status       string // open, complete or expired
	Customer     string
	Subscription string // empty until it is complete
}

// NewSession is what a checkout is made from.
type NewSession struct {
	Customer   string
	PriceID    string
	TrialDays  int
	SuccessURL string // {CHECKOUT_SESSION_ID} stands for the session's id
	CancelURL  string
	Reference  string // our own id of whom it is for
	Promotions bool   // the customer may type a promotion code in
	Metadata   map[string]string
}

// CreateCustomer makes a customer.
func (a *API) CreateCustomer(ctx context.Context, at Account, key, email, name string, metadata map[string]string) (string, error) {
	c, base := a.as(ctx, at, key)
	params := &stripe.CustomerParams{Params: base, Metadata: metadata}
	if email != "" {
		params.Email = stripe.String(email)
	}
	if name != "" {
		params.Name = stripe.String(name)
	}
	made, err := c.Customers.New(params)
	if err != nil {
		return "", refusal(err)
	}
	return made.ID, nil
}

// CreateSession makes a checkout of a subscription. The key makes a repetition answer with the same one.
func (a *API) CreateSession(ctx context.Context, at Account, key string, n NewSession) (Session, error) {
	c, base := a.as(ctx, at, key)
	params := &stripe.CheckoutSessionParams{
		Params:            base,
		Mode:              stripe.String(string(stripe.CheckoutSessionModeSubscription)),
		Customer:          stripe.String(n.Customer),
		ClientReferenceID: stripe.String(n.Reference),
		SuccessURL:        stripe.String(n.SuccessURL),
		CancelURL:         stripe.String(n.CancelURL),
		Metadata:          n.Metadata,
		LineItems:         []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(n.PriceID), Quantity: stripe.Int64(1)}},
		SubscriptionData:  &stripe.CheckoutSessionSubscriptionDataParams{Metadata: maps.Clone(n.Metadata)},
	}
	if n.Promotions {
		params.AllowPromotionCodes = stripe.Bool(true)
	}
	if n.TrialDays > 0 {
		params.SubscriptionData.TrialPeriodDays = stripe.Int64(int64(n.TrialDays))
	}
	made, err := c.CheckoutSessions.New(params)
	if err != nil {
		return Session{}, refusal(err)
	}
	return sessionFrom(made), nil
}

// Session returns a checkout as it is now.
func (a *API) Session(ctx context.Context, at Account, id string) (Session, error) {
	c, base := a.as(ctx, at, "")
	found, err := c.CheckoutSessions.Get(id, &stripe.CheckoutSessionParams{Params: base})
	if err != nil {
		return Session{}, refusal(err)
	}
	return sessionFrom(found), nil
}

// ExpireSession ends an open checkout; ErrRefused says that it is not open.
func (a *API) ExpireSession(ctx context.Context, at Account, id string) error {
	c, base := a.as(ctx, at, "")
	_, err := c.CheckoutSessions.Expire(id, &stripe.CheckoutSessionExpireParams{Params: base})
	return refusal(err)
}

func sessionFrom(s *stripe.CheckoutSession) Session {
	session := Session{ID: s.ID, URL: s.URL, Status: string(s.Status)}
	if s.Customer != nil {
		session.Customer = s.Customer.ID
	}
	if s.Subscription != nil {
		session.Subscription = s.Subscription.ID
	}
	return session
}
