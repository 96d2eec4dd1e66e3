package stripe

import (
	"net/http"
	"strings"
)

// testCard is a card that a page offers to fill in.
type testCard struct {
	Key    string // names it in a form: numbers stay out of pages unless asked for
	Number string
	Shown  string
	Does   string // "Pays."
	Says   string // completes "the card that …"
	Expiry string
	CVC    string
}

var testCards = []testCard{
	newTestCard("ok", "4242424242424242", "Pays.", "pays"),
	newTestCard("declined", "4000000000000002", "Is declined.", "is declined"),
	newTestCard("insufficient", "4000000000009995", "Is declined: insufficient funds.", "has insufficient funds"),
	newTestCard("later", "4000000000000341", "Can be saved, but its charges fail.", "can be saved but not charged"),
	newTestCard("secure", "4000002500003155", "Asks for 3-D Secure once, then renews without.", "asks for 3-D Secure once"),
	newTestCard("always-secure", "4000002760003184", "Asks for 3-D Secure at each payment.", "always asks for 3-D Secure"),
}

func newTestCard(key, number, does, says string) testCard {
	shown := number[:4] + " " + number[4:8] + " " + number[8:12] + " " + number[12:]
	return testCard{Key: key, Number: number, Shown: shown, Does: does, Says: says, Expiry: "12 / 34", CVC: "123"}
}

func testCardByKey(key string) (testCard, bool) {
	for _, c := range testCards {
		if c.Key == key {
			c.Number = c.Shown
			return c, true
		}
	}
	return testCard{}, false
}

// typedCard is the card of a form.
func typedCard(r *http.Request) cardEntry {
	return cardEntry{
		Number: strings.Join(strings.Fields(r.PostFormValue("number")), ""),
		Expiry: typedExpiry(r.PostFormValue("expiry")),
		CVC:    typed(r, "cvc"),
		Name:   typed(r, "name"),
		Email:  typed(r, "email"),
		Bank:   r.PostFormValue("kind") == "bank",
	}
}

// typedExpiry lets the slash be left out: a phone's number pad has none.
func typedExpiry(text string) string {
	text = strings.Join(strings.Fields(text), "")
	if len(text) == 4 && !strings.Contains(text, "/") {
		return text[:2] + "/" + text[2:]
	}
	return text
}

// typed is a field of the form without the blanks round it.
func typed(r *http.Request, field string) string { return strings.TrimSpace(r.PostFormValue(field)) }

// lastFour is how a page names a card.
func (c cardEntry) lastFour() string { return c.Number[max(0, len(c.Number)-4):] }

// fieldOf is the form's field that an error is about.
func fieldOf(e *apiError) string {
	switch {
	case e.Param == "email" || e.Param == "customer_email" || e.Param == "customer_details[email]":
		return "email"
	case e.Param == "exp_month", e.Param == "exp_year", e.Param == "expiry", strings.Contains(e.Code, "expiry"), e.Code == "expired_card":
		return "expiry"
	case e.Param == "cvc", e.Code == "incorrect_cvc", e.Code == "invalid_cvc":
		return "cvc"
	case e.Param == "coupon":
		return "promotion_code"
	case e.Type == typeCard:
		return "number"
	}
	return e.Param
}
