package server

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/tenant"
)

// timelineLine is an event as the pages tell of it.
type timelineLine struct {
	At         time.Time
	CustomerID string // empty where the customer is deleted, or is none
	Kind       string // good, warn, bad or empty: how the line is marked
	Title      string
	Text       string // more of it; empty
}

// happeningDetail is what the details of events may hold.
type happeningDetail struct {
	Plan, From, To, Meter, Currency, Invoice, Reason, Type, Event, Period, UserID string

	Linked   bool
	Amount   int64
	Quantity int64
	Sessions int64
	Limit    *int64
	Was, Is  *struct {
		Tier, Status string
		CancelAt     *time.Time
	}
}

var viaWords = map[string]string{
	tenant.ByAPI: "by your backend", tenant.ByDashboard: "in the dashboard", tenant.ByDeveloperAPI: "by a developer's program",
	tenant.BySignUp: "by signing up", tenant.ByInvitation: "by an invitation", tenant.ByCheckout: "by going to check out",
	tenant.BySubscription: "by the subscription", tenant.GraceOver: "as the grace for a failed payment was over",
	tenant.ByClerk: "as the user's account ended", tenant.ByCustomer: "by themselves",
}

func linesOf(happened []tenant.Happening) []timelineLine {
	lines := make([]timelineLine, len(happened))
	for i, h := range happened {
		lines[i] = lineOf(h)
	}
	return lines
}

// lineOf puts an event into words. What a detail holds is text of others, and is only ever shown as text.
func lineOf(h tenant.Happening) timelineLine {
	line := timelineLine{At: h.At, CustomerID: h.CustomerID}
	var d happeningDetail
	if err := json.Unmarshal(h.Detail, &d); err != nil {
		line.Title = strings.ReplaceAll(h.Kind, "_", " ")
		return line
	}
	units, _ := plural(d.Quantity, "unit", "units") // an int64 is a number
	switch h.Kind {
	case tenant.Created:
		line.Kind, line.Title, line.Text = "good", "Became a customer", viaWords[h.Via]
		if d.Linked {
			line.Text += "; linked to an account that they had before"
		}
	case tenant.Deleted:
		line.Title, line.Text = "A customer was deleted", viaWords[h.Via]
	case tenant.PlanChanged:
		line.Title, line.Text = "Plan: "+planWord(d.From)+" → "+planWord(d.To), viaWords[h.Via]
	case tenant.LimitReached:
		limit, _ := number(d.Limit)
		line.Kind, line.Title = "warn", "Reached the limit of "+limit+" "+d.Meter
		if word := presentWords[d.Period]; word != "" && d.Period != "lifetime" {
			line.Title += ", " + strings.Replace(word, "today", "a day", 1)
		}
		line.Text = "on the plan " + d.Plan
	case tenant.PaymentSucceeded:
		line.Kind, line.Title, line.Text = "good", "Paid "+formatMoney(d.Amount, d.Currency), d.Invoice
	case tenant.PaymentFailed:
		line.Kind, line.Title, line.Text = "bad", "A payment of "+formatMoney(d.Amount, d.Currency)+" failed", d.Invoice
	case tenant.SubscriptionChanged:
		line.Title, line.Text = subscriptionLine(d)
	case tenant.StripeEvent:
		line.Title, line.Text = "Stripe: "+d.Type, d.Event
	case tenant.SessionsEnded:
		sessions, _ := plural(d.Sessions, "session", "sessions")
		line.Title, line.Text = "Signed out: "+sessions, viaWords[h.Via]
	case "grant":
		line.Title, line.Text = "Granted "+units+" of "+d.Meter, d.Reason
	case "return":
		line.Title, line.Text = "Given back "+units+" of "+d.Meter, d.Reason
	case "reset":
		line.Title, line.Text = "Reset "+d.Meter+", of which "+units+" were used", d.Reason
	default:
		line.Title = strings.ReplaceAll(h.Kind, "_", " ")
	}
	if d.UserID != "" {
		line.Text = strings.TrimSuffix(d.UserID+", who is no customer; "+line.Text, "; ")
	}
	return line
}

func planWord(plan string) string {
	if plan == "" {
		return "none"
	}
	return plan
}

func subscriptionLine(d happeningDetail) (title, text string) {
	if d.Is == nil {
		return "The subscription is gone", ""
	}
	state := strings.ReplaceAll(d.Is.Status, "_", " ")
	if d.Was == nil {
		title = "Subscribed to " + planWord(d.Is.Tier) + ": " + state
	} else {
		title = "Subscription to " + planWord(d.Is.Tier) + ": " + state
		if d.Was.Status != d.Is.Status {
			text = "was " + strings.ReplaceAll(d.Was.Status, "_", " ")
		}
	}
	if d.Is.CancelAt != nil && d.Is.Status != "canceled" {
		text = strings.TrimPrefix(text+"; ends on "+d.Is.CancelAt.UTC().Format("2 January 2006"), "; ")
	}
	return title, text
}
