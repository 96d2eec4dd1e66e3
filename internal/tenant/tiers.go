package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

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
	highestPrice     = 99_999_999 // Stripe's own bound for a charge
	highestLimit     = 1 << 53    // what every JSON reader holds exactly
	highestRateLimit = 1_000_000
	mostTiers        = 100
	longestTrial     = 730 // Stripe's own bound, in days
)

var (
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
}

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
		found, err = readTier(ctx, tx, name)
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
			if err := a.insertTier(ctx, tx, t, position); err != nil {
				return Tier{}, err
			}
			return readTier(ctx, tx, t.Name)
		})
		return err
	})
	return made, replayed, err
}

// ChangeTier changes a tier. New limits hold from the moment this returns; what was counted stays. A new price is for
// those who come: who subscribed before keeps theirs.
func (a *Admin) ChangeTier(ctx context.Context, at id.Platform, name string, c TierChange) (Tier, error) {
	var changed Tier
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if _, err := queries.LockSettings(ctx, tx, string(at)); err != nil { // one change of the price list at a time
			return err
		}
		before, err := readTier(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := a.updateTier(ctx, tx, before, c); err != nil {
			return err
		}
		if err := nobodyStranded(ctx, tx); err != nil {
			return err
		}
		changed, err = readTier(ctx, tx, name)
		return err
	})
	return changed, err
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

func (a *Admin) updateTier(ctx context.Context, tx db.Tenant, before Tier, c TierChange) (err error) {
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
		t.Prices = pricesOf(amounts)
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
	if c.Limits != nil {
		err := queries.DeleteLimits(ctx, tx, tenantdb.DeleteLimitsParams{PlatformID: string(tx.Platform), Tier: t.Name})
		if err != nil {
			return err
		}
		if err := insertLimits(ctx, tx, t); err != nil {
			return err
		}
	}
	return a.queue.EnqueueIn(ctx, tx.Tx, publishWithin, TiersChanged{tx.Platform})
}

// OrderTiers puts the tiers in the order of the names, which are those of all the tiers that are not archived.
func (a *Admin) OrderTiers(ctx context.Context, at id.Platform, names []string) ([]Tier, error) {
	var ordered []Tier
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if _, err := queries.LockSettings(ctx, tx, string(at)); err != nil {
			return err
		}
		now, err := readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(at)})
		if err != nil {
			return err
		}
		want := make([]string, len(now))
		for i, t := range now {
			want[i] = t.Name
		}
		if !slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(want))) {
			return errs.InvalidParam("names", "names holds each tier that is not archived once: %s.", strings.Join(want, ", "))
		}
		for i, name := range names {
			_, err := queries.PlaceTier(ctx, tx, tenantdb.PlaceTierParams{
				PlatformID: string(at), Name: name, Position: int32(i + 1),
			})
			if err != nil {
				return err
			}
		}
		ordered, err = readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(at), WithArchived: true})
		return err
	})
	return ordered, err
}

// CopyTiers gives a platform the tiers of another: those that it lacks are made, those of the same name become the same,
// others stay. Both platforms are the developer's, which is checked before.
func (a *Admin) CopyTiers(ctx context.Context, from, to id.Platform) ([]Tier, error) {
	source, err := a.Tiers(ctx, from)
	if err != nil {
		return nil, err
	}
	var copied []Tier
	err = a.db.Tenant(ctx, to, func(ctx context.Context, tx db.Tenant) error {
		currency, err := queries.LockSettings(ctx, tx, string(to))
		if err != nil {
			return err
		}
		if len(source) > 0 && source[0].Currency != currency {
			if err := changeCurrency(ctx, tx, source[0].Currency); err != nil {
				return err
			}
		}
		now, err := readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(to), WithArchived: true})
		if err != nil {
			return err
		}
		for _, t := range source {
			at := slices.IndexFunc(now, func(own Tier) bool { return own.Name == t.Name })
			switch {
			case at < 0 && t.Archived: // there is nobody here who would be on it
			case at < 0:
				err = a.insertTier(ctx, tx, t, &t.Position)
			default:
				err = a.updateTier(ctx, tx, now[at], changeTo(t))
			}
			if err != nil {
				return err
			}
		}
		if err := nobodyStranded(ctx, tx); err != nil {
			return err
		}
		copied, err = readTiers(ctx, tx, tenantdb.TiersParams{PlatformID: string(to), WithArchived: true})
		return err
	})
	return copied, err
}

// changeTo is the change that makes any tier the same as t.
func changeTo(t Tier) TierChange {
	return TierChange{
		DisplayName: &t.DisplayName, TrialDays: &t.TrialDays, Features: &t.Features, RateLimit: &t.RateLimit,
		Position: &t.Position, Archived: &t.Archived,
		Prices: func(map[string]int64) (map[string]int64, error) { return amountsOf(t.Prices), nil },
		Limits: func(map[string]Limit) (map[string]Limit, error) { return t.Limits, nil },
	}
}

func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

// check finds every fault of a tier.
func (t Tier) check() error {
	var faults []errs.Fault
	fault := func(param, format string, args ...any) {
		faults = append(faults, errs.Fault{Param: param, Message: param + " " + fmt.Sprintf(format, args...) + "."})
	}
	if !nameForm.MatchString(t.Name) {
		fault("name", "%s", formNamed)
	}
	if n := len([]rune(t.DisplayName)); t.Name != "" && n > 100 || t.Name != "" && strings.TrimSpace(t.DisplayName) == "" {
		fault("displayName", "has 1 to 100 characters")
	}
	faults = append(faults, checkPrices(t.Prices)...)
	if t.TrialDays < 0 || t.TrialDays > longestTrial {
		fault("trialDays", "is a number of days, from 0 to %d", longestTrial)
	}
	if t.TrialDays > 0 && t.Free() {
		fault("trialDays", "is for a tier that costs something")
	}
	if t.RateLimit < 1 || t.RateLimit > highestRateLimit {
		fault("rateLimit", "is a number of calls a minute, from 1 to %d", highestRateLimit)
	}
	if t.Position < 0 || t.Position > 10_000 {
		fault("position", "is from 0 to 10000")
	}
	if len(t.Features) > 50 || slices.ContainsFunc(t.Features, func(f string) bool { return len(f) > 200 || f == "" }) {
		fault("features", "holds 50 texts at the most, each of 1 to 200 bytes")
	}
	if _, ok := t.Limits[DefaultMeter]; !ok {
		fault("limit", "says how many %s the tier grants in a period; null is unlimited", DefaultMeter)
	}
	if len(t.Limits) > 50 {
		fault("meters", "holds 50 meters at the most")
	}
	for _, meter := range slices.Sorted(maps.Keys(t.Limits)) {
		limit, at := t.Limits[meter], "meters."+meter
		if meter == DefaultMeter {
			at = "limit"
		}
		if !nameForm.MatchString(meter) {
			fault(at, "is not a name for a meter: it %s", formNamed)
		}
		if limit.Max != nil && (*limit.Max < 0 || *limit.Max > highestLimit) {
			fault(at, "is a number from 0 to 2^53, or null, -1 or \"unlimited\" for no limit")
		}
		if !slices.Contains(periods, limit.Period) {
			fault("meters."+meter+".period", "is one of %s", strings.Join(periods, ", "))
		}
	}
	return errs.Invalid(faults)
}

func (a *Admin) insertTier(ctx context.Context, tx db.Tenant, t Tier, position *int) error {
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
	if err := insertLimits(ctx, tx, t); err != nil {
		return err
	}
	return a.queue.EnqueueIn(ctx, tx.Tx, publishWithin, TiersChanged{tx.Platform})
}

func insertLimits(ctx context.Context, tx db.Tenant, t Tier) error {
	for meter, limit := range t.Limits {
		err := queries.InsertLimit(ctx, tx, tenantdb.InsertLimitParams{
			PlatformID: string(tx.Platform), Tier: t.Name, Meter: meter, Max: limit.Max, Period: limit.Period,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func readTier(ctx context.Context, tx db.Tenant, name string) (Tier, error) {
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
