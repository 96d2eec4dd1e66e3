// Package usage owns counting: how much a user has used of each meter in the present period, whether more fits below
// the limit, and how many calls a minute are too many. Which plan a user is on, and what it grants, is package tenant's.
//
// A call is counted by a batch: see lanes.go for how calls get there, fast.go and careful.go for the two ways in which a
// batch is committed, and policy.go for what a call means.
package usage

import (
	"fmt"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

const (
	mostAtOnce = 1_000_000_000
	unlimited  = int64(1) << 62
)

var queries = usagedb.New()

// Usage is the state of one meter.
type Usage struct {
	Count       int64      `json:"count"`
	Limit       *int64     `json:"limit"`     // with the extra units; nil: unlimited
	Remaining   *int64     `json:"remaining"` // nil: unlimited
	Plan        string     `json:"plan"`
	Meter       string     `json:"meter"`
	Period      string     `json:"period"`
	PeriodStart *time.Time `json:"periodStart"` // nil for a lifetime
	PeriodEnd   *time.Time `json:"periodEnd"`
	Extra       int64      `json:"extra,omitempty"` // units granted beyond the plan's limit
	Anchored    bool       `json:"-"`               // the period is not one of the calendar
}

func (u *Usage) in(s span) {
	if !s.isAlways() {
		both := &[...]time.Time{s.starts.UTC(), s.ends.UTC()}
		u.PeriodStart, u.PeriodEnd = &both[0], &both[1]
	}
}

// Rate is the state of a rate window.
type Rate struct {
	Limit     int `json:"limit"` // calls a minute
	Remaining int `json:"remaining"`
	Reset     int `json:"reset"` // seconds until the next window
}

// Outcome is the answer to a call. Refused: the quantity did not fit and nothing was counted.
type Outcome struct {
	Usage        Usage
	Refused      bool
	Rate         Rate  // zero, where the call failed before its rate was known
	PlatformRate *Rate // where the platform has a limit for all users together
	Replayed     bool  // it is the first answer to the idempotency key
}

// Call is something to count, for a user whose entitlement is known.
type Call struct {
	Entitlement *tenant.Entitlement
	Until       time.Time // when the caller's own right ends, such as that of a key which expires
	Meter       string    // empty: requests
	Quantity    int64     // from -10⁹ to 10⁹; 0 asks whether a unit would fit, a negative one gives units back
	GivesBack   bool      // whether a negative quantity is allowed
	Receipt     *Receipt  // nil: the call has no idempotency key
}

// until is when the call is no longer to be let in, if nothing is changed.
func (c *Call) until() time.Time {
	if c.Until.Before(c.Entitlement.Until) {
		return c.Until
	}
	return c.Entitlement.Until
}

// check finds the faults of a call.
func (c *Call) check() error {
	var faults []errs.Fault
	if c.Quantity > mostAtOnce || c.Quantity < -mostAtOnce {
		faults = append(faults, errs.Fault{
			Param: "quantity", Message: fmt.Sprintf("quantity is a whole number from %d to %d.", -mostAtOnce, mostAtOnce),
		})
	}
	if c.Quantity < 0 && !c.GivesBack {
		faults = append(faults, errs.Fault{Param: "quantity", Message: "quantity is negative, which gives units back: only your " +
			"backend may do that, with the secret key."})
	}
	return errs.Invalid(faults)
}

// nothing is the limit of a meter that the plan does not name.
var nothing = tenant.Limit{Max: new(int64(0)), Period: "month", Anchor: tenant.FromCalendar}

// limit is what the plan grants of the meter, and the name of its counter: nothing, where the plan does not name it.
func (c *Call) limit() (limit tenant.Limit, slot string, err error) {
	for i := range c.Entitlement.Limits {
		if l := &c.Entitlement.Limits[i]; l.Meter == c.Meter {
			return l.Limit, l.Slot, nil
		}
	}
	for _, known := range c.Entitlement.Meters {
		if known == c.Meter {
			return nothing, nothing.Slot(c.Meter), nil
		}
	}
	e := errs.New(errs.UnknownMeter, "There is no meter %.100q here. The meters, which the tiers name, are: %s.", c.Meter,
		strings.Join(c.Entitlement.Meters, ", "))
	e.Param = "meter"
	return tenant.Limit{}, "", e
}

// Service counts.
type Service struct {
	db, lanes     *db.DB
	fast, careful lane
	held          held
	places        places
	fence         fence
	limits        limitsReached
}
