package billing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"

	"github.com/dream-api/dream-api/internal/billing/billingdb"
	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// mostProducts is how many products a portal can show, as Stripe has it.
const mostProducts = 10

// Portal returns the address of the billing portal of a customer who has paid, or tried to, before.
func (c *Cashier) Portal(ctx context.Context, at id.Platform, customerID, returnURL string) (string, error) {
	if returnURL == "" {
		returnURL = c.urls.Customer + "/checkout/done"
	}
	var customer string
	var account stripeapi.Account
	err := c.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if err := tenant.LockCustomer(ctx, tx, customerID); err != nil {
			return err
		}
		alive, err := queries.Living(ctx, tx, billingdb.LivingParams{PlatformID: string(at), CustomerID: customerID})
		if err != nil {
			return err
		}
		if len(alive) > 0 {
			account = stripeapi.Account(alive[0].Account)
		} else if account, _, err = accountOf(ctx, tx); err != nil {
			return err
		}
		customer, err = queries.StripeCustomer(ctx, tx, billingdb.StripeCustomerParams{
			PlatformID: string(at), Account: string(account), CustomerID: customerID,
		})
		if db.NoRows(err) || err == nil && customer == "" {
			return errs.New(errs.Conflict, "The customer has never checked out, so there is nothing in the billing portal yet.")
		}
		return err
	})
	if err != nil {
		return "", err
	}
	address, err := c.openPortal(ctx, at, account, stripeapi.Visit{Customer: customer, ReturnURL: returnURL})
	if errors.Is(err, stripeapi.ErrNotFound) {
		return "", errors.Join(errs.New(errs.Conflict, "The customer is not at Stripe any more. Check out again."),
			c.forgetStripeCustomer(ctx, at, account, customerID, customer))
	}
	return address, err
}

// openPortal opens the portal as the platform's own configuration has it, which shows the platform's prices and nobody
// else's.
func (c *Cashier) openPortal(ctx context.Context, at id.Platform, account stripeapi.Account, v stripeapi.Visit) (string, error) {
	shown, configuration, wanted, err := c.portalOf(ctx, at, account, v.PriceID)
	if err != nil {
		return "", err
	}
	hash, err := fingerprint(wanted)
	if err != nil {
		return "", err
	}
	if configuration == "" || !bytes.Equal(shown, hash) {
		if configuration, err = c.api.PutPortal(ctx, account, configuration, wanted); err != nil {
			return "", err
		}
		err = c.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
			return queries.PutPortal(ctx, tx, billingdb.PutPortalParams{
				PlatformID: string(at), Account: string(account), ConfigurationID: configuration, Shows: hash,
			})
		})
		if err != nil {
			return "", err
		}
	}
	v.Configuration = configuration
	return c.api.OpenPortal(ctx, account, v)
}

// portalOf reads the configuration that there is, and what it should show: the price that is asked for at any rate.
func (c *Cashier) portalOf(
	ctx context.Context, at id.Platform, account stripeapi.Account, asked string,
) (shown []byte, configuration string, wanted stripeapi.Portal, err error) {
	wanted = stripeapi.Portal{
		Headline:  "Your plan and invoices",
		ReturnURL: c.urls.Customer + "/checkout/done",
		Metadata:  map[string]string{"dreamapi_platform": string(at)},
	}
	err = c.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		row, err := queries.Portal(ctx, tx, billingdb.PortalParams{PlatformID: string(at), Account: string(account)})
		if err != nil && !db.NoRows(err) {
			return err
		}
		shown, configuration = row.Shows, row.ConfigurationID
		tiers, err := tenant.PriceList(ctx, tx)
		if err != nil {
			return err
		}
		for _, t := range tiers {
			if t.Free() || t.ProductID == nil {
				continue
			}
			product := stripeapi.PortalProduct{ID: *t.ProductID}
			for _, p := range t.Prices {
				if p.StripeID != nil {
					product.Prices = append(product.Prices, *p.StripeID)
				}
			}
			switch {
			case len(product.Prices) == 0:
			case len(wanted.Products) < mostProducts:
				wanted.Products = append(wanted.Products, product)
			case slices.Contains(product.Prices, asked):
				wanted.Products[mostProducts-1] = product
			}
		}
		return nil
	})
	return shown, configuration, wanted, err
}

func fingerprint(p stripeapi.Portal) ([]byte, error) {
	encoded, err := json.Marshal(struct {
		Features int // counts up when stripeapi.PutPortal asks for others
		stripeapi.Portal
	}{1, p})
	sum := sha256.Sum256(encoded)
	return sum[:], err
}
