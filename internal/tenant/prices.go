package tenant

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// HighestPrice is Stripe's own bound for a charge, in the currency's minor unit.
const HighestPrice = 99_999_999

// MultipleOf says of what amounts in a currency must be multiples, for Stripe to charge them:
// https://docs.stripe.com/currencies#special-cases
func MultipleOf(currency string) int64 {
	switch currency {
	case "isk", "ugx":
		return 100
	case "bhd", "jod", "kwd", "omr", "tnd":
		return 10
	default:
		return 1
	}
}

// PricesOf makes the prices of a new tier from amounts by interval.
func PricesOf(amounts map[string]int64) []Price {
	prices := make([]Price, 0, len(amounts))
	for _, interval := range slices.Sorted(maps.Keys(amounts)) { // month before year
		prices = append(prices, Price{Interval: interval, Amount: amounts[interval]})
	}
	return prices
}

func amountsOf(prices []Price) map[string]int64 {
	amounts := make(map[string]int64, len(prices))
	for _, p := range prices {
		amounts[p.Interval] = p.Amount
	}
	return amounts
}

func checkPrices(prices []Price) []errs.Fault {
	var faults []errs.Fault
	if len(prices) == 0 {
		faults = append(faults, errs.Fault{Param: "price", Message: "price is missing; 0 makes a free tier."})
	}
	for _, p := range prices {
		at := "price"
		if len(prices) > 1 {
			at = "prices." + p.Interval
		}
		if p.Amount < 0 || p.Amount > HighestPrice {
			faults = append(faults, errs.Fault{Param: at, Message: fmt.Sprintf("%s is in the currency's minor unit (cents), "+
				"from 0 to %d.", at, HighestPrice)})
		}
		if p.Interval != "month" && p.Interval != "year" {
			faults = append(faults, errs.Fault{Param: "interval", Message: `interval is "month" or "year".`})
		}
		if p.Amount == 0 && len(prices) > 1 {
			faults = append(faults, errs.Fault{Param: at, Message: at + " is 0: a free tier has that one price and no other."})
		}
	}
	return faults
}

// changePrices retires the prices that are no longer the tier's and adds those that are new.
func changePrices(ctx context.Context, tx db.Tenant, t Tier, before []Price) error {
	was, is := amountsOf(before), amountsOf(t.Prices)
	for interval, amount := range was {
		if now, ok := is[interval]; ok && now == amount {
			continue
		}
		err := queries.RetirePrice(ctx, tx, tenantdb.RetirePriceParams{
			PlatformID: string(tx.Platform), Tier: t.Name, Interval: interval,
		})
		if err != nil {
			return err
		}
	}
	for interval, amount := range is {
		if old, ok := was[interval]; ok && old == amount {
			continue
		}
		if err := insertPrice(ctx, tx, t.Name, interval, amount, t.Currency); err != nil {
			return err
		}
	}
	return nil
}

func insertPrice(ctx context.Context, tx db.Tenant, tier, interval string, amount int64, currency string) error {
	if unit := MultipleOf(currency); amount%unit != 0 {
		return errs.InvalidParam("prices."+interval, "prices.%s is a multiple of %d in the currency %s, as Stripe charges no other.",
			interval, unit, currency)
	}
	return queries.InsertPrice(ctx, tx, tenantdb.InsertPriceParams{
		PlatformID: string(tx.Platform), ID: string(id.NewPrice()), Tier: tier, Interval: interval, Amount: amount,
		Currency: currency,
	})
}

// changeCurrency changes the currency of a platform on which nothing costs anything yet.
func changeCurrency(ctx context.Context, tx db.Tenant, currency string) error {
	n, err := queries.SetCurrency(ctx, tx, tenantdb.SetCurrencyParams{PlatformID: string(tx.Platform), Currency: currency})
	if err != nil {
		return err
	}
	if n == 0 {
		return errs.New(errs.Conflict, "The currency can not change once a tier has a price.")
	}
	free, err := queries.RetireAllPrices(ctx, tx, string(tx.Platform))
	if err != nil {
		return err
	}
	for _, p := range free {
		if err := insertPrice(ctx, tx, p.Tier, p.Interval, p.Amount, currency); err != nil {
			return err
		}
	}
	return queries.TouchTiers(ctx, tx, string(tx.Platform))
}
