package stripeapi

import (
	"context"

	"github.com/stripe/stripe-go/v76"
)

// Payment is what became of an invoice.
type Payment struct {
	Invoice  string
	Customer string // of Stripe's
	Paid     bool
	Amount   int64 // paid, or still due, in the minor unit
	Currency string
	Attempts int64 // so far
}

// Payment returns an invoice as it is now.
func (a *API) Payment(ctx context.Context, at Account, invoice string) (Payment, error) {
	c, base := a.as(ctx, at, "")
	found, err := c.Invoices.Get(invoice, &stripe.InvoiceParams{Params: base})
	if err != nil {
		return Payment{}, refusal(err)
	}
	p := Payment{Invoice: found.ID, Paid: found.Paid, Amount: found.AmountDue, Currency: string(found.Currency), Attempts: found.AttemptCount}
	if found.Paid {
		p.Amount = found.AmountPaid
	}
	if found.Customer != nil {
		p.Customer = found.Customer.ID
	}
	return p, nil
}
