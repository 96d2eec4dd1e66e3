package tenant

import (
	"context"
	"crypto/sha256"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// Entitlement is what one user of a platform may use: the plan that counts, and until when that holds if nothing is
// changed. It is remembered, and so may be out of date: Epoch and UserEpoch are the numbers of the last changes that it
// knows of, of the platform and of the user. Whoever acts on it compares them, in the transaction of the act, with
// tenant.settings and tenant_usage.users.
type Entitlement struct {
	Platform id.Platform
	UserID   string
	*Grant

	PlatformRateLimit *int   // calls a minute of all the platform's users together; nil: unlimited
	MonthlyCalls      *int64 // tracked calls a month that a test platform takes; nil: unlimited

	Kind         CustomerKind // empty for a user whom the developer keeps
	Since        time.Time    // when the customer was created; zero for a user whom the developer keeps
	Subscription *Subscription
	Vouched      bool     // who signs in as the customer is the customer
	LiveSessions []string // whose tokens may be good

	Epoch, UserEpoch int64
	Until            time.Time
}

// Grant is what a plan grants.
type Grant struct {
	Plan      string
	RateLimit int          // calls a minute for each user
	Limits    []MeterLimit // by meter: each call looks for its own, and they are few
	Meters    []string     // all that the platform's tiers name
}

// MeterLimit is the limit of a meter, and the name of its counter.
type MeterLimit struct {
	Limit
	Meter, Slot string
}

// MeterLimits lists the limits of a tier.
func MeterLimits(limits map[string]Limit) []MeterLimit {
	list := make([]MeterLimit, 0, len(limits))
	for _, meter := range slices.Sorted(maps.Keys(limits)) {
		list = append(list, MeterLimit{limits[meter], meter, limits[meter].Slot(meter)})
	}
	return list
}

// Subscription is the present period of a customer's subscription.
type Subscription struct {
	Starts, Ends time.Time
	Interval     string // month or year, where the period is one of these; else empty
}

// memory is what a Gate remembers. Nothing in it is believed without its epoch, so it may forget and remember as it
// likes.
type memory struct {
	keys         *otter.Cache[keyHash, Caller]
	entitlements *otter.Cache[claim, *Entitlement]
	grants       *otter.Cache[grantAt, *Grant]
	reading      *singleflight.Group
}

// lastGrant is what a plan grants, as of the epoch of whom it is remembered with. It is of use to keys that mostly state the same
// plan; where two alternate, each is looked up as if there were none.
type lastGrant struct{ atomic.Pointer[Grant] }

// keyHash is by what a key is found.
type keyHash [sha256.Size]byte

// claim is by what an entitlement is found.
type claim struct {
	platform     id.Platform
	user, stated string
}

func (c claim) text() string { return string(c.platform) + "\x00" + c.user + "\x00" + c.stated }

// grantAt is a plan as it was after a change of the platform.
type grantAt struct {
	platform id.Platform
	plan     string
	epoch    int64
}

const (
	keysRemembered         = 10_000
	entitlementsRemembered = 200_000
	grantsRemembered       = 10_000
	remembered             = 4 * time.Minute // at least, so that a key's last use is recorded about as often
)

func newMemory() memory {
	return memory{
		keys:         otter.Must(&otter.Options[keyHash, Caller]{MaximumSize: keysRemembered}),
		entitlements: otter.Must(&otter.Options[claim, *Entitlement]{MaximumSize: entitlementsRemembered}),
		grants:       otter.Must(&otter.Options[grantAt, *Grant]{MaximumSize: grantsRemembered}),
		reading:      &singleflight.Group{},
	}
}

// RecallKey is ByKey from memory, where the key is there.
func (g *Gate) RecallKey(ctx context.Context, key id.Key) (Caller, error) {
	hash := keyHash(key.Hash())
	if caller, ok := g.memory.keys.GetIfPresent(hash); ok && time.Now().Before(caller.forget) {
		return caller, nil
	}
	return g.remember(ctx, key, hash)
}

func (g *Gate) remember(ctx context.Context, key id.Key, hash keyHash) (Caller, error) {
	caller, err := g.ByKey(ctx, key)
	if err == nil {
		// Keys that were first seen together, as all are after a start, are not looked up again together.
		caller.forget = time.Now().Add(remembered + rand.N(remembered/2))
		caller.stated = &lastGrant{}
		g.memory.keys.Set(hash, caller)
	}
	return caller, err
}

// Recall finds the entitlement of a user of the caller's platform in memory; ok is false where it must be found out. The
// plan that counts is the one that planName says.
//
// A user with a stated plan who is not remembered is taken for one whom the developer keeps. Who is a customer has had a
// change (tenant.user_changed), so a wrong guess shows as an entitlement that is out of date.
func (g *Gate) Recall(caller Caller, userID, stated string) (e *Entitlement, ok bool) {
	if e, ok := g.memory.entitlements.GetIfPresent(claim{caller.Platform, userID, stated}); ok && e.Epoch == caller.epoch {
		if caller.mayBe(e.Kind, e.Vouched, e.LiveSessions) != nil { // what is remembered lets in and never refuses
			return nil, false
		}
		return e, true
	}
	if stated == "" || !caller.Backend || !ValidUserID(userID) {
		return nil, false
	}
	grant, ok := g.recallGrant(caller, stated)
	if !ok {
		return nil, false
	}
	e = &Entitlement{UserID: userID, Grant: grant}
	g.of(e, caller)
	return e, true
}

// recallGrant finds in memory what a plan grants.
func (g *Gate) recallGrant(caller Caller, plan string) (*Grant, bool) {
	if caller.stated != nil {
		if last := caller.stated.Load(); last != nil && last.Plan == plan {
			return last, true
		}
	}
	grant, ok := g.memory.grants.GetIfPresent(grantAt{caller.Platform, plan, caller.epoch})
	if ok && caller.stated != nil {
		caller.stated.Store(grant)
	}
	return grant, ok
}

// Resolve finds out the entitlement of a user of the caller's platform, and remembers that of a customer.
func (g *Gate) Resolve(ctx context.Context, caller Caller, userID, stated string) (*Entitlement, error) {
	at := claim{caller.Platform, userID, stated}
	// Many may ask for the same at once, as when all calls of a user are judged again: one reads for them all. What one that
	// began before says against a user may be out of date for those who came later.
	found, err, shared := g.memory.reading.Do(at.text(), func() (any, error) {
		return g.entitlement(ctx, caller.Platform, userID, stated)
	})
	if err != nil && shared {
		found, err = g.entitlement(ctx, caller.Platform, userID, stated)
	}
	if errs.Is(err, errs.NotFound) && !caller.Backend {
		err = caller.refused()
	}
	if err != nil {
		return nil, err
	}
	e := found.(*Entitlement)
	if e.Kind != "" {
		g.memory.entitlements.Set(at, e)
	}
	return e, caller.mayBe(e.Kind, e.Vouched, e.LiveSessions)
}

// of sets what an entitlement has of its platform.
func (g *Gate) of(e *Entitlement, c Caller) {
	e.Platform, e.Epoch, e.Until, e.PlatformRateLimit = c.Platform, c.epoch, c.Until, c.rateLimit
	if c.test {
		e.MonthlyCalls = g.testCalls
	}
}

// Same is whether two entitlements of a user are the same: what a plan grants is settled by the epoch, and may have been read twice.
func (e *Entitlement) Same(other *Entitlement) bool {
	return e == other || e.Plan == other.Plan && e.Epoch == other.Epoch && e.UserEpoch == other.UserEpoch
}

// IsOlderThan is whether the platform has changed between the letting in of the caller and the entitlement.
func (c Caller) IsOlderThan(e *Entitlement) bool { return c.epoch != e.Epoch }

// Reconsider finds out anew who the caller is, after something that was remembered turned out to be out of date. A
// caller who is let in no more gets the error that says why.
func (g *Gate) Reconsider(ctx context.Context, caller Caller) (Caller, error) {
	if caller.key == nil {
		return caller, nil
	}
	hash := keyHash(caller.key.Hash())
	g.memory.keys.Invalidate(hash)
	fresh, err := g.remember(ctx, *caller.key, hash)
	if err != nil {
		return Caller{}, err
	}
	fresh.UserID, fresh.party, fresh.session = caller.UserID, caller.party, caller.session
	return fresh, fresh.admits()
}

// entitlement reads what a user may use.
func (g *Gate) entitlement(ctx context.Context, at id.Platform, userID, stated string) (*Entitlement, error) {
	if !ValidUserID(userID) {
		return nil, errs.InvalidParam("X-User-Id", "X-User-Id has 1 to 128 letters, digits and _ . : @ | -")
	}
	e := &Entitlement{Platform: at, UserID: userID}
	err := g.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error { return g.fill(ctx, tx, e, stated) })
	return e, err
}

// EntitlementOf reads what a user may use, for the transaction that it is read in: the epochs are left out.
func EntitlementOf(ctx context.Context, tx db.Tenant, userID, stated string) (*Entitlement, error) {
	e := &Entitlement{Platform: tx.Platform, UserID: userID}
	return e, e.find(ctx, tx, stated, func(string) (*Grant, bool) { return nil, false })
}

// fill reads the epochs first: what is read after them is as new as they are, or newer.
func (g *Gate) fill(ctx context.Context, tx db.Tenant, e *Entitlement, stated string) error {
	var now Caller
	if err := now.of(ctx, tx); err != nil {
		return err
	}
	g.of(e, now)
	var err error
	e.UserEpoch, err = queries.UserEpoch(ctx, tx, tenantdb.UserEpochParams{PlatformID: string(e.Platform), UserID: e.UserID})
	if err != nil {
		return err
	}
	err = e.find(ctx, tx, stated, func(plan string) (*Grant, bool) {
		return g.memory.grants.GetIfPresent(grantAt{e.Platform, plan, e.Epoch})
	})
	if err != nil {
		return err
	}
	g.memory.grants.Set(grantAt{e.Platform, e.Plan, e.Epoch}, e.Grant)
	return nil
}

// find reads the plan and what it grants.
func (e *Entitlement) find(
	ctx context.Context, tx db.Tenant, stated string, recall func(plan string) (*Grant, bool),
) error {
	row, err := queries.CurrentPlan(ctx, tx, tenantdb.CurrentPlanParams{PlatformID: string(e.Platform), ID: e.UserID})
	known := err == nil
	if err != nil && !db.NoRows(err) {
		return err
	}
	name, err := planName(row, known, e.UserID, stated)
	if err != nil {
		return err
	}
	var ok bool
	if e.Grant, ok = recall(name); !ok {
		if e.Grant, err = readGrant(ctx, tx, name); err != nil {
			return err
		}
	}
	if !known {
		return nil
	}
	e.Kind, e.Since, e.Vouched, e.LiveSessions = CustomerKind(row.Kind), row.Since, row.Vouched, row.LiveSessions
	e.Subscription = subscriptionOf(row.CurrentPeriodStart, row.CurrentPeriodEnd, row.Interval, row.IntervalCount)
	if row.GraceUntil.Before(e.Until) {
		e.Until = row.GraceUntil
	}
	return nil
}

// subscriptionOf is the present period of a subscription; nil where there is none.
func subscriptionOf(starts, ends *time.Time, interval string, count int32) *Subscription {
	if starts == nil || ends == nil {
		return nil
	}
	s := &Subscription{Starts: *starts, Ends: *ends}
	if count == 1 {
		s.Interval = interval
	}
	return s
}

// EntitlementsOf reads what customers may use, as far as it decides their limits and periods. Who is no customer, or has no
// plan, is left out.
func EntitlementsOf(ctx context.Context, tx db.Tenant, customers []string) (map[string]*Entitlement, error) {
	rows, err := queries.CurrentPlans(ctx, tx, tenantdb.CurrentPlansParams{PlatformID: string(tx.Platform), Ids: customers})
	if err != nil {
		return nil, err
	}
	found, grants := map[string]*Entitlement{}, map[string]*Grant{}
	for _, row := range rows {
		if row.Plan == "" {
			continue
		}
		if grants[row.Plan] == nil {
			if grants[row.Plan], err = readGrant(ctx, tx, row.Plan); err != nil {
				return nil, err
			}
		}
		found[row.CustomerID] = &Entitlement{
			Platform: tx.Platform, UserID: row.CustomerID, Grant: grants[row.Plan], Kind: CustomerKind(row.Kind), Since: row.Since,
			Subscription: subscriptionOf(row.CurrentPeriodStart, row.CurrentPeriodEnd, row.Interval, row.IntervalCount),
		}
	}
	return found, nil
}

// planName is the name of the plan that counts for a user: for a customer the subscription's tier, else the one
// assigned, else the default. A stated plan, the X-User-Plan of a developer who keeps users elsewhere, is believed only
// for a user who is no customer of ours.
func planName(row tenantdb.CurrentPlanRow, known bool, userID, stated string) (string, error) {
	switch {
	case !known && stated == "":
		return "", unknownUser(userID)
	case !known:
		return stated, nil
	case row.Plan == "":
		return "", errs.New(errs.UnknownPlan, "The customer has no plan of their own and the platform has no free tier "+
			"to fall back on. Set the customer's plan, or add a tier with the price 0.")
	}
	return row.Plan, nil
}

func readGrant(ctx context.Context, tx db.Tenant, plan string) (*Grant, error) {
	tier, err := TierNamed(ctx, tx, plan)
	if errs.Is(err, errs.NotFound) {
		return nil, UnknownPlan(ctx, tx, "plan", plan)
	}
	if err != nil {
		return nil, err
	}
	meters, err := queries.Meters(ctx, tx, string(tx.Platform))
	return &Grant{tier.Name, tier.RateLimit, MeterLimits(tier.Limits), meters}, err
}
