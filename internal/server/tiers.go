package server

import (
	"encoding/json"
	"errors"
	"maps"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/tenant"
)

// priceListEntry is a tier as customers see it.
type priceListEntry struct {
	Name        string           `json:"name"`
	DisplayName string           `json:"displayName"`
	Price       int64            `json:"price"`
	Currency    string           `json:"currency"`
	Interval    string           `json:"interval"`
	Limit       *int64           `json:"limit"` // of requests
	Meters      map[string]meter `json:"meters"`
	Features    []string         `json:"features"`
	PriceID     *string          `json:"priceId"`
}

type meter struct {
	Limit  *int64 `json:"limit"`
	Period string `json:"period"`
}

// tierEntry is a tier as its developer sees it.
type tierEntry struct {
	priceListEntry
	RateLimit int  `json:"rateLimit"`
	Position  int  `json:"position"`
	Archived  bool `json:"archived"`
}

func priceListEntryOf(t tenant.Tier) priceListEntry {
	entry := priceListEntry{
		Name: t.Name, DisplayName: t.DisplayName, Price: t.Price, Currency: t.Currency, Interval: t.Interval,
		Limit: t.Limits[tenant.DefaultMeter].Max, Meters: map[string]meter{}, Features: notNil(t.Features),
		PriceID: t.PriceID,
	}
	for name, limit := range t.Limits {
		entry.Meters[name] = meter{limit.Max, limit.Period}
	}
	return entry
}

func tierEntryOf(t tenant.Tier) tierEntry {
	return tierEntry{priceListEntryOf(t), t.RateLimit, t.Position, t.Archived}
}

// limitValue is a limit as a developer may write it: a number, or null, -1 or "unlimited".
type limitValue struct {
	given bool
	max   *int64
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *limitValue) UnmarshalJSON(raw []byte) error {
	l.given = true
	switch string(raw) {
	case "null", "-1", `"unlimited"`:
		l.max = nil
		return nil
	}
	var n int64
	if err := json.Unmarshal(raw, &n); err != nil || n < 0 {
		return errors.New(`is a whole number from 0, or null, -1 or "unlimited" for no limit`)
	}
	l.max = &n
	return nil
}

type meterInput struct {
	Limit  limitValue `json:"limit"`
	Period string     `json:"period"`
}

// limitsOf changes the limits that hold now by what limit, for requests, and meters, for any, say. A meter that is
// null goes; one without a period keeps the one it has, or has a month.
func limitsOf(limit limitValue, meters map[string]*meterInput, now map[string]tenant.Limit) (map[string]tenant.Limit, error) {
	limits := map[string]tenant.Limit{}
	maps.Copy(limits, now)
	period := func(name, stated string) string {
		switch before, ok := now[name]; {
		case stated != "":
			return stated
		case ok:
			return before.Period
		default:
			return "month"
		}
	}
	var faults []errs.Fault
	for name, m := range meters {
		if m == nil {
			delete(limits, name)
			continue
		}
		before, ok := limits[name]
		saidAbove := name == tenant.DefaultMeter && limit.given
		switch {
		case m.Limit.given:
			before.Max = m.Limit.max
		case !ok && !saidAbove:
			faults = append(faults, errs.Fault{Param: "meters." + name + ".limit", Message: "meters." + name + ".limit is missing."})
		}
		limits[name] = tenant.Limit{Max: before.Max, Period: period(name, m.Period)}
	}
	if limit.given {
		named := meters[tenant.DefaultMeter]
		if named != nil && named.Limit.given && !equal(named.Limit.max, limit.max) {
			faults = append(faults, errs.Fault{Param: "limit", Message: "limit and meters.requests.limit say different things."})
		}
		stated := ""
		if named != nil {
			stated = named.Period
		}
		limits[tenant.DefaultMeter] = tenant.Limit{Max: limit.max, Period: period(tenant.DefaultMeter, stated)}
	}
	return limits, errs.Invalid(faults)
}

func equal(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }
