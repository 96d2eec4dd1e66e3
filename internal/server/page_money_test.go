package server

import (
	"strings"
	"testing"

	"golang.org/x/text/currency"
	"pgregory.net/rapid"

	"github.com/dream-api/dream-api/internal/tenant"
)

var someCurrencies = []string{"usd", "eur", "gbp", "chf", "jpy", "krw", "xof", "kwd", "bhd", "isk", "ugx", "huf", "afn", "idr"}

func TestMoneyComesBackFromItsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(someCurrencies).Draw(t, "currency")
		unit := tenant.MultipleOf(code)
		amount := rapid.Int64Range(0, tenant.HighestPrice/unit).Draw(t, "units") * unit
		text := plainMoney(amount, code)
		if back, err := parseMoney(" "+text+" ", code); err != nil || back != amount {
			t.Fatalf("%d of %s is written %s and read as %d, %v", amount, code, text, back, err)
		}
		if whole, ok := strings.CutSuffix(text, "."+strings.Repeat("0", decimalsOf(code))); ok {
			if back, err := parseMoney(whole, code); err != nil || back != amount {
				t.Fatalf("%s of %s is read as %d, %v", whole, code, back, err)
			}
		}
	})
}

func TestNoTextIsReadAsAnotherAmount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(someCurrencies).Draw(t, "currency")
		text := rapid.StringMatching(`[0-9]{0,14}[.,]?[0-9]{0,4}[-e ]?`).Draw(t, "text")
		amount, err := parseMoney(text, code)
		if err != nil {
			return
		}
		whole, fraction, _ := strings.Cut(strings.TrimSpace(text), ".")
		want := strings.TrimLeft(whole, "0") + "." + strings.TrimRight(fraction, "0")
		plain, rest, _ := strings.Cut(plainMoney(amount, code), ".")
		if got := strings.TrimLeft(plain, "0") + "." + strings.TrimRight(rest, "0"); got != want {
			t.Fatalf("%q of %s is read as %d, which is %s", text, code, amount, got)
		}
	})
}

func TestWhatIsNoAmountIsRefused(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		"": "usd", ".": "usd", ".5": "usd", "5.": "usd", "-1": "usd", "+1": "usd", "1,000": "usd", "1e3": "usd", "$5": "usd", "٣": "usd",
		"19.999": "usd", "1000000": "usd", "999999999999999999999": "usd", "5.0": "jpy", "1.2345": "kwd", "1.234": "kwd", "5.50": "isk",
	} {
		if amount, err := parseMoney(text, code); err == nil {
			t.Errorf("%q of %s is read as %d", text, code, amount)
		}
	}
}

func TestMoneyIsWrittenForPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount int64
		code   string
		want   string
	}{
		{0, "usd", "$0.00"}, {5, "usd", "$0.05"}, {1900, "usd", "$19.00"}, {123456789, "usd", "$1,234,567.89"}, {-1050, "usd", "−$10.50"},
		{1500, "jpy", "¥1,500"}, {1900, "eur", "€19.00"}, {1900, "chf", "CHF\u00a019.00"}, {19000, "kwd", "KWD\u00a019.000"}, {100, "zzz", "ZZZ 1.00"},
	} {
		if got := formatMoney(c.amount, c.code); got != c.want {
			t.Errorf("%d of %s is written %q, want %q", c.amount, c.code, got, c.want)
		}
	}
}

// Where Stripe and custom differ, a price would be a hundred times what was meant.
func TestTheUsualCurrenciesHaveTheDecimalsOfCustom(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"usd", "eur", "gbp", "chf", "cad", "aud", "jpy", "krw", "clp", "vnd", "bhd", "jod", "kwd", "omr", "tnd"} {
		if want, _ := currency.Standard.Rounding(currency.MustParseISO(code)); decimalsOf(code) != want {
			t.Errorf("%s has %d decimals, want %d", code, decimalsOf(code), want)
		}
	}
}

func TestAmountsBesideAnAxisAreShort(t *testing.T) {
	for _, c := range []struct {
		amount     int64
		code, want string
	}{
		{0, "usd", "$0"}, {1050, "usd", "$10.50"}, {99_900, "usd", "$999"}, {100_000, "usd", "$1k"}, {-250_000, "usd", "−$2.5k"},
		{3_000_000_00, "usd", "$3M"}, {50, "jpy", "¥50"}, {20_000, "jpy", "¥20k"},
	} {
		if got := shortMoney(c.amount, c.code); got != c.want {
			t.Errorf("%d %s is %q, want %q", c.amount, c.code, got, c.want)
		}
	}
}
