package tenant

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// TiersChanged is the job that has Stripe know a platform's price list.
type TiersChanged struct {
	PlatformID id.Platform `json:"platformId"`
}

// Kind names the job.
func (TiersChanged) Kind() string { return "tenant.tiers_changed" }

// Outside says that the job waits for Stripe.
func (TiersChanged) Outside() {}

// publishWithin is when the job runs if nobody has published the change before, as whoever made it does.
const publishWithin = 30 * time.Second

// PublishSoon has a price list that changes in the transaction published, whatever becomes of who changes it.
func PublishSoon(ctx context.Context, tx db.Tenant, queue *jobs.Enqueuer) error {
	return queue.EnqueueIn(ctx, tx.Tx, publishWithin, TiersChanged{tx.Platform})
}

// Unpublished is what Stripe does not know yet of a tier. Publishing is package billing's; what follows is how it reads
// and records.
type Unpublished struct {
	Name        string
	DisplayName string
	Archived    bool
	ProductID   string // empty: Stripe has no product yet
	Version     int64
	New         []UnpublishedPrice // to be created
	Old         []UnpublishedPrice // to be taken off sale
}

// UnpublishedPrice is a price that Stripe has to make or to withdraw.
type UnpublishedPrice struct {
	ID       id.Price
	Interval string
	Amount   int64
	Currency string
	StripeID string
}

// UnpublishedTiers lists the tiers of which Stripe does not know everything.
func UnpublishedTiers(ctx context.Context, tx db.Tenant) ([]Unpublished, error) {
	names, err := queries.Unpublished(ctx, tx, string(tx.Platform))
	if err != nil {
		return nil, err
	}
	tiers := make([]Unpublished, len(names))
	for i, name := range names {
		if tiers[i], err = unpublished(ctx, tx, name); err != nil {
			return nil, err
		}
	}
	return tiers, nil
}

func unpublished(ctx context.Context, tx db.Tenant, name string) (Unpublished, error) {
	row, err := queries.TierToPublish(ctx, tx, tenantdb.TierToPublishParams{PlatformID: string(tx.Platform), Name: name})
	if err != nil {
		return Unpublished{}, err
	}
	u := Unpublished{
		Name: row.Name, DisplayName: row.DisplayName, Archived: row.Archived, ProductID: row.StripeProductID, Version: row.Version,
	}
	prices, err := queries.PricesToPublish(ctx, tx, tenantdb.PricesToPublishParams{PlatformID: string(tx.Platform), Tier: name})
	if err != nil {
		return Unpublished{}, err
	}
	for _, p := range prices {
		price := UnpublishedPrice{id.Price(p.ID), p.Interval, p.Amount, p.Currency, p.StripePriceID}
		if p.StripePriceID == "" {
			u.New = append(u.New, price)
		} else {
			u.Old = append(u.Old, price)
		}
	}
	return u, nil
}

// ProductPublished records the product that a tier has at Stripe.
func ProductPublished(ctx context.Context, tx db.Tenant, tier, product string) error {
	return queries.ProductPublished(ctx, tx, tenantdb.ProductPublishedParams{
		PlatformID: string(tx.Platform), Name: tier, ProductID: &product,
	})
}

// PricePublished records what a price is called at Stripe.
func PricePublished(ctx context.Context, tx db.Tenant, price id.Price, stripeID string) error {
	return queries.PricePublished(ctx, tx, tenantdb.PricePublishedParams{
		PlatformID: string(tx.Platform), ID: string(price), StripePriceID: &stripeID,
	})
}

// PriceWithdrawn records that Stripe has taken a retired price off sale.
func PriceWithdrawn(ctx context.Context, tx db.Tenant, price id.Price) error {
	return queries.PriceWithdrawn(ctx, tx, tenantdb.PriceWithdrawnParams{PlatformID: string(tx.Platform), ID: string(price)})
}

// TierPublished records that Stripe knows a tier as it was in the version.
func TierPublished(ctx context.Context, tx db.Tenant, tier string, version int64) error {
	return queries.TierPublished(ctx, tx, tenantdb.TierPublishedParams{
		PlatformID: string(tx.Platform), Name: tier, Version: version,
	})
}

// TierNotPublished records why Stripe does not know a tier, in words for its developer.
func TierNotPublished(ctx context.Context, tx db.Tenant, tier, because string) error {
	return queries.TierNotPublished(ctx, tx, tenantdb.TierNotPublishedParams{
		PlatformID: string(tx.Platform), Name: tier, Because: &because,
	})
}

// TierOfStripe finds what is paid for by a price of Stripe's: the tier and our price or, for a price that somebody made
// by hand for the product of a tier, the tier alone. Both are empty for what is none of the platform's.
func TierOfStripe(ctx context.Context, tx db.Tenant, stripePrice, product string) (tier string, price id.Price, err error) {
	row, err := queries.TierOfStripePrice(ctx, tx, tenantdb.TierOfStripePriceParams{
		PlatformID: string(tx.Platform), StripePriceID: &stripePrice,
	})
	if err == nil || !db.NoRows(err) {
		return row.Tier, id.Price(row.ID), err
	}
	tier, err = queries.TierOfProduct(ctx, tx, tenantdb.TierOfProductParams{
		PlatformID: string(tx.Platform), ProductID: &product,
	})
	if db.NoRows(err) {
		return "", "", nil
	}
	return tier, "", err
}

// PriceList reads the tiers on sale, in their order.
func PriceList(ctx context.Context, tx db.Tenant) ([]Tier, error) {
	return readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(tx.Platform)})
}
