package stripe

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// textLine is a line of a bill as a page shows it.
type textLine struct {
	Text, Note, Amount string
	Total              bool
}

// priceText is what a price costs and how often: "$10.00 per month".
func (t *tx) priceText(p *price, quantity int64) string {
	return t.money(p.UnitAmount*max(quantity, 1), p.Currency) + everyText(p.Recurring)
}

// everyText completes an amount: " per month", " every 3 months", or nothing.
func everyText(r *recurring) string {
	switch {
	case r == nil:
		return ""
	case r.IntervalCount <= 1:
		return " per " + r.Interval
	}
	return fmt.Sprintf(" every %d %ss", r.IntervalCount, r.Interval)
}

// businessOf is how the account that an object belongs to calls itself.
func (t *tx) businessOf(o object) string {
	if a := t.accountOf(o); a != nil {
		return a.label()
	}
	return ""
}

// label is how a page names the account.
func (a *account) label() string {
	return cmp.Or(val(a.BusinessProfile.Name), val(a.Email), a.ID)
}

// linesText are an invoice's lines as a page shows them.
func (t *tx) linesText(lines []invoiceLine) []textLine {
	out := make([]textLine, 0, len(lines))
	for _, l := range lines {
		line := textLine{Text: val(l.Description), Amount: t.money(l.Amount, l.Currency)}
		if line.Text == "" && l.Price != nil {
			line.Text = t.productName(l.Price)
		}
		if l.Period.End > l.Period.Start {
			line.Note = dateText(l.Period.Start) + " to " + dateText(l.Period.End)
		}
		out = append(out, line)
	}
	return out
}

func dateText(seconds int64) string { return time.Unix(seconds, 0).UTC().Format("2 January 2006") }

func timeText(seconds int64) string {
	return time.Unix(seconds, 0).UTC().Format("2 Jan 2006, 15:04:05 UTC")
}

// countText is "1 day" or "14 days".
func countText(n int64, what string) string {
	text := strconv.FormatInt(n, 10) + " " + what
	if n != 1 {
		text += "s"
	}
	return text
}

// statusText is a status in words, and the style of its tag.
func statusText(status string) (text, class string) {
	switch status {
	case "active", "paid", "complete", "succeeded", "delivered":
		class = "ok"
	case "trialing", "open", "draft", "incomplete", "pending":
		class = "warn"
	case "past_due", "unpaid", "canceled", "incomplete_expired", "uncollectible", "failed":
		class = "bad"
	}
	return strings.ReplaceAll(status, "_", " "), class
}

// brandText is a card's brand as its owner writes it.
func brandText(brand string) string {
	switch brand {
	case "amex":
		return "American Express"
	case "mastercard":
		return "Mastercard"
	case "":
		return "Card"
	}
	return strings.ToUpper(brand[:1]) + brand[1:]
}
