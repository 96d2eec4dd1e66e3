package stripeapi

import (
	"context"
	"errors"

	"github.com/stripe/stripe-go/v76"
)

// Product is a tier at Stripe. We choose its id, so that a run that was cut off makes no second one.
type Product struct {
	ID, Name string
	Active   bool
	Metadata map[string]string
}

// Price is what a product costs for an interval, in the currency's minor unit. The key is our own id of it, unique on an
// account, so that a run that was cut off finds what it made.
type Price struct {
	Key, ProductID     string
	Amount             int64
	Currency, Interval string
	Metadata           map[string]string
}

// PutProduct makes the product, or changes the one that is there.
func (a *API) PutProduct(ctx context.Context, at Account, p Product) error {
	c, base := a.as(ctx, at, "")
	params := &stripe.ProductParams{
		Params: base, ID: stripe.String(p.ID), Name: stripe.String(p.Name), Active: stripe.Bool(p.Active), Metadata: p.Metadata,
	}
	_, err := c.Products.New(params)
	if err = refusal(err); !errors.Is(err, ErrExists) {
		return err
	}
	_, base = a.as(ctx, at, "")
	_, err = c.Products.Update(p.ID, &stripe.ProductParams{
		Params: base, Name: stripe.String(p.Name), Active: stripe.Bool(p.Active), Metadata: p.Metadata,
	})
	return refusal(err)
}

// MakePrice makes the price, or finds the one that has its key, and returns Stripe's id of it.
func (a *API) MakePrice(ctx context.Context, at Account, p Price) (string, error) {
	if id, err := a.priceByKey(ctx, at, p.Key); err != nil || id != "" {
		return id, err
	}
	c, base := a.as(ctx, at, "") // the lookup key already keeps a second one from being made
	made, err := c.Prices.New(&stripe.PriceParams{
		Params: base, Product: stripe.String(p.ProductID), LookupKey: stripe.String(p.Key), Currency: stripe.String(p.Currency),
		UnitAmount: stripe.Int64(p.Amount), Metadata: p.Metadata,
		Recurring: &stripe.PriceRecurringParams{Interval: stripe.String(p.Interval)},
	})
	if err = refusal(err); errors.Is(err, ErrExists) {
		return a.priceByKey(ctx, at, p.Key)
	}
	if err != nil {
		return "", err
	}
	return made.ID, nil
}

func (a *API) priceByKey(ctx context.Context, at Account, key string) (string, error) {
	c, base := a.listAs(ctx, at)
	found := c.Prices.List(&stripe.PriceListParams{ListParams: base, LookupKeys: []*string{stripe.String(key)}})
	if found.Next() {
		return found.Price().ID, nil
	}
	return "", refusal(found.Err())
}

// WithdrawPrice takes a price off sale. Who subscribed to it stays on it.
func (a *API) WithdrawPrice(ctx context.Context, at Account, id string) error {
	c, base := a.as(ctx, at, "")
	_, err := c.Prices.Update(id, &stripe.PriceParams{Params: base, Active: stripe.Bool(false)})
	return refusal(err)
}
