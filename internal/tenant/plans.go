package tenant

import (
	"context"
	"strings"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// checkPlan returns errs.UnknownPlan unless the name is that of a tier which customers can be put on; the empty name is
// that of the default tier.
func checkPlan(ctx context.Context, tx db.Tenant, name string) error {
	if name == "" {
		ok, err := queries.HasDefaultTier(ctx, tx, string(tx.Platform))
		if err == nil && !ok {
			return errs.New(errs.UnknownPlan, "Say which plan: the platform has no free tier that would be the default.")
		}
		return err
	}
	found, err := readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(tx.Platform), Name: &name})
	if err == nil && len(found) == 0 {
		return UnknownPlan(ctx, tx, "plan", name)
	}
	return err
}

func unknownUser(userID string) error {
	return errs.New(errs.NotFound, "There is no customer %s here. Create the customer first, or, if you keep your "+
		"users yourself, say the plan: X-User-Plan, or the field plan of a batch's item and of a grant.", userID)
}

// UnknownPlan is the error of a parameter that names no tier on sale.
func UnknownPlan(ctx context.Context, tx db.Tenant, param, name string) error {
	tiers, err := readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(tx.Platform)})
	if err != nil {
		return err
	}
	names := make([]string, len(tiers))
	for i, t := range tiers {
		names[i] = t.Name
	}
	e := errs.New(errs.UnknownPlan, "There is no plan %q here. The plans are: %s.", name, strings.Join(names, ", "))
	e.Param = param
	return e
}

// Buyer is a customer who is about to pay.
type Buyer struct {
	Email string // empty where the developer keeps it
	Name  string
}

// LockBuyer holds the row of a customer who is about to pay. A user whom the developer keeps becomes a customer by that,
// on the stated plan: from now on it is ours to say what plan they are on.
func LockBuyer(ctx context.Context, tx db.Tenant, userID, stated string) (Buyer, error) {
	err := LockCustomer(ctx, tx, userID)
	if errs.Is(err, errs.NotFound) && stated != "" {
		if !ValidUserID(userID) {
			return Buyer{}, errs.InvalidParam("X-User-Id", "X-User-Id has 1 to 128 letters, digits and _ . : @ | -")
		}
		if err := checkPlan(ctx, tx, stated); err != nil {
			return Buyer{}, err
		}
		var made int64
		made, err = queries.InsertExternalCustomer(ctx, tx, tenantdb.InsertExternalCustomerParams{
			PlatformID: string(tx.Platform), ID: userID, Plan: &stated,
		})
		if err == nil && made > 0 {
			err = RecordHere(ctx, tx, TimelineEntry{CustomerID: userID, Kind: Created, Via: ByCheckout, Detail: map[string]any{"plan": stated}})
		}
		if err == nil {
			err = LockCustomer(ctx, tx, userID)
		}
	} else if errs.Is(err, errs.NotFound) {
		return Buyer{}, unknownUser(userID)
	}
	if err != nil {
		return Buyer{}, err
	}
	row, err := queries.Customer(ctx, tx, tenantdb.CustomerParams{PlatformID: string(tx.Platform), ID: userID})
	if err != nil {
		return Buyer{}, err
	}
	buyer := Buyer{Name: strings.TrimSpace(row.TenantCustomer.FirstName + " " + row.TenantCustomer.LastName)}
	if row.TenantCustomer.Email != nil {
		buyer.Email = *row.TenantCustomer.Email
	}
	return buyer, nil
}
