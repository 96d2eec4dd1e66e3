package tenant

import (
	"context"
	"encoding/json"
	"regexp"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// DefaultMeter is the meter that every platform has.
const DefaultMeter = "requests"

// DefaultRateLimit is how many calls a minute a user may make on a tier that says nothing of it.
const DefaultRateLimit = 100

const (
	highestLimit     = 1 << 53 // what every JSON reader holds exactly
	highestRateLimit = 1_000_000
	mostTiers        = 100
	longestTrial     = 730 // Stripe's own bound, in days
)

var (
	anchors   = []string{FromCalendar, FromCustomer, FromSubscription}
	periods   = []string{"minute", "hour", "day", "week", "month", "year", "lifetime"}
	nameForm  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)
	formNamed = "begins with a small letter and goes on with up to 39 small letters, digits, _ and -"
)

// Tier is an entry of the price list.
type Tier struct {
	Name        string
	DisplayName string
	Currency    string  // the platform's
	Prices      []Price // one for an interval, the month first; a free tier has one of 0
	TrialDays   int     // before the first payment of somebody who never subscribed
	Features    []string
	RateLimit   int // calls a minute for each user
	Position    int
	ProductID   *string // at Stripe; nil until Stripe has it
	Published   bool    // Stripe knows the tier as it is
	Problem     *string // why it does not
	Archived    bool
	Version     int64            // counts the changes
	Limits      map[string]Limit // by meter; a meter that is not here is not part of the tier
}

// Price is what a tier costs for an interval.
type Price struct {
	ID       id.Price `json:"id"`
	Interval string   `json:"interval"` // month or year
	Amount   int64    `json:"price"`    // in the currency's minor unit
	StripeID *string  `json:"stripeId"` // nil until Stripe has it
}

// Primary is the price that the tier is known by: the monthly one, where there is one.
func (t Tier) Primary() Price {
	if len(t.Prices) == 0 {
		return Price{}
	}
	return t.Prices[0]
}

// Free reports whether the tier costs nothing.
func (t Tier) Free() bool { return t.Primary().Amount == 0 }

// Per returns the tier's price for an interval; the empty interval is that of the primary price.
func (t Tier) Per(interval string) (Price, bool) {
	for _, p := range t.Prices {
		if interval == "" || p.Interval == interval {
			return p, true
		}
	}
	return Price{}, false
}

// Limit is how much of a meter a tier grants in a period.
type Limit struct {
	Max    *int64 `json:"max"` // nil: unlimited
	Period string `json:"period"`
	Anchor string `json:"anchor"` // from where periods are counted
}

// Slot is the name of the counter of a meter that has the limit: one kind of period does not share its count with another.
func (l Limit) Slot(meter string) string {
	if l.Anchor == FromCalendar || l.Period == "lifetime" {
		return meter + " " + l.Period
	}
	return meter + " " + l.Period + " " + l.Anchor
}

// From where the periods of a limit are counted.
const (
	FromCalendar     = "calendar"     // of UTC
	FromCustomer     = "customer"     // the moment at which the customer was created
	FromSubscription = "subscription" // the present period of the subscription
)

// TierChange holds what shall change; nil leaves a field as it is. Prices and Limits make the new ones of the present
// ones.
type TierChange struct {
	Version     *int64 // of which the change is one; the tier must not have changed since
	DisplayName *string
	Prices      func(now map[string]int64) (map[string]int64, error) // by interval
	TrialDays   *int
	Features    *[]string
	RateLimit   *int
	Position    *int
	Archived    *bool
	Limits      func(now map[string]Limit) (map[string]Limit, error)
}

// Tiers lists the price list of the platform in its order, as the platform's customers see it.
func (g *Gate) Tiers(ctx context.Context, at id.Platform) ([]Tier, error) {
	return listTiers(ctx, g.db, at, false)
}

// Tiers lists all tiers of the platform in their order.
func (a *Admin) Tiers(ctx context.Context, at id.Platform) ([]Tier, error) {
	return listTiers(ctx, a.db, at, true)
}

// Tier returns one tier, an archived one too.
func (a *Admin) Tier(ctx context.Context, at id.Platform, name string) (Tier, error) {
	var found Tier
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		found, err = TierNamed(ctx, tx, name)
		return err
	})
	return found, err
}

// CustomersByPlan counts the platform's customers by their plan; those with none are under the empty name.
func (a *Admin) CustomersByPlan(ctx context.Context, at id.Platform) (map[string]int64, error) {
	counts := map[string]int64{}
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		rows, err := queries.CustomersByPlan(ctx, tx, string(at))
		for _, row := range rows {
			counts[row.Plan] = row.Customers
		}
		return err
	})
	return counts, err
}

// HasCustomers reports whether the platform has a customer.
func (a *Admin) HasCustomers(ctx context.Context, at id.Platform) (has bool, err error) {
	err = a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		has, err = queries.HasCustomers(ctx, tx, string(at))
		return err
	})
	return has, err
}

func listTiers(ctx context.Context, d *db.DB, at id.Platform, archived bool) ([]Tier, error) {
	var tiers []Tier
	err := d.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		tiers, err = readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(at), WithArchived: archived})
		return err
	})
	return tiers, err
}

// CreateTier adds a tier. A nil Position puts it at the end.
func (a *Admin) CreateTier(
	ctx context.Context, at id.Platform, t Tier, position *int, r idempotency.Request,
) (made Tier, replayed bool, err error) {
	if t.DisplayName == "" {
		t.DisplayName = t.Name
	}
	if position != nil {
		t.Position = *position
	}
	if err := t.check(); err != nil {
		return Tier{}, false, err
	}
	err = a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		made, replayed, err = idempotency.Once(ctx, a.keeper, tx, r, func() (Tier, error) {
			currency, err := queries.LockSettings(ctx, tx, string(at))
			if err != nil {
				return Tier{}, err
			}
			if t.Currency != "" && t.Currency != currency {
				return Tier{}, errs.InvalidParam("currency", "A platform has one currency, and this one's is %s. It can be changed "+
					"in the settings until a tier has a price.", currency)
			}
			t.Currency = currency
			if err := insertTier(ctx, tx, t, position); err != nil {
				return Tier{}, err
			}
			if err := PublishSoon(ctx, tx, a.queue); err != nil {
				return Tier{}, err
			}
			return TierNamed(ctx, tx, t.Name)
		})
		return err
	})
	return made, replayed, err
}

// ChangeTier changes a tier. New limits hold from the moment this returns; what was counted stays. A new price is for
// those who come: who subscribed before keeps theirs.
func (a *Admin) ChangeTier(ctx context.Context, at id.Platform, name string, c TierChange) (Tier, error) {
	var changed Tier
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		_, changed, err = a.changeTier(ctx, tx, name, c)
		return err
	})
	return changed, err
}

// TryTier is what ChangeTier would make of a tier, and every error that it would be; nothing is changed.
func (a *Admin) TryTier(ctx context.Context, at id.Platform, name string, c TierChange) (before, after Tier, err error) {
	err = a.try(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		before, after, err = a.changeTier(ctx, tx, name, c)
		return err
	})
	return before, after, err
}

func (a *Admin) changeTier(ctx context.Context, tx db.Tenant, name string, c TierChange) (before, after Tier, err error) {
	if _, err = queries.LockSettings(ctx, tx, string(tx.Platform)); err != nil { // one change of the price list at a time
		return before, after, err
	}
	if before, err = TierNamed(ctx, tx, name); err != nil {
		return before, after, err
	}
	if err = updateTier(ctx, tx, before, c); err != nil {
		return before, after, err
	}
	if err = PublishSoon(ctx, tx, a.queue); err != nil {
		return before, after, err
	}
	if err = nobodyStranded(ctx, tx); err != nil {
		return before, after, err
	}
	after, err = TierNamed(ctx, tx, name)
	return before, after, err
}

// nobodyStranded refuses a price list without the default tier that customers are on.
func nobodyStranded(ctx context.Context, tx db.Tenant) error {
	stranded, err := queries.CustomersWithoutPlan(ctx, tx, string(tx.Platform))
	if err == nil && stranded {
		return errs.New(errs.Conflict, "Customers without a plan of their own are on the first free tier, and this would leave "+
			"none. Give them a plan, or add another free tier, first.")
	}
	return err
}

func updateTier(ctx context.Context, tx db.Tenant, before Tier, c TierChange) (err error) {
	if c.Version != nil && *c.Version != before.Version {
		return errs.New(errs.Conflict, "The tier was changed meanwhile, perhaps in another tab. Nothing was saved: look at it as it is "+
			"now, and change it again.")
	}
	t := before
	set(&t.DisplayName, c.DisplayName)
	set(&t.TrialDays, c.TrialDays)
	set(&t.Features, c.Features)
	set(&t.RateLimit, c.RateLimit)
	set(&t.Position, c.Position)
	set(&t.Archived, c.Archived)
	if c.Prices != nil {
		amounts, err := c.Prices(amountsOf(before.Prices))
		if err != nil {
			return err
		}
		t.Prices = PricesOf(amounts)
	}
	if c.Limits != nil {
		if t.Limits, err = c.Limits(t.Limits); err != nil {
			return err
		}
	}
	if err := t.check(); err != nil {
		return err
	}
	err = queries.UpdateTier(ctx, tx, tenantdb.UpdateTierParams{
		PlatformID: string(tx.Platform), Name: t.Name, DisplayName: t.DisplayName, Features: notNil(t.Features),
		RateLimit: int32(t.RateLimit), TrialDays: int32(t.TrialDays), Position: int32(t.Position), Archived: t.Archived,
	})
	if err != nil {
		return err
	}
	if err := changePrices(ctx, tx, t, before.Prices); err != nil {
		return err
	}
	if c.Limits == nil {
		return nil
	}
	err = queries.DeleteLimits(ctx, tx, tenantdb.DeleteLimitsParams{PlatformID: string(tx.Platform), Tier: t.Name})
	if err != nil {
		return err
	}
	return insertLimits(ctx, tx, t)
}

func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

func insertTier(ctx context.Context, tx db.Tenant, t Tier, position *int) error {
	params := tenantdb.InsertTierParams{
		PlatformID: string(tx.Platform), Name: t.Name, DisplayName: t.DisplayName, Features: notNil(t.Features),
		RateLimit: int32(t.RateLimit), TrialDays: int32(t.TrialDays),
	}
	if position != nil {
		params.Position = new(int32(*position))
	}
	err := queries.InsertTier(ctx, tx, params)
	if db.Violates(err, "tiers_pkey") {
		return errs.New(errs.Conflict, "The platform has a tier named %s already.", t.Name)
	}
	if err != nil {
		return err
	}
	n, err := queries.CountTiers(ctx, tx, string(tx.Platform))
	if err == nil {
		err = errs.TooMany(n, mostTiers, "tiers")
	}
	if err != nil {
		return err
	}
	if err := changePrices(ctx, tx, t, nil); err != nil {
		return err
	}
	return insertLimits(ctx, tx, t)
}

func insertLimits(ctx context.Context, tx db.Tenant, t Tier) error {
	for meter, limit := range t.Limits {
		err := queries.InsertLimit(ctx, tx, tenantdb.InsertLimitParams{
			PlatformID: string(tx.Platform), Tier: t.Name, Meter: meter, Max: limit.Max, Period: limit.Period, Anchor: limit.Anchor,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// TierNamed reads a tier, an archived one too; errs.NotFound where there is none.
func TierNamed(ctx context.Context, tx db.Tenant, name string) (Tier, error) {
	found, err := readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(tx.Platform), Name: &name, WithArchived: true})
	if err == nil && len(found) == 0 {
		return Tier{}, errs.New(errs.NotFound, "There is no such tier.")
	}
	if err != nil {
		return Tier{}, err
	}
	return found[0], nil
}

func readTiers(ctx context.Context, tx db.Tenant, params tenantdb.TiersParams) ([]Tier, error) {
	rows, err := queries.Tiers(ctx, tx, params)
	if err != nil {
		return nil, err
	}
	tiers := make([]Tier, len(rows))
	for i, row := range rows {
		var limits []struct {
			Meter string `json:"meter"`
			Limit
		}
		if err := json.Unmarshal(row.Limits, &limits); err != nil {
			return nil, err
		}
		var prices []Price
		if err := json.Unmarshal(row.Prices, &prices); err != nil {
			return nil, err
		}
		tiers[i] = Tier{
			Name: row.Name, DisplayName: row.DisplayName, Currency: row.Currency, Prices: prices, TrialDays: int(row.TrialDays),
			Features: row.Features, RateLimit: int(row.RateLimit), Position: int(row.Position), ProductID: row.StripeProductID,
			Published: row.Published >= row.Version, Problem: row.UnpublishedBecause,
			Archived: row.ArchivedAt != nil, Version: row.Version, Limits: make(map[string]Limit, len(limits)),
		}
		for _, l := range limits {
			tiers[i].Limits[l.Meter] = l.Limit
		}
	}
	return tiers, nil
}

// notNil is s, or an empty slice: neither the database nor JSON shall see a null list.
func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
