package stripe

import (
	"cmp"
	"net/http"
)

// invoiceData is what the page of an invoice shows.
type invoiceData struct {
	ID, Number, Status, StatusClass string
	To, Issued, Paid, Due           string
	Lines, Sums                     []textLine
}

func (p *site) invoicePage(w http.ResponseWriter, r *http.Request) {
	v := newView("", r)
	_ = p.s.view(func(t *tx) error {
		if i := t.invoiceByURL(r.PathValue("id")); i != nil {
			data := t.invoiceData(i)
			v.Title, v.Business, v.Data = "Invoice "+data.Number, t.businessOf(i), data
		}
		return nil
	})
	if v.Data == nil {
		p.nothing(w, r)
		return
	}
	p.show(w, http.StatusOK, "invoice", v)
}

func (t *tx) invoiceData(i *invoice) invoiceData {
	d := invoiceData{ID: i.ID, Number: cmp.Or(val(i.Number), i.ID), To: cmp.Or(val(i.CustomerName), val(i.CustomerEmail), i.Customer),
		Issued: dateText(cmp.Or(val(i.StatusTransitions.FinalizedAt), i.Created)), Lines: t.linesText(i.Lines.Data)}
	if name, email := val(i.CustomerName), val(i.CustomerEmail); name != "" && email != "" {
		d.To = name + " (" + email + ")"
	}
	d.Status, d.StatusClass = statusText(i.Status)
	if at := i.StatusTransitions.PaidAt; at != nil {
		d.Paid = dateText(*at)
	}
	if at := i.NextPaymentAttempt; at != nil && i.Status == "open" {
		d.Due = dateText(*at)
	}
	sum := func(text string, amount int64, total bool) {
		d.Sums = append(d.Sums, textLine{Text: text, Amount: t.money(amount, i.Currency), Total: total})
	}
	var off int64
	for _, discount := range i.TotalDiscountAmounts {
		off += discount.Amount
	}
	if off > 0 {
		sum("Subtotal", i.Subtotal, false)
		sum("Discount", -off, false)
	}
	sum("Total", i.Total, true)
	if balance := i.AmountDue - i.Total; balance != 0 {
		sum("Balance from before", balance, false)
	}
	if i.AmountPaid != 0 {
		sum("Paid", i.AmountPaid, false)
	}
	if i.Status != "paid" {
		sum("Still due", i.AmountRemaining, false)
	}
	return d
}
