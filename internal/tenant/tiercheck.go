package tenant

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dream-api/dream-api/internal/errs"
)

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
		if !slices.Contains(anchors, limit.Anchor) {
			fault("meters."+meter+".anchor", "is one of %s", strings.Join(anchors, ", "))
		}
	}
	return errs.Invalid(faults)
}
