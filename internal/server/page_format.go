package server

import (
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// pageFuncs are what the templates write values with.
var pageFuncs = template.FuncMap{
	"dict":        dict,
	"money":       formatMoney,
	"number":      number,
	"plural":      plural,
	"when":        func(t time.Time) template.HTML { return timeTag(t, "2 Jan 2006, 15:04 UTC") },
	"day":         func(t time.Time) template.HTML { return timeTag(t, "2 January 2006") },
	"mailto":      mailto,
	"anchored":    anchorOf,
	"per":         func(period string) string { return periodWords[period] },
	"present":     func(period string) string { return presentWords[period] },
	"status":      func(status string) string { return strings.ReplaceAll(status, "_", " ") },
	"percent":     percent,
	"browser":     browserOf,
	"action":      func(name string) string { return actions[name] },
	"movement":    func(kind string) string { return movementWords[kind] },
	"is":          func(text *string, want string) bool { return text != nil && *text == want },
	"named":       func(name string, mode id.Mode) bool { return !strings.EqualFold(name, string(mode)) }, // by more than the mode
	"requirement": requirementWords,
	"disabled":    disabledWords,
	"invoicestate": func(status string) string {
		return map[string]string{"open": "Not paid yet", "paid": "Paid", "void": "Void", "uncollectible": "Given up"}[status]
	},
	"difference":      differenceWords,
	"differencevalue": differenceValue,
	"took":            took,
	"sender": func(source string) string {
		return map[string]string{tenant.FromStripe: "Stripe", tenant.FromClerkEvents: "Clerk"}[source]
	},
	"eventkind":  func(state string) string { return eventStateWords[state][0] },
	"eventstate": func(state string) string { return eventStateWords[state][1] },
	"next":       func(i int) int { return i + 1 },
}

var periodWords = map[string]string{
	"minute": "a minute", "hour": "an hour", "day": "a day", "week": "a week", "month": "a month", "year": "a year",
	"lifetime": "for ever",
}

var presentWords = map[string]string{
	"minute": "this minute", "hour": "this hour", "day": "today", "week": "this week", "month": "this month", "year": "this year",
	"lifetime": "in all",
}

// anchorWords say from where a limit's periods are counted, where it is not the calendar.
var anchorWords = map[string]string{
	tenant.FromCustomer: "from when they became a customer", tenant.FromSubscription: "from when their subscription renews",
}

var movementWords = map[string]string{
	"new": "Subscribed", "reactivation": "Came back", "expansion": "Upgraded", "contraction": "Pays less", "churn": "Left",
}

// dict makes the argument of a template that needs several.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict takes names and values")
	}
	made := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, errors.New("a name is a text")
		}
		made[name] = pairs[i+1]
	}
	return made, nil
}

func number(n any) (string, error) {
	switch n := n.(type) {
	case int:
		return grouped(strconv.Itoa(n)), nil // what is counted here is never negative
	case int64:
		return grouped(strconv.FormatInt(n, 10)), nil
	case *int64:
		if n == nil {
			return "unlimited", nil
		}
		return grouped(strconv.FormatInt(*n, 10)), nil
	default:
		return "", fmt.Errorf("%T is no number", n)
	}
}

// plural is a number with the noun it counts.
func plural(n any, one, many string) (string, error) {
	text, err := number(n)
	if text == "1" {
		return text + " " + one, err
	}
	return text + " " + many, err
}

func timeTag(t time.Time, layout string) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format(layout) + `</time>`) //nolint:gosec // digits and names of months
}

// mailto is an address at which somebody can be written to; empty for what a mail program might take for more than one
// address. Whatever it holds is one address and nothing else: it is escaped, and no header of a mail can follow it.
func mailto(address string) template.URL {
	name, domain, ok := strings.Cut(address, "@")
	plain := func(r rune) bool {
		return r > ' ' && r < 0x7f && !strings.ContainsRune(`,;:<>()[]"\\?&%`, r)
	}
	if !ok || name == "" || domain == "" || strings.Contains(domain, "@") || strings.IndexFunc(address, func(r rune) bool { return !plain(r) }) >= 0 {
		return ""
	}
	return template.URL("mailto:" + url.PathEscape(name) + "@" + url.PathEscape(domain)) //nolint:gosec // escaped, and without what has a meaning in it
}

// percent is a share in whole percents.
func percent(part, whole int64) int64 {
	if whole <= 0 {
		return 0
	}
	return part * 100 / whole // both are below 2^53 or so
}

// browserOf says in a few words what sent a User-Agent.
func browserOf(agent string) string {
	find := func(known [][2]string) string {
		for _, pair := range known {
			if strings.Contains(agent, pair[0]) {
				return pair[1]
			}
		}
		return ""
	}
	browser := find([][2]string{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	})
	system := find([][2]string{
		{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	})
	switch {
	case browser == "" && system == "":
		return "Unknown browser"
	case system == "":
		return browser
	case browser == "":
		return "Browser on " + system
	default:
		return browser + " on " + system
	}
}
