package server

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/dream-api/dream-api/internal/tenant"
)

// An amount is in the minor unit as Stripe counts it, because that is where it is charged. Stripe gives all currencies two
// decimals but for these, whatever ISO 4217 or custom says: https://docs.stripe.com/currencies#minor-units
var decimals = map[string]int{
	"bif": 0, "clp": 0, "djf": 0, "gnf": 0, "jpy": 0, "kmf": 0, "krw": 0, "mga": 0, "pyg": 0, "rwf": 0, "vnd": 0, "vuv": 0,
	"xaf": 0, "xof": 0, "xpf": 0,
	"bhd": 3, "jod": 3, "kwd": 3, "omr": 3, "tnd": 3,
}

func decimalsOf(currency string) int {
	if n, ok := decimals[currency]; ok {
		return n
	}
	return 2
}

// parseMoney reads an amount as people write it, such as 19 or 19.00, into the currency's minor unit. It is exact: what
// does not fit is an error and is never rounded.
func parseMoney(text, currency string) (int64, error) {
	digits := decimalsOf(currency)
	whole, fraction, point := strings.Cut(strings.TrimSpace(text), ".")
	switch {
	case whole == "" || point && fraction == "" || !onlyDigits(whole+fraction) || len(whole) > 12:
		return 0, errors.New("is an amount such as " + plainMoney(pow10(digits)*19, currency) + ", with digits and a point alone")
	case len(fraction) > digits && digits == 0:
		return 0, errors.New("has no decimals in " + strings.ToUpper(currency))
	case len(fraction) > digits:
		return 0, errors.New("has " + strconv.Itoa(digits) + " decimals at the most in " + strings.ToUpper(currency))
	}
	amount, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil || amount > tenant.HighestPrice {
		return 0, errors.New("is " + plainMoney(tenant.HighestPrice, currency) + " at the most")
	}
	if multiple := tenant.MultipleOf(currency); amount%multiple != 0 {
		return 0, errors.New("is a multiple of " + plainMoney(multiple, currency) + " in " + strings.ToUpper(currency))
	}
	return amount, nil
}

// plainMoney writes an amount as parseMoney reads it.
func plainMoney(amount int64, currency string) string {
	digits := decimalsOf(currency)
	if digits == 0 {
		return strconv.FormatInt(amount, 10)
	}
	sign := ""
	if amount < 0 {
		sign, amount = "-", -amount
	}
	text := strconv.FormatInt(amount, 10)
	if short := digits + 1 - len(text); short > 0 {
		text = strings.Repeat("0", short) + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// formatMoney writes an amount for people, such as $1,234.50 or CHF 12.00.
func formatMoney(amount int64, code string) string {
	whole, fraction, point := strings.Cut(plainMoney(amount, code), ".")
	whole, negative := strings.CutPrefix(whole, "-")
	text := grouped(whole)
	if point {
		text += "." + fraction
	}
	symbol := symbolOf(code)
	if last := symbol[len(symbol)-1]; last >= 'A' && last <= 'Z' {
		symbol += "\u00a0"
	}
	if negative {
		symbol = "−" + symbol
	}
	return symbol + text
}

// shortMoney is an amount in few characters, such as $1.5k.
func shortMoney(amount int64, code string) string {
	whole := pow10(decimalsOf(code))
	if amount > -1000*whole && amount < 1000*whole {
		return strings.TrimSuffix(formatMoney(amount, code), ".00")
	}
	text := short(amount / whole)
	sign := ""
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		sign, text = "−", rest
	}
	return sign + symbolOf(code) + text
}

var english = message.NewPrinter(language.AmericanEnglish)

func symbolOf(code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return strings.ToUpper(code) + " "
	}
	return english.Sprint(currency.Symbol(unit))
}

func onlyDigits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

func pow10(n int) int64 {
	power := int64(1)
	for range n {
		power *= 10
	}
	return power
}

// grouped sets commas between thousands.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
