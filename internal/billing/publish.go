package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// publisher makes a price list known to Stripe: a product for each tier, the free ones too, and a price for each of its
// prices. Every name at Stripe follows from one of ours, so a run that was cut off is simply repeated: it finds what it
// made, and leaves nothing behind.
type publisher struct {
	db  *db.DB
	api *stripeapi.API
}

// publish has Stripe know all that it does not know yet of the platform's tiers. Where there is no account to know them,
// that is no failure.
func (p publisher) publish(ctx context.Context, at id.Platform) error {
	var tiers []tenant.Unpublished
	var account stripeapi.Account
	err := p.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		if account, _, err = accountOf(ctx, tx); err != nil {
			return err
		}
		tiers, err = tenant.UnpublishedTiers(ctx, tx)
		return err
	})
	if errs.Is(err, errs.NotConnected) {
		return nil
	}
	if err != nil {
		return err
	}
	var failed error
	for _, t := range tiers {
		if err := p.tier(ctx, at, account, t); err != nil {
			failed = errors.Join(failed, err, p.record(ctx, at, t.Name, err))
		}
	}
	return failed
}

// record keeps in words why Stripe does not know a tier.
func (p publisher) record(ctx context.Context, at id.Platform, tier string, because error) error {
	words := "Something is broken on our side."
	var known *errs.Error
	if errors.As(because, &known) {
		words = known.Message
	}
	return p.db.Tenant(context.WithoutCancel(ctx), at, func(ctx context.Context, tx db.Tenant) error {
		return tenant.TierNotPublished(ctx, tx, tier, words)
	})
}

func (p publisher) tier(ctx context.Context, at id.Platform, account stripeapi.Account, t tenant.Unpublished) error {
	product := fmt.Sprintf("dreamapi_%s_%s", at, t.Name)
	metadata := map[string]string{"dreamapi_platform": string(at), "dreamapi_tier": t.Name}
	err := p.api.PutProduct(ctx, account, stripeapi.Product{
		ID: product, Name: t.DisplayName, Active: !t.Archived, Metadata: metadata,
	})
	if err != nil {
		return err
	}
	in := func(record func(context.Context, db.Tenant) error) error { return p.db.Tenant(ctx, at, record) }
	if t.ProductID == "" {
		err := in(func(ctx context.Context, tx db.Tenant) error {
			return tenant.ProductPublished(ctx, tx, t.Name, product)
		})
		if err != nil {
			return err
		}
	}
	for _, price := range t.New {
		stripeID, err := p.api.MakePrice(ctx, account, stripeapi.Price{
			Key: string(price.ID), ProductID: product, Amount: price.Amount, Currency: price.Currency, Interval: price.Interval,
			Metadata: metadata,
		})
		if err != nil {
			return err
		}
		err = in(func(ctx context.Context, tx db.Tenant) error {
			return tenant.PricePublished(ctx, tx, price.ID, stripeID)
		})
		if err != nil {
			return err
		}
	}
	for _, price := range t.Old {
		if err := p.api.WithdrawPrice(ctx, account, price.StripeID); err != nil {
			return err
		}
		err := in(func(ctx context.Context, tx db.Tenant) error { return tenant.PriceWithdrawn(ctx, tx, price.ID) })
		if err != nil {
			return err
		}
	}
	return in(func(ctx context.Context, tx db.Tenant) error { return tenant.TierPublished(ctx, tx, t.Name, t.Version) })
}
