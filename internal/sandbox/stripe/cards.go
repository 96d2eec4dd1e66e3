package stripe

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What a card does is told by its number, as with Stripe's own test cards.
const (
	worksWell      = ""
	attachesOnly   = "attaches_only"   // it can be saved, but charges fail
	secureOnce     = "secure_once"     // 3-D Secure once, then renewals go through
	secureAlways   = "secure_always"   // 3-D Secure at each payment
	bankDebit      = "bank_debit"      // settles later
	bankDebitFails = "bank_debit_fail" // settles later, and fails
)

// testNumber is a card number that means something.
type testNumber struct {
	number, behaviour string // a behaviour that is no constant above is the code of a decline
	brand, country    string
}

var testNumbers = map[string]testNumber{
	"visa":                                 {"4242424242424242", worksWell, "visa", "US"},
	"visa_debit":                           {"4000056655665556", worksWell, "visa", "US"},
	"mastercard":                           {"5555555555554444", worksWell, "mastercard", "US"},
	"amex":                                 {"378282246310005", worksWell, "amex", "US"},
	"chargeDeclined":                       {"4000000000000002", "generic_decline", "visa", "US"},
	"visa_chargeDeclinedInsufficientFunds": {"4000000000009995", "insufficient_funds", "visa", "US"},
	"visa_chargeDeclinedLostCard":          {"4000000000009987", "lost_card", "visa", "US"},
	"visa_chargeDeclinedStolenCard":        {"4000000000009979", "stolen_card", "visa", "US"},
	"chargeDeclinedExpiredCard":            {"4000000000000069", "expired_card", "visa", "US"},
	"chargeDeclinedIncorrectCvc":           {"4000000000000127", "incorrect_cvc", "visa", "US"},
	"chargeDeclinedProcessingError":        {"4000000000000119", "processing_error", "visa", "US"},
	"chargeCustomerFail":                   {"4000000000000341", attachesOnly, "visa", "US"},
	"authenticationRequiredOnSetup":        {"4000002500003155", secureOnce, "visa", "FR"},
	"authenticationRequired":               {"4000002760003184", secureAlways, "visa", "FR"},
}

func testNumberOf(number string) (testNumber, bool) {
	for _, n := range testNumbers {
		if n.number == number {
			return n, true
		}
	}
	return testNumber{}, false
}

// check says what is wrong with what was typed in. now is Unix seconds.
func (c cardEntry) check(now int64) error {
	if c.Bank {
		return nil
	}
	number := strings.NewReplacer(" ", "", "-", "").Replace(c.Number)
	month, year, ok := parseExpiry(c.Expiry)
	end := time.Date(year, time.Month(month)+1, 1, 0, 0, 0, 0, time.UTC).Unix()
	_, known := testNumberOf(number)
	switch {
	case number == "":
		return wrongCard("incomplete_number", "number", "Your card number is incomplete.")
	case !luhn(number) || len(number) < 12 || len(number) > 19:
		return wrongCard("incorrect_number", "number", "Your card number is incorrect.")
	case !known:
		return wrongCard("card_declined", "number", "Your card was declined. The sandbox takes test cards only, such as 4242 4242 4242 4242.")
	case !ok:
		return wrongCard("invalid_expiry_month", "exp_month", "Your card's expiration date is incomplete: write it as MM/YY.")
	case end <= now:
		return wrongCard("invalid_expiry_year", "exp_year", "Your card's expiration date is in the past.")
	case len(c.CVC) < 3 || len(c.CVC) > 4 || strings.Trim(c.CVC, "0123456789") != "":
		return wrongCard("invalid_cvc", "cvc", "Your card's security code is incomplete.")
	}
	return nil
}

func wrongCard(code, param, message string) error {
	return &apiError{status: http.StatusPaymentRequired, Type: typeCard, Code: code, Param: param, Message: message}
}

// parseExpiry reads MM/YY or MM/YYYY.
func parseExpiry(text string) (month, year int, ok bool) {
	m, y, found := strings.Cut(strings.ReplaceAll(text, " ", ""), "/")
	month, err1 := strconv.Atoi(m)
	year, err2 := strconv.Atoi(y)
	if len(y) == 2 {
		year += 2000
	}
	return month, year, found && err1 == nil && err2 == nil && month >= 1 && month <= 12 && (len(y) == 2 || len(y) == 4)
}

// luhn is whether the number's check digit is right.
func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// decline is the error of a declined card.
func decline(code string) *apiError {
	e := &apiError{status: http.StatusPaymentRequired, Type: typeCard, Code: "card_declined", DeclineCode: code, Message: "Your card was declined."}
	switch code {
	case "insufficient_funds":
		e.Message = "Your card has insufficient funds."
	case "expired_card":
		e.Code, e.DeclineCode, e.Param, e.Message = "expired_card", "", "exp_month", "Your card has expired."
	case "incorrect_cvc":
		e.Code, e.DeclineCode, e.Param, e.Message = "incorrect_cvc", "", "cvc", "Your card's security code is incorrect."
	case "processing_error":
		e.Code, e.DeclineCode, e.Message = "processing_error", "", "An error occurred while processing your card. Try again in a little bit."
	case "authentication_required":
		e.Code, e.DeclineCode = "authentication_required", "authentication_required"
		e.Message = "Your card was declined. This transaction requires authentication."
	}
	return e
}

// refusal is why charging the payment method fails; nil if it goes through.
// A customer who is present can pass 3-D Secure: errAuthenticationRequired.
func (pm *paymentMethod) refusal(present bool) error {
	switch pm.Behaviour {
	case worksWell, bankDebit, bankDebitFails:
		return nil
	case attachesOnly:
		return decline("generic_decline")
	case secureOnce, secureAlways:
		// Once set up, the one card needs no customer; the other always does.
		if pm.Authenticated && (pm.Behaviour == secureOnce || present) {
			return nil
		}
		if present {
			return errAuthenticationRequired
		}
		return decline("authentication_required")
	}
	return decline(pm.Behaviour)
}

// newPaymentMethod makes one of what was typed in, which has been checked.
func (t *tx) newPaymentMethod(c cardEntry) *paymentMethod {
	pm := &paymentMethod{Metadata: map[string]string{}, Type: "card"}
	if c.Name != "" {
		pm.BillingDetails.Name = ptr(c.Name)
	}
	if c.Email != "" {
		pm.BillingDetails.Email = ptr(c.Email)
	}
	if c.Country != "" {
		pm.BillingDetails.Address.Country = ptr(c.Country)
	}
	if c.Bank {
		pm.Type, pm.Behaviour = "us_bank_account", bankDebit
		pm.BankAccount = &bankAccount{"individual", "checking", "STRIPE TEST BANK", randomID("", 16), "6789", "110000000"}
	} else {
		number := strings.NewReplacer(" ", "", "-", "").Replace(c.Number)
		month, year, _ := parseExpiry(c.Expiry)
		known, _ := testNumberOf(number)
		pm.Behaviour, pm.Authenticated = known.behaviour, c.Authenticated
		pm.Card = newCard(known, number, int64(month), int64(year))
	}
	t.add(pm, "pm_")
	return pm
}

func newCard(known testNumber, number string, month, year int64) *card {
	return &card{Brand: known.brand, Country: known.country, ExpMonth: month, ExpYear: year, Fingerprint: "fp" + number[:6] + number[len(number)-4:],
		Funding: "credit", Last4: number[len(number)-4:],
		Checks: map[string]any{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"}}
}

// resolvePaymentMethod finds a payment method. Stripe's test ids, such as
// pm_card_visa, are a fresh card each time.
func (t *tx) resolvePaymentMethod(id, param string) (*paymentMethod, error) {
	name, isTest := strings.CutPrefix(id, "pm_card_")
	known, ok := testNumbers[name]
	if !isTest || !ok {
		return referred[*paymentMethod](t, id, param)
	}
	pm := &paymentMethod{Metadata: map[string]string{}, Type: "card", Behaviour: known.behaviour}
	pm.Card = newCard(known, known.number, 8, int64(time.Unix(t.now, 0).UTC().Year())+8)
	t.add(pm, "pm_")
	return pm, nil
}
