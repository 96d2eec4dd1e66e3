package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

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
	Price       int64  // in the currency's minor unit
	Currency    string // the platform's
	Interval    string // month or year
	Features    []string
	RateLimit   int // calls a minute for each user
	Position    int
	PriceID     *string // at Stripe
	Archived    bool
	Limits      map[string]Limit // by meter; a meter that is not here is not part of the tier
}

// Limit is how much of a meter a tier grants in a period.
type Limit struct {
	Max    *int64 `json:"max"` // nil: unlimited
	Period string `json:"period"`
}

// TierChange holds what shall change; nil leaves a field as it is. Limits makes the new limits of the present ones.
type TierChange struct {
	DisplayName *string
	Price       *int64
	Interval    *string
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
	if t.Interval == "" {
		t.Interval = "month"
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
			if err := insertTier(ctx, tx, t, position); err != nil {
				return Tier{}, err
			}
			return readTier(ctx, tx, t.Name)
		})
		return err
	})
	return made, replayed, err
}

// ChangeTier changes a tier. New limits hold from the moment this returns; what was counted stays.
func (a *Admin) ChangeTier(ctx context.Context, at id.Platform, name string, c TierChange) (Tier, error) {
	var changed Tier
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if _, err := queries.LockSettings(ctx, tx, string(at)); err != nil { // one change of the price list at a time
			return err
		}
		t, err := readTier(ctx, tx, name)
		if err != nil {
			return err
		}
		set(&t.DisplayName, c.DisplayName)
		set(&t.Price, c.Price)
		set(&t.Interval, c.Interval)
		set(&t.Features, c.Features)
		set(&t.RateLimit, c.RateLimit)
		set(&t.Position, c.Position)
		set(&t.Archived, c.Archived)
		if c.Limits != nil {
			if t.Limits, err = c.Limits(t.Limits); err != nil {
				return err
			}
		}
		if err := t.check(); err != nil {
			return err
		}
		err = queries.UpdateTier(ctx, tx, tenantdb.UpdateTierParams{
			PlatformID: string(at), Name: name, DisplayName: t.DisplayName, Price: t.Price, Interval: t.Interval,
			Features: notNil(t.Features), RateLimit: int32(t.RateLimit), Position: int32(t.Position),
			Archived: t.Archived,
		})
		if err != nil {
			return err
		}
		stranded, err := queries.CustomersWithoutPlan(ctx, tx, string(at))
		if err != nil {
			return err
		}
		if stranded {
			return errs.New(errs.Conflict, "Customers without a plan of their own are on the first free tier, and this would leave "+
				"none. Give them a plan, or add another free tier, first.")
		}
		if c.Limits != nil {
			err := queries.DeleteLimits(ctx, tx, tenantdb.DeleteLimitsParams{PlatformID: string(at), Tier: name})
			if err != nil {
				return err
			}
			if err := insertLimits(ctx, tx, t); err != nil {
				return err
			}
		}
		changed, err = readTier(ctx, tx, name)
		return err
	})
	return changed, err
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
	if t.Price < 0 || t.Price > highestPrice {
		fault("price", "is in the currency's minor unit (cents), from 0 to %d", highestPrice)
	}
	if t.Interval != "month" && t.Interval != "year" {
		fault("interval", `is "month" or "year"`)
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

func insertTier(ctx context.Context, tx db.Tenant, t Tier, position *int) error {
	params := tenantdb.InsertTierParams{
		PlatformID: string(tx.Platform), Name: t.Name, DisplayName: t.DisplayName, Price: t.Price, Interval: t.Interval,
		Features: notNil(t.Features), RateLimit: int32(t.RateLimit),
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
	return insertLimits(ctx, tx, t)
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
		tiers[i] = Tier{
			Name: row.Name, DisplayName: row.DisplayName, Price: row.Price, Currency: row.Currency, Interval: row.Interval,
			Features: row.Features, RateLimit: int(row.RateLimit), Position: int(row.Position), PriceID: row.StripePriceID,
			Archived: row.ArchivedAt != nil, Limits: make(map[string]Limit, len(limits)),
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
