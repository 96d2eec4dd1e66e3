package stripeapi

import (
	"context"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// Invoice is an invoice that was sent.
type Invoice struct {
	ID         string    `json:"id"` // of Stripe's
	Number     string    `json:"number"`
	Status     string    `json:"status"` // open, paid, void or uncollectible
	Total      int64     `json:"total"`  // in the minor unit
	AmountPaid int64     `json:"amountPaid"`
	Currency   string    `json:"currency"`
	CreatedAt  time.Time `json:"createdAt"`
	HostedURL  string    `json:"hostedUrl"` // at which it can be seen, and paid; empty where there is none
	PDFURL     string    `json:"pdfUrl"`
}

// Invoices returns a page of a customer's invoices, the latest first and without drafts, and whether there are more. after
// is the last one of the page before; ErrNotFound where that is none of the customer's.
func (a *API) Invoices(ctx context.Context, at Account, customer, after string, most int) (page []Invoice, more bool, err error) {
	if after != "" { // Stripe would take any invoice of the account for a place in the list
		c, base := a.as(ctx, at, "")
		last, err := c.Invoices.Get(after, &stripe.InvoiceParams{Params: base})
		if err != nil {
			return nil, false, refusal(err)
		}
		if last.Customer == nil || last.Customer.ID != customer {
			return nil, false, ErrNotFound
		}
	}
	for {
		c, base := a.listAs(ctx, at)
		base.Limit, base.Single = stripe.Int64(int64(most)), true
		if after != "" {
			base.StartingAfter = stripe.String(after)
		}
		list := c.Invoices.List(&stripe.InvoiceListParams{ListParams: base, Customer: stripe.String(customer)})
		seen := 0
		for list.Next() {
			found := list.Invoice()
			after, seen = found.ID, seen+1
			if found.Status == stripe.InvoiceStatusDraft {
				continue
			}
			page = append(page, invoiceFrom(found))
			if len(page) == most {
				return page, list.Meta().HasMore || seen < len(list.InvoiceList().Data), nil
			}
		}
		if err := list.Err(); err != nil {
			return nil, false, refusal(err)
		}
		if !list.Meta().HasMore {
			return page, false, nil
		}
	}
}

func invoiceFrom(i *stripe.Invoice) Invoice {
	return Invoice{
		ID: i.ID, Number: i.Number, Status: string(i.Status), Total: i.Total, AmountPaid: i.AmountPaid, Currency: string(i.Currency),
		CreatedAt: time.Unix(i.Created, 0).UTC(), HostedURL: i.HostedInvoiceURL, PDFURL: i.InvoicePDF,
	}
}
