package stripeapi

import (
	"context"

	"github.com/stripe/stripe-go/v76"
)

// Payment is what became of an invoice.
type Payment struct {
	Invoice    string
	Customer   string // of Stripe's
	Paid       bool
	AmountPaid int64 // in the minor unit
	AmountDue  int64 // likewise: what each attempt asks for; it stays when it is paid
	Currency   string
}

// Payment returns an invoice as it is now.
func (a *API) Payment(ctx context.Context, at Account, invoice string) (Payment, error) {
	c, base := a.as(ctx, at, "")
	found, err := c.Invoices.Get(invoice, &stripe.InvoiceParams{Params: base})
	if err != nil {
		return Payment{}, refusal(err)
	}
	p := Payment{
		Invoice: found.ID, Paid: found.Paid, AmountPaid: found.AmountPaid, AmountDue: found.AmountDue, Currency: string(found.Currency),
	}
	if found.Customer != nil {
		p.Customer = found.Customer.ID
	}
	return p, nil
}
