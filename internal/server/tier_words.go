package server

import (
	"fmt"
	"strings"

	"github.com/dream-api/dream-api/internal/tenant"
)

// How pages write what a tier is, and how it changes.

// differenceWords are what the page calls the fields of a tier.
func differenceWords(field string) string {
	if interval, ok := strings.CutPrefix(field, "prices."); ok {
		return "Price " + periodWords[interval]
	}
	if meter, ok := strings.CutPrefix(field, "meters."); ok {
		return "Limit of " + meter
	}
	return map[string]string{
		"displayName": "Display name", "trialDays": "Days of trial", "features": "Features", "rateLimit": "Calls a minute for each user",
		"position": "Place in the list", "archived": "Archived",
	}[field]
}

// differenceValue writes a value of a field as the page does.
func differenceValue(value any, field, currency string) (string, error) {
	switch value := value.(type) {
	case nil:
		return "none", nil
	case int64:
		if strings.HasPrefix(field, "prices.") {
			if value == 0 {
				return "free", nil
			}
			return formatMoney(value, currency), nil
		}
		return number(value)
	case tenant.Limit:
		return limitWords(value), nil
	case []string:
		if len(value) == 0 {
			return "none", nil
		}
		return strings.Join(value, ", "), nil
	case bool:
		return map[bool]string{true: "yes", false: "no"}[value], nil
	default:
		return fmt.Sprint(value), nil
	}
}

// limitWords are a limit in words, such as 1,000 a month.
func limitWords(l tenant.Limit) string {
	most, _ := number(l.Max) // a *int64 is a number
	words := most + " " + periodWords[l.Period]
	if from := anchorOf(l); from != "" {
		words += ", counted " + from
	}
	return words
}

// anchorOf is from where the limit's periods are counted, where that is not the calendar.
func anchorOf(l tenant.Limit) string {
	if l.Period == "lifetime" {
		return ""
	}
	return anchorWords[l.Anchor]
}
